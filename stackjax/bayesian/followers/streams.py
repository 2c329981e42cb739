"""The random numbers that followers play by: one small stream per game, cheap enough to sit inside the hottest loop.

A stream is xoshiro128++: four words of state and a dozen operations a number, where counter-based generators spend a
hundred. Streams are seeded from a `jax.random` key, and they are part of the loop's state, so that a scan, the CPU kernel
and the step-by-step environment draw the same numbers.

References: Blackman and Vigna (2021), "Scrambled linear pseudorandom number generators".
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from stackjax.types import Array, PRNGKey

__all__ = ["Streams", "next_uniforms", "start_streams"]


class Streams(NamedTuple):
    """One generator per batch element: four words of state, uint32 ``[*batch]`` each."""

    a: Array
    b: Array
    c: Array
    d: Array


def start_streams(key: PRNGKey, batch_shape: tuple[int, ...] = ()) -> Streams:
    """Streams with independent random states (all four words zero, which would stay zero, has probability 2^-128)."""
    return Streams(*jax.random.bits(key, (4, *batch_shape), jnp.uint32))


def next_uniforms(streams: Streams, count: int) -> tuple[Streams, Array]:
    """The streams after ``count`` numbers, and these: ``[count, *batch]`` uniform in [0, 1) on a grid of 2^-24."""
    numbers = []
    for _ in range(count):
        streams, word = _advance(streams)
        numbers.append((word >> 8).astype(jnp.int32).astype(jnp.result_type(float)) * 2.0**-24)
    return streams, jnp.stack(numbers)


def _advance(streams: Streams) -> tuple[Streams, Array]:
    a, b, c, d = streams
    word = _rotated(a + d, 7) + a
    shifted = b << 9
    c, d = c ^ a, d ^ b
    b, a = b ^ c, a ^ d
    return Streams(a, b, c ^ shifted, _rotated(d, 11)), word


def _rotated(word: Array, by: int) -> Array:
    return (word << by) | (word >> (32 - by))
