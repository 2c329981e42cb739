"""Regret matching and regret matching+: play in proportion to positive regret."""

from typing import Literal

import jax.numpy as jnp

from stackjax.bayesian.followers.base import FollowerDynamics, check_feedback, zeros
from stackjax.recipes import pickled_as_made
from stackjax.types import Array

__all__ = ["regret_matching", "regret_matching_plus"]


@pickled_as_made
def regret_matching(*, feedback: Literal["sampled", "expected"] = "sampled") -> FollowerDynamics:
    """Regret matching: ``R[a] <- R[a] + P[a] - <σ, P>``, play proportional to ``max(R, 0)``, uniform where none is positive.

    For payoffs within a range of Δ the external regret after T rounds is at most ``Δ sqrt(A T)``, without a step size.

    References: Hart and Mas-Colell (2000); Cesa-Bianchi and Lugosi (2006), Section 2.1 (polynomial potential, p = 2).
    """
    return _regret_matching(feedback, keep_negative=True)


@pickled_as_made
def regret_matching_plus(*, feedback: Literal["sampled", "expected"] = "sampled") -> FollowerDynamics:
    """Regret matching+: as `regret_matching`, with ``R[a] <- max(R[a] + P[a] - <σ, P>, 0)``.

    The same bound, ``Δ sqrt(A T)``, and usually far faster.

    References: Tammelin (2014); Tammelin et al. (2015), Lemma 2.
    """
    return _regret_matching(feedback, keep_negative=False)


def _regret_matching(feedback: Literal["sampled", "expected"], keep_negative: bool) -> FollowerDynamics:
    check_feedback(feedback)

    def play(regrets: Array) -> Array:
        positive = jnp.maximum(regrets, 0.0)
        total = positive.sum(axis=0, keepdims=True)
        uniform = jnp.full_like(positive, 1.0 / positive.shape[0])
        return jnp.where(total > 0, positive / jnp.where(total > 0, total, 1.0), uniform)

    def update(regrets: Array, payoffs: Array, action: Array) -> Array:
        del action
        regrets = regrets + payoffs - (play(regrets) * payoffs).sum(axis=0, keepdims=True)
        return regrets if keep_negative else jnp.maximum(regrets, 0.0)

    return FollowerDynamics(zeros, play, update, feedback)
