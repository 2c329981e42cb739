"""What a play of the followers is worth, exactly: payoffs and distances from equilibrium, by full enumeration."""

from typing import NamedTuple

import jax.numpy as jnp

from stackjax.arrays import in_full
from stackjax.bayesian.followers.joint_play import marginal_strategies, mixed_play
from stackjax.bayesian.followers.regret import bcce_gap, cce_gap, ce_gap, checked_play
from stackjax.bayesian.games.base import InducedGame
from stackjax.types import Array, ArrayLike

__all__ = ["Certificate", "certify"]


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
