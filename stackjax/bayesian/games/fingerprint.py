"""What a game comes to, as numbers: kept beside a run, so that it can be audited without the game's code."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.acting import Leader
from stackjax.bayesian.games.base import Game
from stackjax.bayesian.games.normal_form import MatrixGame
from stackjax.bayesian.games.type_blocks import types_of
from stackjax.bayesian.pomdp.commitment import tabulate_batch
from stackjax.bayesian.pomdp.tree import DecisionTree
from stackjax.bayesian.sampled.plays import play_all
from stackjax.spaces import Box
from stackjax.testing import extreme_commitments
from stackjax.types import Array

__all__ = ["played_game", "tabulated_game"]

MOST_NUMBERS = 2_000_000
NUM_RANDOM, NUM_PLAYS = 16, 2048


def tabulated_game(game: Game, tree: DecisionTree) -> dict[str, np.ndarray]:
    """The prior, and payoffs ``[K_1..K_N, A_1..A_N, B]`` under ``commitments [B, O, ...]``: all pure ones where they are few.

    Of a matrix game ``payoffs [A_0..A_N, 1 + N]`` are all there is to it.
    """
    if isinstance(game, MatrixGame):
        return {"payoffs": game.payoff_table}
    commitments = extreme_commitments(game, tree, NUM_RANDOM, seed=0)
    per_commitment = (1 + game.num_followers) * math.prod(game.table_shape) + commitments[0].size
    commitments = commitments[: max(1, MOST_NUMBERS // per_commitment)]
    induced = jax.device_get(jax.jit(lambda made: tabulate_batch(game, tree, made).game)(commitments))
    tables = {"follower_payoffs": induced.follower_payoffs, "leader_payoff": induced.leader_payoff}
    return {"type_prior": np.asarray(game.type_prior), "commitments": commitments, **tables}


def played_game(game: Game) -> dict[str, np.ndarray]:
    """Random ``types`` and ``actions [P, N]``, and their ``payoffs [P, 1 + N]`` under a leader that acts on what it sees."""
    blocks, space = types_of(game.type_prior), game.leader_actions
    key = jax.random.key(0)

    def choose(observation: Array, uniforms: Array) -> Array:
        del uniforms
        waves = jnp.cos(jnp.arange(1.0, 1.0 + observation.size)) @ observation
        if isinstance(space, Box):
            low, high = jnp.asarray(space.low), jnp.asarray(space.high)
            return low + (high - low) * (0.5 + 0.5 * jnp.sin(3.0 * waves + jnp.arange(1.0, 1.0 + len(space.low))))
        return jnp.clip(space.n * (0.5 + 0.5 * jnp.sin(3.0 * waves)), 0, space.n - 1).astype(jnp.int32)

    def played() -> tuple[Array, Array, Array]:
        uniform = jax.random.uniform(key, (NUM_PLAYS, blocks.num_uniforms + game.num_followers))
        types = jax.vmap(blocks.draw)(uniform[:, : blocks.num_uniforms])
        counts = jnp.asarray(game.num_actions, uniform.dtype)[None]
        actions = (uniform[:, blocks.num_uniforms :] * counts).astype(jnp.int32)
        return types, actions, play_all(game, Leader(choose, lambda action: action), None, types, actions)[0]

    types, actions, payoffs = jax.device_get(jax.jit(played)())
    return {"types": types, "actions": actions, "payoffs": payoffs}
