"""What a sweep leaves: one tidy table, the best configuration with its interval, and pictures of the response surface."""

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from stackjax.disk.directory import SweepDirectory
from stackjax.disk.files import write_bytes, write_text
from stackjax.pictures import curves
from stackjax.problem import Problem
from stackjax.reports.display import listed, number, optimum_in_words
from stackjax.reports.intervals import interval
from stackjax.reports.pictures import figure_of, image, to_svg
from stackjax.reports.report import page
from stackjax.reports.results import versions
from stackjax.reports.tables import as_csv
from stackjax.specs.flags import flag
from stackjax.specs.sweep import SweepSpec

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["configuration_in_words", "summary", "write_sweep"]

FIRST_COLUMNS = ("leader_payoff", "optimum", "optimality_gap")
LAST_COLUMNS = ("settled", "mean_greedy_payoff", "update", "stackelberg_episodes", "leader_decisions", "diverged_at")
MOST_PANELS = 12


def summary(
    sweep: SweepSpec, problem: Problem, elements: list[dict[str, Any]], wall_seconds: dict[str, float]
) -> dict[str, Any]:
    """The content of ``result.json``; ``problem`` is that of any of the configurations.

    The best configuration is one whose followers settle on most seeds, if there is any, and has the highest mean payoff over
    seeds; among equals the smallest mean gap, then the highest mean payoff while it learned. Intervals are bootstrap 95 %
    intervals of means over seeds; that of the best does not know that it was chosen for being the best, so judge it again on
    other seeds.
    """
    configurations, gap = sweep.configurations, problem.gap_name
    of: list[list[dict[str, Any]]] = [[] for _ in configurations]
    for entry in elements:
        of[entry["configuration"]].append(entry)
    rows: list[dict[str, Any]] = []
    for values, found in zip(configurations, of, strict=True):
        payoffs = np.array([entry["leader_payoff"] for entry in found])
        centre, low, high = (float(end) for end in interval(payoffs, np.mean))
        on_the_way = [entry["mean_greedy_payoff"] for entry in found]
        rows.append(
            {
                "settings": values,
                "leader_payoff": centre,
                "interval": [low, high],
                "optimum": found[0]["optimum"],
                gap: float(np.mean([entry[gap] for entry in found])),
                "mean_greedy_payoff": -np.inf if None in on_the_way else float(np.mean(on_the_way)),
                "num_unsettled": sum(not entry["settled"] for entry in found),
                "num_diverged": sum(entry["diverged_at"] is not None for entry in found),
            }
        )
    low, high = problem.payoff_range
    rounded = lambda value: round(value / (high - low), 6)
    is_settled = lambda row: 2 * row["num_unsettled"] <= sweep.base.num_seeds
    order = lambda row: (is_settled(row), rounded(row["leader_payoff"]), -rounded(row[gap]), row["mean_greedy_payoff"])
    best = max(range(len(rows)), key=lambda place: order(rows[place]))
    reach = rows[best]["interval"][0]
    return {
        "game": problem.name,
        "game_options": sweep.base.game_options,
        "solver": sweep.base.solver_entry.name,
        "num_seeds": sweep.base.num_seeds,
        "gap_name": gap,
        "payoff_range": [low, high],
        "columns": problem.columns,
        "versions": versions(),
        "wall_seconds": wall_seconds,
        "best": {"configuration": best, **rows[best], "seeds": of[best]},
        "num_within_interval_of_best": sum(row["leader_payoff"] >= reach for row in rows),
        "num_diverged": sum(row["num_diverged"] for row in rows),
        "configurations": rows,
    }


def write_sweep(directory: SweepDirectory, sweep: SweepSpec, result: dict[str, Any]) -> None:
    """Write ``table.csv``, ``surface.png``, ``report.html`` and, last, ``result.json``."""
    write_text(directory.table, _table(sweep, result, directory.finished()))
    write_bytes(directory.picture, image(partial(response_surface, sweep, result), "png"))
    write_text(directory.report, _page(sweep, result))
    directory.write_result(result)


def configuration_in_words(values: dict[str, Any], *, short: bool = False) -> str:
    """As at the command line, for example ``--ppo.learning-rate 0.001``; ``short`` with four digits."""
    shown = {name: float(f"{v:.4g}") if short and isinstance(v, float) else v for name, v in values.items()}
    return " ".join(flag(name, value) for name, value in shown.items())


def _value_in_words(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return str(value)


def _table(sweep: SweepSpec, result: dict[str, Any], elements: list[dict[str, Any]]) -> str:
    """A row for each configuration and seed."""
    single = [name for name in result["columns"] if not isinstance(elements[0][name], list)]
    columns, configurations, rows = (*FIRST_COLUMNS, *single, *LAST_COLUMNS), sweep.configurations, []
    shown = lambda value: _value_in_words(value) if isinstance(value, tuple) else value
    for entry in elements:
        settings = {name: shown(value) for name, value in configurations[entry["configuration"]].items()}
        own = {column: entry[column] for column in columns}
        rows.append({"configuration": entry["configuration"], **settings, "seed": entry["seed"], **own})
    return as_csv(rows)


def _page(sweep: SweepSpec, result: dict[str, Any]) -> str:
    best, rows, gap = result["best"], result["configurations"], result["gap_name"]
    ranked = sorted(rows, key=lambda row: (-row["leader_payoff"], row[gap]))[:20]
    words = lambda row: configuration_in_words(row["settings"], short=True)
    numbers = lambda row: [number(row["leader_payoff"]), _ends(row), number(row[gap]), str(row["num_unsettled"])]
    title = f"Leader payoff, mean over {result['num_seeds']} seeds"
    drawn = to_svg(partial(response_surface, sweep, result, titled=False), title)
    return page(
        "sweep.html",
        result=result,
        settings=configuration_in_words(best["settings"]),
        optimum=optimum_in_words({**best, "payoff_range": result["payoff_range"]}),
        options=listed(result["game_options"]),
        swept=[(axis.name, ", ".join(map(_short, axis.values))) for axis in sweep.axes],
        versions=listed(result["versions"], " "),
        payoff=f"{number(best['leader_payoff'])} {_ends(best)}",
        tied=_tied(result),
        pictures=[(title, drawn)],
        headings=["settings", "leader payoff", "95 % interval", result["columns"][gap], "seeds not settled"],
        rows=[[words(row), *numbers(row)] for row in ranked],
    )


def _tied(result: dict[str, Any]) -> str:
    """How many configurations do as well as the best, as far as one can tell."""
    count, many = result["num_within_interval_of_best"], len(result["configurations"])
    if count == many > 1:
        return f"All {many} do as well as far as one can tell: there is no winner."
    return f"{count} of {many} do as well as far as one can tell." if count > 1 else "No other is as good."


def _ends(row: dict[str, Any]) -> str:
    return f"[{number(row['interval'][0])}, {number(row['interval'][1])}]"


def response_surface(sweep: SweepSpec, result: dict[str, Any], *, titled: bool = True) -> "Figure":
    """The leader's mean payoff: one axis with intervals, or maps over the two longest with panels for the others.

    Where there would be more than 12 panels, the payoff is averaged over the shortest axes, and the title says so.
    """
    from matplotlib.figure import Figure

    if len(sweep.axes) == 1:
        return _line(sweep, result, titled)
    shape = tuple(len(axis.values) for axis in sweep.axes)
    x, y, *rest = sorted(range(len(shape)), key=lambda k: -shape[k])
    averaged: list[int] = []
    while rest and np.prod([shape[k] for k in rest]) > MOST_PANELS:
        averaged.append(rest.pop())
    payoffs = np.array([row["leader_payoff"] for row in result["configurations"]]).reshape(shape)
    of_panels = payoffs.transpose(*rest, *averaged, y, x).mean(axis=tuple(range(len(rest), len(rest) + len(averaged))))
    panels, (lowest, highest) = list(np.ndindex(of_panels.shape[:-2])), _ends_of_colours(payoffs)
    columns = min(len(panels), 4)
    lines = -(-len(panels) // columns)
    figure = Figure(figsize=(1.5 + 3.2 * columns, 0.8 + 2.8 * lines), layout="constrained")
    if titled:
        means = "".join(f" and {sweep.axes[k].name}" for k in averaged)
        figure.suptitle(f"{result['game']}: leader payoff, mean over {result['num_seeds']} seeds{means}", fontsize=10)
    grid = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes, choice in zip(grid, panels, strict=False):
        drawn = axes.imshow(of_panels[choice], origin="lower", aspect="auto", cmap="viridis", vmin=lowest, vmax=highest)
        for k, place, label in ((x, axes.set_xticks, axes.set_xlabel), (y, axes.set_yticks, axes.set_ylabel)):
            shown = np.unique(np.linspace(0, shape[k] - 1, min(shape[k], 5)).round().astype(int))
            place(shown, [_short(sweep.axes[k].values[i]) for i in shown], fontsize=7)
            label(sweep.axes[k].name, fontsize=8)
        fixed = [f"{sweep.axes[k].name}={_short(sweep.axes[k].values[i])}" for k, i in zip(rest, choice, strict=True)]
        axes.set_title(", ".join(fixed), fontsize=8)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    figure.colorbar(drawn, ax=grid, shrink=0.8)
    return figure


def _ends_of_colours(payoffs: np.ndarray) -> tuple[float, float]:
    """The lowest and the highest payoff, or a little around it if all are the same but for rounding."""
    low, high = float(payoffs.min()), float(payoffs.max())
    least = 1e-6 * max(1.0, abs(low), abs(high))
    return (low, high) if high - low > least else (low - 1.0, high + 1.0)


def _line(sweep: SweepSpec, result: dict[str, Any], titled: bool) -> "Figure":
    """One axis: means with their intervals."""
    axis, rows = sweep.axes[0], result["configurations"]
    centre, ends = np.array([row["leader_payoff"] for row in rows]), np.array([row["interval"] for row in rows])
    is_scale = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in axis.values)
    places = np.array(axis.values, float) if is_scale else np.arange(len(rows), dtype=float)
    points = list(zip(places.tolist(), centre.tolist(), strict=True))
    line = {"label": None, "points": points, "bars": np.abs(ends.T - centre)}
    picture = {**curves("", (axis.name, ""), [line]), "size": (5.0, 3.4)}
    if not is_scale:
        picture["ticks"] = places, [_short(value) for value in axis.values]
    elif places.min() > 0 and places.max() / places.min() >= 10:
        picture["log"] = "x"
    if titled:
        picture["heading"] = f"{result['game']}: leader payoff, mean over {result['num_seeds']} seeds"
    return figure_of(picture)


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else _value_in_words(value)
