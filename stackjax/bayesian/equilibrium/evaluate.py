"""What a play of the followers is worth, exactly, and what a commitment is.

Of a play: payoffs and distances from equilibrium, by full enumeration. Of a commitment: fresh followers learn to answer
it, and what they play is certified.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.arrays import in_full
from stackjax.bayesian.followers.equilibrate import kernel_for
from stackjax.bayesian.followers.joint_play import long_run_play, marginal_strategies, mixed_play, most_likely, play_seen
from stackjax.bayesian.followers.regret import bcce_gap, cce_gap, ce_gap, checked_play
from stackjax.bayesian.games.induced import InducedGame
from stackjax.bayesian.pomdp.commitment import tabulate
from stackjax.bayesian.pomdp.episode_spec import EpisodeSpec
from stackjax.errors import InputError, require_count, require_is, require_key
from stackjax.spaces import Discrete
from stackjax.types import Array, ArrayLike, PRNGKey

__all__ = ["Certificate", "Evaluation", "certify", "check_commitment", "evaluate_commitment", "kernel_of"]


class Certificate(NamedTuple):
    """Exact numbers about a play, in game units.

    Attributes:
      leader_payoff: expected over types and play.
      follower_payoffs: ``[N]`` likewise.
      bcce_gap: the ε for which the play is an ε-approximate Bayesian coarse-correlated equilibrium (Brero et al. 2023,
        Definition 3.3): the most any follower, at any type of positive probability, gains in expectation by always
        playing one action.
      cce_gap: the same before types are known, with one action for each type: the strategic form's coarse-correlated
        equilibrium. Never above ``bcce_gap``; without private types they are one.
      ce_gap: the same when a follower, told its type, may exchange each action for another of its choice (its swap regret
        per round): the distance from a correlated equilibrium.
      bne_gap: ``bcce_gap`` of the product of the play's marginals, that is, the distance from a Bayes-Nash equilibrium.
    """

    leader_payoff: Array
    follower_payoffs: Array
    bcce_gap: Array
    cce_gap: Array
    ce_gap: Array
    bne_gap: Array


@in_full
def certify(game: InducedGame, play: ArrayLike) -> Certificate:
    """The `Certificate` of ``play [K_1..K_N, A_1..A_N]`` in ``game`` (no batch axes; ``vmap`` for more).

    Type profiles of zero probability weigh nothing, and types of zero probability have no regret. Computed in the dtype of
    ``play``: pass float64 under ``jax_enable_x64`` for certificates to about 1e-12.

    Raises:
      InputError: ``play`` is no play of ``game``, see `checked_play`.
    """
    play, n = checked_play(game, play), game.num_followers
    prior = jnp.asarray(game.type_prior, play.dtype).reshape(*game.num_types, *(1,) * n)
    joint = prior * play
    product = mixed_play(marginal_strategies(game, play))
    return Certificate(
        leader_payoff=(joint * game.leader_payoff).sum(),
        follower_payoffs=jnp.stack([(joint * game.follower_payoffs[i]).sum() for i in range(n)]),
        bcce_gap=bcce_gap(game, play),
        cce_gap=cce_gap(game, play),
        ce_gap=ce_gap(game, play),
        bne_gap=bcce_gap(game, product),
    )


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
    tables = jax.tree.map(lambda table: _repeat(table, num_equilibrations), game[1:])
    response = env.equilibrate(key, InducedGame(game.type_prior, *tables), count_plays=True)

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
    if isinstance(space, Discrete) and not jnp.issubdtype(found.dtype, jnp.integer):
        raise InputError(f"actions has dtype {found.dtype}, but must hold whole numbers: leader_actions are Discrete")
    if isinstance(found, np.ndarray):
        wrong = space.outside(found)
        if wrong is not None:
            raise InputError(f"actions holds {wrong}, but every leader action must be {space.allowed()}")


def kernel_of(env: EpisodeSpec) -> tuple[str, str | None]:
    """Which kernel runs the followers of ``env`` on this machine, and why not the fused one; see `kernel_for`."""
    game = env.game
    leader: Any = jax.ShapeDtypeStruct(game.table_shape, float)  # only shapes matter
    followers: Any = jax.ShapeDtypeStruct((game.num_followers, *game.table_shape), float)
    return kernel_for(InducedGame(game.type_prior, followers, leader), env.dynamics)


def _repeat(table: ArrayLike, count: int) -> Array:
    return jnp.broadcast_to(jnp.asarray(table)[..., None], (*table.shape, count))
