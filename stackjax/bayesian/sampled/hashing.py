"""Hashes of what a leader sees, and numbers in [0, 1) that depend on nothing else.

Within an episode equal observations must get equal actions. No map from observations to actions is kept: the noise of an action
is a function of the episode and of the observation, so that it is the same whenever the observation is.
"""

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.types import Array

__all__ = ["NOTHING", "hash_of", "mixed", "uniforms"]

NOTHING = np.uint32(0xFFFFFFFF)  # no observation; a hash of this value is one lower
GOLDEN = np.uint32(0x9E3779B9)


def mixed(word: Array) -> Array:
    """A bijection of uint32 in which every bit of ``word`` changes half of the others (the finalizer of MurmurHash3)."""
    word = word ^ (word >> 16)
    word = word * jnp.uint32(0x85EBCA6B)
    word = word ^ (word >> 13)
    word = word * jnp.uint32(0xC2B2AE35)
    return word ^ (word >> 16)


def hash_of(observation: Array) -> Array:
    """uint32 ``[...]`` of vectors ``[..., D]``, of whole numbers or float32: a sum of mixed words, mixed again."""
    if jnp.issubdtype(observation.dtype, jnp.floating):
        seen = observation.astype(jnp.float32)
        words = jax.lax.bitcast_convert_type(jnp.where(seen == 0.0, 0.0, seen), jnp.uint32)  # -0 is 0
    else:
        words = observation.astype(jnp.uint32)
    places = np.random.default_rng(5).integers(2**32, size=words.shape[-1], dtype=np.uint32)
    spread = mixed(words ^ jnp.asarray(places).reshape(*(1,) * (words.ndim - 1), -1))
    return jnp.minimum(mixed(spread.sum(axis=-1, dtype=jnp.uint32)), NOTHING - 1)


def uniforms(salt: Array, hashed: Array, count: int) -> Array:
    """``[..., count]`` numbers in (0, 1) for observations of hashes ``[...]``, in the episode of ``salt`` (a scalar)."""
    each = mixed(salt + jnp.arange(1, count + 1, dtype=jnp.uint32) * GOLDEN)
    words = mixed(hashed[..., None] ^ each.reshape(*(1,) * hashed.ndim, -1))
    return (words >> 9).astype(jnp.float32) * jnp.float32(2.0**-23) + jnp.float32(2.0**-24)
