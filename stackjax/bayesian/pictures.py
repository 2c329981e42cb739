"""Pictures of a commitment in a Bayesian game: what the leader does, and how followers' strategies moved while they learned."""

import math
from typing import Any

import jax
import numpy as np

from stackjax.bayesian.followers.equilibrate import equilibrate
from stackjax.bayesian.games.base import Game
from stackjax.bayesian.pomdp.commitment import tabulate
from stackjax.bayesian.pomdp.episode_spec import EpisodeSpec
from stackjax.bayesian.pomdp.tree import DecisionTree, Path
from stackjax.compiler import compiler_options
from stackjax.pictures import Picture, cells

__all__ = ["chances_of_paths", "moved_strategies", "of_strategies"]

NUM_SNAPSHOTS = 40
MOST_CELLS = 2**16  # of a table of strategies and rounds, for all commitments
MOST_PROFILES = 2**16  # of types and actions


def chances_of_paths(game: Game, tree: DecisionTree, found: list[Path], strategies: list[np.ndarray]) -> list[float]:
    """The chance that followers act as at the start of each path, from their strategies ``[K_i, A_i]``."""
    play = np.asarray(game.type_prior, np.float64)
    for table in strategies:  # the first axis is a type's; in its place there is an axis of actions at the end
        play = np.tensordot(play, table, axes=(0, 0))
    chances = np.bincount(tree.groups[-1].ravel(), play.ravel(), minlength=len(tree.profiles))
    group = tree.groups[(-1, *tree.profiles.T)]
    each = len(found) // len(tree.profiles)
    return [float(chances[group[k // each]]) for k in range(len(found))]


def moved_strategies(env: EpisodeSpec, commitments: Any) -> tuple[np.ndarray, list[np.ndarray]] | None:
    """Rounds ``[m]`` and, for each follower, strategies ``[S, m, K_i, A_i]`` of a group that answers each commitment.

    All groups have the same luck, so that a commitment's picture does not depend on what else is in the batch.

    None where followers remember, or where there is too much of it: a program of its own takes long to compile in large games.
    """
    rows = sum(types * count for types, count in zip(env.game.num_types, env.game.num_actions, strict=True))
    count = min(NUM_SNAPSHOTS, env.num_rounds)
    if math.prod(env.game.table_shape) > MOST_PROFILES:
        return None
    if env.dynamics.memory or rows * count * len(commitments) > MOST_CELLS or rows > MOST_CELLS // count:
        return None

    def learned(made: Any) -> Any:
        game = tabulate(env.game, env.tree, made).game
        response = equilibrate(
            jax.random.key(0),
            game,
            env.dynamics,
            env.num_rounds,
            payoff_scale=env.game.payoff_scale,
            payoff_floor=env.game.payoff_floor,
            num_snapshots=count,
        )
        return response.snapshots

    program = jax.jit(lambda made: jax.lax.map(learned, made), compiler_options=compiler_options(runs_once=True))
    seen = jax.device_get(program(commitments))
    return np.asarray(seen.rounds[0]), [np.asarray(table) for table in seen.strategies]


def of_strategies(game: Game, rounds: np.ndarray, tables: list[np.ndarray]) -> Picture:
    """How strategies ``[m, K_i, A_i]`` moved, a row for each follower, type and action."""
    rows, shades = [], []
    for follower, table in enumerate(tables):
        who = "follower" if game.num_followers == 1 else f"follower {follower + 1}"
        for type_index in range(table.shape[1]):
            kind = f", {game.describe_type(follower, type_index)}" if game.num_types[follower] > 1 else ""
            for action in range(table.shape[2]):
                rows.append(f"{who}{kind}: {game.describe_action(follower, action)}")
                shades.append(table[:, type_index, action].tolist())
    return cells("How followers' strategies moved", rows, [str(r) for r in rounds.tolist()], shades, axes=("round", ""))
