"""How figures look, whatever matplotlib is told by the environment, by a file or by the program around."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any

__all__ = ["BLACK", "BLUE", "COLOURS", "INK", "ORANGE", "styled"]

BLACK = "#000000"
INK = "#123456"  # what stands for the page's own colour until the SVG is written
BLUE, ORANGE = "#4a9bd9", "#e07b39"  # both can be seen on white and on black
COLOURS = (BLUE, ORANGE, "#3aa981", "#c777b0", "#b9a02f", "#7d8bd6", "#9a6b4f")
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "stackjax",
    "pdf.fonttype": 42,
    "font.family": "sans-serif",
    "font.size": 9,
    "text.parse_math": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.facecolor": "none",
    "legend.frameon": False,
    "legend.fontsize": 8,
}
IN_INK = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
FROM_OUTSIDE = ("MPLBACKEND", "MATPLOTLIBRC")


@contextlib.contextmanager
def styled(ink: str = BLACK) -> Iterator[None]:
    """Inside, matplotlib has its own defaults and `STYLE`, and writes and draws lines in ``ink``; figures need no backend."""
    try:
        import matplotlib as mpl
    except Exception:  # a backend that is not installed, a settings file that cannot be read
        for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
            del sys.modules[name]  # half of it is there
        hidden = {name: os.environ.pop(name) for name in FROM_OUTSIDE if name in os.environ}
        try:
            import matplotlib as mpl
        finally:
            os.environ.update(hidden)
    usual: Any = {name: value for name, value in mpl.rcParamsDefault.items() if not name.startswith("backend")}
    settings = {**usual, **STYLE, **dict.fromkeys(IN_INK, ink)}
    with mpl.rc_context({name: value for name, value in settings.items() if mpl.rcParams[name] != value}):
        yield
