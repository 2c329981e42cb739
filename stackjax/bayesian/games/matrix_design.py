"""Matrix design (Monderer and Tennenholtz 2003): the leader changes the payoffs of a game between two followers."""

import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.games.base import OneShotGame
from stackjax.bayesian.games.normal_form import row_label
from stackjax.problem import Optimum
from stackjax.spaces import Box, Discrete
from stackjax.types import Array

__all__ = ["MatrixDesign", "MatrixDesignPayments"]

# [row follower's action][column follower's action][follower]; Brero et al. (2023), Table 3 with τ = 0.
BASE_GAME = np.array([[(3, 3), (6, 4)], [(4, 6), (2, 2)]], np.float64)
# Where τ is added: to the row follower at (A, A) and to the column follower at (B, B).
TAU_BONUS = np.array([[(1, 0), (0, 0)], [(0, 0), (0, 1)]], np.float64)
MAX_TAU = 10


class _Design(OneShotGame):
    """Two followers, who play the base game with other payoffs."""

    type_prior = np.ones((1, 1))
    num_actions = (2, 2)
    payoff_scale = 10.0

    def describe_action(self, follower: int, action: int) -> str:
        return f"{'column' if follower else 'row'} {row_label(action)}"


class MatrixDesign(_Design):
    """The leader picks τ in {0, ..., 10}; it is paid 1 if the followers' actions differ, else 0."""

    name = "matrix-design"
    leader_actions = Discrete(MAX_TAU + 1, tuple(f"τ = {tau}" for tau in range(MAX_TAU + 1)))

    def observation(self, actions: Array) -> Array:
        del actions
        return jnp.ones(1)

    def outcome_payoffs(self, types: Array, actions: Array, leader_action: Array) -> Array:
        del types
        float_dtype = jnp.result_type(float)
        cell = (actions[0], actions[1])
        tau = leader_action.astype(float_dtype)
        followers = jnp.asarray(BASE_GAME, float_dtype)[cell] + tau * jnp.asarray(TAU_BONUS, float_dtype)[cell]
        differ = (actions[0] != actions[1]).astype(float_dtype)
        return jnp.concatenate([differ[None], followers])

    def optimum(self) -> Optimum:
        return Optimum(1.0, "closed-form", [MAX_TAU])  # row A and column B are strictly dominant then


class MatrixDesignPayments(_Design):
    """The leader sees the joint action and pays each follower a promised amount in [0, 10] for it.

    The leader's payoff is the base game's welfare (payments are transfers and do not count).
    """

    name = "matrix-design-payments"
    leader_actions = Box((0.0, 0.0), (10.0, 10.0))
    leader_payoff_range = (4.0, 10.0)

    def observation(self, actions: Array) -> Array:
        return jnp.concatenate([jnp.eye(2)[actions[0]], jnp.eye(2)[actions[1]]])

    def outcome_payoffs(self, types: Array, actions: Array, leader_action: Array) -> Array:
        del types
        base = jnp.asarray(BASE_GAME, jnp.result_type(float))[actions[0], actions[1]]
        return jnp.concatenate([base.sum()[None], base + leader_action])

    def optimum(self) -> Optimum:
        """To pay for row A, and for column B, makes both strictly dominant."""
        return Optimum(10.0, "closed-form", [[10.0, 0.0], [10.0, 10.0], [0.0, 0.0], [0.0, 10.0]])
