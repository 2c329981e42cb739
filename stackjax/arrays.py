"""Small array helpers that several steps of the flow share."""

import functools
import math
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp

from stackjax.types import Array, PRNGKey

__all__ = ["added", "draw_category", "drawn", "in_full", "lead", "shares"]

UNROLLED = 32
F = TypeVar("F", bound=Callable[..., Any])


def added(array: Array, axis: int) -> Array:
    """The sum over ``axis``; a short one is written out, which XLA turns into vector instructions along the last axis."""
    if array.shape[axis] > UNROLLED:
        return array.sum(axis=axis)
    return functools.reduce(jnp.add, [jax.lax.index_in_dim(array, k, axis, keepdims=False) for k in range(array.shape[axis])])


def draw_category(uniform: Array, logits: Array) -> Array:
    """Indices drawn from ``logits [..., n]`` by ``uniform [...]``; one number each, where the Gumbel trick needs n."""
    cumulative = jnp.cumsum(jax.nn.softmax(logits), axis=-1)
    place = uniform * cumulative[..., -1]
    return (place[..., None] >= cumulative[..., :-1]).sum(axis=-1, dtype=jnp.int32)


def drawn(draw: Callable[[PRNGKey, tuple[int, ...]], Array], key: PRNGKey, shape: tuple[int, ...]) -> Array:
    """``draw(key, shape)`` up to rounding, drawn in a row: XLA compiles that several times faster than three axes."""
    return draw(key, (math.prod(shape),)).reshape(shape)


def in_full(function: F) -> F:
    """``function``, of which products are computed in full precision: some devices round factors to 10 or 7 bits."""

    @functools.wraps(function)
    def computed(*arguments: Any, **options: Any) -> Any:
        with jax.default_matmul_precision("highest"):
            return function(*arguments, **options)

    return computed  # type: ignore[return-value]


def lead(array: Array, ndim: int) -> Array:
    """``array`` with as many axes of length 1 in front as make ``ndim``: broadcasting, said out loud."""
    return array.reshape((1,) * (ndim - array.ndim) + array.shape)


def shares(weights: Any, library: Any = jnp) -> Any:
    """``weights [..., n]`` over their sum, equal if all are zero; by JAX, or by NumPy as the ``library``."""
    total = weights.sum(axis=-1, keepdims=True)
    return library.where(total > 0, weights / library.where(total > 0, total, 1.0), 1.0 / weights.shape[-1])
