"""The rules: a leader commits to a vector, one follower with types answers it, everyone's payoff is linear in the vector."""

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["ROUNDING", "LinearGame", "Ties", "coverage_game", "mixing_game"]

Ties = Literal["strong", "weak"]
ROUNDING = 1e-12  # of what is added up to a payoff: payoffs that differ by less count as equal


class LinearGame(NamedTuple):
    """A leader commits to ``x [n]``; a follower of type k, of chance ``prior[k]``, then takes the answer that pays it most.

    Type k with answer a pays the leader ``leader[k, a] @ x + leader_constant[k, a]``, and the follower likewise. Game units;
    all arrays are float64.

    Attributes:
      prior: ``[K]`` chances of the types.
      leader: ``[K, A, n]`` slopes of the leader's payoff.
      leader_constant: ``[K, A]`` the leader's payoff at x = 0.
      follower: ``[K, A, n]`` slopes of the follower's payoff.
      follower_constant: ``[K, A]`` the follower's payoff at x = 0.
      total: None for mixes, ``x >= 0`` and ``sum(x) = 1``; a number for coverage, ``0 <= x <= 1`` and ``sum(x) <= total``.
      unit: in which the leader's payoffs are told apart, game units; by default all that they spread over. Less where some are
        penalties.
    """

    prior: np.ndarray
    leader: np.ndarray
    leader_constant: np.ndarray
    follower: np.ndarray
    follower_constant: np.ndarray
    total: float | None = None
    unit: float | None = None

    @property
    def num_variables(self) -> int:
        return self.leader.shape[-1]

    @property
    def spread(self) -> float:
        """At least that of the leader's payoffs: the unit in which values are told apart."""
        if self.unit is not None:
            return self.unit
        ends = np.stack([self._at_most(self.leader), -self._at_most(-self.leader)]) + self.leader_constant
        return float(np.ptp(ends)) or 1.0

    def leader_payoffs(self, x: np.ndarray) -> np.ndarray:
        """``[..., K, A]`` what each answer of each type pays the leader at ``x [..., n]``."""
        return np.einsum("kan,...n->...ka", self.leader, x) + self.leader_constant

    def follower_payoffs(self, x: np.ndarray) -> np.ndarray:
        """``[..., K, A]`` what each answer pays each type at ``x [..., n]``."""
        return np.einsum("kan,...n->...ka", self.follower, x) + self.follower_constant

    def best_answers(self, x: np.ndarray) -> np.ndarray:
        """Bool ``[..., K, A]``: which answers to ``x [..., n]`` pay a type most, up to rounding of the two compared."""
        payoffs = self.follower_payoffs(x)
        sizes = np.einsum("kan,...n->...ka", np.abs(self.follower), np.abs(x)) + np.abs(self.follower_constant)
        best = payoffs.argmax(axis=-1)[..., None]
        largest, size = (np.take_along_axis(table, best, axis=-1) for table in (payoffs, sizes))
        return largest - payoffs <= ROUNDING * np.maximum(size, sizes)

    def answers(self, x: np.ndarray, ties: Ties = "strong") -> np.ndarray:
        """Int ``[..., K]``: each type's answer to ``x [..., n]``, ties broken for (``"strong"``) or against the leader."""
        best, payoffs = self.best_answers(x), self.leader_payoffs(x)
        if ties == "weak":
            return np.where(best, payoffs, np.inf).argmin(axis=-1)
        return np.where(best, payoffs, -np.inf).argmax(axis=-1)

    def value(self, x: np.ndarray, ties: Ties = "strong") -> np.ndarray:
        """``[...]`` the leader's expected payoff at ``x [..., n]``, exact in float64."""
        answers = self.answers(x, ties)[..., None]
        return np.take_along_axis(self.leader_payoffs(x), answers, axis=-1)[..., 0] @ self.prior

    def feasible(self, x: np.ndarray) -> np.ndarray:
        """``x [n]`` without what a solver's tolerance left outside of the possible commitments."""
        kept = np.where(x > ROUNDING, x, 0.0)
        if self.total is None:
            return kept / kept.sum()
        kept = np.where(kept < 1.0 - ROUNDING, kept, 1.0)
        return kept * min(1.0, self.total / max(float(kept.sum()), 1e-300))

    def never_best(self) -> np.ndarray:
        """Bool ``[K, A]``: answers that some one other answer is seen to beat at every commitment, by more than rounding."""
        beaten = np.zeros(self.leader.shape[:2], bool)
        for k, a in np.ndindex(*beaten.shape):
            slopes, constant = self.follower[k], self.follower_constant[k]
            gains = self._at_most(slopes[a] - slopes) + constant[a] - constant  # [A] the most that a gains on each
            sizes = self._at_most(np.abs(slopes)) + np.abs(constant)
            beaten[k, a] = (gains < -1e3 * ROUNDING * np.maximum(sizes, sizes[a])).any()
        return beaten

    def for_types(self, kept: np.ndarray) -> "LinearGame":
        """The game that those types alone play which ``kept [K]`` (a mask or indices) picks; ``prior`` is not scaled."""
        return self._replace(
            prior=self.prior[kept],
            leader=self.leader[kept],
            leader_constant=self.leader_constant[kept],
            follower=self.follower[kept],
            follower_constant=self.follower_constant[kept],
        )

    def _at_most(self, slopes: np.ndarray) -> np.ndarray:
        """``[...]`` what no commitment's ``slopes [..., n] @ x`` exceeds; the most, for mixes and for one slope of coverage."""
        if self.total is None:
            return slopes.max(axis=-1)
        rising = np.maximum(slopes, 0.0)
        return np.minimum(rising.sum(axis=-1), self.total * rising.max(axis=-1))


def coverage_game(
    defender: npt.ArrayLike, attacker: npt.ArrayLike, guards: float, prior: npt.ArrayLike, ways: np.ndarray | None = None
) -> LinearGame:
    """Guards cover targets with chances ``x [n]``; each type of an attacker takes one target.

    Args:
      defender: the defender's payoff at a covered and at an uncovered target, ``[2, K, n]``, game units.
      attacker: likewise the attacker's, which a guard never raises.
      guards: how many there are, at least ``sum(x)``.
      prior: ``[K]`` chances of the types.
      ways: ``[m, n]`` whether what guards can do together covers a target; x ``[m]`` is then a mix of that.
    """
    made = np.eye(np.shape(defender)[-1]) if ways is None else ways.T
    slopes, constants = [], []
    for covered, uncovered in (np.asarray(side, np.float64) for side in (defender, attacker)):
        slopes.append((covered - uncovered)[:, :, None] * made)
        constants.append(uncovered)
    total = float(guards) if ways is None else None
    return LinearGame(np.asarray(prior, np.float64), slopes[0], constants[0], slopes[1], constants[1], total)


def mixing_game(leader: npt.ArrayLike, follower: npt.ArrayLike, prior: npt.ArrayLike, unit: float | None = None) -> LinearGame:
    """A leader mixes the rows of matrices of payoffs ``[K, rows, columns]``, game units; ``prior [K]`` of the types."""
    slopes = [np.swapaxes(np.asarray(table, np.float64), 1, 2) for table in (leader, follower)]
    nothing = np.zeros(slopes[0].shape[:2])
    return LinearGame(np.asarray(prior, np.float64), slopes[0], nothing, slopes[1], nothing, unit=unit)
