"""The noise that a leader explores by: a function of the episode and of what the leader sees, and of nothing else."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from stackjax.acting import Leader
from stackjax.bayesian.sampled.hashing import uniforms
from stackjax.types import Array, PRNGKey

__all__ = ["Noise"]

SMALLEST = 2.0**-24  # uniform numbers stay this far from 0 and 1
ROOT = 2.0**0.5


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
