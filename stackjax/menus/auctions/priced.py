"""The menus of two bidders, whose prices are continuous functions of the other's values, linear on each simplex of a mesh.

All values and prices are whole multiples of a unit, so that sums of them are compared exactly.
"""

import dataclasses
import itertools
import math
from fractions import Fraction
from functools import cached_property

import numpy as np

from stackjax.errors import InputError
from stackjax.menus.auctions.mesh import Mesh

__all__ = ["WHOLE", "Menus", "Tables"]

WHOLE = 12  # of which weights are whole parts
PARTS = (3, 4, 6, 8, 9)  # of a function of bidder 1 in a sum with one of bidder 2
MOST_UNITS = 2**21  # of a value: a few times as much is a price that float32 holds to less than half a unit

Tables = tuple[np.ndarray, np.ndarray]  # prices [V2, 1 + K] of bidder 1 and [V1, 1 + K] of bidder 2


@dataclasses.dataclass(frozen=True, eq=False)
class Menus:
    """The menus of two bidders: the same options, whose prices are functions of the other's values.

    Attributes:
      shares: int ``[1 + K, m]`` how many ``levels``-th parts of each item an option has; nothing first.
      levels: 1 without lotteries.
      cells: of both meshes.
      ends: the least and the largest value of each bidder.
      symmetric: whether prices are the same for bidders who are alike and for items, however they are renamed.

    Raises:
      InputError: the ends have too many digits for values and prices to be whole units.
    """

    shares: np.ndarray
    levels: int
    cells: int
    ends: tuple[tuple[float, float], tuple[float, float]]
    symmetric: bool = True

    @cached_property
    def unit(self) -> Fraction:
        """Of values and prices, game units: of all vertices whole multiples, so that sums are compared in whole numbers."""
        exact = [(Fraction(str(low)), Fraction(str(high))) for low, high in self.ends]
        steps = [part for low, high in exact for part in (low, (high - low) / (2 * self.cells))]
        whole = math.lcm(*(step.denominator for step in steps))
        most = MOST_UNITS / (max(high for _, high in exact) * whole)
        if most < 1:
            raise InputError(
                f"low and high {list(map(list, self.ends))} have too many digits for {self.cells} cells: values are compared "
                f"in whole units, of which a value has {MOST_UNITS:,} at most; round them, or choose other units"
            )
        return Fraction(1, whole * 2 ** int(math.log2(most)))

    @cached_property
    def meshes(self) -> tuple[Mesh, Mesh]:
        """Of each bidder's own values."""
        first, second = (Mesh(self.shares.shape[1], self.cells, low, high) for low, high in self.ends)
        return first, second

    @cached_property
    def vertices(self) -> Tables:
        """int ``[V, m]`` of each bidder's mesh, in units."""
        found = []
        for mesh, ends in zip(self.meshes, self.ends, strict=True):
            low, high = (Fraction(str(end)) / self.unit for end in ends)
            found.append(int(low) + int((high - low) / (2 * self.cells)) * mesh.lattice)
        return found[0], found[1]

    @cached_property
    def alike(self) -> bool:
        """Whether both bidders have the same prices."""
        return self.symmetric and self.ends[0] == self.ends[1]

    @cached_property
    def apart(self) -> "Menus":
        """The same, with prices that may differ however bidders and items are renamed."""
        return dataclasses.replace(self, symmetric=False)

    @property
    def scale(self) -> float:
        """The largest value, game units."""
        return max(high for _, high in self.ends)

    @cached_property
    def allocations(self) -> np.ndarray:
        """``[1 + K, m]``."""
        return self.shares / self.levels

    def in_units(self, prices: np.ndarray) -> np.ndarray:
        """int64: the nearest whole units."""
        return np.round(np.asarray(prices, np.float64) / float(self.unit)).astype(np.int64)

    def in_game_units(self, prices: np.ndarray) -> np.ndarray:
        """float64, of whole units."""
        return prices * float(self.unit)

    @cached_property
    def conflicts(self) -> list[tuple[int, int]]:
        """Options of bidder 1 and 2 that take more of an item than there is."""
        count = range(1, len(self.shares))
        return [(k, q) for k in count for q in count if (self.shares[k] + self.shares[q]).max() > self.levels]

    @cached_property
    def item_swaps(self) -> list[tuple[np.ndarray, ...]]:
        """Renamings of items, as ``(options, vertices 1, vertices 2, simplices 1, simplices 2)``: what each becomes."""
        found = []
        orders = itertools.permutations(range(self.shares.shape[1]))
        for order in orders if self.symmetric else itertools.islice(orders, 1):  # the first leaves all as it is
            options = [int(np.flatnonzero((self.shares == row).all(axis=1))[0]) for row in self.shares[:, list(order)]]
            vertices = [mesh.numbers[tuple(mesh.lattice[:, list(order)].T)] for mesh in self.meshes]
            found.append((np.array(options), *vertices, *map(_renamed_simplices, self.meshes, vertices)))
        return found

    @cached_property
    def wanted(self) -> dict[tuple[int, int], np.ndarray]:
        """By conflict, int ``[M, 2]`` pairs of simplices: one of all that are the same by symmetry."""
        shape, found = tuple(len(of) for of in self.simplices), {}
        codes = np.arange(shape[0] * shape[1]).reshape(shape)
        for k, q in self.conflicts:
            keep = np.ones(shape, bool)
            for (options, _, _, first, second), swapped in itertools.product(self.item_swaps, (False, *([True] * self.alike))):
                image = (options[q], options[k]) if swapped else (options[k], options[q])
                there = codes[second[None], first[:, None]] if swapped else codes[first[:, None], second[None]]
                keep &= image >= (k, q) if image != (k, q) else there >= codes
            if keep.any():
                found[k, q] = np.argwhere(keep)
        return found

    @cached_property
    def simplices(self) -> tuple[np.ndarray, np.ndarray]:
        """int ``[T, m + 1]`` of each bidder's mesh."""
        first, second = (mesh.simplices for mesh in self.meshes)
        return first, second

    @cached_property
    def counts(self) -> tuple[np.ndarray, np.ndarray]:
        """int ``[T]`` of each bidder's mesh: how many simplices, which are the same but for names of items, each stands for."""
        first, second = (np.min([swap[3 + i] for swap in self.item_swaps], axis=0) for i in range(2))
        return np.bincount(first, minlength=len(first)), np.bincount(second, minlength=len(second))

    def largest(self, parts: Tables, weights: np.ndarray) -> Tables:
        """``[T1, C]`` and ``[T2, C]``: the most that weighted ``parts`` (see `preferences`) come to on each simplex.

        ``weights`` are ``[C, 2K]``.
        """
        first, second = ((part @ weights.T)[of].max(axis=1) for part, of in zip(parts, self.simplices, strict=True))
        return first, second

    def preferences(self, k: int, q: int, prices: Tables) -> Tables:
        """``[V1, 2K]`` and ``[V2, 2K]``: the parts of all f, then all g, that are functions of x and of t.

        Times `levels`: in units, and exact, where prices are whole units, else in game units.
        """
        a, own, (first, second) = self.shares, self.others, self.vertices
        if not np.issubdtype(prices[0].dtype, np.integer):
            first, second = self.in_game_units(first), self.in_game_units(second)
        asked = tuple(self.levels * table for table in prices)
        by_x = [first @ (a[k] - a[own[k]]).T, asked[1][:, own[q]] - asked[1][:, q, None]]
        by_t = [asked[0][:, own[k]] - asked[0][:, k, None], second @ (a[q] - a[own[q]]).T]
        return np.concatenate(by_x, axis=1), np.concatenate(by_t, axis=1)

    @cached_property
    def others(self) -> list[list[int]]:
        """The options beside each."""
        return [[o for o in range(len(self.shares)) if o != k] for k in range(len(self.shares))]

    @cached_property
    def candidates(self) -> np.ndarray:
        """int ``[C, 2K]`` weights that are tried, in `WHOLE` parts: each function by itself, then one of each bidder's."""
        count = len(self.shares) - 1
        single = np.eye(2 * count, dtype=np.int64)
        pairs = itertools.product(range(count), range(count), PARTS)
        mixed = [part * single[o] + (WHOLE - part) * single[count + q] for o, q, part in pairs]
        return np.concatenate([WHOLE * single, mixed])


def _renamed_simplices(mesh: Mesh, vertices: np.ndarray) -> np.ndarray:
    """int ``[T]``: which simplex each becomes, when vertex v becomes ``vertices[v]``."""
    key = lambda simplices: np.sort(simplices, axis=1)
    at = {tuple(row): t for t, row in enumerate(key(mesh.simplices).tolist())}
    return np.array([at[tuple(row)] for row in key(vertices[mesh.simplices]).tolist()])
