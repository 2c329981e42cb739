"""Bayesian persuasion: senders who know the state commit to signals, and a receiver who sees them acts as is best for itself.

One sender is a linear programme (Kamenica and Gentzkow 2011; Bergemann and Morris 2016). For several senders see
`stackjax.menus.senders`.
"""

import itertools
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import scipy

from stackjax.errors import InputError, require, require_array, require_count

__all__ = ["TIE", "Persuasion", "Profile", "best_signals", "full_revelation"]

TIE = 1e-9  # of the receiver's payoffs: its ties go to the senders' sum


class Persuasion(NamedTuple):
    """``prior [S]``; ``senders [I, S, A]`` and ``receiver [S, A]``, payoffs by state and action, game units."""

    prior: np.ndarray
    senders: np.ndarray
    receiver: np.ndarray

    def checked(self) -> "Persuasion":
        """In float64 arrays; raises `InputError` unless they are finite, fit each other, and the prior sums to 1."""
        given = {name: require_array(name, getattr(self, name)).astype(np.float64) for name in self._fields}
        for name, array in given.items():
            require(name, getattr(self, name), bool(np.isfinite(array).all()), "finite")
        prior, senders, receiver = given.values()
        fits = prior.ndim == 1 and receiver.ndim == 2 and len(receiver) == len(prior)
        if not fits or senders.ndim != 3 or senders.shape[1:] != receiver.shape or not senders.size:
            raise InputError(
                f"prior of shape {prior.shape}, senders of shape {senders.shape} and receiver of shape {receiver.shape} must "
                "be [S], [I, S, A] and [S, A]: I senders, S states, A actions"
            )
        if (prior < 0).any() or abs(prior.sum() - 1.0) > 1e-9:
            raise InputError(f"prior={prior} must be at least 0 and sum to 1")
        return Persuasion(**given)

    @property
    def spread(self) -> float:
        """How far the receiver's payoffs are apart; 1 if they are not."""
        return float(np.ptp(self.receiver)) or 1.0

    def joint(self, signals: Iterable[Any]) -> Any:
        """``[S, M]`` the chances of a state and all senders' signals, the last sender's fastest; NumPy or JAX."""
        joint = self.prior[:, None]
        for table in signals:
            joint = (joint[:, :, None] * table[:, None]).reshape(len(joint), -1)
        return joint

    def acts(self, joint: np.ndarray, *, against: bool = False) -> np.ndarray:
        """int ``[M]`` what the receiver does at each signal; its ties go to the senders' sum, or ``against`` it."""
        own, theirs = joint.T @ self.receiver, joint.T @ self.senders.sum(axis=0)
        close = TIE * self.spread * joint.sum(axis=0)[:, None]
        is_best = own >= own.max(axis=1, keepdims=True) - close
        return (np.where(is_best, theirs, np.inf).argmin if against else np.where(is_best, theirs, -np.inf).argmax)(axis=1)

    def payoffs(self, joint: np.ndarray) -> np.ndarray:
        """``[I]`` what senders get where the receiver sees the signals; its ties go to the senders' sum."""
        return np.einsum("sm,ism->i", joint, self.senders[:, :, self.acts(joint)])


class Profile(NamedTuple):
    """Senders' ``signals``, tables ``[S, M_i]`` of chances; their ``payoffs [I]``; what each could ``gain [I]`` by others."""

    signals: tuple[np.ndarray, ...]
    payoffs: np.ndarray
    gain: np.ndarray


def best_signals(problem: Persuasion, sender: int = 0) -> tuple[float, np.ndarray]:
    """The most that one sender gets by itself, and signals ``[S, A]`` that recommend actions; ties go to the sender.

    Raises:
      InputError: the problem is not sound.
    """
    problem = problem.checked()
    require_count("sender", sender, least=0, most=len(problem.senders) - 1)
    (states, actions), prior = problem.receiver.shape, problem.prior
    own = problem.senders[sender]
    rows = []
    for a, other in itertools.permutations(range(actions), 2):
        row = np.zeros((states, actions))
        row[:, a] = problem.receiver[:, other] - problem.receiver[:, a]
        rows.append(row.ravel())
    sums = np.kron(np.eye(states), np.ones(actions))
    limits = np.zeros(len(rows)) if rows else None
    found = scipy.optimize.linprog(-own.ravel(), np.array(rows) if rows else None, limits, sums, prior, method="highs")
    if found.status != 0:
        raise ArithmeticError(f"persuasion was not solved: {found.message}")
    chances = found.x.reshape(states, actions)
    return float(-found.fun), np.where(prior[:, None] > 0, chances / np.where(prior > 0, prior, 1.0)[:, None], 1.0 / actions)


def full_revelation(problem: Persuasion) -> np.ndarray:
    """``[I]`` what senders get if the receiver learns the state: an equilibrium where there are two senders or more."""
    problem = problem.checked()
    return problem.payoffs(np.diag(problem.prior))
