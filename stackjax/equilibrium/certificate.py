"""What a play of the followers is worth, exactly: payoffs and distances from equilibrium, by full enumeration.

A *play* is ``σ [K_1, ..., K_N, A_1, ..., A_N]``: for every type profile a joint distribution over action profiles
(Brero et al. 2023, Definition 3.2). All functions take one game and one play; callers ``vmap``. They compute in the
dtype of their inputs: float64 when given float64 with ``jax_enable_x64``.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.games.base import InducedGame
from stackjax.types import Array

__all__ = ["Certificate", "argmax_play", "certify", "empirical_play", "mixed_play"]


class Certificate(NamedTuple):
    """Exact numbers about a play, in game units.

    Attributes:
      leader_payoff: expected over types and play.
      follower_payoffs: ``[N]`` likewise.
      bcce_gap: the ε for which the play is an ε-approximate Bayesian coarse-correlated equilibrium (Definition 3.3): the
        most any follower, at any type of positive probability, gains in expectation by always playing one action.
      ce_gap: the same when the follower may exchange each action for another of its choice (its swap regret per round):
        the distance from a correlated equilibrium.
      bne_gap: the same for the product of the play's marginals, that is, the distance from a Bayes-Nash equilibrium.
    """

    leader_payoff: Array
    follower_payoffs: Array
    bcce_gap: Array
    ce_gap: Array
    bne_gap: Array


def certify(game: InducedGame, play: Array) -> Certificate:
    """The `Certificate` of ``play [K_1..K_N, A_1..A_N]`` in ``game`` (no batch axes; ``vmap`` for more).

    Type profiles of zero probability weigh nothing, and types of zero probability have no regret.
    """
    play, n = jnp.asarray(play), game.num_followers
    prior = jnp.asarray(game.type_prior, play.dtype).reshape(*game.num_types, *(1,) * n)
    joint = prior * play
    follower_payoffs = jnp.stack([(joint * game.follower_payoffs[i]).sum() for i in range(n)])
    product = mixed_play(marginal_strategies(game, play))
    return Certificate(
        leader_payoff=(joint * game.leader_payoff).sum(),
        follower_payoffs=follower_payoffs,
        bcce_gap=deviation_gap(game, play),
        ce_gap=swap_gap(game, play),
        bne_gap=deviation_gap(game, product),
    )


def exchange_payoffs(game: InducedGame, play: Array, follower: int) -> tuple[Array, Array]:
    """What a follower would be paid for playing b wherever the play has it play a, by own type: ``[K_i, A_i (a), A_i (b)]``.

    Summed over a it is the payoff of always playing b; on the diagonal, of obeying. Also returns the types' probabilities
    ``[K_i]``, by which the table is weighted and not divided.
    """
    n = game.num_followers
    prior = jnp.asarray(game.type_prior, play.dtype)
    payoffs = jnp.asarray(game.follower_payoffs[follower], play.dtype)
    own_axes_first = ((follower, n + follower), (0, 1))
    weights, values = (
        jnp.moveaxis(table, *own_axes_first).reshape(game.num_types[follower], game.num_actions[follower], -1)
        for table in (prior.reshape(*game.num_types, *(1,) * n) * play, payoffs)
    )
    own_prior = prior.sum(axis=tuple(axis for axis in range(n) if axis != follower))
    return jnp.einsum("kax,kbx->kab", weights, values, precision="highest"), own_prior


def deviation_gap(game: InducedGame, play: Array) -> Array:
    """The largest expected gain of any follower and type from a constant deviation; 0 if none gains."""
    return _largest_gain(game, play, lambda exchange: exchange.sum(axis=1).max(axis=1))


def swap_gap(game: InducedGame, play: Array) -> Array:
    """The largest expected gain of any follower and type from exchanging each action for another; 0 if none gains."""
    return _largest_gain(game, play, lambda exchange: exchange.max(axis=2).sum(axis=1))


def _largest_gain(game: InducedGame, play: Array, deviate: Callable[[Array], Array]) -> Array:
    gaps = []
    for i in range(game.num_followers):
        exchange, weight = exchange_payoffs(game, play, i)
        gain = deviate(exchange) - jnp.trace(exchange, axis1=1, axis2=2)
        gaps.append(jnp.where(weight > 0, gain / jnp.where(weight > 0, weight, 1.0), 0.0).max())
    return jnp.maximum(jnp.stack(gaps).max(), 0.0)


def marginal_strategies(game: InducedGame, play: Array) -> tuple[Array, ...]:
    """Each follower's strategy by own type, ``[K_i, A_i]``, averaged over the others' types and actions.

    At a type of zero probability the others' types count as equally likely.
    """
    n = game.num_followers
    prior = jnp.asarray(game.type_prior, play.dtype)
    marginals = []
    for i in range(n):
        own_weight = prior.sum(axis=tuple(axis for axis in range(n) if axis != i), keepdims=True)
        others = int(np.prod(game.num_types)) // game.num_types[i]
        conditional = jnp.where(own_weight > 0, prior / jnp.where(own_weight > 0, own_weight, 1.0), 1.0 / others)
        axes = tuple(axis for axis in range(2 * n) if axis not in (i, n + i))
        marginals.append((conditional.reshape(*game.num_types, *(1,) * n) * play).sum(axis=axes))
    return tuple(marginals)


def mixed_play(strategies: tuple[Array, ...]) -> Array:
    """Independent play of mixed strategies ``[K_i, A_i]``, as ``[K_1..K_N, A_1..A_N]``."""
    n = len(strategies)
    strategies = tuple(jnp.asarray(strategy) for strategy in strategies)
    play = jnp.ones((1,) * (2 * n), strategies[0].dtype)
    for i, strategy in enumerate(strategies):
        shape = [1] * (2 * n)
        shape[i], shape[n + i] = strategy.shape
        play = play * strategy.reshape(shape)
    return play


def argmax_play(strategies: tuple[Array, ...]) -> Array:
    """Every follower plays the most likely action of its strategy at its type (ties to the lowest index)."""
    tables = [jnp.asarray(strategy) for strategy in strategies]
    return mixed_play(tuple(jax.nn.one_hot(t.argmax(axis=1), t.shape[1], dtype=t.dtype) for t in tables))


def empirical_play(play_counts: Array, strategies: tuple[Array, ...]) -> Array:
    """Joint play as it occurred, conditional on types; where a type profile never did, the followers' mixed play."""
    n = len(strategies)
    total = play_counts.sum(axis=tuple(range(n, 2 * n)), keepdims=True)
    return jnp.where(total > 0, play_counts / jnp.where(total > 0, total, 1.0), mixed_play(strategies))
