"""Multiplicative weights (Hedge), the followers of Brero et al. (2023), Algorithm 2."""

from typing import Any, Literal

import jax.numpy as jnp

from stackjax.errors import InputError, require_positive
from stackjax.followers.base import FollowerDynamics
from stackjax.types import Array

__all__ = ["multiplicative_weights"]


def multiplicative_weights(step_size: Any = 0.1, *, feedback: Literal["sampled", "expected"] = "sampled") -> FollowerDynamics:
    """Multiplicative weights: ``w[a] <- w[a] * (1 + ε) ** P[a]``, play proportional to ``w``.

    Weights are held as logarithms relative to the largest, so that no number of rounds makes them over- or underflow.
    For payoffs in [0, 1] and ``ln(1 + ε) = sqrt(8 ln A / T)`` the external regret after T rounds is at most
    ``sqrt(T ln A / 2)``.

    Args:
      step_size: ε > 0, a number or a traced scalar (so that it can be vmapped).
      feedback: ``"sampled"``, Algorithm 2 as written, or ``"expected"``: each follower updates on the expectation
        over the others' mixed play.

    Raises:
      InputError: ``step_size`` is a number that is not positive and finite.

    References: Brero et al. (2023), Algorithm 2; Freund and Schapire (1997); Cesa-Bianchi and Lugosi (2006), Theorem 2.2.
    """
    require_positive("step_size", step_size)
    if feedback not in ("sampled", "expected"):
        raise InputError(f"feedback={feedback!r} must be 'sampled' or 'expected'")

    def init(num_actions: int, batch_shape: tuple[int, ...]) -> Array:
        return jnp.zeros((num_actions, *batch_shape))

    def play(log_weights: Array) -> Array:
        weights = jnp.exp(log_weights)  # the largest is exp(0)
        return weights / weights.sum(axis=0, keepdims=True)

    def update(log_weights: Array, payoffs: Array, action: Array) -> Array:
        del action
        log_weights = log_weights + jnp.log1p(step_size).astype(log_weights.dtype) * payoffs
        return log_weights - log_weights.max(axis=0, keepdims=True)

    return FollowerDynamics(init, play, update, feedback)
