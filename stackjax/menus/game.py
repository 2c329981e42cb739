"""A seller who offers a menu to one buyer with a private type.

The buyer of type x takes the option (a, p) with the largest ``a · x - p``, or one of the options that are free. The seller
keeps ``p - cost · a``. Menus of goods, data markets and market makers differ in what may be offered, in what is free and in
what it costs, and in nothing else.
"""

import dataclasses
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.errors import InputError, require
from stackjax.menus.allocations import AllocationSet
from stackjax.menus.cells import Cells, cells_of, polygons_of
from stackjax.menus.draws import NUM_REPEATS, in_numpy, interval, sobol_repeats
from stackjax.menus.laws import TypeLaw, rectangle
from stackjax.problem import Optimum
from stackjax.types import Array, PRNGKey

__all__ = ["Menu", "MenuGame", "Profit"]

LOG_POINTS = 13
ROOM = 1e-5  # of the spread of values


class Menu(NamedTuple):
    """Options: ``allocations [K, d]`` and ``prices [K]``, float64."""

    allocations: np.ndarray
    prices: np.ndarray


class Profit(NamedTuple):
    """What a menu earns, game units.

    ``half_width`` is that of a 95 % interval, 0 where the profit is exact; ``shares [K]`` are the chances that each option is
    taken, those that are free at the end.
    """

    value: float
    half_width: float
    shares: np.ndarray

    @staticmethod
    def over(repeats: Sequence["Profit"]) -> "Profit":
        """The mean over independent ``repeats``, with its interval."""
        value, half_width = interval(np.array([one.value for one in repeats]))
        return Profit(float(value), float(half_width), np.mean([one.shares for one in repeats], axis=0))


@dataclasses.dataclass(frozen=True, eq=False)
class MenuGame:
    """What may be offered, to whom.

    Args:
      name: for people.
      law: of the buyer's type, in R^d.
      allocations: what may be offered.
      free: ``[F, d]`` what the buyer has for nothing.
      cost: ``[d]`` what an allocation costs the seller.
      belief: ``[d]`` a type that no option may attract, so that ``p >= a · belief``; None for no such type.
      items: what the entries of an allocation are called; "item 1", "item 2", ... by default.
      known: the optimum, if it is known, and a menu that earns it.

    Raises:
      InputError: shapes do not fit each other.
    """

    name: str
    law: TypeLaw
    allocations: AllocationSet
    free: np.ndarray
    cost: np.ndarray
    belief: np.ndarray | None = None
    items: tuple[str, ...] = ()
    known: tuple[Optimum, Menu] | None = None

    def __post_init__(self) -> None:
        d = self.law.dimension
        for name in ("free", "cost", "belief"):
            given = getattr(self, name)
            if given is not None:
                object.__setattr__(self, name, np.asarray(given, np.float64))
        if not self.items:
            object.__setattr__(self, "items", tuple(f"item {i + 1}" for i in range(d)))
        require("items", self.items, len(self.items) == d, f"{d} names, one for each entry of an allocation")
        require("allocations", len(self.allocations.low), len(self.allocations.low) == d, f"of {d} dimensions, as types are")
        if self.free.ndim != 2 or self.free.shape[1] != d or not len(self.free) or self.cost.shape != (d,):
            raise InputError(f"free has shape {self.free.shape} and cost {self.cost.shape}, but must be [F, {d}] and [{d}]")
        if self.belief is not None and self.belief.shape != (d,):
            raise InputError(f"belief={self.belief} must have {d} numbers")

    @cached_property
    def scale(self) -> float:
        """How much more an allocation, or what is free, can be worth to one type than to another, game units.

        For one type, how much it can be worth at all.
        """
        width, ends = self.law.high - self.law.low, np.abs([self.allocations.low, self.allocations.high])
        spread = max(self.support(width), self.support(-width))
        reach = np.concatenate([ends, np.abs(self.free)]).max(axis=0)
        size = float((reach * np.maximum(np.abs(self.law.low), np.abs(self.law.high))).sum())
        return spread if spread > 1e-9 * size else size or 1.0

    def support(self, direction: np.ndarray) -> float:
        """The most that ``direction · a`` can be, of allocations and of what is free."""
        return max(self.allocations.support(direction), float((self.free @ direction).max()))

    @cached_property
    def price_range(self) -> tuple[float, float]:
        """Some best menu has its prices in here.

        Nobody pays more than an option is worth beyond what is free. An option that leaves the seller less than any that is
        free can be dropped: who took it leaves no less then, and nobody else moves.
        """
        corners = self.allocations.corners()
        if self.law.atoms is None:
            worth = np.maximum(corners * self.law.low, corners * self.law.high).sum(axis=1).max()
            highest = worth - np.minimum(self.free * self.law.low, self.free * self.law.high).sum(axis=1).max()
        else:
            room = ROOM * self.scale  # for the little by which a type must prefer its option
            highest = room + ((self.law.atoms @ corners.T).max(axis=1) - (self.law.atoms @ self.free.T).max(axis=1)).max()
        least = -self.allocations.support(-self.cost) - float((self.free @ self.cost).max())
        if self.belief is not None:
            least = max(least, -self.allocations.support(-self.belief))
        least = min(least, 0.0) - (0.0 if self.law.atoms is None else room)
        return least, max(float(highest), least + 1e-3 * self.scale)

    @property
    def payoff_range(self) -> tuple[float, float]:
        """Bounds of what a sale, or none, leaves the seller, game units."""
        (low, high), free = self.price_range, -self.free @ self.cost
        least = min(low - self.allocations.support(self.cost), float(free.min()), 0.0)
        return least, max(high + self.allocations.support(-self.cost), float(free.max()), 0.0)

    @property
    def is_exact(self) -> bool:
        """Whether a menu's profit is exact; else it is an average over points."""
        return any(known is not None for known in (self.law.polygon, self.law.segment, self.law.atoms))

    def feasible(self, menu: Menu) -> Menu:
        """The nearest menu that may be offered."""
        allocations = np.asarray(self.allocations.project(menu.allocations), np.float64)
        prices = menu.prices if self.belief is None else np.maximum(menu.prices, allocations @ self.belief)
        return Menu(allocations, prices)

    def in_float32(self, menu: Menu) -> Menu:
        """``menu`` in numbers that a commitment can hold. A price at the least that the belief allows is rounded down.

        `feasible` then makes it exact again: a type that is the belief itself pays all that its option is worth.
        """
        allocations, prices = (part.astype(np.float32) for part in menu)
        if self.belief is not None:
            least = allocations.astype(np.float64) @ self.belief
            is_least = prices <= least + 1e-6 * (np.abs(allocations) @ np.abs(self.belief))
            prices = np.where(is_least, np.nextafter(least.astype(np.float32), np.float32(-np.inf)), prices)
        return Menu(allocations.astype(np.float64), prices.astype(np.float64))

    def with_free(self, menu: Menu) -> Menu:
        """The menu and, after it, what is free."""
        zeros = np.zeros(len(self.free))
        return Menu(np.concatenate([menu.allocations, self.free]), np.concatenate([menu.prices, zeros]))

    def cells(self, menu: Menu) -> Cells | None:
        """The cells of the menu and what is free, if they can be had exactly."""
        return cells_of(self.law, *self.with_free(menu))

    def margins(self, menu: Menu) -> np.ndarray:
        """What the seller keeps of each option, those that are free at the end."""
        whole = self.with_free(menu)
        return whole.prices - whole.allocations @ self.cost

    def profit(self, menu: Menu, seed: int = 0) -> Profit:
        """Exact for finitely many types, on a line and on polygons; else by points drawn by ``seed``, with an interval.

        Ties are broken for the seller.
        """
        return self.profit_on(menu, [] if self.is_exact else self.samples(seed))

    def profit_on(self, menu: Menu, samples: Sequence[np.ndarray]) -> Profit:
        """See `profit`; where it is not exact, by several independent ``samples [n, d]`` of types. NumPy alone."""
        margins, found = self.margins(menu), self.cells(menu)
        if found is not None:
            return Profit(float(found.shares @ margins), 0.0, found.shares)
        if self.law.atoms is not None and self.law.weights is not None:
            return self._taken(menu, self.law.atoms, self.law.weights, margins)
        parts = [self._taken(menu, types, np.full(len(types), 1 / len(types)), margins) for types in samples]
        return Profit.over(parts)

    def worst_profit(self, menu: Menu) -> float | None:
        """With ties against the seller, of finitely many types; None for other laws, which have none worth speaking of."""
        if self.law.atoms is None or self.law.weights is None:
            return None
        return self._taken(menu, self.law.atoms, self.law.weights, self.margins(menu), against=True).value

    def choices(self, menu: Menu, types: np.ndarray, *, against: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """int ``[n]`` the options that ``types [n, d]`` take, those free ones last, and ``[n]`` what these leave them.

        Ties are broken for the seller, or ``against`` it.
        """
        whole, margins = self.with_free(menu), self.margins(menu)
        gains = types @ whole.allocations.T - whole.prices
        tied = gains >= gains.max(axis=1, keepdims=True) - 1e-9 * self.scale
        taken = (np.where(tied, margins, np.inf).argmin if against else np.where(tied, margins, -np.inf).argmax)(axis=1)
        return taken, np.take_along_axis(gains, taken[:, None], axis=1)[:, 0]

    def _taken(self, menu: Menu, types: np.ndarray, weights: np.ndarray, margins: np.ndarray, against: bool = False) -> Profit:
        taken, _ = self.choices(menu, types, against=against)
        shares = np.bincount(taken, weights, len(margins))
        return Profit(float(shares @ margins), 0.0, shares)

    def samples(self, seed: int = 0) -> list[np.ndarray]:
        """Sets of types ``[8192, d]``, drawn by `draw_types` with this seed."""
        drawn = self.draw_types(jax.random.key(seed))
        return list(np.asarray(drawn, np.float64))

    @cached_property
    def first_sample(self) -> np.ndarray:
        """``[8192, d]`` types, always the same: to look where an option may pay, never to say what a menu earns."""
        with jax.ensure_compile_time_eval():
            return self.samples()[0]

    def draw_types(self, key: PRNGKey) -> Array:
        """``[16, 8192, d]`` types by 16 Sobol sequences, each scrambled by itself. For tracers too."""
        width = self.law.num_uniforms

        def drawn(seeds: np.ndarray) -> np.ndarray:
            points = np.stack(list(sobol_repeats(width, LOG_POINTS, seeds)))
            return np.floor(points * 2.0**23) * 2.0**-23 + 2.0**-24  # never 0 nor 1

        seeds = jax.random.bits(key, (NUM_REPEATS,), jnp.uint32)
        return self.law.types(in_numpy(drawn, (NUM_REPEATS, 2**LOG_POINTS, width), seeds))

    def regions(self, menu: Menu) -> list[dict[str, object]]:
        """The types by what they take, in two dimensions: polygons with labels, for a picture; else none.

        Of types that are not uniform on a polygon, the whole box that holds them is shown.
        """
        found = self.cells(menu)
        if found is None and self.law.dimension == 2 and self.law.atoms is None:
            found = polygons_of(rectangle(self.law.low, self.law.high), *self.with_free(menu))
        if found is None or not found.regions:
            return []
        numbers = lambda a: ", ".join(f"{x:.3g}" for x in (round(y, 4) + 0.0 for y in a.tolist()))  # no -0
        label = lambda a, price: f"({numbers(a)})\n{price:.4g}" if price or a.any() else "nothing"
        each = zip(found.regions, found.shares, *self.with_free(menu), strict=True)
        return [{"corners": region.tolist(), "label": label(a, price)} for region, share, a, price in each if share > 5e-4]

    def describe(self, menu: Menu, shares: np.ndarray) -> list[str]:
        """The options that somebody takes, in words, dearest last."""
        order = [k for k in np.argsort(menu.prices) if shares[k] > 5e-4]
        named = lambda a: ", ".join(
            f"{value:.3g} {item}" for value, item in zip(a, self.items, strict=True) if abs(value) > 5e-4
        )
        lines = [f"{named(menu.allocations[k]) or 'nothing'}: {menu.prices[k]:.5g} ({shares[k]:.1%} of buyers)" for k in order]
        free = shares[len(menu.prices) :].sum()
        return [*lines, f"nothing bought: {free:.1%} of buyers"]
