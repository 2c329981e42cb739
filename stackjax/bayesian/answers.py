"""What followers answer, and what the leader is paid while they keep to it: the regions that commitments fall into.

An *answer* is an action for each type of each follower, int ``[K_1 + ... + K_N]``. The commitments with the same answer make a
region; within it the leader's payoff varies as the rules do, and at its border a follower is indifferent. With one follower
and no private types, the regions are those of the multiple linear programmes of Conitzer and Sandholm (2006).
"""

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.followers.joint_play import marginal_strategies, mixed_play
from stackjax.bayesian.followers.regret import exchange_payoffs
from stackjax.bayesian.games.base import InducedGame
from stackjax.problem import Nearby
from stackjax.types import Array

__all__ = ["answer_of", "pure_play", "risk", "stay", "tied_loss"]


def answer_of(game: InducedGame, play: Array) -> Array:
    """The likeliest action of each follower at each type, int32 ``[K_1 + ... + K_N]``, in ``play [K_1..K_N, A_1..A_N]``."""
    return jnp.concatenate([table.argmax(axis=1).astype(jnp.int32) for table in marginal_strategies(game, play)])


def pure_play(game: InducedGame, answer: Array) -> Array:
    """The play ``[K_1..K_N, A_1..A_N]`` of an answer."""
    parts = jnp.split(answer, np.cumsum(game.num_types)[:-1])
    dtype = jnp.result_type(game.follower_payoffs)
    return mixed_play(tuple(jax.nn.one_hot(part, n, dtype=dtype) for part, n in zip(parts, game.num_actions, strict=True)))


def stay(game: InducedGame, answer: Array) -> Nearby:
    """What the leader is paid, and what followers lose by deviating from ``answer``, given their type; no batch axes."""
    play = pure_play(game, answer)
    prior = jnp.asarray(game.type_prior, play.dtype).reshape(*game.num_types, *(1,) * game.num_followers)
    tables = [exchange_payoffs(game, play, i) for i in range(game.num_followers)]
    slack = [_per(_lost(exchange), weight) for exchange, weight in tables]
    return Nearby((prior * play * game.leader_payoff).sum(), jnp.concatenate(slack))


def risk(game: InducedGame, change: InducedGame, answer: Array, tie: float) -> Array:
    """What the leader loses if one type of one follower, whose loss is below ``tie``, deviates from ``answer``; at least 0.

    Ties that stay as they are under ``change``, the derivative of ``game`` along some change of the commitment, do not count:
    no commitment nearby avoids them, and followers break them one way.
    """
    play = pure_play(game, answer)
    tables = [exchange_payoffs(game, play, i, game.leader_payoff) for i in range(game.num_followers)]
    lost = jnp.concatenate([_lost(exchange).ravel() for exchange, _ in tables])
    is_close = (stay(game, answer).slack < tie) & (stay(change, answer).slack != 0)
    return jnp.where(is_close, lost, 0.0).max(initial=0.0)


def tied_loss(game: InducedGame, answer: Array, tie: float) -> Array:
    """What the leader loses if every type of every follower takes, by itself, its worst of the actions that it likes as well.

    Exact for one follower: what all of its best replies may cost. At least 0.
    """
    play, found = pure_play(game, answer), jnp.zeros((), game.leader_payoff.dtype)
    for i in range(game.num_followers):
        own, weight = exchange_payoffs(game, play, i)
        theirs, _ = exchange_payoffs(game, play, i, game.leader_payoff)
        is_close = _per(_lost(own), weight).reshape(_lost(own).shape) < tie
        found += jnp.where(is_close, _lost(theirs), 0.0).max(axis=1).clip(0.0).sum()
    return found


def _lost(exchange: Array) -> Array:
    """``[K_i, A_i]``, what obeying pays more than always playing another action, weighted by the type's probability."""
    return jnp.trace(exchange, axis1=1, axis2=2)[:, None] - exchange.sum(axis=1)


def _per(lost: Array, weight: Array) -> Array:
    weight = weight[:, None]
    return jnp.where(weight > 0, lost / jnp.where(weight > 0, weight, 1.0), 0.0).ravel()
