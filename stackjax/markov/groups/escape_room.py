"""An escape room: somebody must hold a lever for others to go through the door; the leader pays bonuses by position.

It is the contextual escape room of the literature on learned principals, with one lever.
"""

import itertools

import jax.numpy as jnp
import numpy as np

from stackjax.errors import require, require_count
from stackjax.markov.game import joint_actions, joint_place
from stackjax.markov.groups.game import GroupGame
from stackjax.spaces import Box, Discrete
from stackjax.types import Array

__all__ = ["EscapeRoom"]

POSITIONS = ("lever", "door", "start")
LEVER, DOOR, START = range(3)
THROUGH, COST = 10.0, 1.0  # what the door is worth when it is open, and what a step elsewhere, or in vain, costs
MOST_BONUS = 5
MOST_FOLLOWERS = 4


class EscapeRoom(GroupGame):
    """``N`` followers choose where to be, in every step; a state is where they are. At first all are at the start.

    The door is open if ``needed`` of them are at the lever. Then whoever is at the door earns 10, and everybody else loses 1;
    else whoever has moved loses 1. The leader fixes one bonus for each position, which all who are there get in every step. It
    is paid what followers earn in sum without bonuses.

    Args:
      num_followers: N.
      needed: who must be at the lever.
      levels: how many bonuses from 0 to 5 there are to choose from, or None for all of them.
      horizon: T, the steps of an episode.

    Raises:
      InputError: an argument is of the wrong kind or out of range.
    """

    def __init__(self, num_followers: int = 2, needed: int = 1, levels: int | None = 6, horizon: int = 5) -> None:
        require_count("num_followers", num_followers, least=2, most=MOST_FOLLOWERS)
        require_count("needed", needed)
        require("needed", needed, needed < num_followers, f"below num_followers={num_followers}")
        if levels is not None:
            require_count("levels", levels, least=2, most=21)
        require_count("horizon", horizon)
        self.name, self.horizon, self.levels = "escape-room", horizon, levels
        self.num_actions = (len(POSITIONS),) * num_followers
        places = joint_actions(self.num_actions)  # of states, and of joint actions
        states = len(places)
        self.successor = np.broadcast_to(np.arange(states).reshape(1, *self.num_actions, 1), (states, *self.num_actions, 1))
        self.successor = self.successor.astype(np.int32)
        self.initial = np.eye(states)[-1]
        is_open = (places == LEVER).sum(axis=1) >= needed
        moved = places[None] != places[:, None]  # [S, J, N]
        opened = np.where(places == DOOR, THROUGH, -COST)
        self._raw = np.where(is_open[None, :, None], opened[None], -COST * moved)
        self._places = places
        total = self._raw.sum(axis=-1)
        own = ((float(total.min()), float(total.max())),)
        self.payoff_bounds = own + ((-COST, THROUGH + MOST_BONUS),) * num_followers
        if levels is None:
            self.leader_actions = Box((0.0,) * len(POSITIONS), (float(MOST_BONUS),) * len(POSITIONS))
            return self.check()
        self._bonuses = np.array(list(itertools.product(np.linspace(0.0, MOST_BONUS, levels), repeat=len(POSITIONS))))
        self.leader_actions = Discrete(len(self._bonuses), tuple(map(_in_words, self._bonuses)))
        return self.check()

    @property
    def nodes(self) -> np.ndarray:
        """One for all states."""
        return np.zeros(self.num_states, np.int32)

    def bonuses(self, leader_action: Array) -> Array:
        """``[3]`` by position."""
        if isinstance(self.leader_actions, Box):
            return leader_action
        return jnp.asarray(self._bonuses, jnp.result_type(float))[leader_action]

    def outcomes(self, state: Array, actions: Array, leader_action: Array) -> Array:
        del state, actions, leader_action
        return jnp.ones(1)

    def payoffs(self, state: Array, actions: Array, leader_action: Array, outcome: Array) -> Array:
        del outcome
        raw = jnp.asarray(self._raw, jnp.result_type(float))[state, joint_place(actions, self.num_actions)]
        return jnp.concatenate([raw.sum()[None], raw + self.bonuses(leader_action)[actions]])

    def describe_node(self, node: int) -> str:
        del node
        return "always"

    def describe_state(self, state: int) -> str:
        return "at " + ", ".join(POSITIONS[place] for place in self._places[state])

    def describe_action(self, follower: int, action: int) -> str:
        del follower
        return f"to {POSITIONS[action]}"

    def describe_leader_action(self, action: np.ndarray) -> str:
        return _in_words(action) if isinstance(self.leader_actions, Box) else super().describe_leader_action(action)


def _in_words(bonuses: np.ndarray) -> str:
    return "bonus " + ", ".join(f"{value:.4g} at the {place}" for value, place in zip(bonuses, POSITIONS, strict=True))
