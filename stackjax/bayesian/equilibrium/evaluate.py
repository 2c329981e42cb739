"""What a commitment is worth: fresh followers equilibrated against it, then exact expectations over types and play."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.arrays import in_full
from stackjax.bayesian.equilibrium.certificate import Certificate, certify
from stackjax.bayesian.followers.equilibrate import equilibrate, kernel_for
from stackjax.bayesian.followers.joint_play import long_run_play, marginal_strategies, most_likely, play_seen
from stackjax.bayesian.games.base import InducedGame
from stackjax.bayesian.pomdp.commitment import tabulate
from stackjax.bayesian.pomdp.episode_spec import EpisodeSpec
from stackjax.errors import InputError, require_count, require_is, require_key
from stackjax.spaces import Discrete
from stackjax.types import Array, ArrayLike, PRNGKey

__all__ = ["Evaluation", "check_commitment", "evaluate_commitment", "kernel_of"]


class Evaluation(NamedTuple):
    """The certificates of the three ways that equilibrated followers may play, leaves ``[E, ...]``.

    ``strategies`` are the followers' mixed strategies by type, a tuple over followers of ``[E, K_i, A_i]``. For followers with
    memory, play and strategies are averages over the sub-episodes of a reward phase.
    """

    argmax: Certificate
    mixed: Certificate
    empirical: Certificate
    strategies: tuple[Array, ...]


@in_full
def evaluate_commitment(key: PRNGKey, env: EpisodeSpec, actions: Array, num_equilibrations: int = 8) -> Evaluation:
    """Equilibrate ``E = num_equilibrations`` fresh groups of followers against a commitment and certify their play.

    Args:
      actions: the leader action at every node, ``[O, ...]``, for example from ``make_train(env)(key)`` by `Trainer.commitment`.

    Returns:
      `Evaluation`; the play of each group is exact, so what differs among the E is only what the followers learned.

    Raises:
      InputError: ``env`` is no `StackelbergPOMDP`, ``key`` no random key, or ``actions`` no commitment in its game.
    """
    require_is("env", env, EpisodeSpec, "a StackelbergPOMDP, for example sx.StackelbergPOMDP(sx.make('maintain'))")
    require_key(key)
    require_count("num_equilibrations", num_equilibrations)
    check_commitment(env, actions)
    game = tabulate(env.game, env.tree, actions).game
    followers, leader = (_repeat(table, num_equilibrations) for table in (game.follower_payoffs, game.leader_payoff))
    response = equilibrate(
        key,
        InducedGame(game.type_prior, followers, leader),
        env.dynamics,
        env.num_rounds,
        payoff_scale=env.game.payoff_scale,
        payoff_floor=env.game.payoff_floor,
        count_plays=True,
    )

    def certify_one(strategies: tuple[Array, ...], play_counts: Array, memory: Array | None) -> Evaluation:
        mixed, argmax = (
            long_run_play(game, tables, memory, env.num_reward_episodes) for tables in (strategies, most_likely(strategies))
        )
        plays = jnp.stack([argmax, mixed, play_seen(play_counts, mixed)])
        found = jax.vmap(partial(certify, game))(plays)  # traced and compiled once
        by_play = (jax.tree.map(lambda leaf, k=k: leaf[k], found) for k in range(len(plays)))
        tables = strategies if memory is None else marginal_strategies(game, mixed)
        return Evaluation(**dict(zip(("argmax", "mixed", "empirical"), by_play, strict=True)), strategies=tables)

    assert response.play_counts is not None
    return jax.vmap(certify_one, (-1, -1, -1))(response.strategies, response.play_counts, response.memory)


def check_commitment(env: EpisodeSpec, actions: ArrayLike) -> None:
    """Raise `InputError` unless ``actions`` is a leader action for every node; traced values are not looked at."""
    space, shape = env.game.leader_actions, (env.tree.num_nodes, *env.game.leader_actions.shape)
    found = actions if isinstance(actions, jax.core.Tracer) else np.asarray(actions)
    if found.shape != shape:
        raise InputError(f"actions has shape {found.shape}, but must be {shape}: a leader action for each of the nodes")
    is_discrete = isinstance(space, Discrete)
    if is_discrete and not jnp.issubdtype(found.dtype, jnp.integer):
        raise InputError(f"actions has dtype {found.dtype}, but must hold whole numbers: leader_actions are Discrete")
    if isinstance(found, np.ndarray):
        low, high = (0, space.n - 1) if isinstance(space, Discrete) else (np.asarray(space.low), np.asarray(space.high))
        slack = 0 if is_discrete else 1e-5 * (np.asarray(high) - low)
        inside = (found >= low - slack) & (found <= high + slack)
        if not inside.all():
            raise InputError(f"actions holds {found[~inside][0]}, but every leader action must be {space.allowed()}")


def kernel_of(env: EpisodeSpec) -> tuple[str, str | None]:
    """Which kernel runs the followers of ``env`` on this machine, and why not the fused one; see `kernel_for`."""
    game = env.game
    leader: Any = jax.ShapeDtypeStruct(game.table_shape, float)  # only shapes matter
    followers: Any = jax.ShapeDtypeStruct((game.num_followers, *game.table_shape), float)
    return kernel_for(InducedGame(game.type_prior, followers, leader), env.dynamics)


def _repeat(table: ArrayLike, count: int) -> Array:
    return jnp.broadcast_to(jnp.asarray(table)[..., None], (*table.shape, count))
