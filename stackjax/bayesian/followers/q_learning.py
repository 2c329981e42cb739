"""Tabular Q-learning: followers who learn from what they were paid alone, and who may condition on the last round's actions."""

from typing import Any, NamedTuple

import jax.numpy as jnp

from stackjax.bayesian.followers.base import FollowerDynamics, one_hot
from stackjax.bayesian.followers.best_response import best_actions
from stackjax.errors import require_number, require_positive
from stackjax.recipes import pickled_as_made
from stackjax.types import Array

__all__ = ["q_learning"]


class QState(NamedTuple):
    """``values [A, *batch]``, scaled payoffs, and ``num_rounds`` int ``[*batch]``, the rounds behind, at whatever state."""

    values: Array
    num_rounds: Array


@pickled_as_made
def q_learning(
    learning_rate: Any = 0.1,
    *,
    discount: Any = 0.0,
    exploration_decay: Any = 0.01,
    initial_value: Any = 0.0,
    memory: bool = False,
) -> FollowerDynamics:
    """ε-greedy Q-learning: ``Q[s, a] <- Q[s, a] + α (r + δ max_b Q[s', b] - Q[s, a])`` for the action played alone.

    The action is uniform with probability ``ε = e^(-β t)`` in round t = 0, 1, ... and else the best (equal shares to ties).
    What a follower knows, s, is its type and, with memory, everybody's actions in the round before; the value of s' is its
    expectation over the follower's own next type. No regret bound: with memory, sellers learn to collude (Calvano et al. 2020).

    Args:
      learning_rate: α in (0, 1].
      discount: δ in [0, 1).
      exploration_decay: β > 0.
      initial_value: what every Q starts at, over the game's ``payoff_scale``.
      memory: whether followers see the last round's joint action. Tables then hold ``K_i * A_1 * ... * A_N`` rows, types first.

    Raises:
      InputError: a number is out of its range (traced scalars pass, so that they can be vmapped).

    References: Watkins and Dayan (1992); Calvano, Calzolari, Denicolò and Pastorello (2020); Brero et al. (2022).
    """
    require_positive("learning_rate", learning_rate)
    require_positive("exploration_decay", exploration_decay)
    require_number("learning_rate", learning_rate, lambda rate: rate <= 1, "above 0 and at most 1")
    require_number("initial_value", initial_value, lambda _: True, "a finite number")
    require_number("discount", discount, lambda share: 0 <= share < 1, "at least 0 and below 1")

    def init(num_actions: int, batch_shape: tuple[int, ...]) -> QState:
        values = jnp.zeros((num_actions, *batch_shape)) + initial_value
        return QState(values, jnp.zeros(batch_shape, jnp.int32))

    def play(state: QState) -> Array:
        decay = jnp.asarray(exploration_decay, state.values.dtype)
        explore = jnp.exp(-decay * state.num_rounds.astype(state.values.dtype))[None]
        return explore / state.values.shape[0] + (1.0 - explore) * best_actions(state.values)

    def update(state: QState, payoffs: Array, action: Array, next_value: Array) -> QState:
        step = jnp.asarray(learning_rate, payoffs.dtype) * one_hot(action, payoffs)
        target = payoffs + jnp.asarray(discount, payoffs.dtype) * next_value[None]
        return state._replace(values=state.values + step * (target - state.values))

    def tick(state: QState) -> QState:
        return state._replace(num_rounds=state.num_rounds + 1)

    return FollowerDynamics(init, play, update, memory=memory, value=lambda state: state.values.max(axis=0), tick=tick)
