"""A commons: three followers pick from one stock, which grows back unless it is picked empty; the leader taxes what they earn.

Taxes are shared out equally. The better a follower's skill, the more it earns of what it picks, and the more it is taxed.
"""

import jax.numpy as jnp
import numpy as np

from stackjax.errors import require_count, require_is
from stackjax.markov.game import joint_actions, joint_place
from stackjax.markov.groups.game import GroupGame
from stackjax.markov.groups.objectives import Objective
from stackjax.spaces import Box, Discrete
from stackjax.types import Array

__all__ = ["Commons"]

STOCK = 6  # at most, and at first
PICKS = 3  # a follower picks 0, 1 or 2
SKILLS = (1.0, 0.7, 0.4)
EFFORT = 0.1  # of a pick, untaxed
GROWTH = 3.6
MOST_LEVELS = 10_000


class Commons(GroupGame):
    """Three followers. A state is the stock, from 0 to 6; the leader's action in it is a tax rate.

    Where all pick more than there is, it is shared out in proportion. Of a rest ``r`` one more grows with chance
    ``3.6 r (6 - r) / 36``.

    Args:
      objective: what the leader is paid, see `GroupGame`.
      levels: how many rates from 0 to 1 there are to choose from, or None for all of them.
      flat: whether there is one rate for all stocks.
      horizon: T, the steps of an episode.

    Raises:
      InputError: an argument is of the wrong kind or out of range.
    """

    only_transfers = True

    def __init__(
        self, objective: Objective = "utilitarian", levels: int | None = 5, flat: bool = False, horizon: int = 12
    ) -> None:
        if levels is not None:
            require_count("levels", levels, least=2, most=MOST_LEVELS)
        require_is("flat", flat, bool, "True or False")
        require_count("horizon", horizon)
        self.name, self.objective, self.flat, self.levels, self.horizon = "commons", objective, flat, levels, horizon
        self.num_actions = (PICKS,) * len(SKILLS)
        rates = tuple(f"rate {rate:.4g}" for rate in np.linspace(0.0, 1.0, levels or 0))
        self.leader_actions = Box((0.0,), (1.0,)) if levels is None else Discrete(levels, rates)
        picks = joint_actions(self.num_actions)  # [J, N]
        wanted, stock = picks.sum(axis=1)[None], np.arange(STOCK + 1)[:, None]
        rest = stock - np.minimum(wanted, stock)  # [S, J]
        share = np.minimum(1.0, stock / np.maximum(wanted, 1))
        self._income = np.asarray(SKILLS) * picks * share[..., None]  # [S, J, N]
        self._grows = GROWTH * rest * (STOCK - rest) / STOCK**2
        after = np.stack([rest, np.minimum(rest + 1, STOCK)], axis=-1)
        self.successor = after.reshape(STOCK + 1, *self.num_actions, 2).astype(np.int32)
        self.initial = np.eye(STOCK + 1)[STOCK]
        most = self._income.max(axis=(0, 1))
        shared = float(self._income.mean(axis=-1).max())
        followers = tuple((-EFFORT * (PICKS - 1), max(float(one), shared)) for one in most)
        self.payoff_bounds = ((0.0, 0.0), *followers)
        self.end = 0
        self.check()

    @property
    def nodes(self) -> np.ndarray:
        """One for each stock but 0, where nothing can be taxed; or one for all."""
        return np.zeros(STOCK + 1, np.int32) if self.flat else np.maximum(np.arange(STOCK + 1, dtype=np.int32) - 1, 0)

    def rate(self, leader_action: Array) -> Array:
        """The share of what followers earn that is taxed."""
        if not isinstance(self.leader_actions, Discrete):
            return leader_action[0]
        return leader_action.astype(jnp.result_type(float)) / (self.leader_actions.n - 1)

    def outcomes(self, state: Array, actions: Array, leader_action: Array) -> Array:
        del leader_action
        grows = jnp.asarray(self._grows, jnp.result_type(float))[state, joint_place(actions, self.num_actions)]
        return jnp.stack([1.0 - grows, grows])

    def payoffs(self, state: Array, actions: Array, leader_action: Array, outcome: Array) -> Array:
        del outcome
        income = jnp.asarray(self._income, jnp.result_type(float))[state, joint_place(actions, self.num_actions)]
        rate = self.rate(leader_action)
        paid = (1.0 - rate) * income + rate * income.mean() - EFFORT * actions.astype(income.dtype)
        return jnp.concatenate([jnp.zeros(1, paid.dtype), paid])

    def describe_node(self, node: int) -> str:
        return "at any stock" if self.flat else f"stock {node + 1}"

    def describe_state(self, state: int) -> str:
        return f"stock {state}"

    def describe_action(self, follower: int, action: int) -> str:
        del follower
        return f"picks {action}"

    def describe_follower(self, follower: int) -> str:
        return f"skill {SKILLS[follower]:g}"
