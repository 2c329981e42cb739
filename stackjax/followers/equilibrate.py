"""The response phase: T rounds of follower learning in one scan, batched. The loop that everything else waits for."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.errors import InputError, require_count
from stackjax.followers import rounds
from stackjax.followers.base import FollowerDynamics, init_followers, strategies
from stackjax.followers.rounds import Draws
from stackjax.games.base import InducedGame
from stackjax.types import Array, PRNGKey, PyTree

__all__ = ["Response", "Snapshots", "equilibrate", "learn_round", "observed_payoffs"]

LARGEST_ONE_HOT = 64  # joint (type, action) profiles up to which counting by comparison beats a scatter


class Snapshots(NamedTuple):
    """What a few evenly spaced rounds looked like, before their update.

    ``rounds`` int ``[m]``; ``strategies`` a tuple over followers of ``[m, K_i, A_i, *batch]``; ``draws`` the types and
    actions of those rounds, tuples over followers of int ``[m, *batch]``.
    """

    rounds: Array
    strategies: tuple[Array, ...]
    draws: Draws


class Response(NamedTuple):
    """How the followers ended up playing.

    Attributes:
      states: the learning rules' states, a tuple over followers, leaves ``[K_i, ..., *batch]``.
      strategies: mixed strategy by type after the last round, a tuple over followers of ``[K_i, A_i, *batch]``.
      play_counts: ``[K_1, ..., K_N, A_1, ..., A_N, *batch]`` how often each joint play occurred, or None.
      snapshots: `Snapshots`, or None.
    """

    states: tuple[PyTree, ...]
    strategies: tuple[Array, ...]
    play_counts: Array | None
    snapshots: Snapshots | None


class _Carry(NamedTuple):
    states: tuple[PyTree, ...]
    play_counts: Array | None


def equilibrate(
    key: PRNGKey,
    game: InducedGame,
    dynamics: FollowerDynamics,
    num_rounds: int,
    *,
    payoff_scale: Any = 1.0,
    count_plays: bool = False,
    num_snapshots: int = 0,
) -> Response:
    """Run ``num_rounds`` rounds of `FollowerDynamics` among the followers of ``game``, each element of its batch apart.

    In a round (Brero et al. 2023, Algorithm 2) types are drawn from the joint prior, every follower draws an action
    from its strategy for its type, and learns what each of its own actions would have paid against the others'.
    Memory does not grow with ``num_rounds``.

    Args:
      key: one key for the whole batch.
      game: payoffs with any trailing batch axes; the batch is the last axes of everything returned.
      dynamics: how followers learn, for example ``multiplicative_weights()``.
      num_rounds: T, at least 1, static.
      payoff_scale: what payoffs are divided by before the followers learn from them.
      count_plays: whether to count joint plays (for the empirical distribution).
      num_snapshots: how many evenly spaced rounds to record, the first of them round 0; at most ``num_rounds``.

    Raises:
      InputError: ``num_rounds`` or ``num_snapshots`` is out of range.
    """
    require_count("num_rounds", num_rounds)
    if not 0 <= num_snapshots <= num_rounds:
        raise InputError(f"num_snapshots={num_snapshots} must be between 0 and num_rounds={num_rounds}")
    tables = _payoff_tables(game, dynamics, payoff_scale)

    def round_draws(carry: _Carry, round_index: Array) -> tuple[tuple[PyTree, ...], tuple[Array, ...], Draws]:
        count = 1 + game.num_followers
        uniform = rounds.uniforms(jax.random.fold_in(key, round_index), count, game.batch_shape)
        types = rounds.draw_types(uniform[0], game.type_prior)
        learners = tuple(rounds.take_state(t, state) for t, state in zip(types, carry.states, strict=True))
        mixed = tuple(dynamics.play(learner) for learner in learners)
        return learners, mixed, Draws(types, rounds.draw_actions(uniform[1:], mixed))

    def one_round(carry: _Carry, round_index: Array) -> tuple[_Carry, Draws]:
        learners, mixed, draws = round_draws(carry, round_index)
        payoffs = observed_payoffs(tables, game, dynamics, draws, mixed)
        states = learn_round(dynamics, carry.states, learners, payoffs, draws)
        counts = None if carry.play_counts is None else _count(carry.play_counts, draws, game)
        return _Carry(states, counts), draws

    def rounds_from(carry: _Carry, first: Array | int, count: int) -> _Carry:
        body = lambda c, index: (one_round(c, index)[0], None)
        return jax.lax.scan(body, carry, first + jnp.arange(count))[0]

    states = init_followers(dynamics, game.num_types, game.num_actions, game.batch_shape)
    size = int(np.prod(game.num_types) * np.prod(game.num_actions))
    carry = _Carry(states, jnp.zeros((size, *game.batch_shape)) if count_plays else None)
    snapshots = None
    if num_snapshots:
        stride = num_rounds // num_snapshots

        def recorded_stretch(carry: _Carry, first: Array) -> tuple[_Carry, tuple[tuple[Array, ...], Draws]]:
            before = strategies(dynamics, carry.states)
            carry, draws = one_round(carry, first)
            return rounds_from(carry, first + 1, stride - 1), (before, draws)

        starts = jnp.arange(num_snapshots) * stride
        carry, (tables_before, draws) = jax.lax.scan(recorded_stretch, carry, starts)
        snapshots = Snapshots(starts, tables_before, draws)
        num_left = num_rounds - num_snapshots * stride
        carry = rounds_from(carry, num_snapshots * stride, num_left) if num_left else carry
    else:
        carry = rounds_from(carry, 0, num_rounds)
    counts = carry.play_counts
    if counts is not None:
        counts = counts.reshape(*game.num_types, *game.num_actions, *game.batch_shape)
    return Response(carry.states, strategies(dynamics, carry.states), counts, snapshots)


def learn_round(
    dynamics: FollowerDynamics,
    states: tuple[PyTree, ...],
    learners: tuple[PyTree, ...],
    payoffs: tuple[Array, ...],
    draws: Draws,
) -> tuple[PyTree, ...]:
    """Every follower's states after the one learner at its drawn type has seen ``payoffs[i]`` ``[A_i, *batch]``."""
    return tuple(
        rounds.put_state(draws.types[i], states[i], dynamics.update(learners[i], payoffs[i], draws.actions[i]))
        for i in range(len(states))
    )


def observed_payoffs(
    tables: tuple[Array, ...], game: InducedGame, dynamics: FollowerDynamics, draws: Draws, mixed: tuple[Array, ...]
) -> tuple[Array, ...]:
    """What each follower learns each own action would have paid: a tuple over followers of ``[A_i, *batch]``."""
    return tuple(
        _expected_payoffs(tables[i], i, game, draws, mixed)
        if dynamics.feedback == "expected"
        else _sampled_payoffs(tables[i], i, game, draws)
        for i in range(len(tables))
    )


def _payoff_tables(game: InducedGame, dynamics: FollowerDynamics, payoff_scale: Any) -> tuple[Array, ...]:
    """Per follower, scaled payoffs laid out for look-up: ``[P * M_-i, A_i, *batch]``, or ``[P, A_1, .., A_N, *batch]``."""
    n, batch = game.num_followers, game.batch_shape
    scaled = jnp.asarray(game.follower_payoffs, jnp.result_type(float)) / payoff_scale
    num_profiles = int(np.prod(game.num_types))
    tables = []
    for i in range(n):
        table = scaled[i].reshape(num_profiles, *game.num_actions, *batch)
        if dynamics.feedback == "sampled":
            table = jnp.moveaxis(table, 1 + i, n).reshape(-1, game.num_actions[i], *batch)
        tables.append(table)
    return tuple(tables)


def _sampled_payoffs(table: Array, follower: int, game: InducedGame, draws: Draws) -> Array:
    others = [other for other in range(game.num_followers) if other != follower]
    sizes = (*game.num_types, *(game.num_actions[other] for other in others))
    drawn = (*draws.types, *(draws.actions[other] for other in others))
    return rounds.take_row(rounds.profile_index(sizes, drawn), table)


def _expected_payoffs(table: Array, follower: int, game: InducedGame, draws: Draws, mixed: tuple[Array, ...]) -> Array:
    payoffs = rounds.take_row(rounds.profile_index(game.num_types, draws.types), table)  # [A_1, ..., A_N, *batch]
    for other in reversed(range(game.num_followers)):
        if other != follower:
            shape = [1] * (payoffs.ndim - len(game.batch_shape))
            shape[other] = -1
            payoffs = (payoffs * mixed[other].reshape(*shape, *game.batch_shape)).sum(axis=other)
    return payoffs


def _count(counts: Array, draws: Draws, game: InducedGame) -> Array:
    index = rounds.profile_index(game.table_shape, (*draws.types, *draws.actions))
    if counts.shape[0] <= LARGEST_ONE_HOT:
        cells = jnp.arange(counts.shape[0]).reshape(-1, *(1,) * index.ndim)
        return counts + (index[None] == cells)
    flat = counts.reshape(counts.shape[0], -1)
    return flat.at[index.reshape(-1), jnp.arange(flat.shape[1])].add(1.0).reshape(counts.shape)
