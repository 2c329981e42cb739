"""One type of attacker under prices on coverage: what the defender gets where each target is the one attacked, all at once.

Where target a is attacked at level v (the attacker's payoff), every target b needs the coverage (A0_b - v) / (A0_b - A1_b), a
itself has just that, and what is left of the guards goes where it pays best: a knapsack in fractions. With a price r on
guards its value is at most the sum of each target's own, so that a level and a price give an upper bound for *all* levels near
by: a tangent. Two tangents, from the left and from the right, meet above the optimum, and on it within finitely many steps.
"""

from typing import NamedTuple

import numpy as np

from stackjax.bayesian.linear.game import ROUNDING, LinearGame

__all__ = ["CoverageTables", "best_coverages", "coverage_tables", "lowest_level", "needed"]

MOST_STEPS = 100
SLACK = 10 * ROUNDING  # of a type's payoffs: levels that count as reached


class CoverageTables(NamedTuple):
    """Arrays ``[K, n]`` of a security game: payoffs uncovered, and what a guard takes from the attacker, gives the defender."""

    defender: np.ndarray
    defender_gain: np.ndarray
    attacker: np.ndarray
    attacker_loss: np.ndarray


def coverage_tables(game: LinearGame) -> CoverageTables | None:
    """The tables if ``game`` is a security game without schedules: answer a depends on ``x[a]`` alone, and falls; else None."""
    n = game.num_variables
    if game.total is None or game.leader.shape[1] != n:
        return None
    here = np.eye(n, dtype=bool)
    gain, change = (np.diagonal(slopes, axis1=1, axis2=2) for slopes in (game.leader, game.follower))
    if game.leader[:, ~here].any() or game.follower[:, ~here].any() or (change > 0).any():
        return None
    size = np.maximum(np.abs(game.follower_constant), np.abs(change)).max(axis=1, keepdims=True)
    loss = np.where(-change > ROUNDING * size, -change, 0.0)  # less changes no answer
    return CoverageTables(game.leader_constant, gain, game.follower_constant, loss)


def needed(free: np.ndarray, loss: np.ndarray, level: np.ndarray | float) -> np.ndarray:
    """``[..., n]`` the coverage that keeps an attacker at each target at ``level`` or below, at most 1; broadcasts.

    ``free`` and ``loss [..., n]`` are its payoff uncovered, and what a guard takes.
    """
    above = np.maximum(free - level, 0.0)
    return np.where(above > 0, np.minimum(above / np.where(loss > 0, loss, 1e-300), 1.0), 0.0)


def lowest_level(free: np.ndarray, loss: np.ndarray, guards: float) -> float:
    """The least payoff to which ``guards`` can keep an attacker; ``free`` and ``loss [n]`` as in `needed`."""
    floor = float((free - loss).max())
    if needed(free, loss, floor).sum() <= guards:
        return floor
    order = np.argsort(-free)
    order = order[(free[order] > floor) & (loss[order] > 0)]
    starts, rates = free[order], 1.0 / loss[order]
    used = np.cumsum(starts * rates) - np.append(starts[1:], floor) * np.cumsum(rates)  # once the level is at the next start
    m = min(int((used <= guards).sum()), len(order) - 1)  # the last that is needed
    level = starts[0] + (((starts[: m + 1] - starts[0]) * rates[: m + 1]).sum() - guards) / rates[: m + 1].sum()
    step = np.spacing(max(abs(level), float(np.abs(free).max())))
    while needed(free, loss, level).sum() > guards:  # what rounding left
        level, step = level + step, 2.0 * step
    return float(level)


def best_coverages(
    tables: CoverageTables, prior: np.ndarray, guards: float, prices: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """For each type by itself the most of ``prior[k] * defender's payoff + prices[k] @ x``, by the target that is attacked.

    Args:
      tables: of K types and n targets.
      prior: ``[K]`` weights of the defender's payoffs.
      guards: how many there are.
      prices: ``[K, n]`` on coverage, of any sign.

    Returns:
      ``[K, n]`` upper bounds, tight up to rounding, -inf where the target is never attacked; ``[K, n]`` a coverage for the best
      target of each type, that reaches the bound.
    """
    free, loss = tables.attacker, tables.attacker_loss
    sizes = (np.abs(free) + loss).max(axis=1, keepdims=True)
    floors = np.array([[lowest_level(*pair, guards)] for pair in zip(free, loss, strict=True)])
    search = _Search(tables, prior, guards, prices)
    possible = free >= floors - SLACK * sizes
    high = np.maximum(free, floors)  # levels between which each target can be attacked
    low = np.where(loss > 0, floors, high)
    (low_value, low_slope), (high_value, high_slope) = search.tangent(low), search.tangent(high)
    bound, at = np.where(low_slope <= 0, low_value, high_value), np.where(low_slope <= 0, low, high)
    is_open = (low_slope > 0) & (high_slope < 0) & (high > low)
    for step in range(MOST_STEPS):
        gap = np.where(is_open, low_slope - high_slope, 1.0)
        meet = low + np.where(is_open, high_value - low_value - high_slope * (high - low), 0.0) / gap
        top = np.where(is_open, low_value + low_slope * (meet - low), bound)
        trial = meet if step % 3 else np.where(is_open, (low + high) / 2, meet)
        trial = np.clip(trial, low, high)
        value, slope = search.tangent(trial)
        bound, at = np.where(is_open, top, bound), np.where(is_open, trial, at)
        reached = top - value <= 1e-13 * (np.abs(top) + np.abs(value)) + 1e-300
        is_open &= ~reached & (trial > low) & (trial < high)
        if not is_open.any():
            break
        rises = is_open & (slope > 0)
        falls = is_open & ~rises
        low, low_value, low_slope = (
            np.where(rises, new, old) for new, old in ((trial, low), (value, low_value), (slope, low_slope))
        )
        high, high_value, high_slope = (
            np.where(falls, new, old) for new, old in ((trial, high), (value, high_value), (slope, high_slope))
        )
    bound = np.where(possible, bound, -np.inf)
    best = bound.argmax(axis=1)
    return bound, search.coverage(best, np.take_along_axis(at, best[:, None], axis=1)[:, 0])


class _Search(NamedTuple):
    """Values, tangents and points by the level of attack, for each type and attacked target."""

    tables: CoverageTables
    prior: np.ndarray
    guards: float
    prices: np.ndarray

    def tangent(self, level: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """``[K, n]`` the best value with each target attacked at ``level [K, n]``, and a slope that bounds it elsewhere."""
        tables, own = self.tables, self._own_price()
        need = needed(tables.attacker[:, None], tables.attacker_loss[:, None], level[:, :, None])  # [K, attacked, n]
        here = np.eye(level.shape[1], dtype=bool)
        pinned = here & (tables.attacker_loss[:, None] > 0)  # the attacked target has what it needs, no more
        falls = pinned | ((tables.attacker[:, None] > level[:, :, None]) & (tables.attacker_loss[:, None] > 0))
        rate = np.where(falls, 1.0 / np.maximum(tables.attacker_loss[:, None], 1e-300), 0.0)
        worth = np.where(here, own[:, :, None], self.prices[:, None])
        price = self._price_of_guards(need, worth, pinned)
        net = worth - price[:, :, None]
        spare = np.where(pinned, 0.0, np.maximum(net, 0.0))
        value = (spare * (1.0 - need) + net * need).sum(axis=2) + price * self.guards
        return value + self.prior[:, None] * tables.defender, -((net - spare) * rate).sum(axis=2)

    def coverage(self, attacked: np.ndarray, level: np.ndarray) -> np.ndarray:
        """``[K, n]`` the best coverage with ``attacked [K]`` at ``level [K]``."""
        types, own = np.arange(len(level)), self._own_price()
        need = needed(self.tables.attacker, self.tables.attacker_loss, level[:, None])
        worth = self.prices.copy()
        worth[types, attacked] = own[types, attacked]
        room = np.where(worth > 0, 1.0 - need, 0.0)
        room[types, attacked] *= self.tables.attacker_loss[types, attacked] == 0
        order = np.argsort(-worth, axis=1)
        rooms = np.take_along_axis(room, order, axis=1)
        left = np.maximum(self.guards - need.sum(axis=1), 0.0)[:, None]
        given = np.clip(left - (np.cumsum(rooms, axis=1) - rooms), 0.0, rooms)
        made = need.copy()
        np.put_along_axis(made, order, np.take_along_axis(need, order, axis=1) + given, axis=1)
        return made

    def _own_price(self) -> np.ndarray:
        """``[K, n]`` what coverage of the attacked target itself is worth."""
        return self.prior[:, None] * self.tables.defender_gain + self.prices

    def _price_of_guards(self, need: np.ndarray, worth: np.ndarray, pinned: np.ndarray) -> np.ndarray:
        """``[K, n]`` what the last guard is worth where it is put: 0 if some are left."""
        order = np.argsort(-worth, axis=2)
        room = np.where(pinned | (worth <= 0), 0.0, 1.0 - need)
        used = np.cumsum(np.take_along_axis(room, order, axis=2), axis=2)
        over = used > np.maximum(self.guards - need.sum(axis=2), 0.0)[:, :, None]
        last = np.take_along_axis(np.take_along_axis(worth, order, axis=2), over.argmax(axis=2)[:, :, None], axis=2)
        return np.where(over[:, :, -1], np.maximum(last[:, :, 0], 0.0), 0.0)
