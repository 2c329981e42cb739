"""One round of follower learning: draw types, draw actions, learn. Shared by `equilibrate` and `StackelbergPOMDP`.

Everything here is batch-last and free of per-episode keys: one counter-based draw serves the whole batch, and a type
is looked up with selects rather than gathers while tables are small, because that is what vectorises.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.random import threefry_2x32

from stackjax.arrays import lead
from stackjax.types import Array, ArrayLike, PyTree

__all__ = [
    "Draws",
    "all_profiles",
    "draw_actions",
    "draw_index",
    "draw_types",
    "profile_index",
    "put_state",
    "take_row",
    "take_state",
    "uniforms",
]

LARGEST_SELECT = 64  # rows up to which a chain of selects is at least as fast as a gather (two-core CPU)


class Draws(NamedTuple):
    """What was drawn in a round: ``types`` and ``actions``, tuples over followers of int ``[*batch]``."""

    types: tuple[Array, ...]
    actions: tuple[Array, ...]


def uniforms(key: Array, count: int, batch_shape: tuple[int, ...]) -> Array:
    """``[count, *batch]`` uniforms in [0, 1), on a grid of 2^-21.

    One threefry block yields 64 bits, hence three numbers of 21 bits; `jax.random.uniform` would spend three blocks.
    """
    size = int(np.prod(batch_shape, dtype=int))
    blocks = -(-count // 3)
    words = threefry_2x32(jax.random.key_data(key), jnp.arange(2 * blocks * size, dtype=jnp.uint32))
    high, low = words.reshape(2, blocks, size)
    middle = ((high & 0x7FF) << 10) | (low & 0x3FF)
    bits = jnp.concatenate([high >> 11, low >> 11, middle])[:count]
    return (bits.astype(jnp.int32).astype(jnp.result_type(float)) * 2.0**-21).reshape(count, *batch_shape)


def all_profiles(sizes: tuple[int, ...]) -> np.ndarray:
    """``[P, N]`` every profile of types (or actions), in the order of a flattened joint table with axes ``sizes``."""
    return np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), axis=-1)


def profile_index(sizes: tuple[int, ...], indices: Sequence[Array]) -> Array:
    """The place ``[*batch]`` of a profile in a flattened joint table with axes ``sizes``."""
    place = jnp.zeros(indices[0].shape, jnp.int32)
    for size, index in zip(sizes, indices, strict=True):
        place = place * size + index
    return place


def draw_index(uniform: Array, probabilities: Array) -> Array:
    """An index ``[*batch]`` drawn by inverse distribution function from ``probabilities [n, *batch]``."""
    if probabilities.shape[0] > LARGEST_SELECT:
        cumulative = jnp.cumsum(probabilities, axis=0)
        return ((uniform * cumulative[-1])[None] >= cumulative[:-1]).sum(axis=0, dtype=jnp.int32)
    sums = running_sums(probabilities)
    threshold, index = uniform * sums[-1], jnp.zeros(uniform.shape, jnp.int32)
    for bound in sums[:-1]:
        index = index + (threshold >= bound)
    return index


def running_sums(rows: Array) -> list[Array]:
    sums = [rows[0]]
    for row in rows[1:]:
        sums.append(sums[-1] + row)
    return sums


def draw_types(uniform: Array, type_prior: ArrayLike) -> tuple[Array, ...]:
    """A type profile from the joint prior: a tuple over followers of int ``[*batch]``."""
    flat = jnp.asarray(type_prior, jnp.result_type(float)).reshape(-1)
    profile = draw_index(uniform, flat.reshape(-1, *(1,) * uniform.ndim))
    return tuple(jnp.unravel_index(profile, type_prior.shape)) if flat.size > 1 else tuple(profile for _ in type_prior.shape)


def draw_actions(uniform: Array, rows: tuple[Array, ...]) -> tuple[Array, ...]:
    """Independent actions from mixed strategies ``[A_i, *batch]``; ``uniform`` is ``[N, *batch]``."""
    return tuple(draw_index(uniform[i], row) for i, row in enumerate(rows))


def take_row(index: Array, table: Array) -> Array:
    """``table[index]`` for every batch element: ``[n, ..., *batch]`` and ``[*batch]`` to ``[..., *batch]``."""
    if table.shape[0] <= LARGEST_SELECT:
        row, where = table[0], lead(index, table.ndim - 1)
        for k in range(1, table.shape[0]):
            row = jnp.where(where == k, table[k], row)
        return row
    indices = jnp.broadcast_to(lead(index, table.ndim), (1, *table.shape[1:]))
    return jnp.take_along_axis(table, indices, axis=0)[0]


def put_row(index: Array, table: Array, row: Array) -> Array:
    """`table` with ``row`` at ``index`` for every batch element."""
    where = lead(index, table.ndim - 1)
    return jnp.stack([jnp.where(where == k, row, table[k]) for k in range(table.shape[0])])


def take_state(index: Array, state: PyTree) -> PyTree:
    return jax.tree.map(lambda leaf: take_row(index, leaf), state)


def put_state(index: Array, state: PyTree, row: PyTree) -> PyTree:
    return jax.tree.map(lambda leaf, new: put_row(index, leaf, new), state, row)
