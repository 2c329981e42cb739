"""What a game is tried by, extreme and random leader actions and sub-episodes, and what it then comes to, as numbers.

These are kept beside a run, so that it can be audited without the game's code.
"""

import itertools
import math
import re

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.acting import Leader
from stackjax.bayesian.games.base import Game, observation_size
from stackjax.bayesian.games.normal_form import MatrixGame
from stackjax.bayesian.games.type_blocks import types_of
from stackjax.bayesian.pomdp.commitment import tabulate_batch
from stackjax.bayesian.pomdp.tree import DecisionTree
from stackjax.bayesian.sampled.hashing import Noise
from stackjax.bayesian.sampled.plays import SubEpisode, play_all, play_out
from stackjax.spaces import Discrete
from stackjax.types import Array, PRNGKey

__all__ = ["extreme_commitments", "played_game", "random_actions", "random_plays", "tabulated_game"]

MOST_CONSTANT = 256  # leader actions that are each tried everywhere
PLAYS = 64  # of each leader
MOST_NUMBERS = 2_000_000  # that are kept
NUM_RANDOM, NUM_PLAYS = 16, 2048


def extreme_commitments(game: Game, tree: DecisionTree, num_random: int, seed: int) -> np.ndarray:
    """``[B, O, ...]``: every leader action, or what is next to corners of its box, at every node; ``num_random`` at random."""
    nodes, space, rng = tree.num_nodes, game.leader_actions, np.random.default_rng(seed)
    if isinstance(space, Discrete):
        tried = np.arange(space.n) if space.n <= MOST_CONSTANT else np.linspace(0, space.n - 1, MOST_CONSTANT).astype(int)
        shifted = (tried[:, None] + np.arange(nodes)) % space.n  # neighbouring nodes differ
        drawn = rng.integers(space.n, size=(num_random, nodes))
        return np.concatenate([np.repeat(tried[:, None], nodes, axis=1), shifted, drawn]).astype(np.int32)
    ends = np.stack([space.low, np.add(space.low, space.high) / 2, space.high]).astype(np.float32)  # [3, entries]
    entries = np.arange(len(space.low))
    is_small = 3 ** len(entries) <= MOST_CONSTANT
    corners = np.array(list(itertools.product(range(3), repeat=len(entries))) if is_small else [[0], [2]])
    constant = np.broadcast_to(corners[:, None], (len(corners), nodes, len(entries)))
    mixed = rng.choice([0, 2], size=(num_random, nodes, len(entries)))
    extremes = ends[np.concatenate([constant, mixed]), entries]
    uniform = ends[0] + rng.random((num_random, nodes, len(entries)), np.float32) * (ends[2] - ends[0])
    return space.on_host(np.concatenate([extremes, uniform]))


def random_actions(game: Game, count: int, key: PRNGKey) -> Array:
    """``count`` leader actions, evenly spread over the game's space."""
    return game.leader_actions.draw(key, (count,))


def random_leader(game: Game) -> Leader:
    """A leader that draws each of its actions evenly."""
    space = game.leader_actions

    def act(observation: Array, uniforms: Array) -> Array:
        del observation
        if isinstance(space, Discrete):
            return jnp.minimum((uniforms[0] * space.n).astype(jnp.int32), space.n - 1)
        return space.from_uniform(uniforms)

    return Leader(act, lambda action: action, 1 if isinstance(space, Discrete) else space.num_uniforms)


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


def tabulated_game(game: Game, tree: DecisionTree) -> dict[str, np.ndarray]:
    """The prior, and payoffs ``[K_1..K_N, A_1..A_N, B]`` under ``commitments [B, O, ...]``: all pure ones where they are few.

    Of a matrix game its ``payoffs``, and the ``prior`` if there are types, are all there is to it.
    """
    if isinstance(game, MatrixGame):
        return {"payoffs": game.payoff_table, **({"prior": game.type_prior} if game.has_types else {})}
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
        if not isinstance(space, Discrete):
            return space.from_uniform(0.5 + 0.5 * jnp.sin(3.0 * waves + jnp.arange(1.0, 1.0 + space.num_uniforms)))
        return jnp.clip(space.n * (0.5 + 0.5 * jnp.sin(3.0 * waves)), 0, space.n - 1).astype(jnp.int32)

    def played() -> tuple[Array, Array, Array]:
        uniform = jax.random.uniform(key, (NUM_PLAYS, blocks.num_uniforms + game.num_followers))
        types = jax.vmap(blocks.draw)(uniform[:, : blocks.num_uniforms])
        counts = jnp.asarray(game.num_actions, uniform.dtype)[None]
        actions = (uniform[:, blocks.num_uniforms :] * counts).astype(jnp.int32)
        return types, actions, play_all(game, Leader(choose, lambda action: action), None, types, actions)[0]

    types, actions, payoffs = jax.device_get(jax.jit(played)())
    return {"types": types, "actions": actions, "payoffs": payoffs}
