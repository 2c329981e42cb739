"""A sample of the distinct decisions of an episode, in constant memory: those whose observations have the smallest hashes."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from stackjax.bayesian.sampled.hashing import NOTHING
from stackjax.types import Array

__all__ = ["Sketch", "empty_sketch", "estimated_count", "with_decisions"]


class Sketch(NamedTuple):
    """``hashes`` uint32 ``[k]``, smallest first, `NOTHING` where there is none; what was seen and chosen, ``[k, ...]``."""

    hashes: Array
    observations: Array
    choices: Array


def empty_sketch(size: int, observation: Any, choice: Any) -> Sketch:
    """For ``size`` decisions shaped like ``observation`` and ``choice``."""
    like = lambda leaf: jnp.zeros((size, *leaf.shape), leaf.dtype)
    return Sketch(jnp.full(size, NOTHING, jnp.uint32), like(observation), like(choice))


def with_decisions(sketch: Sketch, hashes: Array, observations: Array, choices: Array) -> Sketch:
    """After further decisions, ``hashes [n]`` (`NOTHING` for none): the k distinct ones with the smallest hashes of all.

    A bottom-k sketch (Cohen and Kaplan 2007). Decisions of the same hash are one decision.
    """
    size = len(sketch.hashes)
    joint = jnp.concatenate([sketch.hashes, hashes])
    ranked, place = jax.lax.sort_key_val(joint, jnp.arange(len(joint), dtype=jnp.int32))
    is_new = jnp.concatenate([jnp.ones(1, bool), ranked[1:] != ranked[:-1]]) & (ranked != NOTHING)
    rank = jnp.cumsum(is_new) - 1  # of each distinct one
    wanted = jnp.arange(size, dtype=rank.dtype)
    at = (rank[None, :] < wanted[:, None]).sum(axis=1)  # the first entry of that rank
    is_there = wanted < rank[-1] + 1
    at = jnp.minimum(at, len(joint) - 1)
    source = place[at]
    kept = lambda old, new: jnp.concatenate([old, new])[source]
    return Sketch(
        jnp.where(is_there, ranked[at], NOTHING), kept(sketch.observations, observations), kept(sketch.choices, choices)
    )


def estimated_count(sketch: Sketch) -> Array:
    """How many distinct decisions there were: exact while they all fit, else (k - 1) over the share below the k-th hash."""
    size = len(sketch.hashes)
    held = (sketch.hashes != NOTHING).sum()
    share = (sketch.hashes[-1].astype(jnp.float32) + 1.0) * jnp.float32(2.0**-32)
    return jnp.where(held < size, held.astype(jnp.float32), (size - 1) / share)
