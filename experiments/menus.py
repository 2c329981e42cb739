"""Menus for one buyer with a private type: known optima, an upper bound on all mechanisms, and a conjecture that falls.

Profits are exact for two goods and on a line; for more goods they are of fresh Sobol points, with an interval.
"""

from typing import NamedTuple

import numpy as np
import scipy

import stackjax as sx
from stackjax.errors import UnsolvedError
from stackjax.menus import Menu, MenuGame, Profit, straight_jacket, upper_bound
from toolkit.figures import COLOURS, GREY, new_figure
from toolkit.results import Experiment
from toolkit.settings import Settings, run
from toolkit.training import Run, train

POLISH = 4096
SHARE, SHARE_OF_MANY = 0.9995, 0.998  # of the optimum: of two goods, and of more
LISTED = 2 * (-1350 - 2903 * 2**0.5 + 32 * (58234 + 40462 * 2**0.5) ** 0.5) / 35721  # seven options at (1/3, 1/3)
NINE = (196 + 18 * 2**0.5) / 729


MENUS = {  # what is known to be best, by (allocation, price)
    "items and both": [((1, 0), 8 / 3), ((0, 1), 2.0), ((1, 1), (14 - 24**0.5) / 3)],
    "Pavlov": [((0.5, 0.5), (4 + 5.5**0.5) / 3), ((1, 0), (4.5 + 5.5**0.5) / 3), ((0, 1), (4.5 + 5.5**0.5) / 3)],
}


class Row(NamedTuple):
    """A problem: its game, options, the best that is known (a number, or a name in `MENUS`), and who found it."""

    label: str
    game: str
    options: dict[str, object]
    best: float | str
    source: str


ROWS = (
    Row("additive, [0, 1]²", "menu-additive", {}, (12 + 2 * 2**0.5) / 27, "Manelli and Vincent"),
    Row("additive, [4, 16] x [4, 7]", "menu-additive", {"low": (4.0,), "high": (16.0, 7.0)}, 88 / 9, "Daskalakis et al."),
    Row(
        "additive, [0, 4] x [0, 3]",
        "menu-additive",
        {"high": (4.0, 3.0)},
        "items and both",
        "the menu with prices 8/3, 2, (14 - √24)/3",
    ),
    Row("additive, triangle", "menu-triangle", {}, 2 / 27**0.5, "both at 1/√3"),
    Row("unit demand, [0, 1]²", "menu-unit-demand", {}, 2 / 27**0.5, "either at 1/√3"),
    Row("unit demand, [2, 3]²", "menu-unit-demand", {"low": (2.0,), "high": (3.0,)}, "Pavlov", "Pavlov"),
    Row("data, uniform belief", "data-market", {}, 0.125, "Bergemann et al."),
    Row("data, mixture", "data-market", {"law": "mixture"}, "two options", "two options, by Nelder and Mead"),
    Row("market maker, (1/2, 1/2)", "market-maker", {}, (12 + 2 * 2**0.5) / 54, "four copies of the first"),
    Row("market maker, (1/3, 1/3)", "market-maker", {"belief": 1 / 3}, NINE, "nine options"),
)


def best_known(row: Row) -> float:
    """What is known to be earned in a row's game, by its exact profit where a menu is known."""
    if isinstance(row.best, float):
        return row.best
    game = sx.make(row.game, **row.options)
    earned = lambda options: (
        game.profit(Menu(np.array([a for a, _ in options], float), np.array([p for _, p in options]))).value
    )
    if row.best in MENUS:
        return earned(MENUS[row.best])
    two = lambda z: -earned([((min(z[0], 1.0), 1.0), z[1]), ((1.0, 1.0), z[2])])
    return -float(
        scipy.optimize.minimize(two, [0.8, 0.14, 0.25], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12}).fun
    )


def trained(settings: Settings, row: Row) -> Run:
    solver = sx.GradientConfig(num_updates=settings.few(1000, 60))
    name = f"menus-{row.label.replace(' ', '').replace('/', '-')}"
    return train(settings, name, row.game, options=row.options, solver=solver, polish=POLISH)


def main(settings: Settings) -> None:
    experiment = Experiment("menus", settings)
    rows = settings.few(ROWS, ROWS[:1] + ROWS[-1:])
    cells = settings.few(48, 12)
    games: dict[str, MenuGame] = {row.label: sx.make(row.game, **row.options) for row in rows}
    runs, bounds = {row.label: trained(settings, row) for row in rows}, {}
    for row in rows:
        seen, best = runs[row.label], best_known(row)
        learned = [entry["learned"]["leader_payoff"] for entry in seen.result["seeds"] if entry["learned"]]
        try:
            bounds[row.label] = upper_bound(games[row.label], cells).value
        except UnsolvedError:
            bounds[row.label] = None
        bound = bounds[row.label]
        experiment.claim(
            row.source,
            f"{row.label}: a menu is found that earns {best:.6f}",
            f"{seen.payoffs.min():.6f} to {seen.payoffs.max():.6f}, exact"
            + (f"; no mechanism earns more than {bound:.6f}" if bound else ""),
            bool(seen.payoffs.min() >= SHARE * best and (bound is None or seen.payoffs.max() <= bound)),
            f"gradients alone reach {min(learned):.6f} to {max(learned):.6f}, before the search of the exact profit"
            if learned
            else "gradients alone",
        )
    best = runs["market maker, (1/3, 1/3)"].payoffs
    experiment.claim(
        "open-problem list",
        f"market maker, (1/3, 1/3): seven options, worth {LISTED:.7f}, are conjectured to be best",
        f"menus that are found earn {best.min():.7f} to {best.max():.7f}",
        bool(best.max() <= LISTED + 1e-6),
        "because buying one good at 7/9 pays too: the exact profit of both menus is by areas of polygons",
    )
    many = {m: several_items(settings, m) for m in settings.few((3, 4, 5, 6, 10), (3,))}
    experiment.claim(
        "Giannakopoulos and Koutsoupias",
        "3 to 10 goods, uniform: gradients reach 0.998 of the straight-jacket auction (optimal up to 6)",
        "; ".join(
            f"{m}: {seen.payoffs.min():.4f} to {seen.payoffs.max():.4f} ± {half_width(seen):.4f} of {jacket.value:.4f} ± "
            f"{jacket.half_width:.4f}"
            for m, (seen, jacket) in many.items()
        ),
        all(seen.payoffs.min() + half_width(seen) >= SHARE_OF_MANY * jacket.value for seen, jacket in many.values()),
        "both on fresh draws",
        seeds=min(settings.seeds, 3),
    )

    drawn = settings.few(ROWS[:3] + ROWS[8:], rows)
    figure, (panels,) = new_figure(columns=len(drawn), height=2.4)
    for axes, row in zip(panels, drawn, strict=True):
        seen, game = runs[row.label], games[row.label]
        actions = np.array(seen.result["seeds"][int(seen.payoffs.argmax())]["commitment"]["actions"])
        draw_regions(axes, game, Menu(actions[:, :-1], actions[:, -1]))
        axes.set_title(row.label, fontsize=7)
    learned = {
        row.label: {"leader_payoff": runs[row.label].payoffs, "best": best_known(row), "bound": bounds[row.label]}
        for row in rows
    }
    goods = {m: {"leader_payoff": seen.payoffs, "straight_jacket": jacket.value} for m, (seen, jacket) in many.items()}
    experiment.write(figure, {"two goods": learned, "several goods": goods})


def half_width(seen: Run) -> float:
    return max(entry["half_width"] for entry in seen.result["seeds"])


def several_items(settings: Settings, items: int) -> tuple[Run, Profit]:
    """A run of so many goods, at most three seeds, and what the straight-jacket auction earns."""
    options = {"items": items}
    solver = sx.GradientConfig(num_updates=settings.few(1000, 600))
    seeds = min(settings.seeds, 3)
    seen = train(settings, f"menus-{items}-items", "menu-additive", options=options, solver=solver, seeds=seeds)
    return seen, sx.make("menu-additive", **options).profit(straight_jacket(items), seed=1)


def draw_regions(axes: object, game: MenuGame, menu: Menu) -> None:
    """The types by the option that they take, with its allocation and price."""
    cells, whole = game.cells(menu), game.with_free(menu)
    assert cells is not None
    colour = 0
    for region, share, allocation, price in zip(cells.regions, cells.shares, *whole, strict=True):
        if share < 5e-4:
            continue
        is_free = not allocation.any()
        face = "white" if is_free else COLOURS[colour % len(COLOURS)]
        colour += not is_free
        axes.fill(*region.T, facecolor=face, alpha=0.35, edgecolor=GREY, linewidth=0.7)
        named = "nothing" if is_free else f"({', '.join(f'{a:.3g}' for a in np.round(allocation, 4) + 0.0)})\n{price:.3g}"
        if share > 0.02:
            axes.text(*region.mean(axis=0), named, ha="center", va="center", fontsize=5)
    axes.set(xlabel="value of good 1", ylabel="value of good 2")


if __name__ == "__main__":
    run(main)
