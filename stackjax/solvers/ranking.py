"""How commitments rank: those whose followers settle go first, then the payoff decides."""

import jax.numpy as jnp

from stackjax.problem import Problem
from stackjax.types import Array

__all__ = ["unsettled"]


def unsettled(problem: Problem, gap: Array) -> Array:
    """What to take off payoffs so that they rank as promised, game units: nothing where followers settle.

    Else it is more than payoffs can differ by, and grows with the gap in units of the one that settles.
    """
    low, high = problem.payoff_range
    settles = problem.settled_gap
    return jnp.where(gap <= settles, 0.0, (high - low) * (2.0 - settles / jnp.maximum(gap, 1e-30)))
