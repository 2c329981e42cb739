"""Affine maximisers as runs and the command line know them."""

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar

from stackjax.digits import as_known
from stackjax.errors import UnsolvedError
from stackjax.families import Family, Solved
from stackjax.menus.auctions.config import AffineConfig
from stackjax.registry import GameEntry

if TYPE_CHECKING:
    from stackjax.menus.auctions.problem import AffineAuction, AffineProblem

__all__ = ["FAMILY"]


@dataclasses.dataclass(frozen=True)
class AuctionOptions:
    """Options of auctions."""

    bidders: int = 2
    """Bidders, at most 8."""
    items: int = 2
    """Items for sale, at most 8."""


class AffineFamily(Family):
    """A seller commits to an auction for several bidders in which it is best to tell the truth."""

    name = "affine-auctions"
    sections: ClassVar = {"affine": AffineConfig}
    solver = "gradient"
    entries = (
        GameEntry(
            "affine-auction",
            "stackjax.menus.auctions.problem:AffineAuction",
            "auctions items to bidders whose values add up",
            "upper bound (2 items)",
            AuctionOptions,
        ),
    )

    def rules(self) -> type:
        from stackjax.menus.auctions.problem import AffineAuction

        return AffineAuction

    def build(self, game: "AffineAuction", settings: dict[str, Any]) -> "AffineProblem":
        from stackjax.menus.auctions.problem import AffineProblem

        return AffineProblem(game, settings["affine"])

    def resolved(self, problem: Any, settings: dict[str, Any]) -> dict[str, Any]:
        written = super().resolved(problem, settings)
        return {**written, "affine": {**written["affine"], "num_options": problem.num_options}}

    def solve(self, game: "AffineAuction") -> Solved:
        from stackjax.menus.auctions.affine import item_wise_myerson

        found, apart = game.optimum, item_wise_myerson(game.bidders, game.items)
        words = f"Myerson's auction of each item by itself earns {apart:.6g}"
        if found is None:
            raise UnsolvedError(f"the optimum of {game.name!r} is not known, and the bound is for two items; {words}")
        line = f"{game.name}, {game.bidders} bidders, {game.items} items: {as_known(found.value)} ({found.method})"
        content = {"value": found.value, "method": found.method, "item_wise_myerson": apart}
        return Solved(found.value, found.method, content, [line, words])


FAMILY = AffineFamily()
