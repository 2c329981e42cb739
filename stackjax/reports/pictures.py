"""Pictures as SVG that goes into a page: lines and text take the page's colour, so that they can be read in the dark too."""

import io
import math
import re
import textwrap
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from stackjax.pictures import Picture
from stackjax.reports.style import BLACK, BLUE, COLOURS, INK, ORANGE, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw", "figure_of", "image", "to_svg"]

ROOM = 0.2  # of a level of a tree, above and below what is written at a node
MOST_LETTERS = 54  # of a line of text; what is longer is wrapped, as the panel would shrink to nothing beside it
ABOUT = {"svg": ("Date", "Creator"), "pdf": ("CreationDate", "Producer", "Creator"), "png": ()}  # left out: it changes


def image(make: "Callable[[], Figure]", kind: str, ink: str = BLACK) -> bytes:
    """What ``make`` draws as the content of a file, ``kind`` svg, pdf or png: the same whenever it is asked for."""
    stream = io.BytesIO()
    with styled(ink):
        page = "none" if ink == INK else "white"
        make().savefig(stream, format=kind, dpi=110, facecolor=page, metadata=dict.fromkeys(ABOUT[kind]))
    return stream.getvalue()


def to_svg(make: "Callable[[], Figure]", label: str) -> str:
    """What ``make`` draws as an ``<svg>`` with ``label`` for those who cannot see it."""
    text = image(make, "svg", INK).decode()
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:xlink)?="[^"]*"', "", text).replace("xlink:href", "href")  # HTML knows what an svg is
    unique = f"p{zlib.crc32((label + text).encode()):x}-"
    text = re.sub(r'(id="|url\(#|href="#)', lambda found: found.group(1) + unique, text)
    safe = label.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return text.replace("<svg", f'<svg role="img" aria-label="{safe}"', 1).strip()


def draw(picture: Picture) -> str:
    """A picture of any kind of `stackjax.pictures` as SVG."""
    return to_svg(lambda: figure_of(picture), picture["title"])


def figure_of(picture: Picture) -> "Figure":
    """A picture of any kind of `stackjax.pictures` as a figure, in the style that matplotlib has."""
    kinds = {"cells": _cells, "paths": _paths, "curves": _curves, "regions": _regions, "graph": _graph}
    return kinds[picture["kind"]](picture)


def _ink() -> str:
    from matplotlib import rcParams

    return rcParams["text.color"]


def _panel(
    size: tuple[float, float], axes: tuple[str, str] = ("", ""), left: float = 0.7, bottom: float = 0.3, top: float = 0.1
) -> "tuple[Figure, Axes]":
    """A figure with one set of axes, inches; wide enough for a phone's screen, so that nothing has to shrink.

    ``axes`` are their labels, which margins grow by. Margins and places of labels are given, ticks are few: to measure what
    there is, and to make ticks, takes matplotlib several times as long as the rest.
    """
    from matplotlib.figure import Figure

    left, bottom = left + 0.2 * bool(axes[1]), bottom + 0.2 * bool(axes[0])
    width, height = size[0] - left - 0.1, size[1] - bottom - top
    figure = Figure(figsize=size)
    inside = (left / size[0], bottom / size[1], width / size[0], height / size[1])
    made = figure.add_axes(inside, xlabel=axes[0], ylabel=axes[1])
    made.locator_params(nbins=5)
    made.xaxis.set_label_coords(0.5, -(bottom - 0.2) / height)
    made.yaxis.set_label_coords(-(left - 0.2) / width, 0.5)
    return figure, made


def _regions(picture: Picture) -> "Figure":
    figure, axes = _panel((4.4, 4.4), picture["axes"])
    for i, polygon in enumerate(picture["polygons"]):
        corners = polygon["corners"]
        colour = COLOURS[i % len(COLOURS)]
        axes.fill(*zip(*corners, strict=True), facecolor=colour, alpha=0.3, edgecolor=_ink(), linewidth=0.8)
        x, y = (sum(place) / len(corners) for place in zip(*corners, strict=True))
        axes.annotate(polygon["label"], (x, y), ha="center", va="center", fontsize=8)
    return figure


def _curves(picture: Picture) -> "Figure":
    """Lines; reports' own may have a ``band`` around one, ``bars`` at its points, a ``level`` across, and what axes show."""
    heading = picture.get("heading", "")
    figure, axes = _panel(picture.get("size", (4.4, 3.0)), picture["axes"], top=0.3 if heading else 0.1)
    axes.set_title(heading)
    for i, line in enumerate(picture["lines"]):
        xs, ys = np.array(line["points"], float).reshape(-1, 2).T
        how = {"color": COLOURS[i % len(COLOURS)], "markersize": 3.0, "linewidth": 1.2, **line.get("how", {})}
        axes.plot(xs, ys, marker="o" if how["markersize"] else None, label=line["label"], **how)
        if "bars" in line:
            axes.errorbar(xs, ys, line["bars"], fmt="none", color=how["color"], alpha=how.get("alpha"), elinewidth=0.8)
        if "band" in line:
            axes.fill_between(xs, *line["band"], color=how["color"], alpha=0.25, linewidth=0)
    if "level" in picture:
        words, height = picture["level"]
        axes.axhline(height, color=ORANGE, linewidth=1.2, linestyle="--")
        axes.annotate(words, (0.99, height), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=8)
    for scaled in picture.get("log", ""):
        axes.set(**{f"{scaled}scale": "log"})
        getattr(axes, f"{scaled}axis").set_major_formatter("{x:g}")
    if "ticks" in picture:
        axes.set_xticks(*picture["ticks"])
    count = sum(line["label"] is not None for line in picture["lines"])
    if picture.get("legend", 1 < count <= 12):
        axes.legend(ncols=2 if count > 4 else 1)
    return figure


def _cells(picture: Picture) -> "Figure":
    from matplotlib.colors import LinearSegmentedColormap, to_rgb

    shades, texts = np.array(picture["shades"], float), picture["texts"]
    rows, columns = shades.shape
    labels = [textwrap.fill(label, MOST_LETTERS // 2) for label in picture["rows"]]
    longest = max((len(line) for label in labels for line in label.split("\n")), default=0)
    tall = max((label.count("\n") for label in labels), default=0)
    wide = max((len(text) for row in texts for text in row), default=4) if texts else 0
    left, each, ends = 0.1 + 0.07 * longest, (0.42 if texts else 0.26) + 0.13 * tall, 0.3 + 0.2 * bool(picture["axes"][0])
    size = max(3.0, left + columns * max(0.55, 0.09 * wide) + 0.2) if texts else 4.4, 0.1 + ends + each * rows
    figure, axes = _panel(size, picture["axes"], left, *((0.1, 0.3) if texts else (0.3, 0.1)))
    red, green, blue = to_rgb(BLUE)  # from nothing to blue, so that the page shows through where chances are small
    palette = LinearSegmentedColormap.from_list("chances", [(red, green, blue, 0.0), (red, green, blue, 0.9)])
    axes.imshow(shades, cmap=palette, vmin=0.0, vmax=1.0, aspect="auto", interpolation="nearest")
    axes.set_yticks(range(rows), labels, fontsize=7)
    shown = range(columns) if texts else np.unique(np.linspace(0, columns - 1, min(columns, 5)).round().astype(int))
    axes.set_xticks(list(shown), [picture["columns"][k] for k in shown], fontsize=7)
    axes.spines[:].set_visible(False)
    if texts:
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        line: Any = {"color": _ink(), "alpha": 0.4, "linewidth": 0.5}
        axes.vlines(np.arange(columns + 1) - 0.5, -0.5, rows - 0.5, **line)
        axes.hlines(np.arange(rows + 1) - 0.5, -0.5, columns - 0.5, **line)
        axes.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))
        for row, column in np.ndindex(rows, columns):
            played = picture.get("has_chances", True) and shades[row, column] > 5e-3
            words = texts[row][column] + (f"\n{shades[row, column]:.3g}" if played else "")
            axes.text(column, row, words, ha="center", va="center", fontsize=8, weight="bold" if played else "normal")
    return figure


def _paths(picture: Picture) -> "Figure":
    """Cases one below another: bars where steps have sizes, else their words."""
    from matplotlib.ticker import MaxNLocator

    figure, axes = _panel((4.4, 1.0))
    most, place = picture["most"] or 1.0, 0.0
    for path in picture["paths"]:
        faint = path["chance"] is not None and path["chance"] < 5e-4
        if path["label"]:
            seldom = "" if path["chance"] is None else "  (never)" if faint else f"  ({path['chance']:.1%})"
            place += _written(axes, 0.0, place, path["label"] + seldom, alpha=0.5 if faint else 1.0, weight="bold")
        for number, step in enumerate(path["steps"], start=1):
            alpha = 0.35 if faint else 0.9
            if step["size"] is not None:
                colour = COLOURS[(number - 1) % len(COLOURS)]
                axes.barh(place, step["size"] / most, height=0.7, color=colour, alpha=0.4 * alpha / 0.9)
                for mark in step.get("marks", ()):
                    axes.plot([mark / most] * 2, [place + 0.24, place + 0.45], color=_ink(), linewidth=1.0, alpha=alpha)
            prefix = f"{number}. " if len(path["steps"]) > 1 else ""
            place += _written(axes, 0.01, place, prefix + step["text"], alpha=0.5 if faint else 1.0)
        place += 0.25
    height = 0.55 + 0.27 * max(place, 1.0)
    figure.set_figheight(height)
    axes.set_position((0.02, 0.5 / height, 0.96, 1 - 0.55 / height))
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


def _tree_places(picture: Picture) -> list[tuple[float, float]] | None:
    """Where nodes of a tree in depth-first order stand: ends side by side, parents above children. None if it is no tree."""
    parents = {edge["target"]: edge["source"] for edge in picture["edges"]}
    count = len(picture["nodes"])
    if count < 2 or len(picture["edges"]) != count - 1 or any(parents.get(k, k) >= k for k in range(1, count)):
        return None
    inner, depth, x = set(parents.values()), [0.0] * count, [0.0] * count
    ends = [k for k in range(count) if k not in inner]
    for k in range(1, count):
        depth[k] = depth[parents[k]] + 1.0
    for place, k in enumerate(ends):
        x[k] = float(place)
    for k in reversed(range(count)):
        below = [x[child] for child, parent in parents.items() if parent == k]
        x[k] = sum(below) / len(below) if below else x[k]
    return list(zip(x, (-one for one in depth), strict=True))


def _tree(picture: Picture, places: list[tuple[float, float]]) -> "Figure":
    """A tree from the top down: actions and their chances along the lines, thick where play goes."""
    wide, deep = 1.0 + max(x for x, _ in places), 1.0 - min(y for _, y in places)
    figure, axes = _panel((max(4.4, 0.8 * wide), 0.95 * deep), left=0.1, bottom=0.1)
    for edge in picture["edges"]:
        (x, y), (to_x, to_y), strength = places[edge["source"]], places[edge["target"]], min(edge["chance"], 1.0)
        how = {"color": BLUE, "alpha": max(0.2, strength), "linewidth": 0.6 + 1.8 * strength}
        axes.plot([x, to_x], [y - ROOM, to_y + ROOM], **how)
        words = f"{edge.get('words', '')} {edge['chance']:.3g}".strip()
        side, beside = ("right", -0.06) if to_x < x else ("left", 0.06)
        axes.text((x + to_x) / 2 + beside, (y + to_y) / 2, words, ha=side, va="bottom", fontsize=6.5)
    for (x, y), node in zip(places, picture["nodes"], strict=True):
        words, weight = "\n".join(filter(None, (node["label"], node["note"]))), "bold" if node["chance"] > 1e-3 else "normal"
        axes.text(x, y, words, ha="center", va="center", fontsize=6.5, weight=weight)
    axes.set(xlim=(-0.6, wide - 0.4), ylim=(-deep + 0.5, 0.5))
    axes.set_axis_off()
    return figure


def _graph(picture: Picture) -> "Figure":
    """States on a circle, larger where play is more often, with arrows where it goes next; a tree from the top down."""
    tree = _tree_places(picture)
    if tree is not None:
        return _tree(picture, tree)
    count = len(picture["nodes"])
    figure, axes = _panel((4.4, 4.4), left=0.1, bottom=0.1)
    angles = [math.pi / 2 - 2 * math.pi * k / count for k in range(count)]
    places = [(0.0, 0.0)] if count == 1 else [(math.cos(a), math.sin(a)) for a in angles]
    for edge in picture["edges"]:
        start, end, strength = places[edge["source"]], places[edge["target"]], min(edge["chance"], 1.0)
        if edge["source"] == edge["target"]:
            axes.annotate("↻", (start[0] + 0.13, start[1] + 0.13), fontsize=11, alpha=max(0.25, strength), color=BLUE)
            continue
        arrow = {"arrowstyle": "-|>", "color": BLUE, "alpha": max(0.2, strength), "connectionstyle": "arc3,rad=0.15"}
        axes.annotate("", end, start, arrowprops={**arrow, "linewidth": 0.6 + 1.4 * strength, "shrinkA": 9, "shrinkB": 9})
    for (x, y), node in zip(places, picture["nodes"], strict=True):
        strength = 0.35 + 0.6 * (node["chance"] > 1e-3)
        axes.plot([x], [y], "o", markersize=6 + 14 * math.sqrt(node["chance"]), color=ORANGE, alpha=strength)
        words = f"{node['label']}\n{node['note']}" if count <= 9 else node["label"]
        far = 1.0 if count == 1 else 1.17
        side = "center" if abs(x) < 0.3 else "left" if x > 0 else "right"
        axes.annotate(words, (x * far, y * far - 0.12 * (count == 1)), ha=side, va="center", fontsize=7)
    axes.set(xlim=(-2.1, 2.1), ylim=(-1.6, 1.6))
    axes.set_axis_off()
    return figure
