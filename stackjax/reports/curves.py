"""Learning curves: a panel for each measure, a faint line for each seed, their mean with its interval."""

from typing import TYPE_CHECKING, Any

import numpy as np

from stackjax.reports.intervals import interval
from stackjax.reports.pictures import new_panel, to_svg
from stackjax.reports.style import BLUE, COLOURS, INK, ORANGE, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["compared_curves", "learning_curves", "learning_figures"]

WIDTH = "greedy_half_width"
COMMON = {"update", "configuration", "seed", "seconds", "stackelberg_episodes", "leader_decisions", "diverged_at", WIDTH}
FEWEST_FOR_BAND = 3  # seeds
EPISODES = "Stackelberg episodes"
SHORT = {"greedy_payoff": "payoff", "mean_return": "return"}  # names of figures


def _series(rows: list[dict[str, Any]], seeds: list[int], name: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Episodes and values of ``name`` for each seed, where it was measured."""
    found = []
    for seed in seeds:
        points = [(row["stackelberg_episodes"], row.get(name)) for row in rows if row["seed"] == seed]
        kept = np.array([(x, y) for x, y in points if y is not None], float).reshape(-1, 2)
        found.append((kept[:, 0], kept[:, 1]))
    return found


def _band(axes: Any, series: list[tuple[np.ndarray, np.ndarray]], colour: str, label: str | None) -> None:
    """The mean over seeds and its 95 % interval, where at least three seeds were measured at the same places."""
    length = min((len(y) for _, y in series), default=0)
    if length < 2 or len(series) < FEWEST_FOR_BAND:
        return
    values = np.stack([y[:length] for _, y in series])
    centre, low, high = interval(values.T, np.mean)
    axes.fill_between(series[0][0][:length], low, high, color=colour, alpha=0.25, linewidth=0)
    axes.plot(series[0][0][:length], centre, color=colour, linewidth=1.8, label=label)


def learning_curves(rows: list[dict[str, Any]], result: dict[str, Any]) -> list[tuple[str, str]]:
    """Titles and SVGs of `learning_figures`."""
    return [(title, to_svg(figure, title)) for _, title, figure in learning_figures(rows, result)]


@styled()
def learning_figures(rows: list[dict[str, Any]], result: dict[str, Any]) -> "list[tuple[str, str, Figure]]":
    """Names, titles and figures: the leader's payoff, the gap, the mean return, and what the solver tells first of itself."""
    gap_name, optimum = result["gap_name"], result["seeds"][0]["optimum"]
    titles = {
        "greedy_payoff": "Leader payoff of the solver's commitment (game units)",
        gap_name: f"{result['columns'][gap_name]} (game units)",
        "mean_return": "Mean return while learning (game units)",
    }
    own = [name for name in (rows[0] if rows else {}) if name not in COMMON | titles.keys()]
    panels = [*titles.items(), *((name, name.replace("_", " ")) for name in own[:1])]
    seeds = [seed["seed"] for seed in result["seeds"]]
    drawn = []
    for name, title in panels:
        figure, axes = new_panel()
        series = _series(rows, seeds, name)
        for x, y in series:
            faint = 0.35 if len(series) >= FEWEST_FOR_BAND else 0.9
            axes.plot(x, y, color=BLUE, alpha=faint, linewidth=0.9, marker="." if len(x) <= 2 else None)
        if name == "greedy_payoff":
            for (x, y), (_, width) in zip(series, _series(rows, seeds, WIDTH), strict=True):
                if len(width) == len(x):
                    axes.errorbar(x, y, width, color=BLUE, alpha=0.35, linewidth=0, elinewidth=0.7)
        _band(axes, series, BLUE, None)
        if optimum is not None and name == "greedy_payoff":
            axes.axhline(optimum, color=ORANGE, linewidth=1.2, linestyle="--")
            place = (0.99, optimum)
            axes.annotate("optimum", place, xycoords=("axes fraction", "data"), color=INK, ha="right", va="bottom", fontsize=8)
        heights = np.concatenate([y for _, y in series]) if series else np.zeros(0)
        if name in own and heights.size and heights.min() > 0 and heights.max() > 10 * heights.min():
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter("{x:g}")
        axes.set_xlabel(EPISODES)
        drawn.append((SHORT.get(name, "gap" if name == gap_name else name), title, figure))
    return drawn


@styled()
def compared_curves(runs: list[tuple[str, list[dict[str, Any]], dict[str, Any]]]) -> list[tuple[str, str]]:
    """Of runs of one game, each with a name, its metrics and its result: the leader's payoff and the gap, a colour a run."""
    drawn = []
    gap_name = runs[0][2]["gap_name"]
    for name, title in (("greedy_payoff", "Leader payoff (game units)"), (gap_name, "Gap (game units)")):
        figure, axes = new_panel(6.0, 3.6)
        for i, (label, rows, result) in enumerate(runs):
            colour = COLOURS[i % len(COLOURS)]
            series = _series(rows, [seed["seed"] for seed in result["seeds"]], name)
            has_band = len(series) >= FEWEST_FOR_BAND and min(len(y) for _, y in series) >= 2
            for k, (x, y) in enumerate(series):
                shown = None if has_band or k else label
                axes.plot(x, y, color=colour, alpha=0.3 if has_band else 0.9, linewidth=0.8, label=shown, marker=".")
            _band(axes, series, colour, label)
        optimum = runs[0][2]["seeds"][0]["optimum"]
        if optimum is not None and name == "greedy_payoff":
            axes.axhline(optimum, color=INK, linewidth=1.0, linestyle="--", label="optimum")
        axes.set_xlabel(EPISODES)
        axes.legend()
        drawn.append((title, to_svg(figure, title)))
    return drawn
