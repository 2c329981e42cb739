"""A regulator taxes two firms that compete in quantities and build capacity, and whose output does harm.

It is Cournot's duopoly with linear demand, as in any textbook, made dynamic by capacity that wears out.
"""

import itertools

import jax.numpy as jnp
import numpy as np

from stackjax.errors import require_count, require_number
from stackjax.markov.game import joint_actions, joint_place
from stackjax.markov.groups.game import GroupGame
from stackjax.markov.groups.objectives import Objective
from stackjax.spaces import Box, Discrete
from stackjax.types import Array

__all__ = ["TaxedDuopoly"]

DEMAND, COST = 10.0, 1.0  # the price is 10 less all output; a unit costs 1
CAPACITIES = (1, 2)
ACTIONS = ("makes 1", "makes all it can", "makes 1 and builds")
BUILDING, SUCCEEDS, WEARS = 3.0, 0.8, 0.3  # what building costs; its chance; that of losing a unit which is not rebuilt
MOST_TAX = 4.0
MOST_LEVELS = 100


class TaxedDuopoly(GroupGame):
    """Two firms with capacity 1 or 2 each, which is the state; the leader's action in it is a tax on each unit.

    A firm makes one unit, or as many as it can, or one and builds. Building costs 3 and succeeds with chance .8; capacity 2
    falls to 1 with chance .3 unless the firm builds. The leader is paid welfare: what consumers gain, firms' profits and the
    taxes, less the harm, which grows with the square of all output; or a welfare of the firms alone.

    Args:
      objective: what the leader is paid, see `GroupGame`; ``"own"`` is welfare with consumers and harm.
      harm: half of what the square of all output costs.
      levels: how many taxes from 0 to 4 there are to choose from, or None for all of them.
      horizon: T, the steps of an episode.

    Raises:
      InputError: an argument is of the wrong kind or out of range.
    """

    def __init__(self, objective: Objective = "own", harm: float = 1.5, levels: int | None = 5, horizon: int = 6) -> None:
        require_number("harm", harm, lambda value: 0 <= value <= 10, "from 0 to 10")
        if levels is not None:
            require_count("levels", levels, least=2, most=MOST_LEVELS)
        require_count("horizon", horizon)
        self.name, self.objective, self.levels, self.horizon = "taxed-duopoly", objective, levels, horizon
        self.num_actions = (len(ACTIONS),) * 2
        labels = tuple(f"tax {tax:.4g}" for tax in np.linspace(0.0, MOST_TAX, levels or 0))
        self.leader_actions = Box((0.0,), (MOST_TAX,)) if levels is None else Discrete(levels, labels)
        self._states = np.array(list(itertools.product(CAPACITIES, repeat=2)))  # [S, N]
        moves = joint_actions(self.num_actions)  # [J, N]
        builds = moves == 2
        self._output = np.where(moves[None] == 1, self._states[:, None], 1)  # [S, J, N]
        total = self._output.sum(axis=-1, keepdims=True)
        self._profit = (DEMAND - total - COST) * self._output - BUILDING * builds
        self._welfare = (total**2 / 2 + self._profit.sum(axis=-1, keepdims=True) - harm * total**2 / 2)[..., 0]
        grows, falls = builds & (self._states[:, None] == 1), ~builds & (self._states[:, None] == 2)
        chance = SUCCEEDS * grows + WEARS * falls  # [S, J, N] that capacity changes
        changes = np.array(list(itertools.product((0, 1), repeat=2)))  # [K, N]
        self._chances = np.where(changes, chance[:, :, None], 1.0 - chance[:, :, None]).prod(axis=-1)
        other = np.where(self._states == 1, 2, 1)
        after = np.where(changes, other[:, None], self._states[:, None]) - 1  # [S, K, N]
        successor = (after[..., 0] * 2 + after[..., 1])[:, None, None]
        shape = (len(self._states), *self.num_actions, len(changes))
        self.successor = np.broadcast_to(successor, shape).astype(np.int32)
        self.initial = np.eye(len(self._states))[0]
        most = float(self._profit.max())
        least = float((self._profit - MOST_TAX * self._output).min())
        own = (float(self._welfare.min()), float(self._welfare.max()))
        self.payoff_bounds = (own, (least, most), (least, most))
        self.check()

    def tax(self, leader_action: Array) -> Array:
        """On each unit."""
        if not isinstance(self.leader_actions, Discrete):
            return leader_action[0]
        return MOST_TAX * leader_action.astype(jnp.result_type(float)) / (self.leader_actions.n - 1)

    def outcomes(self, state: Array, actions: Array, leader_action: Array) -> Array:
        del leader_action
        return jnp.asarray(self._chances, jnp.result_type(float))[state, joint_place(actions, self.num_actions)]

    def payoffs(self, state: Array, actions: Array, leader_action: Array, outcome: Array) -> Array:
        del outcome
        at = lambda table: jnp.asarray(table, jnp.result_type(float))[state, joint_place(actions, self.num_actions)]
        firms = at(self._profit) - self.tax(leader_action) * at(self._output)
        return jnp.concatenate([at(self._welfare)[None], firms])

    def describe_state(self, state: int) -> str:
        return "capacities {} and {}".format(*self._states[state])

    def describe_action(self, follower: int, action: int) -> str:
        del follower
        return ACTIONS[action]

    def describe_follower(self, follower: int) -> str:
        return f"firm {follower + 1}"
