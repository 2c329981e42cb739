"""Hashes of what a leader sees, and what depends on these and the episode alone: noise to explore by, and samples of decisions.

Within an episode equal observations must get equal actions. No map from observations to actions is kept: the noise of an action
is a function of the episode and of the observation, so that it is the same whenever the observation is. Of the distinct
decisions of an episode a sample is kept, in constant memory: those whose observations have the smallest hashes.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.acting import Leader
from stackjax.types import Array, PRNGKey

__all__ = ["NOTHING", "Noise", "Sketch", "empty_sketch", "estimated_count", "hash_of", "mixed", "uniforms", "with_decisions"]

NOTHING = np.uint32(0xFFFFFFFF)  # no observation; a hash of this value is one lower
GOLDEN = np.uint32(0x9E3779B9)
SMALLEST = 2.0**-24  # uniform numbers stay this far from 0 and 1
ROOT = 2.0**0.5


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


class Noise(NamedTuple):
    """An episode's noise: at every observation ``U`` uniform numbers, alike where observations are alike.

    A number comes from a standard normal one, the sum of two: one linear in the observation, as in state-dependent exploration
    (Raffin et al. 2021), and one that hashing makes independent of all others. With independent noise alone a follower among
    many learns nothing of what the leader tries: its own message enters observations that differ in what all others say, and
    over these the noise averages out. The linear one uses some entries of the observation, in some episodes most and in others
    few: where it uses few, what depends on a single message is plain to see.

    Attributes:
      salt: uint32, of the episode.
      weights: ``[D + 1, U]`` of the episode, standard normal, and 0 for entries that are not used: each is used with a chance
        between 1 / (D + 1) and 1, evenly on a logarithmic scale.
      correlation: the linear part's share of the variance, in [0, 1].
    """

    salt: Array
    weights: Array
    correlation: Array | float

    @staticmethod
    def of(key: PRNGKey, observation_size: int, leader: Leader) -> "Noise":
        """That of an episode."""
        salt_key, weights_key, share_key, which_key = jax.random.split(key, 4)
        shape = (observation_size + 1, leader.num_uniforms)
        share = (1.0 + observation_size) ** -jax.random.uniform(share_key, shape[1:])
        is_used = (jax.random.uniform(which_key, shape) < share[None]).at[-1].set(True)
        weights = jnp.where(is_used, jax.random.normal(weights_key, shape), 0.0)
        return Noise(jax.random.bits(salt_key, (), jnp.uint32), weights, leader.noise_correlation)

    def at(self, observation: Array, hashed: Array) -> Array:
        """``[U]`` numbers in (0, 1) at ``observation [D]`` of hash ``hashed``."""
        apart = ROOT * jax.lax.erf_inv(2.0 * uniforms(self.salt, hashed, self.weights.shape[1]) - 1.0)
        features = jnp.append(observation - 0.5, 0.5)  # entries are mostly 0 and 1: about their middle each counts as much
        linear = features @ self.weights / jnp.sqrt((features**2) @ (self.weights != 0.0).astype(features.dtype))
        normal = jnp.sqrt(self.correlation) * linear + jnp.sqrt(1.0 - self.correlation) * apart
        return jnp.clip(0.5 + 0.5 * jax.lax.erf(normal / ROOT), SMALLEST, 1.0 - SMALLEST)


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
