"""How figures look, whatever matplotlib is told by the environment, by a file or by the program around."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["BLUE", "COLOURS", "INK", "ORANGE", "in_black", "styled"]

BLACK = "#000000"
INK = "#123456"  # what stands for the page's own colour until the SVG is written
BLUE, ORANGE = "#4a9bd9", "#e07b39"  # both can be seen on white and on black
COLOURS = (BLUE, ORANGE, "#3aa981", "#c777b0", "#b9a02f", "#7d8bd6", "#9a6b4f")
STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.parse_math": False,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.titlesize": 10,
    "axes.facecolor": "none",
    "legend.frameon": False,
    "legend.fontsize": 8,
}
FROM_OUTSIDE = ("MPLBACKEND", "MATPLOTLIBRC")


@contextlib.contextmanager
def styled(**more: Any) -> Iterator[None]:
    """Inside, matplotlib has its own defaults, `STYLE` and ``more``; figures need no backend."""
    try:
        import matplotlib as mpl
    except Exception:  # a backend that is not installed, a settings file that cannot be read
        for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
            del sys.modules[name]  # half of it is there
        with _without(FROM_OUTSIDE):
            import matplotlib as mpl
    settings: Any = {key: mpl.rcParamsDefault[key] for key in mpl.rcParamsDefault if not key.startswith("backend")}
    settings.update(STYLE, **more)
    with mpl.rc_context(settings):
        yield


@contextlib.contextmanager
def _without(names: tuple[str, ...]) -> Iterator[None]:
    hidden = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(hidden)


def in_black(figure: "Figure") -> "Figure":
    """``figure`` with black where a page has its own colour."""
    from matplotlib.colors import same_color

    for artist in figure.findobj():
        for what in ("color", "edgecolor", "facecolor"):
            colour = getattr(artist, f"get_{what}", lambda: None)()
            if isinstance(colour, (str, tuple)) and same_color(colour, INK):
                getattr(artist, f"set_{what}")(BLACK)
    for axes in figure.axes:
        axes.tick_params(which="both", color=BLACK, labelcolor=BLACK)
    return figure
