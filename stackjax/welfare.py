"""How payoffs of several followers are weighed together."""

import jax.numpy as jnp

from stackjax.arrays import added
from stackjax.types import Array

__all__ = ["equality"]


def equality(payoffs: Array) -> Array:
    """``[*B]`` 1 less the Gini index over its largest value, of ``payoffs [N, *B]``; from 0 to 1.

    It is 1 where all are paid the same. Where the sum is not positive and payoffs differ it is 0, as a share of nothing.
    """
    count, total = len(payoffs), added(payoffs, 0)
    apart = added(added(jnp.abs(payoffs[:, None] - payoffs[None]), 0), 0)
    if count == 1:
        return jnp.ones_like(total)
    share = 1.0 - apart / (2.0 * (count - 1) * jnp.where(total > 0, total, 1.0))
    return jnp.where(total > 0, jnp.clip(share, 0.0, 1.0), jnp.where(apart == 0, 1.0, 0.0))
