"""The rules between a leader and a continuum of followers who meet through prices: a mean-field game with a leader.

Arrays are of one commitment; callers map over batches.
"""

import abc
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from stackjax.errors import InputError, require_count, require_is
from stackjax.spaces import Space
from stackjax.types import Array

__all__ = ["MeanFieldGame", "Outcome"]


class Outcome(NamedTuple):
    """What a population does.

    Attributes:
      flow: ``[K, T, S, A]`` of each type's followers, the share that is in a state and takes an action, period by period.
      field: ``[T]`` what all followers together buy, on average over the population.
      costs: ``[K]`` what a follower of each type pays on average, game units.
    """

    flow: Array
    field: Array
    costs: Array


class MeanFieldGame(abc.ABC):
    """A leader commits to an action in every period; a continuum of followers in ``K`` types plan over all periods.

    A follower of type k that takes action a in state s and period t buys ``quantity[k, t, s, a]``, which may be negative. It
    pays the period's price for each unit, and `own_costs` beside. The price is a function of what all buy on average, the
    *field*.

    Attributes:
      name: for people.
      leader_actions: what the leader chooses from in each period.
      shares: ``[K]`` of the types in the population.
      initial: int ``[K]`` the state in which a type's followers begin.
      transition: ``[S, A, S]`` the chances of the next state.
      allowed: bool ``[K, T, S, A]`` what a follower may do, at least one action in each state.
      quantity: ``[K, T, S, A]``.
      slope: a lower bound of how fast `prices` rise with the field; 0 if none is known.
      payoff_bounds: ``((lowest, highest), (lowest, highest))`` of the leader's payoff, and of a follower's costs with the sign
        changed, game units.
    """

    name: str
    leader_actions: Space
    shares: np.ndarray
    initial: np.ndarray
    transition: np.ndarray
    allowed: np.ndarray
    quantity: np.ndarray
    slope: float = 0.0
    payoff_bounds: tuple[tuple[float, float], tuple[float, float]]

    @abc.abstractmethod
    def prices(self, field: Array) -> Array:
        """``[T]`` of a unit in each period; each rises with its own period's field."""

    @abc.abstractmethod
    def own_costs(self, leader_actions: Array) -> Array:
        """``[K, T, S, A]`` what an action costs beside the price of what it buys, under ``leader_actions [T, ...]``."""

    @abc.abstractmethod
    def leader_payoff(self, leader_actions: Array, outcome: Outcome) -> Array:
        """The leader's payoff, a scalar, game units."""

    def describe_period(self, period: int) -> str:
        """A period in words."""
        return f"period {period}"

    def describe_leader_action(self, action: np.ndarray) -> str:
        """What the leader does in a period, in words."""
        return self.leader_actions.describe(action)

    def describe_type(self, kind: int) -> str:
        """A type of followers in words."""
        return f"type {kind}"

    @property
    def num_types(self) -> int:
        return self.quantity.shape[0]

    @property
    def num_periods(self) -> int:
        return self.quantity.shape[1]

    @property
    def num_actions(self) -> int:
        return self.quantity.shape[3]

    def check(self) -> None:
        """Raise `InputError` unless shapes and chances make sense."""
        require_is("quantity", self.quantity, np.ndarray, "a NumPy array [K, T, S, A]")
        if self.quantity.ndim != 4 or not np.isfinite(self.quantity).all():
            raise InputError(f"quantity has shape {self.quantity.shape}, but must be finite [K, T, S, A]")
        kinds, periods, states, actions = self.quantity.shape
        require_count("the number of periods", periods)
        for name, shape in {
            "shares": (kinds,),
            "initial": (kinds,),
            "transition": (states, actions, states),
            "allowed": (kinds, periods, states, actions),
        }.items():
            found = np.shape(getattr(self, name))
            if found != shape:
                raise InputError(f"{name} has shape {found}, but must be {shape}, as quantity is {self.quantity.shape}")
        if (self.shares < 0).any() or abs(self.shares.sum() - 1.0) > 1e-6:
            raise InputError(f"shares={self.shares} must be at least 0 and sum to 1")
        if (self.transition < 0).any() or (abs(self.transition.sum(axis=-1) - 1.0) > 1e-6).any():
            raise InputError("transition must hold chances: at least 0, and summing to 1 over the next state")
        if (self.initial < 0).any() or (self.initial >= states).any():
            raise InputError(f"initial={self.initial} must hold states from 0 to {states - 1}")
        if not self.allowed.any(axis=-1).all():
            raise InputError("allowed must leave at least one action in each state")

    def field_of(self, flow: Array) -> Array:
        """``[T]`` what followers buy together who do ``flow [K, T, S, A]``."""
        bought = (flow * jnp.asarray(self.quantity, flow.dtype)).sum(axis=(2, 3))
        return (jnp.asarray(self.shares, flow.dtype)[:, None] * bought).sum(axis=0)
