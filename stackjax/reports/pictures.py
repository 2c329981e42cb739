"""Pictures as SVG that goes into a page: lines and text take the page's colour, so that they can be read in the dark too."""

import io
import math
import re
import textwrap
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from stackjax.pictures import Picture
from stackjax.reports.style import BLUE, COLOURS, INK, ORANGE, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw", "figure_of", "new_panel", "to_svg"]

PER_INCH = 72
MOST_LETTERS = 54  # of a line of text; what is longer is wrapped, as the panel would shrink to nothing beside it


@styled()
def new_panel(width: float = 4.4, height: float = 3.0) -> "tuple[Figure, Axes]":
    """A figure with one set of axes, inches; wide enough for a phone's screen, so that nothing has to shrink."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def to_svg(figure: "Figure", label: str) -> str:
    """The figure as an ``<svg>`` with ``label`` for those who cannot see it."""
    figure.patch.set_alpha(0.0)
    stream = io.StringIO()
    with styled(**{"svg.hashsalt": label}):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:xlink)?="[^"]*"', "", text).replace("xlink:href", "href")  # HTML knows what an svg is
    unique = f"p{zlib.crc32(text.encode()):x}-"
    text = re.sub(r'(id="|url\(#|href="#)', lambda found: found.group(1) + unique, text)
    safe = label.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return text.replace("<svg", f'<svg role="img" aria-label="{safe}"', 1).strip()


@styled()
def draw(picture: Picture) -> str:
    """A picture of any kind of `stackjax.pictures` as SVG."""
    return to_svg(figure_of(picture), picture["title"])


@styled()
def figure_of(picture: Picture) -> "Figure":
    """A picture of any kind of `stackjax.pictures` as a figure."""
    kinds = {"cells": _cells, "paths": _paths, "curves": _curves, "regions": _regions, "graph": _graph}
    return kinds[picture["kind"]](picture)


def _regions(picture: Picture) -> "Figure":
    figure, axes = new_panel(4.4, 4.4)
    for i, polygon in enumerate(picture["polygons"]):
        corners = polygon["corners"]
        colour = COLOURS[i % len(COLOURS)]
        axes.fill(*zip(*corners, strict=True), facecolor=colour, alpha=0.3, edgecolor=INK, linewidth=0.8)
        x, y = (sum(place) / len(corners) for place in zip(*corners, strict=True))
        axes.annotate(polygon["label"], (x, y), ha="center", va="center", fontsize=8)
    axes.set(xlabel=picture["axes"][0], ylabel=picture["axes"][1])
    return figure


def _curves(picture: Picture) -> "Figure":
    figure, axes = new_panel()
    for i, line in enumerate(picture["lines"]):
        xs, ys = zip(*line["points"], strict=True)
        axes.plot(xs, ys, marker="o", markersize=3, linewidth=1.2, color=COLOURS[i % len(COLOURS)], label=line["label"])
    axes.set(xlabel=picture["axes"][0], ylabel=picture["axes"][1])
    if 1 < len(picture["lines"]) <= 12:
        axes.legend(ncols=2 if len(picture["lines"]) > 4 else 1)
    return figure


def _cells(picture: Picture) -> "Figure":
    shades, texts = np.array(picture["shades"], float), picture["texts"]
    rows, columns = shades.shape
    labels = [textwrap.fill(label, MOST_LETTERS // 2) for label in picture["rows"]]
    longest = max((len(line) for label in labels for line in label.split("\n")), default=0)
    tall = max((label.count("\n") for label in labels), default=0)
    wide = max((len(text) for row in texts for text in row), default=4) if texts else 0
    width = 4.4 if not texts else max(3.0, 0.075 * longest + columns * max(0.55, 0.09 * wide) + 0.3)
    figure, axes = new_panel(width, 0.9 + (0.26 + 0.13 * tall) * rows if not texts else 0.7 + (0.42 + 0.13 * tall) * rows)
    palette = _palette()
    axes.imshow(shades, cmap=palette, vmin=0.0, vmax=1.0, aspect="auto", interpolation="nearest")
    axes.set_yticks(range(rows), labels, fontsize=7)
    shown = range(columns) if texts else np.unique(np.linspace(0, columns - 1, min(columns, 5)).round().astype(int))
    axes.set_xticks(list(shown), [picture["columns"][k] for k in shown], fontsize=7)
    axes.spines[:].set_visible(False)
    if texts:
        axes.xaxis.tick_top()
        axes.set_xticks(np.arange(columns + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(rows + 1) - 0.5, minor=True)
        axes.grid(which="minor", color=INK, alpha=0.4, linewidth=0.5)
        axes.tick_params(which="both", length=0)
        for row, column in np.ndindex(rows, columns):
            played = shades[row, column] > 5e-3
            words = texts[row][column] + (f"\n{shades[row, column]:.3g}" if played else "")
            axes.text(column, row, words, ha="center", va="center", fontsize=8, weight="bold" if played else "normal")
    axes.set(xlabel=picture["axes"][0], ylabel=picture["axes"][1])
    return figure


def _palette() -> Any:
    """From nothing to blue, so that the page shows through where chances are small."""
    from matplotlib.colors import LinearSegmentedColormap, to_rgb

    red, green, blue = to_rgb(BLUE)
    return LinearSegmentedColormap.from_list("chances", [(red, green, blue, 0.0), (red, green, blue, 0.9)])


def _paths(picture: Picture) -> "Figure":
    """Cases one below another: bars where steps have sizes, else their words."""
    from matplotlib.ticker import MaxNLocator

    figure, axes = new_panel()
    most, place = picture["most"] or 1.0, 0.0
    for path in picture["paths"]:
        faint = path["chance"] is not None and path["chance"] < 5e-4
        if path["label"]:
            seldom = "" if path["chance"] is None else "  (never)" if faint else f"  ({path['chance']:.1%})"
            place += _written(axes, 0.0, place, path["label"] + seldom, alpha=0.5 if faint else 1.0, weight="bold")
        for number, step in enumerate(path["steps"], start=1):
            alpha = 0.35 if faint else 0.9
            if step["size"] is not None:
                axes.barh(
                    place, step["size"] / most, height=0.7, color=COLOURS[(number - 1) % len(COLOURS)], alpha=0.4 * alpha / 0.9
                )
                for mark in step.get("marks", ()):
                    axes.plot([mark / most] * 2, [place + 0.24, place + 0.45], color=INK, linewidth=1.0, alpha=alpha)
            prefix = f"{number}. " if len(path["steps"]) > 1 else ""
            place += _written(axes, 0.01, place, prefix + step["text"], alpha=0.5 if faint else 1.0)
        place += 0.25
    figure.set_figheight(0.5 + 0.27 * max(place, 1.0))
    axes.set(xlim=(0.0, 1.02), ylim=(max(place, 1.0) - 0.4, -0.7))
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    if picture["most"] is None:
        axes.set_xticks([])
    else:
        ticks = [tick for tick in MaxNLocator(5).tick_values(0.0, most) if 0.0 <= tick <= most * (1.0 + 1e-9)]
        axes.set_xticks([tick / most for tick in ticks], [f"{tick:.3g}" for tick in ticks], fontsize=7)
        axes.set_xlabel(picture["unit"])
    return figure


def _written(axes: "Axes", x: float, place: float, text: str, **how: Any) -> float:
    """Writes ``text`` from ``place`` downwards; returns the room that it takes, 1 for a line and about half for every other."""
    text = textwrap.fill(text, MOST_LETTERS)
    more = 0.53 * text.count("\n")
    axes.text(x, place + more / 2, text, va="center", fontsize=8, **how)
    return 1.0 + more


def _graph(picture: Picture) -> "Figure":
    """States on a circle, larger where play is more often, with arrows where it goes next."""
    count = len(picture["nodes"])
    figure, axes = new_panel(4.4, 4.4)
    angles = [math.pi / 2 - 2 * math.pi * k / count for k in range(count)]
    places = [(0.0, 0.0)] if count == 1 else [(math.cos(a), math.sin(a)) for a in angles]
    for edge in picture["edges"]:
        start, end, strength = places[edge["source"]], places[edge["target"]], min(edge["chance"], 1.0)
        if edge["source"] == edge["target"]:
            axes.annotate(
                "↻", (start[0] * 1.0 + 0.13, start[1] * 1.0 + 0.13), fontsize=11, alpha=max(0.25, strength), color=BLUE
            )
            continue
        arrow = {"arrowstyle": "-|>", "color": BLUE, "alpha": max(0.2, strength), "connectionstyle": "arc3,rad=0.15"}
        axes.annotate("", end, start, arrowprops={**arrow, "linewidth": 0.6 + 1.4 * strength, "shrinkA": 9, "shrinkB": 9})
    for (x, y), node in zip(places, picture["nodes"], strict=True):
        axes.plot(
            [x],
            [y],
            "o",
            markersize=6 + 14 * math.sqrt(node["chance"]),
            color=ORANGE,
            alpha=0.35 + 0.6 * (node["chance"] > 1e-3),
        )
        words = f"{node['label']}\n{node['note']}" if count <= 9 else node["label"]
        far = 1.0 if count == 1 else 1.17
        side = "center" if abs(x) < 0.3 else "left" if x > 0 else "right"
        axes.annotate(words, (x * far, y * far - 0.12 * (count == 1)), ha=side, va="center", fontsize=7)
    axes.set(xlim=(-2.1, 2.1), ylim=(-1.6, 1.6))
    axes.set_axis_off()
    return figure
