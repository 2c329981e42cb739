"""Rounds in stretches, with an exact look at how far from equilibrium the play is after each, and an early end."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.followers.joint_play import long_run_play, play_seen
from stackjax.bayesian.followers.regret import bcce_gap
from stackjax.bayesian.games.induced import InducedGame
from stackjax.types import Array

__all__ = ["GapRecord", "empirical_gap", "ends_of_stretches", "run_measured"]


class GapRecord(NamedTuple):
    """How the gap fell: ``rounds`` int ``[m]``, and ``bcce_gap [m, *batch]`` of the play until then, game units.

    Where a batch element had stopped before, its gap at that time is repeated.
    """

    rounds: Array
    bcce_gap: Array


class _State(NamedTuple):
    place: Array  # stretches behind
    carry: Any
    gaps: Array  # [m, *batch]
    rounds_run: Array  # [*batch]
    stopped: Array  # [*batch]


def empirical_gap(game: InducedGame, counts: Array, tables: tuple[Array, ...], memory: Array | None) -> Array:
    """``[*batch]`` the B-CCE gap of the play so far, game units; at types that never met, of the play that would come next.

    Args:
      counts: how often each joint play occurred, ``[P * M, *batch]`` or with all axes.
      tables: strategies ``[K_i, A_i, *batch]`` of the followers.
      memory: int ``[*batch]``, the last joint action of followers with memory.
    """

    def one(prior: Array, payoffs: Array, counts: Array, mixed: tuple[Array, ...], memory: Array | None) -> Array:
        single = InducedGame(prior, payoffs, payoffs[0])
        return bcce_gap(single, play_seen(counts.reshape(game.table_shape), long_run_play(single, mixed, memory)))

    prior, payoffs = jnp.asarray(game.type_prior, jnp.result_type(float)), jnp.asarray(game.follower_payoffs)
    for _ in game.batch_shape:
        one = jax.vmap(one, (-1 if prior.ndim > game.num_followers else None, -1, -1, -1, -1), -1)
    return one(prior, payoffs, counts, tables, memory)


def ends_of_stretches(num_rounds: int, every: int) -> np.ndarray:
    """The rounds after which the gap is looked at."""
    return np.minimum(np.arange(every, num_rounds + every, every), num_rounds)


def run_measured(
    run_rounds: Callable[[Any, int], Any],
    measure: Callable[[Any], Array],
    carry: Any,
    num_rounds: int,
    every: int,
    tolerance: float | None,
) -> tuple[Any, GapRecord, Array]:
    """At most ``num_rounds`` rounds, measured after every ``every`` (and after the last, shorter stretch if there is one).

    Args:
      run_rounds: ``(carry, static number of rounds) -> carry``, batch last in every leaf.
      measure: ``carry -> [*batch]``.
      tolerance: a batch element whose measure is at most this stays as it is; when all do, no further rounds are run.

    Returns:
      the carry, what was measured, and the rounds behind each batch element.
    """
    ends = ends_of_stretches(num_rounds, every)
    num_whole, rest = divmod(num_rounds, every)
    batch = jax.eval_shape(measure, carry).shape
    gaps = jnp.zeros((len(ends), *batch))
    state = _State(jnp.int32(0), carry, gaps, jnp.zeros(batch, jnp.int32), jnp.zeros(batch, bool))

    def stretch(state: _State, length: int) -> _State:
        after = run_rounds(state.carry, length)
        keep = lambda old, new: jnp.where(state.stopped, old, new)
        carry = jax.tree.map(keep, state.carry, after) if tolerance is not None else after
        gap = measure(carry)
        stopped = state.stopped if tolerance is None else state.stopped | (gap <= tolerance)
        run = jnp.where(state.stopped, state.rounds_run, state.rounds_run + length)
        return _State(state.place + 1, carry, state.gaps.at[state.place].set(gap), run, stopped)

    goes_on = lambda state: (state.place < num_whole) & ~state.stopped.all()
    state = jax.lax.while_loop(goes_on, lambda state: stretch(state, every), state)
    if rest:
        state = jax.lax.cond(state.stopped.all(), lambda s: s, lambda s: stretch(s, rest), state)
    last = jnp.minimum(jnp.arange(len(ends)), state.place - 1)  # after an early end, what was measured last
    return state.carry, GapRecord(jnp.asarray(ends), state.gaps[last]), state.rounds_run
