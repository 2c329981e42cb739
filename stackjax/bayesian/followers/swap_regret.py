"""No swap regret (Blum and Mansour 2007): followers whose empirical play tends to correlated equilibria."""

from typing import Any, Literal

import jax.numpy as jnp

from stackjax.bayesian.followers.base import FollowerDynamics, check_feedback
from stackjax.bayesian.followers.multiplicative_weights import rate
from stackjax.errors import require_positive
from stackjax.recipes import pickled_as_made
from stackjax.types import Array

__all__ = ["stationary_distribution", "swap_regret"]


@pickled_as_made
def swap_regret(step_size: Any = 0.1, *, feedback: Literal["sampled", "expected"] = "sampled") -> FollowerDynamics:
    """One Hedge per own action, each answering "what instead of this?"; play is the stationary distribution of their advice.

    With A copies whose external regret is at most ``r(T)`` the swap regret after T rounds is at most ``A r(T)``; with Hedge,
    ``O(A sqrt(T ln A))`` (and ``O(sqrt(A T ln A))`` with copies tuned to their share of the play). No swap regret leads to
    correlated rather than coarse correlated equilibria (Brero et al. 2023, Observation 6.1).

    Args and errors: as `multiplicative_weights`.

    References: Blum and Mansour (2007), Theorem 5.
    """
    require_positive("step_size", step_size)
    check_feedback(feedback)

    def init(num_actions: int, batch_shape: tuple[int, ...]) -> Array:
        return jnp.zeros((num_actions, num_actions, *batch_shape))  # [copy, action]

    def play(log_weights: Array) -> Array:
        weights = jnp.exp(log_weights)
        return stationary_distribution(weights / weights.sum(axis=1, keepdims=True))

    def update(log_weights: Array, payoffs: Array, action: Array) -> Array:
        del action
        log_weights = log_weights + rate(step_size, payoffs) * play(log_weights)[:, None] * payoffs[None]
        return log_weights - log_weights.max(axis=1, keepdims=True)

    return FollowerDynamics(init, play, update, feedback)


def stationary_distribution(transitions: Array) -> Array:
    """``p [A, *batch]`` with ``p = p Q`` for row-stochastic ``Q [A, A, *batch]``.

    By state reduction, which only adds, multiplies and divides positive numbers and so loses no accuracy when Q is nearly
    reducible. References: Grassmann, Taksar and Heyman (1985).
    """
    size = transitions.shape[0]
    tiny = jnp.finfo(transitions.dtype).tiny
    q = [[transitions[i, j] for j in range(size)] for i in range(size)]
    for n in range(size - 1, 0, -1):
        leaving = jnp.maximum(sum(q[n][1:n], q[n][0]), tiny)
        for i in range(n):
            q[i][n] = q[i][n] / leaving
            for j in range(n):
                q[i][j] = q[i][j] + q[i][n] * q[n][j]
    p = [jnp.ones_like(q[0][0])]
    for n in range(1, size):
        p.append(sum((p[i] * q[i][n] for i in range(1, n)), p[0] * q[0][n]))
        largest = jnp.maximum(p[-1], 1.0)  # keep the running numbers from overflowing
        p = [value / largest for value in p]
    stacked = jnp.stack(p)
    return stacked / stacked.sum(axis=0, keepdims=True)
