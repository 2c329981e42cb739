"""The response phase: T rounds of follower learning in one scan, batched. The loop that everything else waits for."""

import functools
import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.followers import rounds
from stackjax.bayesian.followers.at_once import at_once
from stackjax.bayesian.followers.base import (
    FollowerDynamics,
    closed_form,
    init_followers,
    known_rows,
    require_dynamics,
    strategies,
)
from stackjax.bayesian.followers.kernels.native import native_rounds, why_not_native
from stackjax.bayesian.followers.measured import empirical_gap, run_measured
from stackjax.bayesian.followers.response import Response, Snapshots
from stackjax.bayesian.followers.rounds import Draws
from stackjax.bayesian.followers.streams import Streams, next_uniforms, start_streams
from stackjax.bayesian.games.base import Game, scaled
from stackjax.bayesian.games.induced import InducedGame
from stackjax.errors import InputError, require, require_count, require_is, require_key, require_number, require_positive
from stackjax.types import Array, PRNGKey, PyTree

__all__ = ["Kernel", "equilibrate", "kernel_for", "learn_round", "observed_payoffs", "start_memory"]

Kernel = Literal["auto", "scan", "native"]
MOST_COUNTED = 2**24  # beyond it, float32 no longer counts one by one
LARGEST_ONE_HOT = 64  # joint (type, action) profiles up to which counting by comparison beats a scatter


class _Carry(NamedTuple):
    streams: Streams
    states: tuple[PyTree, ...]
    play_counts: Array | None  # [P * M, *batch]
    memory: Array | None = None  # int [*batch], the last joint action, for dynamics with memory


def equilibrate(
    key: PRNGKey | Streams,
    game: InducedGame,
    dynamics: FollowerDynamics,
    num_rounds: int,
    *,
    payoff_scale: Any = 1.0,
    payoff_floor: float = -math.inf,
    count_plays: bool = False,
    gap_every: int | None = None,
    tolerance: float | None = None,
    num_snapshots: int = 0,
    kernel: Kernel = "auto",
) -> Response:
    """Run ``num_rounds`` rounds of `FollowerDynamics` among the followers of ``game``, each element of its batch apart.

    In a round (Brero et al. 2023, Algorithm 2) types are drawn from the joint prior, every follower draws an action
    from its strategy for its type, and learns what each of its own actions would have paid against the others'.
    Memory does not grow with ``num_rounds`` (but for a gap every ``gap_every`` rounds). The fused kernel cannot be
    differentiated: take ``kernel="scan"`` to differentiate through what followers learn. One follower whose rule has a closed
    form (`best_response`, `quantal`, `suqr`) answers at once, whatever the rounds, the scale and the floor.

    Args:
      key: one key for the whole batch, or the `Streams` ``[*batch]`` to begin with.
      game: payoffs with any trailing batch axes; the batch is the last axes of everything returned.
      dynamics: how followers learn, for example ``multiplicative_weights()``.
      num_rounds: T, at least 1, static.
      payoff_scale: what payoffs are divided by before the followers learn from them.
      payoff_floor: what lower payoffs are taken for when the followers learn from them, static; see `Game`.
      count_plays: whether to count joint plays (for the empirical distribution); at most 2^24 rounds.
      gap_every: measure the empirical play's B-CCE gap after every so many rounds, exactly (see `GapRecord`); counts plays.
      tolerance: stop when no batch element's gap is above it, game units; an element that gets there earlier stays as it
        was then. What is returned is then a certified response, unless ``num_rounds`` ran out. Needs ``gap_every``.
      num_snapshots: how many evenly spaced rounds to record, the first of them round 0; at most ``num_rounds``.
      kernel: what runs the rounds: ``"scan"``, any dynamics anywhere; ``"native"``, the CPU kernel, for sampled
        `multiplicative_weights` alone; ``"auto"``, the CPU kernel where it can and a scan elsewhere. Both draw the same
        random numbers and differ by rounding.

    Raises:
      InputError: an argument is of the wrong kind, out of range or does not go with another, or ``kernel`` cannot run these
        rounds, or they are differentiated.
    """
    require_is("game", game, InducedGame, "an InducedGame, for example from sx.followers.induced_game; the key comes first")
    require_dynamics(dynamics)
    if not isinstance(key, Streams):
        require_key(key)
    require_positive("payoff_scale", payoff_scale)
    require_count("num_rounds", num_rounds)
    require("num_rounds", num_rounds, num_rounds < 2**31, "below 2**31")
    require_count("num_snapshots", num_snapshots, least=0)
    require("num_snapshots", num_snapshots, num_snapshots <= num_rounds, f"between 0 and num_rounds={num_rounds}")
    _check_gap_options(num_rounds, gap_every, tolerance, num_snapshots)
    count_plays = count_plays or gap_every is not None
    is_counted = not count_plays or num_rounds <= MOST_COUNTED
    require("num_rounds", num_rounds, is_counted, f"at most {MOST_COUNTED} for plays to be counted, in float32")
    streams = key if isinstance(key, Streams) else start_streams(key, game.batch_shape)
    closed = closed_form(dynamics, game.num_followers)
    if closed is not None and kernel != "native":  # which says below that it is for other rules
        return at_once(streams, game, dynamics, closed, num_rounds, count_plays, gap_every, num_snapshots)
    tables = _payoff_tables(game, dynamics, payoff_scale, payoff_floor)
    run_rounds = _rounds_runner(game, dynamics, tables, kernel)

    states = init_followers(dynamics, game.num_types, game.num_actions, game.batch_shape)
    size = math.prod(game.table_shape)
    counts = jnp.zeros((size, *game.batch_shape)) if count_plays else None
    streams, memory = start_memory(dynamics, streams, game.num_actions)
    carry, snapshots, gaps = _Carry(streams, states, counts, memory), None, None
    rounds_run = jnp.full(game.batch_shape, num_rounds)
    if gap_every is not None:

        def measure(carry: _Carry) -> Array:
            assert carry.play_counts is not None
            return empirical_gap(game, carry.play_counts, strategies(dynamics, carry.states), carry.memory)

        carry, gaps, rounds_run = run_measured(run_rounds, measure, carry, num_rounds, gap_every, tolerance)
        num_rounds = 0
    elif num_snapshots:
        stride = num_rounds // num_snapshots

        def recorded_stretch(carry: _Carry, _: None) -> tuple[_Carry, tuple[tuple[Array, ...], Draws]]:
            before = strategies(dynamics, carry.states)
            carry, draws = _one_round(game, dynamics, tables, carry)
            return run_rounds(carry, stride - 1) if stride > 1 else carry, (before, draws)

        carry, (tables_before, draws) = jax.lax.scan(recorded_stretch, carry, length=num_snapshots)
        snapshots = Snapshots(jnp.arange(num_snapshots) * stride, tables_before, draws)
        num_rounds -= num_snapshots * stride
    carry = run_rounds(carry, num_rounds) if num_rounds else carry
    counts = carry.play_counts
    if counts is not None:
        counts = counts.reshape(*game.table_shape, *game.batch_shape)
    learned = strategies(dynamics, carry.states)
    return Response(carry.states, learned, counts, snapshots, gaps, rounds_run, carry.streams, carry.memory)


def _check_gap_options(num_rounds: int, gap_every: int | None, tolerance: float | None, num_snapshots: int) -> None:
    if gap_every is not None:
        require_count("gap_every", gap_every)
        require("gap_every", gap_every, gap_every <= num_rounds, f"at most num_rounds={num_rounds}")
        require("num_snapshots", num_snapshots, num_snapshots == 0, "0 when gap_every is given")
    if tolerance is not None:
        require("tolerance", tolerance, gap_every is not None, "None unless gap_every says how often to look")
        require_number("tolerance", tolerance, lambda gap: gap >= 0, "a finite number of at least 0")


def _rounds_runner(
    game: InducedGame, dynamics: FollowerDynamics, tables: tuple[Array, ...], kernel: Kernel
) -> Callable[[_Carry, int], _Carry]:
    """``(carry, number of rounds) -> carry`` by the kernel asked for."""
    require("kernel", repr(kernel), kernel in get_args(Kernel), f"one of {', '.join(get_args(Kernel))}")

    def scan(carry: _Carry, count: int) -> _Carry:
        body = lambda c, _: (_one_round(game, dynamics, tables, c)[0], None)
        return jax.lax.scan(body, carry, length=count)[0]

    if kernel == "scan" or (kernel == "auto" and kernel_for(game, dynamics)[0] == "scan"):
        return scan
    problem = why_not_native(game, dynamics)
    if problem is not None:
        raise InputError(f"kernel={kernel!r} cannot run these rounds: {problem}")

    run = native_rounds(game, dynamics, tables)

    def fused(carry: _Carry, count: int) -> _Carry:
        return _Carry(*run((carry.streams, carry.states, carry.play_counts), count))

    def by_platform(carry: _Carry, count: int) -> _Carry:
        here, elsewhere = functools.partial(fused, count=count), functools.partial(scan, count=count)
        return jax.lax.platform_dependent(carry, cpu=here, default=elsewhere)

    return by_platform if kernel == "auto" else fused


def kernel_for(game: InducedGame, dynamics: FollowerDynamics) -> tuple[str, str | None]:
    """What ``kernel="auto"`` runs the rounds with, ``"native"`` or ``"scan"``, and if the latter why.

    ``"closed form"`` where there are no rounds.
    """
    if closed_form(dynamics, game.num_followers) is not None:
        return "closed form", None
    problem = why_not_native(game, dynamics)
    return ("native", None) if problem is None else ("scan", problem)


def _one_round(game: InducedGame, dynamics: FollowerDynamics, tables: tuple[Array, ...], carry: _Carry) -> tuple[_Carry, Draws]:
    streams, uniform = next_uniforms(carry.streams, 1 + game.num_followers)
    types = rounds.draw_types(uniform[0], game.type_prior, game.num_types)
    known = known_rows(types, carry.memory, game.num_actions)
    learners = tuple(rounds.take_state(k, state) for k, state in zip(known, carry.states, strict=True))
    mixed = tuple(dynamics.play(learner) for learner in learners)
    draws = Draws(types, known, rounds.draw_actions(uniform[1:], mixed))
    payoffs = observed_payoffs(tables, game, dynamics, draws, mixed)
    states = learn_round(dynamics, game, carry.states, learners, payoffs, draws)
    counts = None if carry.play_counts is None else _count(carry.play_counts, draws, game)
    memory = None if carry.memory is None else rounds.profile_index(game.num_actions, draws.actions)
    return _Carry(streams, states, counts, memory), draws


def start_memory(dynamics: FollowerDynamics, streams: Streams, num_actions: tuple[int, ...]) -> tuple[Streams, Array | None]:
    """The joint action that dynamics with memory remember at first, drawn uniformly; None for others."""
    if not dynamics.memory:
        return streams, None
    streams, uniform = next_uniforms(streams, 1)
    return streams, rounds.draw_profile(uniform[0], num_actions)


def learn_round(
    dynamics: FollowerDynamics,
    game: Game | InducedGame,
    states: tuple[PyTree, ...],
    learners: tuple[PyTree, ...],
    payoffs: tuple[Array, ...],
    draws: Draws,
) -> tuple[PyTree, ...]:
    """Every follower's states after the one learner at what it knew has seen ``payoffs[i]`` ``[A_i, *batch]``."""
    after = []
    for i, state in enumerate(states):
        looking_ahead = () if dynamics.value is None else (_next_value(dynamics, game, state, i, draws),)
        updated = dynamics.update(learners[i], payoffs[i], draws.actions[i], *looking_ahead)
        state = rounds.put_state(draws.known[i], state, updated)
        after.append(state if dynamics.tick is None else dynamics.tick(state))
    return tuple(after)


def _next_value(dynamics: FollowerDynamics, game: Game | InducedGame, state: PyTree, follower: int, draws: Draws) -> Array:
    """``[*batch]`` what the follower's next state is worth to it now, expected over its own next type."""
    assert dynamics.value is not None
    num_types = game.num_types
    memory = rounds.profile_index(game.num_actions, draws.actions) if dynamics.memory else None
    prior = jnp.asarray(game.type_prior, jnp.result_type(float))
    own = prior.sum(axis=tuple(axis for axis in range(len(num_types)) if axis != follower))
    own = own.reshape(-1, *(1,) * draws.actions[0].ndim) if own.ndim == 1 else own
    expected = jnp.zeros(draws.actions[0].shape)
    for own_type in range(num_types[follower]):
        here = jnp.full(draws.actions[0].shape, own_type, jnp.int32)
        row = known_rows([here], memory, game.num_actions)[0]
        expected = expected + own[own_type] * dynamics.value(rounds.take_state(row, state))
    return expected


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


def _payoff_tables(game: InducedGame, dynamics: FollowerDynamics, scale: Any, floor: float) -> tuple[Array, ...]:
    """Per follower, scaled payoffs laid out for look-up: ``[P * M_-i, A_i, *batch]``, or ``[P, A_1, .., A_N, *batch]``."""
    n, batch = game.num_followers, game.batch_shape
    learned_from = scaled(jnp.asarray(game.follower_payoffs, jnp.result_type(float)), scale, floor)
    num_profiles = int(np.prod(game.num_types))
    tables = []
    for i in range(n):
        table = learned_from[i].reshape(num_profiles, *game.num_actions, *batch)
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
        cells = jnp.arange(counts.shape[0], dtype=index.dtype).reshape(-1, *(1,) * index.ndim)
        return counts + (index[None] == cells).astype(counts.dtype)
    flat = counts.reshape(counts.shape[0], -1)
    return flat.at[index.reshape(-1), jnp.arange(flat.shape[1], dtype=index.dtype)].add(1.0).reshape(counts.shape)
