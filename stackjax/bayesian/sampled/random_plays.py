"""Sub-episodes of random types and actions under leaders that act at random."""

import re

import jax
import jax.numpy as jnp

from stackjax.acting import Leader
from stackjax.bayesian.games.base import Game
from stackjax.bayesian.games.type_blocks import types_of
from stackjax.bayesian.sampled.noise import Noise
from stackjax.bayesian.sampled.plays import SubEpisode, observation_size, play_out
from stackjax.spaces import Discrete
from stackjax.types import Array

__all__ = ["random_leader", "random_plays"]

PLAYS = 64  # of each leader


def random_leader(game: Game) -> Leader:
    """A leader that draws each of its actions evenly."""
    space = game.leader_actions

    def act(observation: Array, uniforms: Array) -> Array:
        del observation
        if isinstance(space, Discrete):
            return jnp.minimum((uniforms[0] * space.n).astype(jnp.int32), space.n - 1)
        low, high = (jnp.asarray(end, uniforms.dtype) for end in (space.low, space.high))
        return low + uniforms * (high - low)

    return Leader(act, lambda action: action, 1 if isinstance(space, Discrete) else len(space.low))


def random_plays(game: Game, num_leaders: int, seed: int) -> tuple[SubEpisode, bool]:
    """Plays ``[B, ...]`` on the host, and whether the game's functions give the same program when they are called again."""
    leader, blocks = random_leader(game), types_of(game.type_prior)

    def one(index: Array, key: Array) -> SubEpisode:
        types_key, actions_key = jax.random.split(key)
        types = blocks.draw(jax.random.uniform(types_key, (blocks.num_uniforms,)))
        share = jax.random.uniform(actions_key, (game.num_followers,))
        actions = (share * jnp.asarray(game.num_actions, share.dtype)).astype(jnp.int32)
        noise = Noise.of(jax.random.fold_in(jax.random.key(seed), index), observation_size(game), leader)
        return play_out(game, leader, noise, types, actions)

    size = PLAYS * num_leaders
    keys, indices = jax.random.split(jax.random.key(seed), size), jnp.arange(size, dtype=jnp.uint32) // PLAYS
    traced = [str(jax.make_jaxpr(jax.vmap(one))(indices, keys)) for _ in range(2)]
    found = jax.device_get(jax.jit(jax.vmap(one))(indices, keys))
    return found, len({re.sub(r"0x[0-9a-f]+", "", text) for text in traced}) == 1
