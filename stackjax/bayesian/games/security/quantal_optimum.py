"""The best coverage against one attacker of bounded rationality, and a bound of it, without a grid.

The attacker takes target a with a chance in proportion to w_a = exp(rationality * v_a(c_a)). The defender gets at least r from
some coverage if and only if the largest sum_a w_a (u_a - r) is not negative. With a price on guards this sum falls apart into
targets, each exp(-b c) (alpha + gamma c) less the price, up to a factor: for gamma > 0, a guard that helps the defender, it
rises, is concave and then falls, so that its best c solves (c* - c) b exp(b (c* - c)) = constant: Lambert's W. Then price and
coverage agree and the bound is tight; where a guard hurts the defender at some target it is a bound.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

__all__ = ["QuantalOptimum", "quantal_optimum"]

STEPS = 100  # of halving the price
NEWTON_ROUNDS, ROUNDS = 10, 60  # of better values, the later ones by halving what is left
CLOSE = 1e-11  # of the spread of payoffs: values that are the same


class QuantalOptimum(NamedTuple):
    """``value`` to the defender of ``coverage [n]``, and a ``bound`` that no coverage exceeds; game units."""

    value: float
    coverage: np.ndarray
    bound: float


def quantal_optimum(defender: npt.ArrayLike, attacker: npt.ArrayLike, guards: float, rationality: float) -> QuantalOptimum:
    """The best coverage if the attacker takes target a with a chance in proportion to exp(rationality * its payoff there).

    Args:
      defender: ``[2, n]`` its payoff at a covered and at an uncovered target, game units.
      attacker: likewise; a guard never raises it.
      guards: how many there are.
      rationality: at least 0, per game unit; 0 for an attacker who does not look.

    References: Yang, Ordonez and Tambe (2012), for the search over the value; Dinkelbach (1967), for its steps.
    """
    (covered, uncovered), (caught, free) = np.asarray(defender, np.float64), np.asarray(attacker, np.float64)
    rule = _Rule(uncovered, covered - uncovered, rationality * free, rationality * (free - caught), float(guards))
    close = CLOSE * (float(np.ptp([covered, uncovered])) or 1.0)
    best = np.full(len(free), min(1.0, guards / len(free)))
    value = rule.value(best)
    low, high = value, float(np.maximum(covered, uncovered).max())
    for step in range(ROUNDS):
        first = low if step < NEWTON_ROUNDS else (low + high) / 2
        coverage, proved = rule.largest(first)
        better = rule.value(coverage)
        best, value = (coverage, better) if better > value else (best, value)
        high = min(high, first + close) if proved else high  # more than rounding may have proved
        low = max(low if proved else first, value)
        if better - first <= close and not proved and rule.largest(first + close)[1]:
            high = min(high, first + 2.0 * close)
        if high - low <= 2.0 * close:
            break
    return QuantalOptimum(value, best, max(high, value))


class _Rule(NamedTuple):
    """Arrays ``[n]``: defender u = start + gain * c, and the logarithm of the attacker's weight, height - fall * c."""

    start: np.ndarray
    gain: np.ndarray
    height: np.ndarray
    fall: np.ndarray
    guards: float

    def value(self, coverage: np.ndarray) -> float:
        """The defender's payoff, exact in float64."""
        chances = scipy.special.softmax(self.height - self.fall * coverage)
        return float(chances @ (self.start + self.gain * coverage))

    def largest(self, value: float) -> tuple[np.ndarray, bool]:
        """The coverage that makes sum_a w_a (u_a - value) large, and whether no coverage is known to make it positive."""
        coverage, over = self._at(value, -np.inf)
        if coverage.sum() <= self.guards:
            return coverage, over <= 0
        steepest = np.abs(self.gain) + self.fall * (np.abs(self.start - value) + np.abs(self.gain))
        low = float((self.height - self.fall).min()) - 60.0
        high = float((self.height + np.log(np.maximum(steepest, 1e-300))).max()) + 1.0
        proved, most, fewest = False, coverage, np.zeros(len(coverage))
        for _ in range(STEPS):
            price = (low + high) / 2
            coverage, over = self._at(value, price)
            proved = proved or over <= 0
            if coverage.sum() <= self.guards:
                high, fewest = price, coverage
            else:
                low, most = price, coverage
        share = (self.guards - fewest.sum()) / max(float(most.sum() - fewest.sum()), 1e-300)
        return fewest + min(share, 1.0) * (most - fewest), proved

    def _at(self, value: float, price: float) -> tuple[np.ndarray, float]:
        """Each target's best coverage at the price exp(``price``), and a bound of sum_a w_a (u_a - value) up to a factor."""
        worth, gain, fall = self.start - value, self.gain, self.fall
        safe = np.where(fall > 0, fall, 1.0)
        flat = np.abs(gain) <= 1e-7 * np.abs(worth)
        safe_gain = np.where(flat, 1.0, np.abs(gain))
        peak = 1.0 / safe - worth / np.where(flat, 1.0, gain)
        logs = price + safe * peak - self.height - np.log(safe_gain)  # of the constant that W is taken of
        rising = peak - scipy.special.wrightomega(logs) / safe
        with np.errstate(divide="ignore"):
            linear = np.log(np.maximum(gain, 0.0)) + self.height > price
        steep = np.log(np.where(worth < 0, -worth * safe, 1.0)) + self.height - price
        level = np.where(worth < 0, steep / safe, 0.0)
        coverage = np.where(fall > 0, np.clip(np.where(flat, level, rising), 0.0, 1.0), linear)
        for a in np.flatnonzero(
            (gain < 0) & ~flat & (fall > 0)
        ):  # falls, is convex and concave: its ends, or Lambert's other W
            inner = 1.0 if logs[a] >= -1.0 else peak[a] - scipy.special.lambertw(-np.exp(logs[a]), -1).real / fall[a]
            tried = np.clip([0.0, 1.0, inner if np.isfinite(inner) else 1.0], 0.0, 1.0)
            weights = self.height[a] - fall[a] * tried
            scale = max(float(weights.max()), price)
            pieces = np.exp(weights - scale) * (worth[a] + gain[a] * tried) - np.exp(price - scale) * tried
            coverage[a] = tried[pieces.argmax()]
        weights = self.height - fall * coverage
        scale = max(float(weights.max()), price)
        pieces = np.exp(weights - scale) * (worth + gain * coverage) - np.exp(price - scale) * coverage
        return coverage, float(pieces.sum() + np.exp(price - scale) * self.guards)
