"""Affine maximisers as runs and the command line know them."""

import dataclasses
from typing import Any, ClassVar

from stackjax.errors import UnsolvedError
from stackjax.families import Family, GameEntry, Solved
from stackjax.menus.auctions.config import AffineConfig

__all__ = ["FAMILY"]

HOME = "stackjax.menus.auctions.problem:"


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
    rules_at, problem_at = f"{HOME}AffineAuction", f"{HOME}AffineProblem"
    sections: ClassVar = {"affine": AffineConfig}
    solver = "gradient"
    entries = (
        GameEntry(
            "affine-auction",
            f"{HOME}AffineAuction",
            "auctions items to bidders whose values add up",
            "upper bound (2 items)",
            AuctionOptions,
        ),
    )

    def chosen(self, problem: Any) -> dict[str, dict[str, Any]]:
        return {"affine": {"num_options": problem.num_options}}

    def solve(self, game: Any) -> Solved:
        from stackjax.menus.auctions.affine import item_wise_myerson

        found, apart = self.claimed(game), item_wise_myerson(game.bidders, game.items)
        words = f"Myerson's auction of each item by itself earns {apart:.6g}"
        if found is None:
            raise UnsolvedError(f"the optimum of {game.name!r} is not known, and the bound is for two items; {words}")
        content = {"value": found.value, "method": found.method, "item_wise_myerson": apart}
        return Solved.of(f"{game.name}, {game.bidders} bidders, {game.items} items", found, content, [words])


FAMILY = AffineFamily()
