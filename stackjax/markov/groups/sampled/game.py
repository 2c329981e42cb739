"""The rules of a game of followers who plan whose states are too many for a table: steps are drawn, never written out."""

import abc
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.errors import require, require_count, require_is
from stackjax.markov.answers import Length
from stackjax.markov.game import check_payoffs
from stackjax.markov.groups.objectives import OBJECTIVES, Objective
from stackjax.spaces import Box, Discrete
from stackjax.types import Array, PRNGKey, PyTree

__all__ = ["PlayedGroupGame"]


class PlayedGroupGame(abc.ABC):
    """The rules of one step, between one leader and ``N`` followers. Pure functions; no learning, no logging.

    A state is any pytree of arrays, the same in every step. In each step the leader does what it has committed to at
    `observe`, followers, who see the same, act at the same time, everybody is paid, and the next state is drawn.

    Attributes:
      name: for people.
      num_actions: ``A_i`` of each follower.
      leader_actions: what the leader chooses from in each step.
      horizon: T, the steps of an episode.
      discount: γ; payoffs of an episode are sums over steps, discounted.
      payoff_bounds: ``((lowest, highest), ...)`` of what a step can pay each agent, leader first, game units.
      objective: what the leader is paid, of what everybody expects of an episode, see `GroupGame`.
    """

    name: str
    num_actions: tuple[int, ...]
    leader_actions: Discrete | Box
    horizon: int
    discount: float = 1.0
    payoff_bounds: tuple[tuple[float, float], ...]
    objective: Objective = "own"

    @abc.abstractmethod
    def start(self, key: PRNGKey) -> PyTree:
        """The first state."""

    @abc.abstractmethod
    def observe(self, state: PyTree) -> Array:
        """``[D]`` float, what leader and followers see; networks learn best from numbers between -1 and 1."""

    @abc.abstractmethod
    def step(self, key: PRNGKey, state: PyTree, actions: Array, leader_action: Array) -> tuple[PyTree, Array]:
        """The next state, and ``[1 + N]`` what this step pays, leader first, game units; ``actions`` int ``[N]``."""

    def describe_observation(self, observation: np.ndarray) -> str:
        """What was seen, in words."""
        return "seeing " + " ".join(f"{value:.4g}" for value in observation)

    def describe_leader_action(self, action: np.ndarray) -> str:
        """What the leader does, in words."""
        return self.leader_actions.describe(action)

    def describe_follower(self, follower: int) -> str:
        """A follower in words."""
        return f"follower {follower + 1}"

    def describe_action(self, follower: int, action: int) -> str:
        """A follower's action in words."""
        del follower
        return f"action {action}"

    def bound(self) -> float | None:
        """The most that any commitment pays the leader, by its objective, game units; None where nothing is known."""
        return None

    @property
    def num_followers(self) -> int:
        return len(self.num_actions)

    @property
    def observation_size(self) -> int:
        """D."""
        return jax.eval_shape(lambda key: self.observe(self.start(key)), jax.random.key(0)).shape[0]

    @property
    def length(self) -> Length:
        return Length(self.horizon, self.discount, 1.0)

    @property
    def episode_bounds(self) -> tuple[tuple[float, float], ...]:
        """Of what an episode pays each agent, leader first, game units."""
        weight = self.length.weight
        return tuple((weight * low, weight * max(high, low + 1e-9)) for low, high in self.payoff_bounds)

    def weights(self, dtype: Any) -> Array:
        """``[T]`` what a payoff counts in each step."""
        return jnp.asarray(float(self.discount) ** np.arange(self.horizon), dtype)

    def check(self) -> None:
        """Raise `InputError` unless the numbers of actions, the length, the bounds and the objective make sense."""
        require_is("num_actions", self.num_actions, tuple, "a tuple with a whole number for each follower")
        require("num_actions", self.num_actions, len(self.num_actions) > 0, "a whole number for at least one follower")
        for count in self.num_actions:
            require_count("num_actions", count)
        require_is("leader_actions", self.leader_actions, (Discrete, Box), "a Discrete or a Box")
        require_count("horizon", self.horizon)
        check_payoffs(self.discount, self.payoff_bounds, self.num_followers)
        require("objective", self.objective, self.objective in OBJECTIVES, f"one of {', '.join(OBJECTIVES)}")
