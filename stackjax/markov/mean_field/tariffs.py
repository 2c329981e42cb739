"""A regulator sets tariffs for households with and without a battery: a market of four periods.

The charge that collects the rest of the grid's fixed cost is equal for all, so that a tariff shifts what rich and poor pay. It
is a small market after the setting of Stackelberg mean-field games for prosumers; the numbers are this library's own.
"""

import copy
from typing import Any

import jax.numpy as jnp
import numpy as np

from stackjax.errors import require_count, require_number
from stackjax.markov.mean_field.game import MeanFieldGame, Outcome
from stackjax.spaces import Box, Discrete
from stackjax.types import Array

__all__ = ["TariffGame", "tariffs"]

PERIODS = ("noon", "evening", "late", "night")
DEMAND = np.array([[0.6, 1.2, 0.8, 0.5], [0.7, 1.8, 1.0, 0.6]])  # [K, T] without and with equipment
SOLAR = np.array([[0.0, 0.0, 0.0, 0.0], [2.0, 0.3, 0.0, 0.0]])
INCOME = (1.0, 3.0)
BATTERY = 2  # units
LOSS = 0.1  # of a unit that is charged
WEAR = 0.02  # of a unit that is charged or discharged
BASE, SLOPE = 0.2, 1.0  # of the wholesale price
FIXED_COST = 0.6
MOVES = np.array([-1, 0, 1])  # discharge, rest, charge
MOST = 1.0  # the highest tariff
MOST_LEVELS = 10_000  # of tariffs to choose from


class TariffGame(MeanFieldGame):
    """The market. A household that buys n in a period pays the wholesale price of n, the tariff of max(n, 0), and wear.

    Args:
      equity: χ, what the leader gives for a smaller difference between the shares of income that the two types pay.
      levels: how many tariffs from 0 to 1 there are to choose from in each period, or None for all of them.
    """

    slope = SLOPE

    def __init__(self, equity: float | Array = 1.0, levels: int | None = 5) -> None:
        require_number("equity", equity, lambda value: value >= 0, "at least 0")
        if levels is not None:
            require_count("levels", levels, least=2, most=MOST_LEVELS)
        self.name, self.levels, self.equity = "tariffs", levels, equity
        labels = tuple(f"tariff {step:.4g}" for step in np.linspace(0.0, MOST, levels or 0))
        self.leader_actions = Box((0.0,), (MOST,)) if levels is None else Discrete(levels, labels)
        self.shares, self.initial = np.array([0.5, 0.5]), np.array([0, 0])
        after = np.arange(BATTERY + 1)[:, None] + MOVES
        fits = (after >= 0) & (after <= BATTERY)
        self.transition = np.eye(BATTERY + 1)[np.clip(after, 0, BATTERY)]
        idle = np.broadcast_to(MOVES == 0, fits.shape)
        self.allowed = np.broadcast_to(np.stack([idle, fits])[:, None], (2, len(PERIODS), *fits.shape))
        net = (DEMAND - SOLAR)[:, :, None, None] + MOVES + LOSS * (MOVES == 1)
        self.quantity = np.broadcast_to(net, self.allowed.shape)
        self.wear = np.broadcast_to(WEAR * np.abs(MOVES), self.allowed.shape)
        self.payoff_bounds = _bounds(self.quantity, self.allowed, self.shares, equity)
        self.check()

    def with_equity(self, equity: float | Array) -> "TariffGame":
        """The same market under another χ, which may be a tracer."""
        other = copy.copy(self)
        other.equity, other.payoff_bounds = equity, _bounds(self.quantity, self.allowed, self.shares, equity)
        return other

    def prices(self, field: Array) -> Array:
        return BASE + SLOPE * field

    def tariff(self, leader_actions: Array) -> Array:
        """``[T]`` game units a unit bought."""
        if self.levels is None:
            return leader_actions[:, 0]
        return leader_actions.astype(jnp.result_type(float)) * (MOST / (self.levels - 1))

    def own_costs(self, leader_actions: Array) -> Array:
        tariff = self.tariff(leader_actions)
        bought = jnp.asarray(np.maximum(self.quantity, 0.0), tariff.dtype)
        return tariff[None, :, None, None] * bought + jnp.asarray(self.wear, tariff.dtype)

    def leader_payoff(self, leader_actions: Array, outcome: Outcome) -> Array:
        dtype = outcome.field.dtype
        collected = jnp.asarray(np.maximum(self.quantity, 0.0), dtype) * self.tariff(leader_actions)[None, :, None, None]
        per_type = lambda what: (outcome.flow * what).sum(axis=(1, 2, 3))
        average = lambda each: jnp.asarray(self.shares, dtype) @ each
        bills = outcome.costs + FIXED_COST - average(per_type(collected))
        wear = average(per_type(jnp.asarray(self.wear, dtype)))
        supply = (BASE * outcome.field + SLOPE * outcome.field**2 / 2.0).sum()
        return -(supply + wear) - self.equity * (bills[0] / INCOME[0] - bills[1] / INCOME[1])

    def describe_period(self, period: int) -> str:
        return PERIODS[period]

    def describe_leader_action(self, action: np.ndarray) -> str:
        return self.leader_actions.describe(action) if self.levels is not None else f"tariff {float(action[0]):.4g}"

    def describe_type(self, kind: int) -> str:
        return ("households without equipment", "households with solar and battery")[kind]


def _bounds(quantity: np.ndarray, allowed: np.ndarray, shares: np.ndarray, equity: Any) -> Any:
    """Bounds of the leader's payoff, which weighs ``equity``, and of a household's."""
    low = np.where(allowed, quantity, np.inf).min(axis=(2, 3))
    high = np.where(allowed, quantity, -np.inf).max(axis=(2, 3))
    field = np.stack([shares @ low, shares @ high])
    supply, wear = BASE * field + SLOPE * field**2 / 2.0, len(PERIODS) * WEAR
    cheapest = np.where((field[0] < -BASE / SLOPE) & (field[1] > -BASE / SLOPE), -(BASE**2) / (2 * SLOPE), supply.min(axis=0))
    price = np.abs(BASE + SLOPE * field).max(axis=0) + MOST
    most = float((price * np.abs(np.stack([low, high])).max(axis=0)).sum(axis=1).max() + wear)
    unequal = equity * ((most + FIXED_COST + MOST * high.clip(0).sum()) * sum(1.0 / income for income in INCOME))
    lowest, highest = float(-supply.max(axis=0).sum() - wear), float(-cheapest.sum())
    return (lowest - unequal, highest + unequal), (-most, most)


def tariffs(equity: float = 1.0, levels: int | None = 5) -> TariffGame:
    """The market of `TariffGame`."""
    return TariffGame(equity, levels)
