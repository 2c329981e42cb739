"""The rules of auctions for two bidders, each of whom is offered a menu: who they are and what is for sale."""

import dataclasses
import itertools
from functools import cached_property
from typing import ClassVar

import numpy as np

from stackjax.errors import InputError, require_count, require_is, require_number
from stackjax.menus.auctions.affine import item_wise_myerson
from stackjax.menus.auctions.flux_bound import flux_bound
from stackjax.menus.auctions.priced import Menus
from stackjax.menus.config import PriceConfig
from stackjax.problem import Optimum

__all__ = ["MenuAuction", "menus_of"]

MOST_ITEMS = 3
CELLS = {1: 8, 2: 6, 3: 2}  # by items, unless told otherwise
MOST_CELLS = {1: 128, 2: 24, 3: 4}
LATTICES = {1: (16, 4), 2: (6, 3), 3: (4, 2)}  # of the bound, by items
COARSER = {1: (16, 4), 2: (4, 1), 3: (2, 1)}  # under unit demand, where all items are matched at once


@dataclasses.dataclass(frozen=True)
class MenuAuction:
    """Two bidders whose values of items are independent and uniform.

    Args:
      items: m, at most 3.
      low, high: the least and the largest value, game units: one number, or one for each bidder.
      unit_demand: whether a bidder has use for one item at most; else values add up.

    Raises:
      InputError: an argument is not as above.
    """

    items: int = 2
    low: tuple[float, ...] = (0.0,)
    high: tuple[float, ...] = (1.0,)
    unit_demand: bool = False

    name: ClassVar[str] = "menu-auction"
    is_exact: ClassVar[bool] = False

    def __post_init__(self) -> None:
        require_count("items", self.items, most=MOST_ITEMS)
        for name in ("low", "high"):
            given = getattr(self, name)
            if not isinstance(given, (tuple, list)):  # one number
                given = (given,)
                object.__setattr__(self, name, given)
            if len(given) not in (1, 2):
                raise InputError(f"{name}={tuple(given)} must be one number, or one for each of 2 bidders")
            for end in given:
                require_number(name, end, lambda end: end >= 0, "at least 0")
        require_is("unit_demand", self.unit_demand, bool, "True or False")
        for low, high in self.ends:
            if not low < high:
                raise InputError(f"high={tuple(self.high)} must be above low={tuple(self.low)}, for each bidder")

    @property
    def ends(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """The least and the largest value of each bidder."""
        both = lambda given: (float(given[0]), float(given[-1]))
        (low, other_low), (high, other_high) = both(self.low), both(self.high)
        return (low, high), (other_low, other_high)

    @cached_property
    def optimum(self) -> Optimum:
        """Of strategy-proof auctions: an upper bound; Myerson's if there is one item and bidders are alike, from 0."""
        (low, high), other = self.ends
        if self.items == 1 and low == 0.0 and other == (low, high):
            return Optimum(high * item_wise_myerson(2, 1), "closed-form")
        lattice = (COARSER if self.unit_demand else LATTICES)[self.items]
        lows, highs = (np.repeat(np.array(ends)[:, None], self.items, axis=1) for ends in zip(*self.ends, strict=True))
        return flux_bound(lows, highs, *lattice, unit_demand=self.unit_demand)


def menus_of(game: MenuAuction, config: PriceConfig) -> Menus:
    """The options of ``game``, and where their prices are set; raises `InputError` for more cells than items allow."""
    cells, allowed = config.cells or CELLS[game.items], MOST_CELLS[game.items]
    if cells > allowed:
        raise InputError(f"cells={cells} must be at most {allowed} for {game.items} items")
    shares = list(itertools.product(range(config.levels + 1), repeat=game.items))
    if game.unit_demand:
        shares = [share for share in shares if sum(share) <= config.levels]
    shares.sort(key=lambda share: (sum(share), [-part for part in share]))
    return Menus(np.array(shares), config.levels, cells, game.ends)
