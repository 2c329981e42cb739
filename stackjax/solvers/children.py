"""How `direct` makes new commitments from those that it keeps.

Each child has parents of its own among the commitments ``[K, O, ...]`` that are kept: their places, int ``[count, m]``, with
weights ``[count, m]`` that sum to 1 and are 0 for those that do not count. Numbers are scaled to [0, 1]. Random numbers come
from one draw, as every draw takes the compiler long.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.arrays import drawn
from stackjax.problem import Table
from stackjax.spaces import Discrete, Space
from stackjax.types import Array, PRNGKey

__all__ = ["box_children", "bred", "bred_near", "first_population", "strangers", "uniforms", "whole"]


def uniforms(key: PRNGKey, count: int, widths: Sequence[int]) -> list[Array]:
    """``[count, w]`` uniform numbers for each of ``widths``."""
    ends = np.cumsum(widths)
    found = drawn(jax.random.uniform, key, (count, int(ends[-1])))
    return [found[:, end - width : end] for end, width in zip(ends, widths, strict=True)]


def whole(uniform: Array, size: Array | int) -> Array:
    """Whole numbers below ``size``, equally likely, from uniform numbers."""
    size = jnp.asarray(size, jnp.int32)
    return jnp.minimum((uniform * size.astype(uniform.dtype)).astype(jnp.int32), size - 1)


def first_population(key: PRNGKey, table: Table, size: int) -> Array:
    """``[size, O, ...]`` random commitments, and before them the plainest.

    Plainest: the same action at every node, each that is plain.
    """
    space, plain = table.actions, table.actions.plain()[: size // 2]
    same = jnp.broadcast_to(plain[:, None], (len(plain), table.num_nodes, *space.shape))
    return strangers(key, table, size).at[: len(plain)].set(same)


def strangers(key: PRNGKey, table: Table, count: int) -> Array:
    """``[count, O, ...]`` random commitments; of numbers half of them with most entries near the low end."""
    space = table.actions
    if isinstance(space, Discrete):
        return table.draw(key, count)
    power, drawn_by = uniforms(key, count, (1, table.num_nodes * space.num_uniforms))
    power = 30.0 ** jnp.maximum(2.0 * power - 1.0, 0.0)
    return space.from_uniform(drawn_by.reshape(count, table.num_nodes, space.num_uniforms), power[..., None])


def bred_near(key: PRNGKey, space: Space, commitment: Array, count: int, step: float) -> Array:
    """``[count, O, ...]`` children of one ``commitment [O, ...]`` alone."""
    return bred(key, space, commitment[None], jnp.zeros((count, 1), jnp.int32), jnp.ones((count, 1)), jnp.asarray(step))


def bred(key: PRNGKey, space: Space, kept: Array, places: Array, weights: Array, step: Array) -> Array:
    """``[count, O, ...]`` from ``kept [K, O, ...]``; of numbers changes are of size ``step`` and more."""
    if isinstance(space, Discrete):
        return discrete_children(key, space, kept, places, weights)
    return space.from_unit(box_children(key, space.to_unit(kept), places, weights, step))


def discrete_children(key: PRNGKey, space: Discrete, kept: Array, places: Array, weights: Array) -> Array:
    """``[count, O]`` from ``kept [K, O]``: half take each node's action from another parent, half change one parent.

    Of the first, one node in twenty is drawn uniformly; of the second, about one node in all.
    """
    count, num_nodes = len(places), kept.shape[1]
    of_node, of_child, changes, value = uniforms(key, count, (num_nodes, 1, num_nodes, num_nodes))
    mixed = kept[_picked(places, of_node, weights), jnp.arange(num_nodes)]
    start = kept[_picked(places, of_child, _equal(weights))[:, 0]]
    is_mixed = (jnp.arange(count) % 2 == 0)[:, None]
    is_drawn = changes < jnp.where(is_mixed, 0.05, 1.5 / num_nodes)
    return jnp.where(is_drawn, whole(value, space.n).astype(kept.dtype), jnp.where(is_mixed, mixed, start))


def box_children(key: PRNGKey, kept: Array, places: Array, weights: Array, step: Array) -> Array:
    """``[count, O, d]`` from ``kept [K, O, d]``, of three kinds.

    Draws from the Gaussian that has the parents' mean and covariance; a parent moved by the difference of two others
    (differential evolution, Storn and Price 1997); and a parent, or two of them crossed, some entries of which are drawn afresh
    or changed by Gaussian steps, of size ``step`` and more.
    """
    (count, m), (num_nodes, width) = places.shape, kept.shape[1:]
    size, equal = num_nodes * width, _equal(weights)
    coins, picks, mix, per_node, *of_entries = uniforms(key, count, (7, 4, m, num_nodes, size, size, size))
    per_node, coins = per_node[..., None], coins.T[..., None, None]
    per_entry, spread, noise = (part.reshape(count, num_nodes, width) for part in of_entries)
    fresh, noise, mix = noise, _normal(noise), _normal(mix) * jnp.sqrt(equal)
    start, second, third, fourth = kept[_picked(places, picks, equal).T]

    centred = weights + 1.2 * (mix - mix.sum(axis=-1, keepdims=True) * equal)
    shares = jnp.zeros((count, len(kept)), kept.dtype).at[jnp.arange(count)[:, None], places].add(centred)
    mean = jnp.matmul(shares, kept.reshape(len(kept), size), precision="highest")
    sampled = mean.reshape(start.shape) + 0.5 * step * noise
    crossed = jnp.where(jnp.where(coins[0] < 0.5, per_node, per_entry) < 0.5, second, start)
    where_changed = (per_node * num_nodes < 1.5) | (coins[1] < 0.3)
    where_changed &= spread < jnp.where(coins[2] < 0.5, 1.0, 1.0 / width)
    changes = step ** coins[3]  # from the whole box down to step, as likely in every order of magnitude
    one = jnp.where(coins[4] < 0.5, crossed, start)
    changed = jnp.where(where_changed, jnp.where(coins[5] < 0.5, fresh, one + changes * noise), one)
    moved = start + (0.5 + 0.5 * coins[5]) * (third - fourth) + step * 0.1 * noise
    bred = jnp.where(coins[6] < 0.6, sampled, jnp.where(coins[6] < 0.8, moved, changed))
    return jnp.clip(bred, 0.0, 1.0)


def _equal(weights: Array) -> Array:
    among = (weights > 0).astype(weights.dtype)
    return among / among.sum(axis=-1, keepdims=True)


def _picked(places: Array, uniform: Array, weights: Array) -> Array:
    """``[count, times]`` of ``places [count, m]``, drawn with chances ``weights [count, m]`` by ``uniform [count, times]``."""
    below = jnp.cumsum(weights, axis=-1)[:, None] <= uniform[..., None]
    last = (weights > 0).sum(axis=-1, keepdims=True) - 1  # the sum may be rounded to less than 1
    return jnp.take_along_axis(places, jnp.minimum(below.sum(axis=-1), last), axis=1)


def _normal(uniform: Array) -> Array:
    """Standard normal numbers from uniform ones."""
    inside = jnp.maximum(2.0 * uniform - 1.0, -1.0 + jnp.finfo(uniform.dtype).epsneg)
    return float(np.sqrt(2.0)) * jax.lax.erf_inv(inside)
