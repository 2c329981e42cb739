"""Menus, auctions, sequential sales and persuasion as runs and the command line know them."""

import dataclasses
from typing import Any, ClassVar, Literal

from stackjax.digits import as_known
from stackjax.errors import InputError, UnsolvedError
from stackjax.families import Family, GameEntry, Solved
from stackjax.menus.config import AffineConfig, MenuConfig, PriceConfig, SaleConfig

__all__ = ["AUCTIONS", "MENUS", "MENU_AUCTIONS", "PERSUASION", "SALES"]

MENUS_AT, AUCTIONS_AT = "stackjax.menus.single_buyer:", "stackjax.menus.auctions.problem:"
PRICED_AT = "stackjax.menus.auctions."
SALES_AT = "stackjax.menus.sales.problem:"


@dataclasses.dataclass(frozen=True)
class GoodsOptions:
    """Options of menus of goods."""

    items: int = 2
    """Goods."""
    low: tuple[float, ...] = (0.0,)
    """The least value, of all goods or of each."""
    high: tuple[float, ...] = (1.0,)
    """The largest value, of all goods or of each."""


@dataclasses.dataclass(frozen=True)
class DataOptions:
    """Options of the data market."""

    law: Literal["uniform", "mixture"] = "uniform"
    """Of the buyer's belief: uniform, or Beta(8, 30) and Beta(60, 30) with equal chances."""
    value: Literal["one", "uniform", "high"] = "one"
    """What a right guess pays the buyer: 1, or something private, uniform in [0, 1] or in [3/4, 1]."""


@dataclasses.dataclass(frozen=True)
class MarketMakerOptions:
    """Options of the market maker."""

    goods: int = 2
    """Goods that are traded, at most 3."""
    belief: float = 0.5
    """What the market maker takes each good to be worth."""


@dataclasses.dataclass(frozen=True)
class AuctionOptions:
    """Options of auctions."""

    bidders: int = 2
    """Bidders, at most 8."""
    items: int = 2
    """Items for sale, at most 8."""


@dataclasses.dataclass(frozen=True)
class MenuAuctionOptions:
    """Options of auctions that offer two bidders menus."""

    items: int = 2
    """Items for sale, at most 3."""
    low: tuple[float, ...] = (0.0,)
    """The least value of an item, of both bidders or of each."""
    high: tuple[float, ...] = (1.0,)
    """The largest value of an item, of both bidders or of each."""
    unit_demand: bool = False
    """Whether a bidder has use for one item at most."""


@dataclasses.dataclass(frozen=True)
class SaleOptions:
    """Options of sequential sales."""

    bidders: int = 5
    """Bidders, who come one after another."""
    items: int = 5
    """Items for sale."""
    valuations: Literal["uniform", "asymmetric", "unit-demand", "three-demand", "bundles", "complements"] = "uniform"
    """The law of bidders' values."""
    menu: Literal["default", "size", "bundle"] = "default"
    """Prices for each number of items, or for each bundle; by default the first where the law treats items alike."""


@dataclasses.dataclass(frozen=True)
class PersuasionOptions:
    """Options of persuasion."""

    instance: Literal["prosecutor", "letters", "investment", "trial", "random"] = "prosecutor"
    """Of the textbooks, or random; trial has two senders."""
    num_states: int | None = None
    """States of a random one; by default 3."""
    num_actions: int | None = None
    """The receiver's actions of a random one; by default 3."""
    num_senders: int | None = None
    """Senders of a random one; by default 1."""
    num_signals: int | None = None
    """Signals of each sender; by default one for each action."""
    draw: int | None = None
    """The seed of a random one's numbers; by default 0."""


class MenuFamily(Family):
    """A seller commits to a menu; a buyer with a private type takes the best option."""

    name = "menus"
    rules_at, problem_at = "stackjax.menus.game:MenuGame", "stackjax.menus.problem:MenuProblem"
    sections: ClassVar = {"menu": MenuConfig}
    solver = "gradient"
    entries = (
        GameEntry(
            "menu-additive",
            f"{MENUS_AT}additive",
            "sells goods to a buyer whose values add up",
            "0.549201 (two goods)",
            GoodsOptions,
        ),
        GameEntry(
            "menu-unit-demand",
            f"{MENUS_AT}unit_demand",
            "sells lotteries to a buyer who wants one good",
            "0.384900 (two goods)",
            GoodsOptions,
        ),
        GameEntry("menu-triangle", f"{MENUS_AT}triangle", "sells two goods, values on a triangle", "0.384900"),
        GameEntry("data-market", f"{MENUS_AT}data_market", "sells data about two states", "0.125 (uniform)", DataOptions),
        GameEntry("market-maker", f"{MENUS_AT}market_maker", "quotes trades in goods", "upper bound", MarketMakerOptions),
    )

    def chosen(self, problem: Any) -> dict[str, dict[str, Any]]:
        return {"menu": {"num_options": problem.num_options}}

    def tables(self, problem: Any) -> dict[str, Any]:
        import numpy as np

        game = problem.game
        draws = np.asarray(game.law.types(np.random.default_rng(0).random((4096, game.law.num_uniforms), np.float32)))
        fixed = {name: value for name in ("free", "cost", "belief") if (value := getattr(game, name)) is not None}
        return {**fixed, "allocations": game.allocations.corners(), "types": draws}

    def solve(self, game: Any) -> Solved:
        found = self.claimed(game)
        if found is None:
            raise UnsolvedError(f"the optimum of {game.name!r} is not known, and there is no bound for {game.law.words}")
        content = {"value": found.value, "method": found.method, "half_width": found.half_width}
        return Solved.of(f"{game.name}, {game.law.words}", found, content)


class AffineFamily(Family):
    """A seller commits to an auction for several bidders in which it is best to tell the truth."""

    name = "affine-auctions"
    rules_at, problem_at = f"{AUCTIONS_AT}AffineAuction", f"{AUCTIONS_AT}AffineProblem"
    sections: ClassVar = {"affine": AffineConfig}
    solver = "gradient"
    entries = (
        GameEntry("affine-auction", rules_at, "auctions items to bidders whose values add up", "upper bound", AuctionOptions),
    )

    def chosen(self, problem: Any) -> dict[str, dict[str, Any]]:
        return {"affine": {"num_options": problem.num_options}}

    def solve(self, game: Any) -> Solved:
        from stackjax.menus.auctions.affine import item_wise_myerson

        found, apart = self.claimed(game), item_wise_myerson(game.bidders, game.items)
        words, bayesian = [f"Myerson's auction of each item by itself earns {apart:.6g}"], game.bayesian_bound
        if found is None:
            raise UnsolvedError(
                f"the optimum of {game.name!r} is not known, and the bounds are for two items, or 8 values in all; {words[0]}"
            )
        content = {"value": found.value, "method": found.method, "item_wise_myerson": apart}
        if bayesian is not None:
            content["bayesian_bound"] = bayesian.value
            words.insert(
                0, f"no strategy-proof auction earns more, and none in Bayesian equilibrium above {bayesian.value:.6g}"
            )
        return Solved.of(f"{game.name}, {game.bidders} bidders, {game.items} items", found, content, words)


class MenuAuctionFamily(Family):
    """A seller commits to menus for two bidders, with prices that depend on the other's values."""

    name = "menu-auctions"
    rules_at, problem_at = f"{PRICED_AT}menu_auction:MenuAuction", f"{PRICED_AT}menu_problem:MenuAuctionProblem"
    sections: ClassVar = {"prices": PriceConfig}
    solver = "gradient"
    entries = (
        GameEntry(
            "menu-auction",
            rules_at,
            "offers two bidders menus whose prices depend on the other's values",
            "upper bound; 0.416667 (one item)",
            MenuAuctionOptions,
        ),
    )

    def chosen(self, problem: Any) -> dict[str, dict[str, Any]]:
        return {"prices": {"cells": problem.menus.cells}}

    def solve(self, game: Any) -> Solved:
        found = self.claimed(game)
        if found is None:
            raise UnsolvedError(f"the optimum of {game.name!r} is not known")
        is_bound = found.method == "upper-bound"
        words = ["no strategy-proof auction earns more; whether any earns as much is not known"] if is_bound else []
        wanted = "one of " if game.unit_demand else ""
        return Solved.of(f"{game.name}, 2 bidders, {wanted}{game.items} items", found, lines=words)


class SaleFamily(Family):
    """A seller commits to prices for bidders who come one after another; each takes the best bundle of what is left."""

    name = "sequential-sales"
    rules_at, problem_at = "stackjax.menus.sales.game:SequentialSaleGame", f"{SALES_AT}SaleProblem"
    sections: ClassVar = {"sale": SaleConfig}
    solver = "gradient"
    entries = (
        GameEntry(
            "sequential-sale",
            f"{SALES_AT}sequential_sale",
            "sells items to bidders who come one after another",
            "2.434870 (unit demand, 5 x 5)",
            SaleOptions,
        ),
    )

    def solve(self, game: Any) -> Solved:
        from stackjax.menus.sales.value import found_backward

        found, sale = self.claimed(game), game.sale
        what = f"{sale.valuations} values, {sale.num_bidders} bidders, {sale.num_items} items"
        if found is not None:
            return Solved.of(f"{game.name}, {what}", found)
        earned = found_backward(game)
        unknown = f"the optimum of {game.name!r} with {what} is not known; for unit demand and for one item it is"
        if earned is None:
            raise UnsolvedError(unknown)
        words = [
            f"{game.name}, {what}: {earned.value:.5g} ± {earned.half_width:.2g} (backward)",
            "what prices earn from fresh bidders that were found from the last bidder to the first, with a 95 % interval",
            f"no bound, others may earn more: {unknown}",
        ]
        return Solved(earned.value, "backward", {**earned._asdict(), "method": "backward", "reason": unknown}, words)


class PersuasionFamily(Family):
    """A sender who knows the state commits to signals; a receiver who sees them does what is best for itself."""

    name = "persuasion"
    rules_at = "stackjax.menus.persuasion_game:PersuasionGame"
    problem_at = "stackjax.menus.persuasion_problem:PersuasionProblem"
    entries = (
        GameEntry(
            "persuasion",
            "stackjax.menus.persuasion_game:persuasion",
            "sends signals about a state to a receiver who acts",
            "0.6 (prosecutor)",
            PersuasionOptions,
        ),
    )

    def tables(self, problem: Any) -> dict[str, Any]:
        return problem.game.problem._asdict()

    def solve(self, game: Any) -> Solved:
        """One sender's optimum; of several, signals that are learned, and what each could still gain."""
        if len(game.problem.senders) > 1:
            return self._of_several(game)
        from stackjax.menus.persuasion import best_signals
        from stackjax.problem import Optimum

        value, signals = best_signals(game.problem)
        content = {"value": value, "method": "lp", "signals": signals}
        advised = [", ".join(f"{act} {p:.3f}" for act, p in zip(game.actions, row, strict=True) if p > 5e-4) for row in signals]
        lines = [f"  {state}: advises {words}" for state, words in zip(game.states, advised, strict=True)]
        return Solved.of(game.name, Optimum(value, "lp"), content, lines)

    def _of_several(self, game: Any) -> Solved:
        import jax

        from stackjax.menus.senders import learn_senders

        try:
            found = learn_senders(jax.random.key(0), game.problem, num_signals=game.num_signals)
        except UnsolvedError as error:  # no other command looks for signals of several
            raise InputError(f"game {game.name!r}: {error}") from error
        most = float(found.gain.max())
        first = f"{game.name}: signals of {len(found.payoffs)} senders, learned; by others none gains more than {most:.2g}"
        lines = [first]
        for i, (table, paid, gain) in enumerate(zip(*found, strict=True)):
            lines.append(f"sender {i + 1} has {as_known(paid)}, and gains {gain:.2g} at most by other signals")
            lines += [f"  {line}" for line in game.signals_in_words(table)]
        content = {name: [part.tolist() for part in getattr(found, name)] for name in found._fields}
        return Solved(float(found.payoffs.sum()), "learned", {"method": "learned", **content}, lines)


PERSUASION = PersuasionFamily()
MENUS, SALES, AUCTIONS, MENU_AUCTIONS = MenuFamily(), SaleFamily(), AffineFamily(), MenuAuctionFamily()
