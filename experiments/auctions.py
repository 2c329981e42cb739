"""Auctions for two bidders and two items, proved: menus that give no item twice, and a bound on all auctions.

Revenues are integrals over both bidders' values, right to some 1e-5; of three items they are means of draws.
"""

from typing import Any

import numpy as np

import check_auction
import stackjax as sx
from stackjax.menus import cells as regions
from stackjax.menus.auctions.ascend import revenue
from toolkit.figures import COLOURS, GREY, new_figure
from toolkit.results import Experiment
from toolkit.settings import Settings, run
from toolkit.training import Run, train

SQUARE = np.zeros((2, 2)), np.ones((2, 2))
AFFINE = (0.636, 0.91, 1.137)  # the best simple affine maximiser that is published: 0.874403
PUBLISHED = {  # revenue, and how it is known
    "each item by itself (Myerson)": (5 / 6, "proof"),
    "best simple affine maximiser": (0.874403, "exact integral, public archive two-bidder-two-item-dsic-certificates"),
    "AMenuNet": (0.862, "as quoted"),
    "RegretNet": (0.878, "as quoted; not strategy-proof, so that it is no lower bound"),
    "GemNet": (0.876, "as quoted by Jiang, Parkes and Wang (2026), rounded"),
    "explicit mechanism with lotteries": (0.876514, "that archive's README; not replayed here"),
    "upper bound: neural dual": (0.8919, "as quoted there"),
    "upper bound: that archive": (0.882351586, "its README; not replayed here"),
}
LESS = 1e-3  # by which a price is lowered, so that the checker must refuse


def earned(seen: Run) -> np.ndarray:
    """``[S]`` what the menus of each seed earn, by quadrature for one and two items, else by draws; -inf for no auction."""
    name = "leader_payoff" if seen.result["game_options"]["items"] > 2 else "by_quadrature"
    return np.array([entry[name] if entry["is_auction"] else -np.inf for entry in seen.result["seeds"]])


def from_affine(settings: Settings) -> dict[str, float]:
    """The published affine maximiser as menus, and what the linear programmes make of it: on 6 cells, and refined to 12."""
    a, b, s = AFFINE
    found: dict[str, float] = {}
    problem = sx.menus.MenuAuctionProblem(sx.menus.MenuAuction(), sx.menus.PriceConfig(cells=6))
    first, second = problem.menus.meshes[0].vertices.T
    none = np.maximum.reduce([0 * first, first - a, second - a, first + second - b])
    made = np.stack([none - np.maximum(-a, second - s), none - np.maximum(-a, first - s), none + b], axis=1)
    for cells in settings.few((6, 12), (6,)):
        if cells == 12:
            made = problem.menus.meshes[0].refined(made, 2)
            problem = sx.menus.MenuAuctionProblem(problem.game, sx.menus.PriceConfig(cells=12))
        made = problem.improve(made, settings.few(200, 5)).astype(float)
        auction = problem.auction(made)
        if sx.menus.compatibility(auction).holds:
            found[f"{cells} cells"] = revenue(auction.menus, problem.ties, problem.ties.free(auction.prices))[0]
    return found


def proved(settings: Settings, name: str) -> tuple[int, int, int]:
    """How many sums the checker finds at most 0 in what a run learned; of 20 prices that bind, how many it refuses if lower."""
    auction, path = sx.menus.load_auction(settings.runs / name), settings.runs / f"{name}-proof.npz"
    sx.menus.export_proof(auction, path)
    count, content = check_auction.check(path), dict(np.load(path))
    step, rng, binding, refused = round(LESS / float(auction.menus.unit)), np.random.default_rng(0), 0, 0
    places = [(v, k) for v in range(len(auction.units[0])) for k in range(1, len(auction.menus.shares))]
    lowered = settings.runs / f"{name}-lowered.npz"
    for v, k in rng.permutation(places):
        other = auction.units[0].copy()
        other[v, k] -= step
        apart = sx.menus.PricedMenus(auction.menus.apart, (other, auction.units[1]))
        if binding == 20 or sx.menus.compatibility(apart).holds:
            continue
        binding += 1
        np.savez(lowered, **{**content, "prices_1": other})
        try:
            check_auction.check(lowered)
        except ValueError:
            refused += 1
    return count, binding, refused


def main(settings: Settings) -> None:
    experiment, prices = Experiment("auctions", settings), sx.menus.PriceConfig
    solver = sx.GradientConfig(num_updates=settings.few(1000, 60))
    learn = lambda name, seeds=None, solver=solver, prices=None, **options: train(
        settings, f"auctions-{name}", "menu-auction", options=options, solver=solver, prices=prices, seeds=seeds, polish=4096
    )
    lattice = settings.few((12, 2), (4, 1))
    bound = sx.menus.flux_bound(*SQUARE, *lattice).value
    bayesian = sx.menus.auction_bound(2).value
    experiment.claim(
        "beyond",
        "no strategy-proof auction of two items for two uniform bidders earns more than 0.8805",
        f"{bound:.6f}: fields on {lattice[0]} cells a side, which obey their conditions exactly; Bayesian: {bayesian:.4f}",
        bound <= 0.8805,
        "the lowest public bound that we know of is 0.882352",
        seeds=1,
    )
    two = learn("two")
    best = earned(two)
    experiment.claim(
        "Wang, Jiang and Parkes",
        "menus learned from random prices are strategy-proof and feasible at every profile, and earn 0.876",
        f"{best.min():.6f} to {best.max():.6f}, every seed by an exact certificate",
        bool(best.max() >= 0.876 and best.min() >= 0.8755 and best.max() <= bound),
        "prices on a mesh in the place of a network; GemNet's figure is rounded",
    )
    start = prices(cells=12, start=str(settings.runs / "auctions-two"))
    fine = learn("two-fine", 1, sx.GradientConfig(num_updates=1), start)
    experiment.claim(
        "beyond",
        "the same on a mesh twice as fine, from the best of these",
        f"{earned(fine).max():.6f}, by an exact certificate; the bound is {bound - earned(fine).max():.4f} above",
        bool(earned(fine).max() >= 0.8764),
        "an explicit mechanism with lotteries is said to earn 0.876514",
        seeds=1,
    )
    affine = from_affine(settings)
    experiment.claim(
        "beyond",
        "linear programmes raise the best simple affine maximiser, 0.874403, and keep the certificate",
        "; ".join(f"{cells}: {value:.6f}" for cells, value in affine.items()),
        bool(affine.get("6 cells", 0.0) >= 0.8762),
        seeds=1,
    )
    checks = [proved(settings, name) for name in ("auctions-two", "auctions-two-fine")]
    experiment.claim(
        "beyond",
        "a checker that knows NumPy alone accepts both, and neither with a price that binds lowered by 0.001",
        "; ".join(f"{count:,} sums at most 0, {refused} of {binding} refused" for count, binding, refused in checks),
        all(binding == refused for _, binding, refused in checks),
        "a price that does not bind may be lower: the menus are still compatible",
        seeds=1,
    )
    one, unlike = learn("one", items=1), learn("one-unlike", items=1, high=(1.0, 2.0))
    experiment.claim(
        "Myerson",
        "one item: 5/12 for bidders alike, 0.645833 for values up to 1 and up to 2",
        f"{earned(one).min():.7f} to {earned(one).max():.7f}; {earned(unlike).min():.6f} to {earned(unlike).max():.6f}",
        bool(earned(one).min() >= 0.416666),
    )
    exact = {bayes: sx.menus.finite_optimum([1.0, 2.0], [0.5, 0.5], bayesian=bayes).value for bayes in (False, True)}
    experiment.claim(
        "Yao",
        "values 1 and 2 with equal chances: the best Bayesian auction earns 2 % more than the best strategy-proof one",
        f"{exact[True]:.6f} and {exact[False]:.6f}",
        abs(exact[True] - 51 / 16) < 1e-6 and abs(exact[False] - 25 / 8) < 1e-6,
        seeds=1,
    )
    few = min(settings.seeds, 3)
    asked: dict[str, tuple[str, int, Any, dict[str, Any]]] = {
        "values up to 1 and up to 2": ("unlike", few, prices(), {"high": (1.0, 2.0)}),
        "values from 1 to 2": ("high", few, prices(), {"low": (1.0,), "high": (2.0,)}),
        "unit demand": ("unit-demand", few, prices(), {"unit_demand": True}),
        "halves of items, 4 cells": ("lotteries", few, prices(cells=4, levels=2), {}),
        "three items, 1 cell": ("three", few, prices(cells=1), {"items": 3}),
        "three items, 2 cells": ("three-fine", 1, prices(cells=2), {"items": 3}),
    }
    chosen = settings.few(list(asked), ["unit demand"])
    others = {
        label: learn(name, seeds, prices=made, **options) for label in chosen for name, seeds, made, options in [asked[label]]
    }
    certified = {label: bool(np.isfinite(earned(seen)).all()) for label, seen in others.items()}
    experiment.claim(
        "beyond",
        "other auctions of two bidders are certified too",
        "; ".join(
            f"{label}: {earned(seen).min():.4f} to {earned(seen).max():.4f}, none earns more than {seen.optimum:.4f}"
            for label, seen in others.items()
        ),
        all(certified.values()),
        "; ".join(label for label, holds in certified.items() if not holds) and "not certified on every seed",
        seeds=few,
    )
    table: dict[str, Any] = {label: {"revenue": value, "known": known} for label, (value, known) in PUBLISHED.items()}
    table["menus, 6 cells"] = {"revenue": best, "known": "exact certificate"}
    table["menus, 12 cells"] = {"revenue": earned(fine), "known": "exact certificate"}
    table["upper bound: fluxes"] = {"revenue": bound, "known": "linear programme, fields that obey their conditions exactly"}
    more = {label: {"revenue": earned(seen), "bound": seen.optimum} for label, seen in others.items()}
    figure = drawn(settings)
    experiment.write(figure, {"two by two": table, "others": more, "one item": earned(one), "one item, unlike": earned(unlike)})


def drawn(settings: Settings) -> Any:
    """What a bidder takes, by its own values, at three values of the other."""
    auction = sx.menus.load_auction(settings.runs / "auctions-two")
    menus, (figure, (panels,)) = auction.menus, new_figure(columns=3, height=2.4)
    for axes, value in zip(panels, (0.25, 0.5, 0.75), strict=True):
        asked = menus.meshes[1].interpolate(auction.prices[0], np.full((1, 2), value))[0]
        square = np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)])
        for k, polygon in enumerate(regions.polygons_of(square, menus.allocations, asked).regions):
            if len(polygon):
                axes.fill(*polygon.T, facecolor=COLOURS[k - 1] if k else "white", alpha=0.35, edgecolor=GREY, linewidth=0.7)
                axes.text(
                    *polygon.mean(axis=0),
                    ("nothing", "1", "2", "both")[k] + f"\n{asked[k]:.3f}" * bool(k),
                    ha="center",
                    fontsize=6,
                )
        axes.set(title=f"the other's values {value}, {value}", xlabel="value of item 1", ylabel="value of item 2")
    return figure


if __name__ == "__main__":
    run(main)
