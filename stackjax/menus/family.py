"""Menus as runs and the command line know them."""

import dataclasses
from typing import Any, ClassVar, Literal

from stackjax.errors import UnsolvedError
from stackjax.families import Family, GameEntry, NoOptions, Solved
from stackjax.menus.config import MenuConfig

__all__ = ["FAMILY"]

HOME = "stackjax.menus.single_buyer:"


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


class MenuFamily(Family):
    """A seller commits to a menu; a buyer with a private type takes the best option."""

    name = "menus"
    rules_at, problem_at = "stackjax.menus.game:MenuGame", "stackjax.menus.problem:MenuProblem"
    sections: ClassVar = {"menu": MenuConfig}
    solver = "gradient"
    entries = (
        GameEntry(
            "menu-additive",
            f"{HOME}additive",
            "sells goods to a buyer whose values add up",
            "0.549201 (two goods)",
            GoodsOptions,
        ),
        GameEntry(
            "menu-unit-demand",
            f"{HOME}unit_demand",
            "sells lotteries to a buyer who wants one good",
            "0.384900 (two goods)",
            GoodsOptions,
        ),
        GameEntry("menu-triangle", f"{HOME}triangle", "sells two goods, values on a triangle", "0.384900", NoOptions),
        GameEntry("data-market", f"{HOME}data_market", "sells data about two states", "0.125 (uniform)", DataOptions),
        GameEntry("market-maker", f"{HOME}market_maker", "quotes trades in goods", "upper bound", MarketMakerOptions),
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


FAMILY = MenuFamily()
