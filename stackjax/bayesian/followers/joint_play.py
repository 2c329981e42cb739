"""Plays: how followers act together, a joint distribution over action profiles for every type profile.

A *play* is ``σ [K_1, ..., K_N, A_1, ..., A_N]`` (Brero et al. 2023, Definition 3.2). One play at a time; callers ``vmap``.
"""

import math

import jax
import jax.numpy as jnp

from stackjax.bayesian.games.induced import InducedGame
from stackjax.errors import InputError
from stackjax.types import Array

__all__ = ["argmax_play", "empirical_play", "long_run_play", "marginal_strategies", "mixed_play", "most_likely", "play_seen"]


def mixed_play(strategies: tuple[Array, ...]) -> Array:
    """Independent play of mixed strategies ``[K_i, A_i]``, as ``[K_1..K_N, A_1..A_N]``."""
    n = len(strategies)
    strategies = tuple(jnp.asarray(strategy) for strategy in strategies)
    play = jnp.ones((1,) * (2 * n), strategies[0].dtype)
    for i, strategy in enumerate(strategies):
        shape = [1] * (2 * n)
        shape[i], shape[n + i] = strategy.shape
        play = play * strategy.reshape(shape)
    return play


def argmax_play(strategies: tuple[Array, ...]) -> Array:
    """Every follower plays the most likely action of its strategy at its type (ties to the lowest index)."""
    return mixed_play(most_likely(strategies))


def most_likely(strategies: tuple[Array, ...]) -> tuple[Array, ...]:
    """The pure strategies of the most likely actions (ties to the lowest index)."""
    tables = [jnp.asarray(strategy) for strategy in strategies]
    return tuple(jax.nn.one_hot(t.argmax(axis=1), t.shape[1], dtype=t.dtype) for t in tables)


def empirical_play(play_counts: Array, strategies: tuple[Array, ...]) -> Array:
    """Joint play as it occurred, conditional on types; where a type profile never did, the followers' mixed play."""
    return play_seen(play_counts, mixed_play(strategies))


def play_seen(play_counts: Array, otherwise: Array) -> Array:
    """Joint play as it occurred, conditional on types; where a type profile never did, ``otherwise``."""
    shape = jnp.shape(play_counts)
    if shape != otherwise.shape:
        raise InputError(
            f"play_counts has shape {shape}, but the strategies' play {otherwise.shape}; followers with memory "
            "have a row for each last joint action: use long_run_play"
        )
    n = play_counts.ndim // 2
    total = play_counts.sum(axis=tuple(range(n, 2 * n)), keepdims=True)
    return jnp.where(total > 0, play_counts / jnp.where(total > 0, total, 1.0), otherwise)


def long_run_play(
    game: InducedGame, strategies: tuple[Array, ...], memory: Array | None = None, num_sub_episodes: int = 1
) -> Array:
    """The play of followers who may remember the last joint action, averaged over sub-episodes to come.

    Args:
      strategies: ``[K_i, A_i]``, or with memory ``[K_i * M, A_i]``, row ``type * M + last joint action``.
      memory: the last joint action, an int scalar, or None: then the play is `mixed_play`.
      num_sub_episodes: how many follow; types are drawn again in each, so that the last action is a Markov chain.
    """
    if memory is None:
        return mixed_play(strategies)
    num_plays = math.prod(game.num_actions)
    split = tuple(table.reshape(k, num_plays, -1) for k, table in zip(game.num_types, strategies, strict=True))
    after = jax.vmap(mixed_play, 1)(split)  # [M, K.., A..]
    prior = jnp.asarray(game.type_prior, after.dtype).reshape(-1)
    moves = jnp.einsum("p,mpa->ma", prior, after.reshape(num_plays, prior.size, num_plays), precision="highest")
    step = lambda chances, _: (jnp.matmul(chances, moves, precision="highest"), chances)
    _, met = jax.lax.scan(step, jax.nn.one_hot(memory, num_plays, dtype=after.dtype), length=num_sub_episodes)
    return jnp.tensordot(met.mean(axis=0), after, 1, precision="highest")


def marginal_strategies(game: InducedGame, play: Array) -> tuple[Array, ...]:
    """Each follower's strategy by own type, ``[K_i, A_i]``, averaged over the others' types and actions.

    At a type of zero probability the others' types count as equally likely.
    """
    n = game.num_followers
    prior = jnp.asarray(game.type_prior, play.dtype)
    marginals = []
    for i in range(n):
        own_weight = prior.sum(axis=tuple(axis for axis in range(n) if axis != i), keepdims=True)
        others = math.prod(game.num_types) // game.num_types[i]
        conditional = jnp.where(own_weight > 0, prior / jnp.where(own_weight > 0, own_weight, 1.0), 1.0 / others)
        axes = tuple(axis for axis in range(2 * n) if axis not in (i, n + i))
        marginals.append((conditional.reshape(*game.num_types, *(1,) * n) * play).sum(axis=axes))
    return tuple(marginals)
