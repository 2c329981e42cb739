"""Sequential sales as runs and the command line know them."""

import dataclasses
from typing import Any, ClassVar, Literal

from stackjax.errors import UnsolvedError
from stackjax.families import Family, GameEntry, Solved
from stackjax.menus.sales.config import SaleConfig

__all__ = ["FAMILY"]


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


class SaleFamily(Family):
    """A seller commits to prices for bidders who come one after another; each takes the best bundle of what is left."""

    name = "sequential-sales"
    rules_at, problem_at = "stackjax.menus.sales.game:SequentialSaleGame", "stackjax.menus.sales.problem:SaleProblem"
    sections: ClassVar = {"sale": SaleConfig}
    solver = "gradient"
    entries = (
        GameEntry(
            "sequential-sale",
            "stackjax.menus.sales.problem:sequential_sale",
            "sells items to bidders who come one after another",
            "2.434870 (unit demand, 5 x 5)",
            SaleOptions,
        ),
    )

    def solve(self, game: Any) -> Solved:
        found, sale = self.claimed(game), game.sale
        what = f"{sale.valuations} values, {sale.num_bidders} bidders, {sale.num_items} items"
        if found is None:
            raise UnsolvedError(
                f"the optimum of {game.name!r} with {what} is not known; for unit demand and for one item it is"
            )
        return Solved.of(f"{game.name}, {what}", found)


FAMILY = SaleFamily()
