"""A sample of the distinct decisions of an episode, in constant memory: those whose observations have the smallest hashes."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from stackjax.bayesian.sampled.hashing import NOTHING
from stackjax.types import Array

__all__ = ["Sketch", "empty_sketch", "estimated_count", "with_decisions"]

AT_ONCE = 192  # further decisions that are compared with each other


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

    A bottom-k sketch (Cohen and Kaplan 2007). Decisions of the same hash are one decision. All hashes are compared with each
    other, some at a time: XLA sorts slowly on a CPU.
    """
    num_parts = -(-len(hashes) // AT_ONCE)
    if num_parts == 1:
        return _joined(sketch, Sketch(hashes, observations, choices))
    size = -(-len(hashes) // num_parts)
    spare = num_parts * size - len(hashes)
    padded = lambda leaf, value: jnp.pad(leaf, [(0, spare)] + [(0, 0)] * (leaf.ndim - 1), constant_values=value)
    further = Sketch(padded(hashes, NOTHING), padded(observations, 0), padded(choices, 0))
    parts = jax.tree.map(lambda leaf: leaf.reshape(num_parts, size, *leaf.shape[1:]), further)
    return jax.lax.scan(lambda held, part: (_joined(held, part), None), sketch, parts)[0]


def _joined(sketch: Sketch, further: Sketch) -> Sketch:
    """The smallest of both."""
    size = len(sketch.hashes)
    joint = jnp.concatenate([sketch.hashes, further.hashes])
    count = jnp.arange(len(joint), dtype=jnp.int32)
    is_repeated = ((joint[:, None] == joint[None, :]) & (count[None, :] < count[:, None])).any(axis=1)
    is_new = ~is_repeated & (joint != NOTHING)
    rank = ((joint[None, :] < joint[:, None]) & is_new[None, :]).sum(axis=1, dtype=jnp.int32)  # among distinct ones
    source = jnp.zeros(size, jnp.int32).at[jnp.where(is_new, rank, size)].set(count, mode="drop")
    is_there = count[:size] < is_new.sum(dtype=jnp.int32)
    kept = lambda old, new: jnp.concatenate([old, new])[source]
    return Sketch(
        jnp.where(is_there, joint[source], NOTHING),
        kept(sketch.observations, further.observations),
        kept(sketch.choices, further.choices),
    )


def estimated_count(sketch: Sketch) -> Array:
    """How many distinct decisions there were: exact while they all fit, else (k - 1) over the share below the k-th hash."""
    size = len(sketch.hashes)
    held = (sketch.hashes != NOTHING).sum()
    share = (sketch.hashes[-1].astype(jnp.float32) + 1.0) * jnp.float32(2.0**-32)
    return jnp.where(held < size, held.astype(jnp.float32), (size - 1) / share)
