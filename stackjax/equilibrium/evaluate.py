"""What a commitment is worth: fresh followers equilibrated against it, then exact expectations over types and play."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from stackjax.equilibrium.certificate import Certificate, certify
from stackjax.followers.equilibrate import equilibrate
from stackjax.followers.joint_play import long_run_play, marginal_strategies, most_likely, play_seen
from stackjax.games.base import InducedGame
from stackjax.pomdp.commitment import tabulate
from stackjax.pomdp.environment import StackelbergPOMDP
from stackjax.types import Array, ArrayLike, PRNGKey

__all__ = ["Evaluation", "evaluate_commitment"]


class Evaluation(NamedTuple):
    """The certificates of the three ways that equilibrated followers may play, leaves ``[E, ...]``.

    ``strategies`` are the followers' mixed strategies by type, a tuple over followers of ``[E, K_i, A_i]``. For followers with
    memory, play and strategies are averages over the sub-episodes of a reward phase.
    """

    argmax: Certificate
    mixed: Certificate
    empirical: Certificate
    strategies: tuple[Array, ...]


def evaluate_commitment(key: PRNGKey, env: StackelbergPOMDP, actions: Array, num_equilibrations: int = 8) -> Evaluation:
    """Equilibrate ``E = num_equilibrations`` fresh groups of followers against a commitment and certify their play.

    Args:
      actions: the leader action at every node, ``[O, ...]``.

    Returns:
      `Evaluation`; the play of each group is exact, so what differs among the E is only what the followers learnt.
    """
    game = tabulate(env.game, env.tree, actions).game
    followers, leader = (_repeat(table, num_equilibrations) for table in (game.follower_payoffs, game.leader_payoff))
    response = equilibrate(
        key,
        InducedGame(game.type_prior, followers, leader),
        env.dynamics,
        env.num_rounds,
        payoff_scale=env.game.payoff_scale,
        count_plays=True,
    )

    def certify_one(strategies: tuple[Array, ...], play_counts: Array, memory: Array | None) -> Evaluation:
        mixed, argmax = (
            long_run_play(game, tables, memory, env.num_reward_episodes) for tables in (strategies, most_likely(strategies))
        )
        return Evaluation(
            argmax=certify(game, argmax),
            mixed=certify(game, mixed),
            empirical=certify(game, play_seen(play_counts, mixed)),
            strategies=strategies if memory is None else marginal_strategies(game, mixed),
        )

    assert response.play_counts is not None
    return jax.vmap(certify_one, (-1, -1, -1))(response.strategies, response.play_counts, response.memory)


def _repeat(table: ArrayLike, count: int) -> Array:
    return jnp.broadcast_to(jnp.asarray(table)[..., None], (*table.shape, count))
