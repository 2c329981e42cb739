"""A sample of the distinct decisions of an episode, in constant memory: those whose observations have the smallest hashes."""

from typing import NamedTuple

import jax.numpy as jnp

from stackjax.bayesian.sampled.hashing import NOTHING
from stackjax.types import Array

__all__ = ["Sketch", "empty_sketch", "estimated_count", "with_decisions"]


class Sketch(NamedTuple):
    """``hashes`` uint32 ``[k]``, smallest first, `NOTHING` where there is none; where each decision was made, int ``[k]``."""

    hashes: Array
    places: Array


def empty_sketch(size: int) -> Sketch:
    """For ``size`` decisions."""
    return Sketch(jnp.full(size, NOTHING, jnp.uint32), jnp.zeros(size, jnp.int32))


def with_decisions(sketch: Sketch, hashes: Array, places: Array) -> Sketch:
    """After further decisions, ``hashes [n]`` (`NOTHING` for none): the k distinct ones with the smallest hashes of all.

    A bottom-k sketch (Cohen and Kaplan 2007). Decisions of the same hash are one decision, the first. All further hashes are
    compared with all that are held, and with each other, which takes k n + n^2 comparisons: XLA sorts slowly on a CPU.
    """
    held, count = sketch.hashes, jnp.arange(len(hashes), dtype=jnp.int32)
    is_same = hashes[:, None] == hashes[None, :]
    is_repeated = (is_same & (count[None, :] < count[:, None])).any(axis=1) | (hashes[:, None] == held[None, :]).any(axis=1)
    is_new = ~is_repeated & (hashes != NOTHING)
    below = (held[None, :] < hashes[:, None]).sum(axis=1, dtype=jnp.int32)
    place = below + ((hashes[None, :] < hashes[:, None]) & is_new[None, :]).sum(axis=1, dtype=jnp.int32)
    slots = jnp.arange(len(held), dtype=jnp.int32)
    enters = (place[None, :] == slots[:, None]) & is_new[None, :]  # [k, n]
    before = ((place[None, :] < slots[:, None]) & is_new[None, :]).sum(axis=1, dtype=jnp.int32)
    which = jnp.where(enters, len(held) + count[None, :], 0).sum(axis=1, dtype=jnp.int32)  # at most one; argmax is slow
    source = jnp.where(which > 0, which, slots - before)
    joined = lambda old, new: jnp.concatenate([old, new])[source]
    return Sketch(joined(held, hashes), joined(sketch.places, places))


def estimated_count(sketch: Sketch) -> Array:
    """How many distinct decisions there were: exact while they all fit, else (k - 1) over the share below the k-th hash."""
    size = len(sketch.hashes)
    held = (sketch.hashes != NOTHING).sum()
    share = (sketch.hashes[-1].astype(jnp.float32) + 1.0) * jnp.float32(2.0**-32)
    return jnp.where(held < size, held.astype(jnp.float32), (size - 1) / share)
