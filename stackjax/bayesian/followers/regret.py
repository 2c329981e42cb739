"""Regret, exactly: what followers would gain by deviating from a play, type by type, in game units.

All functions take one game (no batch axes) and one play ``[K_1, ..., K_N, A_1, ..., A_N]``; callers ``vmap``. They compute in
the dtype of the play: float64 when given float64 under ``jax_enable_x64``.
"""

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.games.induced import InducedGame
from stackjax.errors import InputError, require_is
from stackjax.types import Array, ArrayLike

__all__ = ["bcce_gap", "cce_gap", "ce_gap", "checked_play", "exchange_payoffs", "external_regrets", "swap_regrets"]


PLAY_TOLERANCE = 1e-4  # of a sum of probabilities, in float32


def external_regrets(game: InducedGame, play: Array) -> tuple[Array, ...]:
    """What each follower, told its type, gains per round by always playing its best single action: ``[K_i]`` for each.

    The expectation is over the others' types given its own, and over the play; negative where the play is correlated and
    obeying it beats every single action. At a type of probability zero the regret is 0.

    References: Brero et al. (2023), Definition 3.3; Hartline, Syrgkanis and Tardos (2015).
    """
    return tuple(_conditional(_best_constant(exchange), weight) for exchange, weight in _exchanges(game, play))


def swap_regrets(game: InducedGame, play: Array) -> tuple[Array, ...]:
    """As `external_regrets`, for exchanging each action for another of the follower's choice; never negative.

    References: Blum and Mansour (2007); Brero et al. (2023), Observation 6.1.
    """
    return tuple(_conditional(_best_exchange(exchange), weight) for exchange, weight in _exchanges(game, play))


def bcce_gap(game: InducedGame, play: Array) -> Array:
    """The largest `external_regrets` of any follower and type, or 0: the ε of an ε-Bayesian coarse-correlated equilibrium."""
    return _largest(external_regrets(game, play))


def ce_gap(game: InducedGame, play: Array) -> Array:
    """The largest `swap_regrets` of any follower and type: the distance from a (Bayesian) correlated equilibrium."""
    return _largest(swap_regrets(game, play))


def cce_gap(game: InducedGame, play: Array) -> Array:
    """The most that any follower gains on average over its types, by one action for each type decided beforehand; or 0.

    That is the ε of a coarse-correlated equilibrium of the game in strategic form. Never above `bcce_gap`, and equal to it
    without private types.
    """
    return _largest(tuple(_best_constant(exchange).sum()[None] for exchange, _ in _exchanges(game, play)))


def exchange_payoffs(game: InducedGame, play: Array, follower: int, payoffs: ArrayLike | None = None) -> tuple[Array, Array]:
    """What a follower would be paid for playing b wherever the play has it play a, by own type: ``[K_i, A_i (a), A_i (b)]``.

    Summed over a it is the payoff of always playing b; on the diagonal, of obeying. Also returns the types' probabilities
    ``[K_i]``, by which the table is weighted and not divided. With ``payoffs [K_1..K_N, A_1..A_N]`` it is what the agent with
    these payoffs would be paid, for example the leader.
    """
    n = game.num_followers
    prior = jnp.asarray(game.type_prior, play.dtype)
    payoffs = jnp.asarray(game.follower_payoffs[follower] if payoffs is None else payoffs, play.dtype)
    own_axes_first = ((follower, n + follower), (0, 1))
    weights, values = (
        jnp.moveaxis(table, *own_axes_first).reshape(game.num_types[follower], game.num_actions[follower], -1)
        for table in (prior.reshape(*game.num_types, *(1,) * n) * play, payoffs)
    )
    own_prior = prior.sum(axis=tuple(axis for axis in range(n) if axis != follower))
    return jnp.einsum("kax,kbx->kab", weights, values, precision="highest"), own_prior


def checked_play(game: InducedGame, play: ArrayLike) -> Array:
    """``play`` as floats, if it is a play of ``game``: a distribution over action profiles for every type profile.

    Raises:
      InputError: ``game`` is no `InducedGame` without batch axes, the shape is another, or (unless the values are traced) an
        entry is negative or not finite, or those of a type profile do not sum to 1.
    """
    require_is("game", game, InducedGame, "an InducedGame, for example from sx.followers.induced_game")
    if game.batch_shape:
        raise InputError(f"game has batch axes {game.batch_shape}; vmap over them")
    if jnp.shape(play) != game.table_shape:
        raise InputError(f"play has shape {jnp.shape(play)}, but must be [types..., actions...] = {game.table_shape}")
    play = jnp.asarray(play)
    if not jnp.issubdtype(play.dtype, jnp.floating):
        play = play.astype(jnp.result_type(float))
    if not isinstance(play, jax.core.Tracer):
        values = np.asarray(play, np.float64).reshape(*game.num_types, -1)
        if not np.isfinite(values).all() or (values < 0).any():
            raise InputError("play holds negative, NaN or infinite entries; every entry must be a probability")
        sums = values.sum(axis=-1)
        worst = float(np.ravel(sums)[np.abs(np.ravel(sums) - 1.0).argmax()])
        if abs(worst - 1.0) > PLAY_TOLERANCE:
            raise InputError(f"play sums to {worst:.6g} at some types, but must sum to 1 over the joint actions at each")
    return play


def _exchanges(game: InducedGame, play: ArrayLike) -> list[tuple[Array, Array]]:
    play = checked_play(game, play)
    return [exchange_payoffs(game, play, i) for i in range(game.num_followers)]


def _best_constant(exchange: Array) -> Array:
    return exchange.sum(axis=1).max(axis=1) - jnp.trace(exchange, axis1=1, axis2=2)


def _best_exchange(exchange: Array) -> Array:
    return exchange.max(axis=2).sum(axis=1) - jnp.trace(exchange, axis1=1, axis2=2)


def _conditional(gain: Array, weight: Array) -> Array:
    return jnp.where(weight > 0, gain / jnp.where(weight > 0, weight, 1.0), 0.0)


def _largest(gains: tuple[Array, ...]) -> Array:
    return jnp.maximum(jnp.stack([gain.max() for gain in gains]).max(), 0.0)
