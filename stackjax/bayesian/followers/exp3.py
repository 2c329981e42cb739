"""EXP3: Hedge on what one's own play paid, and nothing else."""

from typing import Any

import jax.numpy as jnp

from stackjax.bayesian.followers.base import FollowerDynamics, one_hot
from stackjax.bayesian.followers.multiplicative_weights import below_zero, softmax
from stackjax.errors import require_number, require_positive
from stackjax.recipes import pickled_as_made
from stackjax.types import Array

__all__ = ["exp3"]


@pickled_as_made
def exp3(exploration: Any = 0.1) -> FollowerDynamics:
    """EXP3: play ``(1 - γ) softmax(S) + γ / A``; ``S[a] <- S[a] + (γ / A) P[a] / σ[a]`` for the action played alone.

    It uses only the payoff of the action that was played (bandit feedback). For payoffs in [0, 1] and
    ``γ = min(1, sqrt(A ln A / ((e - 1) T)))`` its expected external regret after T rounds is at most
    ``2 sqrt((e - 1) T A ln A)``.

    Args:
      exploration: γ in (0, 1], a number or a traced scalar.

    Raises:
      InputError: ``exploration`` is a number outside (0, 1].

    References: Auer et al. (2002), Section 3, Theorem 3.1 and Corollary 3.2.
    """
    require_positive("exploration", exploration)
    require_number("exploration", exploration, lambda share: share <= 1, "above 0 and at most 1")

    def init(num_actions: int, batch_shape: tuple[int, ...]) -> Array:
        return jnp.zeros((num_actions, *batch_shape))

    def play(scores: Array) -> Array:
        gamma = jnp.asarray(exploration, scores.dtype)
        return (1.0 - gamma) * softmax(scores) + gamma / scores.shape[0]

    def update(scores: Array, payoffs: Array, action: Array) -> Array:
        gamma = jnp.asarray(exploration, scores.dtype)
        played = one_hot(action, scores)
        return below_zero(scores + gamma / scores.shape[0] * played * payoffs / play(scores))

    return FollowerDynamics(init, play, update, "sampled")
