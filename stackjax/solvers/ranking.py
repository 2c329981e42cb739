"""How commitments rank: those whose followers settle go first, then the payoff decides."""

import jax.numpy as jnp

from stackjax.problem import Metrics, Problem, Worth
from stackjax.types import Array

__all__ = ["search_metrics", "unsettled"]


def unsettled(problem: Problem, gap: Array) -> Array:
    """What to take off payoffs so that they rank as promised, game units: nothing where followers settle.

    Else it is more than payoffs can differ by, and grows with the gap in units of the one that settles.
    """
    low, high = problem.payoff_range
    settles = problem.settled_gap
    return jnp.where(gap <= settles, 0.0, (high - low) * (2.0 - settles / jnp.maximum(gap, 1e-30)))


def search_metrics(problem: Problem, worth: Worth, is_sound: Array, best_payoff: Array, best_gap: Array) -> Metrics:
    """What an update tells that tried the commitments of ``worth [B]``; one that is not sound ranks last, and stops nothing."""
    return {
        "episodes": jnp.float32(len(worth.payoff)),
        "total_return": jnp.where(jnp.isfinite(worth.payoff), worth.payoff, 0.0).sum(),
        "is_finite": is_sound.any(),
        "best_payoff": best_payoff,
        "best_gap": best_gap,
        "settled_share": (worth.gap <= problem.settled_gap).mean(),
    }
