"""The best commitment so far, which plays again in a share of the episodes: it is forgotten least easily that way."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from stackjax.solvers.ppo.config import PPOConfig
from stackjax.solvers.ppo.networks import ActionHead
from stackjax.types import Array

__all__ = ["Held", "better_held", "episodes_of_held", "none_held"]


class Held(NamedTuple):
    """The best commitment so far, as choices ``[O, ...]``, and what it paid on average when it was last played, game units."""

    choices: Array
    payoff: Array


def none_held(head: ActionHead, num_nodes: int) -> Held:
    """Before anything was played."""
    noise = head.noise(jax.random.key(0), (num_nodes,))
    choices = head.draw(noise, jnp.zeros((num_nodes, head.num_outputs + head.num_free)))
    return Held(jnp.zeros_like(choices), jnp.asarray(-jnp.inf))


def episodes_of_held(config: PPOConfig, held: Held) -> Array:
    """bool ``[num_envs]``, the episodes of an update that play ``held``; none if there is none, or if all is credited."""
    if not config.credits_commitments:
        return jnp.zeros(config.num_envs, bool)
    first = jnp.arange(config.num_envs, dtype=jnp.result_type(float)) < config.held_share * config.num_envs
    return first & (held.payoff > -jnp.inf)


def better_held(held: Held, choices: Array, returns: Array, is_held: Array) -> Held:
    """The best of an update's commitments, unless what is held paid as much in this update's episodes of it."""
    count = is_held.sum(dtype=returns.dtype)
    again = jnp.where(is_held, returns, 0.0).sum() / jnp.maximum(count, 1.0)
    payoff = jnp.where(count > 0, again, held.payoff)
    others = jnp.where(is_held | jnp.isnan(returns), -jnp.inf, returns)
    best = jnp.argmax(others)
    return Held(jnp.where(others[best] > payoff, choices[best], held.choices), jnp.maximum(others[best], payoff))
