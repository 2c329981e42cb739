"""Learning curves: a picture for each measure, a faint line for each seed, their mean with its interval."""

from typing import Any

import numpy as np

from stackjax.pictures import Picture, curves
from stackjax.reports.intervals import interval
from stackjax.reports.style import BLUE, COLOURS

__all__ = ["compared_curves", "learning_curves"]

PAYOFF, WIDTH = "greedy_payoff", "greedy_half_width"
COMMON = {"update", "configuration", "seed", "seconds", "stackelberg_episodes", "leader_decisions", "diverged_at", WIDTH}
FEWEST_FOR_BAND = 3  # seeds
SHORT = {PAYOFF: "payoff", "mean_return": "return"}  # names of figures


def learning_curves(rows: list[dict[str, Any]], result: dict[str, Any]) -> dict[str, Picture]:
    """By name: the leader's payoff, the gap, the mean return, and what the solver tells first of itself."""
    gap_name = result["gap_name"]
    titles = {
        PAYOFF: "Leader payoff of the solver's commitment (game units)",
        gap_name: f"{result['columns'][gap_name]} (game units)",
        "mean_return": "Mean return while learning (game units)",
    }
    own = [name for name in (rows[0] if rows else {}) if name not in COMMON | titles.keys()][:1]
    found = {}
    for name, title in [*titles.items(), *((name, name.replace("_", " ")) for name in own)]:
        picture = _picture(title, name, [_lines(rows, result, name, BLUE)], result)
        heights = [height for line in picture["lines"] for _, height in line["points"]]
        is_log = name in own and heights and min(heights) > 0 and max(heights) > 10 * min(heights)
        found[SHORT.get(name, "gap" if name == gap_name else name)] = {**picture, "log": "y" if is_log else ""}
    return found


def compared_curves(runs: list[tuple[str, list[dict[str, Any]], dict[str, Any]]]) -> list[Picture]:
    """Of runs of one game, each with a name, its metrics and its result: the leader's payoff and the gap, a colour a run."""
    drawn, first = [], runs[0][2]
    for name, title in ((PAYOFF, "Leader payoff (game units)"), (first["gap_name"], "Gap (game units)")):
        lines = [_lines(rows, result, name, COLOURS[i % len(COLOURS)], label) for i, (label, rows, result) in enumerate(runs)]
        drawn.append({**_picture(title, name, lines, first), "size": (6.0, 3.6), "legend": True})
    return drawn


def _picture(title: str, name: str, lines: list[list[dict[str, Any]]], result: dict[str, Any]) -> Picture:
    optimum = result["seeds"][0]["optimum"] if name == PAYOFF else None
    picture = curves(title, ("Stackelberg episodes", ""), [line for own in lines for line in own])
    return picture if optimum is None else {**picture, "level": ("optimum", optimum)}


def _lines(
    rows: list[dict[str, Any]], result: dict[str, Any], name: str, colour: str, label: str | None = None
) -> list[dict[str, Any]]:
    """A line for each seed; from three seeds on they are faint, and their mean has its 95 % interval around it."""
    seeds = [seed["seed"] for seed in result["seeds"]]
    series = _series(rows, seeds, name)
    widths = _series(rows, seeds, WIDTH) if name == PAYOFF else [[] for _ in seeds]
    length = min(map(len, series), default=0)
    has_band = length >= 2 and len(series) >= FEWEST_FOR_BAND
    how = {"color": colour, "linewidth": 0.9, "alpha": 0.35 if has_band else 0.9, "markersize": 0.0 if length > 2 else 3.0}
    lines: list[dict[str, Any]] = []
    for points, width in zip(series, widths, strict=True):
        line: dict[str, Any] = {"label": None if has_band or lines else label, "points": points, "how": how}
        lines.append({**line, "bars": [w for _, w in width]} if points and len(width) == len(points) else line)
    if has_band:
        values = np.array([[y for _, y in points[:length]] for points in series])
        centre, low, high = interval(values.T, np.mean)
        mean = list(zip((x for x, _ in series[0]), centre.tolist(), strict=False))
        how = {"color": colour, "linewidth": 1.8, "markersize": 0.0}
        lines.append({"label": label, "points": mean, "band": (low, high), "how": how})
    return lines


def _series(rows: list[dict[str, Any]], seeds: list[int], name: str) -> list[list[tuple[float, float]]]:
    """Episodes and values of ``name`` for each seed, where it was measured."""
    found: dict[int, list[tuple[float, float]]] = {seed: [] for seed in seeds}
    for row in rows:
        if row["seed"] in found and row.get(name) is not None:
            found[row["seed"]].append((row["stackelberg_episodes"], row[name]))
    return list(found.values())
