"""One round of follower learning: draw types, draw actions, learn. Shared by `equilibrate` and `StackelbergPOMDP`.

Everything here is batch-last: one instruction serves many games, and a row is looked up with selects rather than gathers
while tables are small, because that is what vectorises.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.arrays import lead
from stackjax.types import Array, ArrayLike, PyTree

__all__ = [
    "Draws",
    "all_profiles",
    "draw_actions",
    "draw_index",
    "draw_profile",
    "draw_types",
    "flat_prior",
    "profile_index",
    "put_state",
    "running_sums",
    "take_row",
    "take_state",
]

LARGEST_SELECT = 64  # rows up to which a chain of selects is at least as fast as a gather (two-core CPU)
LARGEST_REWRITE = 8  # rows of a state up to which writing the whole of it again is faster than a scatter (likewise)


class Draws(NamedTuple):
    """What was drawn in a round, tuples over followers of int ``[*batch]``.

    ``types``; ``known``, the row of its table that a follower played from (its type, unless it has a memory); ``actions``.
    """

    types: tuple[Array, ...]
    known: tuple[Array, ...]
    actions: tuple[Array, ...]


def all_profiles(sizes: tuple[int, ...]) -> np.ndarray:
    """``[P, N]`` every profile of types (or actions), in the order of a flattened joint table with axes ``sizes``."""
    return np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), axis=-1)


def profile_index(sizes: tuple[int, ...], indices: Sequence[Array]) -> Array:
    """The place ``[*batch]`` of a profile in a flattened joint table with axes ``sizes``."""
    place = jnp.zeros(indices[0].shape, jnp.int32)
    for size, index in zip(sizes, indices, strict=True):
        place = place * size + jnp.asarray(index).astype(jnp.int32)
    return place


def draw_index(uniform: Array, probabilities: Array) -> Array:
    """An index ``[*batch]`` drawn by inverse distribution function from ``probabilities [n, *batch]``."""
    sums = running_sums(probabilities)
    threshold, index = uniform * sums[-1], jnp.zeros(uniform.shape, jnp.int32)
    if probabilities.shape[0] > LARGEST_SELECT:
        return (threshold[None] >= sums[:-1]).sum(axis=0, dtype=jnp.int32)
    for bound in sums[:-1]:
        index = index + (threshold >= bound).astype(jnp.int32)
    return index


def running_sums(rows: Array) -> Array:
    """The cumulative sums of ``rows [n, *batch]`` over n."""
    if rows.shape[0] > LARGEST_SELECT:
        return jnp.cumsum(rows, axis=0)
    sums = [rows[0]]
    for row in rows[1:]:
        sums.append(sums[-1] + row)
    return jnp.stack(sums)


def flat_prior(type_prior: ArrayLike, num_types: tuple[int, ...], batch_ndim: int) -> Array:
    """The joint prior ``[K_1, ..., K_N]`` or ``[K_1, ..., K_N, *batch]`` as ``[P, 1, ...]`` or ``[P, *batch]``."""
    prior = jnp.asarray(type_prior, jnp.result_type(float))
    batch = prior.shape[len(num_types) :] or (1,) * batch_ndim
    return prior.reshape(-1, *batch)


def draw_types(uniform: Array, type_prior: ArrayLike, num_types: tuple[int, ...]) -> tuple[Array, ...]:
    """A type profile from the joint prior, shared or one for each of the batch: a tuple over followers of int ``[*batch]``."""
    profile = draw_index(uniform, flat_prior(type_prior, num_types, uniform.ndim))
    if math.prod(num_types) == 1:
        return tuple(profile for _ in num_types)
    return tuple(jnp.unravel_index(profile, num_types))


def draw_profile(uniform: Array, num_actions: tuple[int, ...]) -> Array:
    """A joint action, uniformly: its place ``[*batch]`` among all."""
    count = math.prod(num_actions)
    return jnp.minimum((uniform * count).astype(jnp.int32), count - 1)


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
    if table.shape[0] <= LARGEST_REWRITE:
        where = lead(index, table.ndim - 1)
        return jnp.stack([jnp.where(where == k, row, table[k]) for k in range(table.shape[0])])
    flat, place = _by_element(index, table)
    return flat.at[place].set(row.reshape(-1, index.size).T, unique_indices=True).reshape(table.shape)


def take_state(index: Array, state: PyTree) -> PyTree:
    """What `take_row` finds in every leaf; by a gather where `put_state` scatters, so that the table is left in place."""

    def take(leaf: Array) -> Array:
        if leaf.shape[0] <= LARGEST_REWRITE:
            return take_row(index, leaf)
        flat, place = _by_element(index, leaf)
        return flat[place].T.reshape(leaf.shape[1:])

    return jax.tree.map(take, state)


def put_state(index: Array, state: PyTree, row: PyTree) -> PyTree:
    return jax.tree.map(lambda leaf, new: put_row(index, leaf, new), state, row)


def _by_element(index: Array, table: Array) -> tuple[Array, tuple]:
    """``table [n, ..., *batch]`` as ``[n, m, B]``, and the place in it of row ``index [*batch]`` for every batch element."""
    elements = jnp.arange(index.size)
    return table.reshape(table.shape[0], -1, index.size), (index.reshape(-1), slice(None), elements)
