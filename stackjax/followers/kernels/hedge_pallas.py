"""The GPU kernel, in Pallas (Triton): LANES games a program, weight tables and streams in registers from first round to last.

A scan on a GPU launches several kernels a round and carries every table through memory between them; here a round touches
memory only for the payoffs that it looks up. On a CPU it runs in Pallas's interpreter, for tests. JAX 0.11 warns that its
Triton backend will go; the move to Mosaic GPU waits for a GPU to measure both on.
"""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton

from stackjax.followers.base import FollowerDynamics
from stackjax.followers.kernels.packing import Packed, Rounds, packed_rounds, why_not_fused
from stackjax.followers.streams import Streams, next_uniform
from stackjax.games.base import InducedGame
from stackjax.types import Array

__all__ = ["pallas_rounds", "why_not_pallas"]

LANES = 128  # games a program; a power of two
MOST_REGISTERS = 256  # table rows that are kept on chip


def why_not_pallas(game: InducedGame, dynamics: FollowerDynamics, count_plays: bool) -> str | None:
    """Why the GPU kernel cannot run these rounds, in words, or None if it can."""
    rows = sum(k * a for k, a in zip(game.num_types, game.num_actions, strict=True))
    if count_plays:
        return "it does not count plays"
    if rows > MOST_REGISTERS or math.prod(game.num_types) > MOST_REGISTERS:
        return f"it takes at most {MOST_REGISTERS} rows of weights and {MOST_REGISTERS} type profiles"
    return why_not_fused(dynamics)


def pallas_rounds(
    game: InducedGame, dynamics: FollowerDynamics, tables: tuple[Array, ...], interpret: bool | None = None
) -> Rounds:
    """Rounds by the GPU kernel; see `packed_rounds`. Interpreted where the default backend is no GPU."""
    interpret = jax.default_backend() != "gpu" if interpret is None else interpret

    def run_packed(packed: Packed, num_rounds: int) -> tuple[Array, Array, Array, Array]:
        batch = packed.words.shape[1]
        blocks = pl.cdiv(batch, LANES)
        whole = lambda x: jnp.pad(x, ((0, 0), (0, blocks * LANES - batch)))  # so that no lane is out of bounds
        is_shared = packed.bounds.shape[1] == 1  # one prior for all games
        inputs = [whole(x) for x in (packed.log_weights, packed.residue, packed.words, packed.payoffs)]
        inputs.append(packed.bounds if is_shared else whole(packed.bounds))
        column = lambda x: pl.BlockSpec((x.shape[0], LANES), lambda i: (0, i))
        single = lambda x: pl.BlockSpec((x.shape[0], 1), lambda i: (0, 0))
        call = pl.pallas_call(
            functools.partial(_rounds_of_a_block, game.num_types, game.num_actions, num_rounds),
            [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in inputs[:3]],
            grid=(blocks,),
            in_specs=[*(column(x) for x in inputs[:4]), (single if is_shared else column)(inputs[4]), single(packed.step)],
            out_specs=[column(x) for x in inputs[:3]],
            interpret=interpret,
            compiler_params=None if interpret else triton.CompilerParams(num_warps=LANES // 32),
            name="stackjax_hedge",
        )
        log_weights, residue, words = (x[:, :batch] for x in call(*inputs, packed.step))
        return log_weights, residue, words, packed.play_counts

    return packed_rounds(game, dynamics, tables, run_packed)


def _rounds_of_a_block(num_types: tuple[int, ...], num_actions: tuple[int, ...], num_rounds: int, *refs: Any) -> None:
    """All rounds of LANES games. Tables are tuples of rows ``[LANES]``, so that the compiler keeps them in registers."""
    logs_in, residue_in, words_in, payoffs, bounds, step, logs_out, residue_out, words_out = refs
    rows_of = lambda ref: tuple(ref[row, :] for row in range(ref.shape[0]))
    rate, lanes = step[0, 0], jnp.arange(LANES)
    followers = range(len(num_types))
    num_profiles = math.prod(num_types)
    bound = [bounds[p, 0] if bounds.shape[1] == 1 else bounds[p, :] for p in range(num_profiles)]

    def one_round(_: Any, carry: tuple) -> tuple:
        streams, logs, residue = carry
        streams, uniform = next_uniform(streams)
        profile = _count_reached(uniform * bound[-1], bound[:-1])
        types, rest = [profile] * len(num_types), profile
        for i in reversed(followers):
            types[i], rest = jax.lax.rem(rest, num_types[i]), jax.lax.div(rest, num_types[i])
        own, lost, actions = [], [], []
        for i in followers:
            own.append(_take(logs[i], types[i]))
            lost.append(_take(residue[i], types[i]))
            sums = [jnp.exp(own[i][0])]
            for log_weight in own[i][1:]:
                sums.append(sums[-1] + jnp.exp(log_weight))
            streams, uniform = next_uniform(streams)
            actions.append(_count_reached(uniform * sums[-1], sums[:-1]))
        logs, residue, first = list(logs), list(residue), 0
        for i in followers:
            place = profile
            for j in followers:
                place = place * num_actions[j] + actions[j] if j != i else place
            size = num_actions[i]
            gains = [rate * triton.load(payoffs.at[first + place * size + a, lanes]) for a in range(size)]
            largest = functools.reduce(jnp.maximum, [log_weight + gain for log_weight, gain in zip(own[i], gains, strict=True)])
            wanted = [gain - largest + left for gain, left in zip(gains, lost[i], strict=True)]
            summed = [log_weight + more for log_weight, more in zip(own[i], wanted, strict=True)]
            left = [more - (after - before) for more, after, before in zip(wanted, summed, own[i], strict=True)]
            logs[i], residue[i] = _put(logs[i], types[i], summed), _put(residue[i], types[i], left)
            first += num_profiles * math.prod(num_actions)
        return streams, tuple(logs), tuple(residue)

    start = (Streams(*rows_of(words_in)), *(_split(rows_of(ref), num_types, num_actions) for ref in (logs_in, residue_in)))
    streams, *after = jax.lax.fori_loop(0, num_rounds, one_round, start)
    for ref, table in zip((logs_out, residue_out), after, strict=True):
        for row, values in enumerate(values for follower in table for by_type in follower for values in by_type):
            ref[row, :] = values
    for row, word in enumerate(streams):
        words_out[row, :] = word


def _split(rows: tuple[Array, ...], num_types: tuple[int, ...], num_actions: tuple[int, ...]) -> tuple:
    """``rows`` as a tuple over followers of tuples over types of tuples over actions."""
    remaining = iter(rows)
    return tuple(
        tuple(tuple(next(remaining) for _ in range(a)) for _ in range(k)) for k, a in zip(num_types, num_actions, strict=True)
    )


def _count_reached(threshold: Array, bounds: list[Array]) -> Array:
    """The index drawn by inverse distribution function: how many ``bounds`` the threshold has reached."""
    index = jnp.zeros(threshold.shape, jnp.int32)
    for bound in bounds:
        index = index + (threshold >= bound).astype(jnp.int32)
    return index


def _take(table: tuple, index: Array) -> list[Array]:
    row = list(table[0])
    for k in range(1, len(table)):
        row = [jnp.where(index == k, new, old) for new, old in zip(table[k], row, strict=True)]
    return row


def _put(table: tuple, index: Array, row: list[Array]) -> tuple:
    return tuple(
        tuple(jnp.where(index == k, new, old) for new, old in zip(row, kept, strict=True)) for k, kept in enumerate(table)
    )
