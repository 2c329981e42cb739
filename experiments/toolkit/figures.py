"""How every picture looks: column width, colour-blind-safe, lines labelled where they end."""

import io
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toolkit.statistics import interval
from toolkit.training import Curve

__all__ = [
    "BLUE",
    "COLOURS",
    "GREEN",
    "GREY",
    "ORANGE",
    "label_ends",
    "learning_curve",
    "new_figure",
    "reference_line",
    "to_png",
    "wall_clock",
]

COLUMN = 3.4  # inches, one column of a two-column page
# Okabe and Ito (2008), in an order that neighbours differ most; yellow is left out, it does not show on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
BLUE, ORANGE, GREEN = COLOURS[:3]
GREY = "#666666"
LABEL_HEIGHT = 0.11  # of a line label, as a share of a panel's height
LINE_STYLES = ("-", (0, (4, 1.5)), (0, (1, 1)), "-.")
STYLE = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "lines.linewidth": 1.4,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
}


def new_figure(rows: int = 1, columns: int = 1, height: float = 1.9, **options: Any) -> tuple[Figure, np.ndarray]:
    """A figure one text column wide per column of panels (``height`` inches each), and its panels ``[rows, columns]``."""
    matplotlib.rcParams.update(STYLE)
    figure = Figure(figsize=(COLUMN * columns, height * rows), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def learning_curve(axes: Axes, curve: Curve, colour: str, style: int = 0, scale: float = 1e3) -> tuple[float, float]:
    """The interquartile mean over seeds against leader decisions (thousands), with its 95 % interval; returns its end."""
    centre, low, high = interval(curve.values)
    x = curve.decisions / scale
    axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.plot(x, centre, color=colour, linestyle=LINE_STYLES[style])
    return float(x[-1]), float(centre[-1])


def wall_clock(axes: Axes, curve: Curve, scale: float = 1e3) -> None:
    """A second axis on top: seconds of wall-clock time for all seeds, which run side by side."""
    rate = curve.seconds[-1] / (curve.decisions[-1] / scale)
    top = axes.secondary_xaxis("top", functions=(lambda x: x * rate, lambda s: s / rate))
    top.tick_params(labelsize=6, colors=GREY)
    top.set_xlabel("wall-clock time of all seeds (s)", fontsize=6, color=GREY)
    top.spines["top"].set_color(GREY)


def reference_line(axes: Axes, value: float, label: str, *, above: bool = True) -> None:
    """A thin dashed line across with its name at the left end."""
    axes.axhline(value, color=GREY, linewidth=0.8, linestyle=(0, (5, 3)), zorder=0)
    place = (0, 2) if above else (0, -2)
    axes.annotate(
        label,
        (0.02, value),
        xycoords=("axes fraction", "data"),
        xytext=place,
        textcoords="offset points",
        fontsize=6.5,
        color=GREY,
        va="bottom" if above else "top",
    )


def label_ends(axes: Axes, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Write each line's label to the right of where it ends; ``ends`` are (x, y, label, colour). Labels do not overlap."""
    axes.get_xlim(), axes.get_ylim()  # settles the limits, which the transforms below do not
    to_share = lambda y: float(axes.transAxes.inverted().transform(axes.transData.transform((ends[0][0], y)))[1])
    order = sorted(range(len(ends)), key=lambda i: ends[i][1])
    heights: list[float] = []  # as shares of the panel's height
    for i in order:
        here = to_share(ends[i][1])
        heights.append(max(here, heights[-1] + LABEL_HEIGHT) if heights else here)
    shift = max(0.0, heights[-1] - (1.0 - LABEL_HEIGHT / 2))
    for i, height in zip(order, heights, strict=True):
        x, _, label, colour = ends[i]
        axes.annotate(
            label,
            (x, height - shift),
            xycoords=("data", "axes fraction"),
            xytext=(4, 0),
            textcoords="offset points",
            color=colour,
            fontsize=7,
            va="center",
            annotation_clip=False,
        )


def to_png(figure: Figure) -> bytes:
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=200, metadata={"Software": None})
    return picture.getvalue()
