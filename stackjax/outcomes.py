"""What commitments are and what they lead to: the words that problems and solvers share."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from stackjax.spaces import Space
from stackjax.types import Array, PRNGKey, PyTree

__all__ = ["Differentiable", "Judged", "Nearby", "Optimum", "Played", "Region", "Table", "Worth"]


class Table(NamedTuple):
    """Commitments that fix a leader action at each of ``num_nodes`` nodes: arrays ``[O, *actions.shape]``.

    ``observations [O, D]`` are what the leader sees at the nodes; None where that depends on what it does at earlier ones.
    """

    num_nodes: int
    actions: Space
    observations: Array | None = None

    def draw(self, key: PRNGKey, count: int) -> Array:
        """``[count, O, ...]`` random commitments: every node's action by itself, evenly spread."""
        return self.actions.draw(key, (count, self.num_nodes))


class Worth(NamedTuple):
    """What each commitment of a batch leads to.

    Attributes:
      payoff: ``[B]`` the leader's expected payoff, exact given how its followers answered, game units.
      gap: ``[B]`` the followers' distance from equilibrium, game units.
      risk: ``[B]`` what the leader would lose, game units, if a follower that is all but indifferent chose otherwise;
        zero for ties that no small change of the commitment breaks.
      answer: int ``[B, Q]``, what the followers answer; within one answer the payoff varies smoothly, if `Problem.nearby` can
        say how.
      followers: ``[B, N]`` what each follower is paid, game units; None where a family does not tell.
      worst: ``[B]`` what the leader is paid if each of its followers, by itself, breaks its ties against it, game units; None
        where a family does not tell.
    """

    payoff: Array
    gap: Array
    risk: Array
    answer: Array
    followers: Array | None = None
    worst: Array | None = None


class Nearby(NamedTuple):
    """What a commitment leads to if its followers keep to an answer; differentiable in the commitment.

    Attributes:
      payoff: the leader's expected payoff, a scalar, game units.
      slack: ``[M]`` what each deviation would cost a follower; the answer is an equilibrium if and only if all are at
        least 0. Zero, and constant, for the action that is the answer.
      followers: ``[N]`` what each follower is paid, game units; None where a family does not tell.
    """

    payoff: Array
    slack: Array
    followers: Array | None = None


class Differentiable(NamedTuple):
    """A payoff that gradients can climb.

    Attributes:
      payoff: ``(key, commitment [O, ...], sharpness) -> scalar``, softened: the sharper, the nearer to the leader's payoff, in
        game units.
      start: ``key -> commitment`` to start from.
      project: ``commitment -> commitment``, the nearest that is possible.
    """

    payoff: Callable[[PRNGKey, Array, Array], Array]
    start: Callable[[PRNGKey], Array]
    project: Callable[[Array], Array]


class Judged(NamedTuple):
    """One commitment judged against fresh groups of followers.

    Attributes:
      payoff: the leader's expected payoff, mean over groups, game units.
      gap: the followers' distance from equilibrium, largest over groups, game units.
      details: what the family of the problem reports beside.
    """

    payoff: Array
    gap: Array
    details: PyTree


class Optimum(NamedTuple):
    """The best that a leader can get, in game units, and how that is known: a claim, which `stackjax.claims` checks.

    Attributes:
      value: game units.
      method: one of ``"closed-form"`` (a proof or the paper), ``"lp"`` (linear programmes), ``"enumeration"`` (every commitment
        tried, exactly) or ``"upper-bound"`` (no leader can do better; whether any reaches it is not known).
      commitment: ``[O, ...]`` one that pays ``value``; a claim without one counts as an upper bound.
      half_width: of a 95 % interval, where ``value`` is a mean over draws; else 0.
    """

    value: float
    method: str
    commitment: Any = None
    half_width: float = 0.0


class Played(NamedTuple):
    """What a commitment comes to once followers have answered it, profile of types by profile of types. NumPy, float64.

    Attributes:
      weights: ``[T]`` the profiles' chances, which sum to 1.
      labels: ``[T, E, D]`` numbers that say what may happen at a profile; where all are equal the same happens.
      chances: ``[T, E]`` how likely each is, given the profile.
      paid: ``[T, E, N]`` what it pays each follower, game units.
      utilities: ``[N, T]`` what each follower is paid on average, game units.
      profiles: ``T`` profiles in words.
    """

    weights: np.ndarray
    labels: np.ndarray
    chances: np.ndarray
    paid: np.ndarray
    utilities: np.ndarray
    profiles: list[str]


class Region(NamedTuple):
    """The commitments to which followers give one answer, as a polytope of ``x [n]`` on which all payoffs are linear. NumPy.

    ``at_most @ x <= limits``, ``equal @ x == totals`` and ``low <= x <= high``; borders, where followers are indifferent, are
    inside. The leader is paid ``leader @ x + leader_constant``, followers ``followers @ x + followers_constant``, game units.

    Attributes:
      at_most, limits: ``[R, n]`` and ``[R]``.
      equal, totals: ``[Q, n]`` and ``[Q]``.
      low, high: ``[n]``.
      leader, leader_constant: ``[n]`` and a number.
      followers, followers_constant: ``[N, n]`` and ``[N]``.
      commitment: ``x [n] -> [O, ...]``.
    """

    at_most: np.ndarray
    limits: np.ndarray
    equal: np.ndarray
    totals: np.ndarray
    low: np.ndarray
    high: np.ndarray
    leader: np.ndarray
    leader_constant: float
    followers: np.ndarray
    followers_constant: np.ndarray
    commitment: Callable[[np.ndarray], np.ndarray]
