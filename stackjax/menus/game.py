"""A seller who offers a menu to one buyer with a private type.

The buyer of type x takes the option (a, p) with the largest ``a · x - p``, or one of the options that are free. The seller
keeps ``p - cost · a``. Menus of goods, data markets and market makers differ in what may be offered, in what is free and in
what it costs, and in nothing else.
"""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy

from stackjax.errors import InputError, require
from stackjax.menus.allocations import AllocationSet
from stackjax.menus.cells import Cells, cells_of
from stackjax.menus.laws import TypeLaw
from stackjax.problem import Optimum

__all__ = ["Menu", "MenuGame", "Profit"]

NUM_SCRAMBLES, LOG_POINTS = 8, 13


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
      known: the optimum, if it is known.

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
    known: Optimum | None = None

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

    @property
    def scale(self) -> float:
        """The spread of values: how much more an allocation can be worth to one type than to another, game units."""
        width = self.law.high - self.law.low
        return max(self.allocations.most(width), self.allocations.most(-width))

    @property
    def price_range(self) -> tuple[float, float]:
        """Prices that make sense: down to what the cheapest allocation is worth to nobody, up to what any type would pay."""
        highest = max(self.allocations.most(self.law.high), self.allocations.most(self.law.low))
        least = -self.allocations.most(-self.cost) if self.belief is None else -self.allocations.most(-self.belief)
        return min(least, 0.0), highest

    def feasible(self, menu: Menu) -> Menu:
        """The nearest menu that may be offered."""
        allocations = np.asarray(self.allocations.project(menu.allocations), np.float64)
        prices = menu.prices if self.belief is None else np.maximum(menu.prices, allocations @ self.belief)
        return Menu(allocations, prices)

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

    def profit(self, menu: Menu) -> Profit:
        """Exact for finitely many types, on a line and on polygons; else by scrambled Sobol points, with an interval.

        Ties are broken for the seller.
        """
        margins, found = self.margins(menu), self.cells(menu)
        if found is not None:
            return Profit(float(found.shares @ margins), 0.0, found.shares)
        if self.law.atoms is not None and self.law.weights is not None:
            return self._sampled(menu, self.law.atoms, self.law.weights, margins)
        parts = [self._sampled(menu, points, np.full(len(points), 1 / len(points)), margins) for points in self.samples()]
        values = np.array([part.value for part in parts])
        spread = scipy.stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
        return Profit(float(values.mean()), float(spread), np.mean([part.shares for part in parts], axis=0))

    def _sampled(self, menu: Menu, types: np.ndarray, weights: np.ndarray, margins: np.ndarray) -> Profit:
        whole = self.with_free(menu)
        gains = types @ whole.allocations.T - whole.prices
        tied = gains >= gains.max(axis=1, keepdims=True) - 1e-9 * max(self.scale, 1e-9)
        taken = np.where(tied, margins, -np.inf).argmax(axis=1)
        shares = np.bincount(taken, weights, minlength=len(margins))
        return Profit(float(weights @ margins[taken]), 0.0, shares)

    def samples(self) -> list[np.ndarray]:
        """Scrambled Sobol types, float64: `NUM_SCRAMBLES` arrays ``[2**LOG_POINTS, d]``, always the same."""
        if "_points" not in self.__dict__:
            draws = [scipy.stats.qmc.Sobol(self.law.num_uniforms, seed=seed) for seed in range(NUM_SCRAMBLES)]
            with jax.ensure_compile_time_eval():
                uniforms = [jnp.asarray(one.random_base2(LOG_POINTS), jnp.float32) for one in draws]
                points = [np.asarray(self.law.types(drawn), np.float64) for drawn in uniforms]
            object.__setattr__(self, "_points", points)
        return self.__dict__["_points"]

    def regions(self, menu: Menu) -> list[dict[str, object]]:
        """The types by what they take, in two dimensions: polygons with labels, for a picture; else none."""
        found = self.cells(menu)
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
