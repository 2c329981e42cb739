"""The nearest points of a simplex, also of one whose entries are at most 1 each."""

import jax
import jax.numpy as jnp

from stackjax.types import Array

__all__ = ["onto_capped"]

FARTHEST = 2.0**20  # points farther off count as so far off
CLOSE = 4.0  # roundings of a sum that are no difference
REFINEMENTS = 2


def onto_capped(points: Array, total: Array | float, is_spent: bool) -> Array:
    """The nearest to each of ``points [..., n]`` whose entries are from 0 to 1 and add up to ``total``, or to no more than it.

    It is ``clip(points - λ, 0, 1)``, whose entries add up to the less, the larger λ is. Bisection down to rounding tells which
    entries are inside; λ follows from them. On CPUs that takes a tenth of the time of sorting, with the batch along the vector
    instructions. A point that is allowed stays as it is, bit for bit. NaN counts as 0. Slopes are finite everywhere; where
    faces of the set meet, they are those of the larger face.

    Args:
      points: where from.
      total: a number, or ``[..., 1]``; if it is spent, from 0 to n.
      is_spent: whether the entries add up to ``total`` exactly.

    References: Held, Wolfe and Crowder (1974) for the simplex; Wang and Lu (2015) for entries of at most 1.
    """
    dtype = points.dtype
    points = jnp.moveaxis(jnp.clip(jnp.where(jnp.isnan(points), 0.0, points), -FARTHEST, FARTHEST), -1, 0)  # [n, ...]
    total = jnp.broadcast_to(jnp.asarray(total, dtype), (*points.shape[1:], 1))[..., 0]
    tolerance = CLOSE * float(jnp.finfo(dtype).eps) * jnp.maximum(total, 1.0)
    here = jax.lax.stop_gradient(points)
    direct = _kept(points).sum(axis=0)

    def halved(_: Array, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = 0.5 * (low + high)
        is_above = jnp.clip(here - middle[None], 0.0, 1.0).sum(axis=0) >= total
        return jnp.where(is_above, middle, low), jnp.where(is_above, high, middle)

    ends = here.min(axis=0) - 1.0, here.max(axis=0)
    low, high = jax.lax.fori_loop(0, 21 + jnp.finfo(dtype).nmant, halved, ends)
    is_allowed = (jnp.abs(direct - total) <= tolerance) & (_kept(here) == here).all(axis=0)
    moved = points - jnp.where(is_allowed, 0.0, 0.5 * (low + high))[None]
    for _ in range(REFINEMENTS):
        free = ((moved >= 0.0) & (moved <= 1.0)).astype(dtype).sum(axis=0)
        excess = _kept(moved).sum(axis=0) - total
        further = excess / jnp.maximum(free, 1.0)
        still = further - jax.lax.stop_gradient(further)  # does not move, but has slopes
        moved = moved - jnp.where(is_allowed, still, further)[None]
    found = _kept(moved)
    if not is_spent:
        found = jnp.where(direct[None] <= (total + tolerance)[None], _kept(points), found)
    return jnp.moveaxis(found, 0, -1)


def _kept(moved: Array) -> Array:
    """``moved`` clipped to [0, 1]; entries at an end have the slope of those inside."""
    return jnp.where((moved >= 0.0) & (moved <= 1.0), moved, jax.lax.stop_gradient(jnp.clip(moved, 0.0, 1.0)))
