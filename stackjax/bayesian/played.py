"""What commitments in a Bayesian game come to, profile of types by profile of types."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.equilibrium.evaluate import Evaluation
from stackjax.bayesian.followers.joint_play import mixed_play, most_likely
from stackjax.bayesian.followers.rounds import all_profiles
from stackjax.bayesian.games.base import Game
from stackjax.bayesian.pomdp.commitment import roll_out
from stackjax.bayesian.pomdp.episode_spec import EpisodeSpec
from stackjax.compiler import compiler_options
from stackjax.outcomes import Played
from stackjax.types import Array

__all__ = ["played"]

MOST_OUTCOMES = 2**20  # of one commitment, over all profiles of types and actions


def played(env: EpisodeSpec, evaluation: Evaluation, commitments: Any) -> list[Played] | None:
    """See `Problem.played`: followers of all groups play as ``reward_play`` has it, each of what it has learned by itself.

    None where there are more than `MOST_OUTCOMES`.

    Args:
      evaluation: of each of ``commitments [S, O, ...]``, leaves ``[S, E, ...]``.
    """
    game, num_types = env.game, env.game.num_types
    profiles, count = all_profiles(num_types), math.prod(env.game.num_actions)
    if math.prod(game.table_shape) > MOST_OUTCOMES:
        return None

    def one(found: tuple[Any, Any]) -> tuple[Array, ...]:
        made, strategies = found
        rolled = roll_out(game, env.tree, made)
        labels, chances = jax.vmap(jax.vmap(game.outcome, (None, 0, 0)), (0, None, 0))(
            jnp.asarray(profiles, jnp.int32), jnp.asarray(all_profiles(game.num_actions), jnp.int32), rolled.ended
        )
        each = (jax.vmap(lambda tables: mixed_play(tables))(strategies)).mean(axis=0)
        return rolled.payoffs[..., 1:], labels, chances, each.reshape(len(profiles), count)

    options = compiler_options(runs_once=True)
    strategies = jax.tree.map(jnp.asarray, evaluation.strategies)
    if env.reward_play == "argmax":
        strategies = jax.vmap(jax.vmap(most_likely))(strategies)
    program = jax.jit(lambda *each: jax.lax.map(one, each), compiler_options=options)
    rows = jax.device_get(program(jnp.asarray(commitments), strategies))
    weights, names = np.asarray(game.type_prior, np.float64).ravel(), _names(game, profiles)
    return [_gathered(weights, names, *(np.asarray(leaf, np.float64) for leaf in row)) for row in zip(*rows, strict=True)]


def _gathered(
    weights: np.ndarray, names: list[str], paid: np.ndarray, labels: np.ndarray, chances: np.ndarray, play: np.ndarray
) -> Played:
    """Of ``paid [T, M, N]``, ``labels [T, M, Z, D]``, ``chances [T, M, Z]`` and ``play [T, M]``; what never happens goes."""
    utilities = np.einsum("tm,tmn->nt", play, paid)
    likely = (play[:, :, None] * chances).reshape(len(weights), -1)
    most = max(1, int((likely > 0).sum(axis=1).max()))
    order = np.argsort(-likely, axis=1, kind="stable")[:, :most]
    pick = lambda rows: np.take_along_axis(rows.reshape(*likely.shape, -1), order[..., None], axis=1)
    spread = np.broadcast_to(paid[:, :, None], (*chances.shape, paid.shape[-1]))
    return Played(weights, pick(labels), np.take_along_axis(likely, order, axis=1), pick(spread), utilities, names)


def _names(game: Game, profiles: np.ndarray) -> list[str]:
    """Profiles of types in words."""
    if not game.is_bayesian:
        return ["always"]
    several = game.num_followers > 1
    said = lambda i, k: (f"follower {i + 1}: " if several else "") + game.describe_type(i, int(k))
    return [", ".join(said(i, k) for i, k in enumerate(profile) if game.num_types[i] > 1) for profile in profiles]
