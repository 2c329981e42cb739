"""What a leader is paid by one follower that errs, by design or to soften it: smooth in the commitment, without jumps.

It has no ties and no regions: what the leader loses nearby is told by the slope of the payoff itself, and nothing else binds.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp

from stackjax.arrays import in_full
from stackjax.bayesian.followers.at_once import answered
from stackjax.bayesian.followers.quantal import quantal
from stackjax.bayesian.pomdp.commitment import tabulate_batch
from stackjax.bayesian.pomdp.episode_spec import EpisodeSpec
from stackjax.problem import Differentiable, Nearby, Table
from stackjax.types import Array, PRNGKey

__all__ = ["differentiable", "payoff", "smooth_nearby"]

NUM_STARTS = 256  # random commitments, the best of which is climbed from
START_SHARPNESS = 200.0  # by which these are compared


@in_full
def payoff(env: EpisodeSpec, commitment: Array) -> Array:
    """What ``commitment [O, ...]`` is expected to pay the leader, game units, whose one follower answers in closed form."""
    assert env.closed is not None
    game = tabulate_batch(env.game, env.tree, commitment[None]).game
    _, (strategy,) = answered(env.dynamics, env.closed, game)
    prior = jnp.asarray(game.type_prior, strategy.dtype)[:, None, None]
    return (prior * strategy * game.leader_payoff).sum()


def smooth_nearby(env: EpisodeSpec) -> Callable[[Array, Array], tuple[Nearby, Nearby]]:
    """See `Problem.nearby`; with one slack of 0, which nothing changes."""

    def nearby(commitment: Array, answer: Array) -> tuple[Nearby, Nearby]:
        del answer
        here, slopes = jax.value_and_grad(partial(payoff, env))(commitment)
        return Nearby(here, jnp.zeros(1, here.dtype)), Nearby(slopes, jnp.zeros((1, *commitment.shape), here.dtype))

    return nearby


def differentiable(env: EpisodeSpec, table: Table) -> Differentiable:
    """See `Problem.differentiable`: of one follower that errs the payoff as it is, of another that of a quantal response.

    Its rationality is the sharpness over the payoff scale, so that it tends to a best answer.
    """
    softened = lambda sharpness: env if env.errs else env.with_dynamics(quantal(sharpness / env.game.payoff_scale))

    def start(key: PRNGKey) -> Array:
        drawn = table.draw(key, NUM_STARTS)
        return drawn[jax.lax.map(partial(payoff, softened(START_SHARPNESS)), drawn).argmax()]

    return Differentiable(lambda key, made, sharpness: payoff(softened(sharpness), made), start, table.actions.clip)
