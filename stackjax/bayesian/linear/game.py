"""The rules: a leader commits to a vector, one follower with types answers it, everyone's payoff is linear in the vector."""

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from stackjax.errors import InputError, require, require_array, require_number

__all__ = ["ROUNDING", "LinearGame", "Pair", "Ties", "coverage_game", "coverage_payoffs", "mixing_game", "require_prior"]

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

    def check(self) -> None:
        """Raise `InputError` unless shapes agree, numbers are finite, the prior is one and ``total`` is None or positive."""
        require_prior(self.prior, len(self.leader))
        types, answers, size = self.leader.shape
        for name, shape in (
            ("leader", (types, answers, size)),
            ("leader_constant", (types, answers)),
            ("follower", (types, answers, size)),
            ("follower_constant", (types, answers)),
        ):
            table = getattr(self, name)
            require(f"shape of {name}", table.shape, table.shape == shape and 0 not in shape, f"{shape}, with no zero")
            if not np.isfinite(table).all():
                raise InputError(f"{name} holds {table[~np.isfinite(table)][0]}, but payoffs must be finite")
        if self.total is not None:
            require_number("total", self.total, lambda number: number > 0, "None or a positive finite number")

    def _at_most(self, slopes: np.ndarray) -> np.ndarray:
        """``[...]`` what no commitment's ``slopes [..., n] @ x`` exceeds; the most, for mixes and for one slope of coverage."""
        if self.total is None:
            return slopes.max(axis=-1)
        rising = np.maximum(slopes, 0.0)
        return np.minimum(rising.sum(axis=-1), self.total * rising.max(axis=-1))


Pair = tuple[npt.ArrayLike, npt.ArrayLike]


def coverage_payoffs(defender: Pair, attacker: Pair) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Four arrays ``[K, n]``: the defender's payoff at a covered and at an uncovered target, and the attacker's.

    Raises:
      InputError: arrays that do not fit together, numbers that are not finite, or an attacker whom a guard pleases.
    """
    tables = []
    for name, pair in (("defender", defender), ("attacker", attacker)):
        require(f"length of {name}", len(pair), len(pair) == 2, "2: payoffs covered, and payoffs uncovered")
        for state, payoffs in zip(("covered", "uncovered"), pair, strict=True):
            table = np.atleast_2d(require_array(f"{name}, {state}", payoffs)).astype(np.float64)
            if not np.isfinite(table).all():
                raise InputError(f"{name}, {state}, holds {table[~np.isfinite(table)][0]}, but payoffs must be finite")
            tables.append(table)
    covered, uncovered, caught, free = tables
    shapes = [table.shape for table in tables]
    alike = len(set(shapes)) == 1 and len(shapes[0]) == 2 and 0 not in shapes[0]
    require("shapes of payoffs", shapes, alike, "four times (targets,) or (types, targets)")
    for k, a in np.argwhere(caught > free)[:1]:
        raise InputError(
            f"attacker: type {k} gets {caught[k, a]:g} at target {a} if it is covered and {free[k, a]:g} if not, "
            "but a guard must never please the attacker"
        )
    return covered, uncovered, caught, free


def coverage_game(defender: Pair, attacker: Pair, guards: float, prior: npt.ArrayLike | None = None) -> LinearGame:
    """Guards cover targets with chances ``x [n]``; each type of an attacker takes one target.

    Args:
      defender: the defender's payoff at a covered and at an uncovered target, each ``[n]`` or ``[K, n]``, game units.
      attacker: likewise the attacker's.
      guards: how many there are, at least ``sum(x)``.
      prior: ``[K]`` chances of the types; alike if None.

    Raises:
      InputError: arrays that do not fit together, numbers that are not finite, or an attacker whom a guard pleases.
    """
    covered, uncovered, caught, free = coverage_payoffs(defender, attacker)
    require_number("guards", guards, lambda number: number > 0, "a positive finite number")
    here = np.eye(covered.shape[1])
    gain, change = ((there - elsewhere)[:, :, None] * here for there, elsewhere in ((covered, uncovered), (caught, free)))
    game = LinearGame(_chances(prior, len(free)), gain, uncovered, change, free, float(guards))
    game.check()
    return game


def mixing_game(leader: npt.ArrayLike, follower: npt.ArrayLike, prior: npt.ArrayLike | None = None) -> LinearGame:
    """A leader mixes the rows of matrices of payoffs, ``[rows, columns]`` or ``[K, rows, columns]``, game units.

    Raises:
      InputError: arrays that do not fit together, or numbers that are not finite.
    """
    tables = [require_array(name, table).astype(np.float64) for name, table in (("leader", leader), ("follower", follower))]
    shapes = [table.shape for table in tables]
    alike = len(set(shapes)) == 1 and len(shapes[0]) in (2, 3) and 0 not in shapes[0]
    require("shapes of payoffs", shapes, alike, "twice (rows, columns) or (types, rows, columns)")
    slopes = [np.swapaxes(table.reshape(-1, *table.shape[-2:]), 1, 2) for table in tables]
    types, columns, _ = slopes[0].shape
    nothing = np.zeros((types, columns))
    game = LinearGame(_chances(prior, types), slopes[0], nothing, slopes[1], nothing)
    game.check()
    return game


def require_prior(prior: np.ndarray, types: int) -> None:
    """Raise `InputError` unless ``prior`` holds the chances of so many types."""
    require("shape of prior", prior.shape, prior.shape == (types,), f"({types},), one for each type")
    require("prior", prior.tolist(), bool((prior >= 0).all()), "numbers of at least 0")
    require("sum of prior", prior.sum(), bool(abs(prior.sum() - 1.0) <= 1e-6), "1")


def _chances(prior: npt.ArrayLike | None, types: int) -> np.ndarray:
    return np.full(types, 1.0 / types) if prior is None else require_array("prior", prior).astype(np.float64)
