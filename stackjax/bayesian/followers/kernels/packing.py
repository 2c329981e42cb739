"""What the fused kernel takes and gives: plain arrays ``[rows, B]``, made from states and turned back into them."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.followers import rounds
from stackjax.bayesian.followers.base import FollowerDynamics
from stackjax.bayesian.followers.multiplicative_weights import HedgeState, rate
from stackjax.bayesian.followers.streams import Streams
from stackjax.bayesian.games.induced import InducedGame
from stackjax.errors import InputError
from stackjax.types import Array

__all__ = ["Learning", "Packed", "Rounds", "packed_rounds", "why_not_fused"]

Learning = tuple[Streams, tuple[HedgeState, ...], Array | None]  # streams, states, play counts [P M, *batch] or None
Rounds = Callable[[Learning, int], Learning]


class Packed(NamedTuple):
    """The arguments of the fused kernel. It returns the first four as they are after the rounds.

    Attributes:
      log_weights, residue: ``[Σ K_i A_i, B]``, followers one after another, actions fastest.
      words: uint32 ``[4, B]``, the streams.
      play_counts: ``[P M, B]``, or ``[0, B]`` where plays are not counted.
      payoffs: scaled, ``[N P M, B]``: per follower ``[P, plays of the others, own action]``.
      bounds: the cumulative type prior, ``[P, B]`` or ``[P, 1]``.
      step: ``ln(1 + ε)``, ``[1, 1]``.
    """

    log_weights: Array
    residue: Array
    words: Array
    play_counts: Array
    payoffs: Array
    bounds: Array
    step: Array


def why_not_fused(dynamics: FollowerDynamics) -> str | None:
    """Why the fused kernel does not run these dynamics, in words, or None."""
    fused = dynamics.fused
    is_plain = dynamics.feedback == "sampled" and not (dynamics.memory or dynamics.value or dynamics.tick)
    if fused is None or not is_plain or fused[1:] != (dynamics.init, dynamics.play, dynamics.update):
        return "only multiplicative_weights with sampled feedback has a fused kernel"
    if jnp.ndim(fused.step_size) != 0:
        return "it takes one step_size for the whole batch; vmap over others"
    if jnp.result_type(float) != jnp.float32:
        return "it computes in float32, and jax_enable_x64 is on"
    return None


def packed_rounds(
    game: InducedGame,
    dynamics: FollowerDynamics,
    tables: tuple[Array, ...],
    run_packed: Callable[[Packed, int], tuple[Array, Array, Array, Array]],
) -> Rounds:
    """``(learning, number of rounds) -> learning`` by a kernel on packed arrays; payoffs are packed here, once.

    Args:
      tables: per follower, scaled payoffs ``[P * M_-i, A_i, *batch]``.
      run_packed: the kernel, ``(packed, number of rounds)``. Who differentiates it gets an `InputError`.
    """
    fused, batch = dynamics.fused, game.batch_shape
    assert fused is not None
    flat = lambda x: x.reshape(-1, math.prod(batch))
    prior = rounds.flat_prior(game.type_prior, game.num_types, len(batch))
    bounds = rounds.running_sums(prior)
    bounds = flat(bounds) if bounds.shape[1:] == batch else bounds.reshape(-1, 1)
    payoffs = jnp.concatenate([flat(table) for table in tables])
    sizes = [k * a for k, a in zip(game.num_types, game.num_actions, strict=True)]
    joined = lambda leaves: jnp.concatenate([flat(leaf) for leaf in leaves])

    step = rate(fused.step_size, payoffs).reshape(1, 1)

    def run(learning: Learning, num_rounds: int) -> Learning:
        streams, states, play_counts = learning
        packed = Packed(
            joined([state.log_weights for state in states]),
            joined([state.residue for state in states]),
            jnp.stack([word.reshape(-1) for word in streams]),
            flat(play_counts) if play_counts is not None else jnp.zeros((0, math.prod(batch)), jnp.float32),
            payoffs,
            bounds,
            step,
        )
        play = jax.custom_jvp(lambda *arguments: run_packed(Packed(*arguments), num_rounds))
        play.defjvp(_refuse_gradient)
        log_weights, residue, words, counts = play(*packed)
        pieces = zip(*(jnp.split(x, np.cumsum(sizes)[:-1]) for x in (log_weights, residue)), strict=True)
        after = tuple(
            HedgeState(*(piece.reshape(k, a, *batch) for piece in pair))
            for pair, k, a in zip(pieces, game.num_types, game.num_actions, strict=True)
        )
        streams = Streams(*(word.reshape(batch) for word in words))
        return streams, after, counts.reshape(play_counts.shape) if play_counts is not None else None

    return run


def _refuse_gradient(*_: Any) -> Any:
    raise InputError(
        "the fused kernel cannot be differentiated; take kernel='scan' to differentiate through what followers learn"
    )
