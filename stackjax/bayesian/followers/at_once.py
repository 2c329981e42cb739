"""The response phase of one follower that answers in closed form: nothing to learn, at every type the same at once."""

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.followers import rounds
from stackjax.bayesian.followers.base import ClosedForm, FollowerDynamics, init_followers, strategies
from stackjax.bayesian.followers.measured import GapRecord, empirical_gap, ends_of_stretches
from stackjax.bayesian.followers.response import Response, Snapshots
from stackjax.bayesian.followers.rounds import Draws
from stackjax.bayesian.followers.streams import Streams, next_uniforms
from stackjax.bayesian.games.base import Game
from stackjax.bayesian.games.induced import InducedGame
from stackjax.errors import InputError
from stackjax.types import Array, PyTree

__all__ = ["answered", "at_once", "check_features", "check_turns"]

NUMBERS = 2  # of a round: for the types and for the action


def answered(dynamics: FollowerDynamics, closed: ClosedForm, game: InducedGame) -> tuple[tuple[PyTree], tuple[Array]]:
    """The follower's state and its mixed strategy, ``[K, A, *batch]``; differentiable in payoffs and features.

    Raises:
      InputError: the rule goes by features, and ``game`` has none.
    """
    if closed.needs_features and game.features is None:
        raise InputError(
            f"{closed.rule}: this game says nothing of coverage; give induced_game its features [K, A, 3], see Game.features"
        )
    seen = jax.tree.map(lambda table: jnp.asarray(table, jnp.result_type(float)), (game.follower_payoffs[0], game.features))
    states = (jax.vmap(closed.state)(*seen),)
    (strategy,) = strategies(dynamics, states)
    return states, (strategy,)


def at_once(
    streams: Streams,
    game: InducedGame,
    dynamics: FollowerDynamics,
    closed: ClosedForm,
    num_rounds: int,
    count_plays: bool,
    gap_every: int | None,
    num_snapshots: int,
) -> Response:
    """What `equilibrate` returns. Random numbers go on as they would after ``num_rounds`` rounds.

    Snapshots are those of an episode that is stepped: in each round the follower meets the next of its types, and answers there
    from then on.
    """
    states, tables = answered(dynamics, closed, game)
    counts = gaps = snapshots = None
    if count_plays:
        prior = rounds.flat_prior(game.type_prior, game.num_types, len(game.batch_shape))
        counts = num_rounds * prior[:, None] * tables[0]
    if gap_every is not None and counts is not None:
        ends, gap = ends_of_stretches(num_rounds, gap_every), empirical_gap(game, counts, tables, None)
        gaps = GapRecord(jnp.asarray(ends), jnp.broadcast_to(gap, (len(ends), *gap.shape)))
    left = num_rounds
    if num_snapshots:
        stride = num_rounds // num_snapshots
        streams, snapshots = _snapshots(streams, game, dynamics, tables[0], stride, num_snapshots)
        left -= stride * num_snapshots
    streams = _later(streams, left)
    return Response(states, tables, counts, snapshots, gaps, jnp.zeros(game.batch_shape, jnp.int32), streams, None)


def _later(streams: Streams, num_rounds: int) -> Streams:
    return jax.lax.fori_loop(0, num_rounds, lambda _, now: next_uniforms(now, NUMBERS)[0], streams)


def _snapshots(
    streams: Streams, game: InducedGame, dynamics: FollowerDynamics, table: Array, stride: int, count: int
) -> tuple[Streams, Snapshots]:
    """``count`` rounds, ``stride`` apart, and the streams after them; ``table [K, A, *batch]`` is the answer."""
    batch, (num_types,) = game.batch_shape, game.num_types
    (fresh,) = strategies(dynamics, init_followers(dynamics, game.num_types, game.num_actions, batch))
    first = np.arange(count) * stride
    is_met = jnp.asarray(np.arange(num_types) < first[:, None]).reshape(count, num_types, *(1,) * (table.ndim - 1))
    before = jnp.where(is_met, table[None], fresh[None])  # [m, K, A, *batch]

    def record(streams: Streams, seen: tuple[Array, Array]) -> tuple[Streams, tuple[Array, Array]]:
        own_type, tables = seen
        streams, uniform = next_uniforms(streams, NUMBERS)
        (action,) = rounds.draw_actions(uniform[1:], (tables[own_type],))
        return _later(streams, stride - 1), (jnp.full(batch, own_type), action)

    own_types = jnp.asarray(first % num_types, jnp.int32)
    streams, (types, actions) = jax.lax.scan(record, streams, (own_types, before))
    return streams, Snapshots(jnp.asarray(first), (before,), Draws((types,), (types,), (actions,)))


def check_turns(closed: ClosedForm | None, num_types: tuple[int, ...], num_rounds: int) -> None:
    """Raise `InputError` unless a follower in closed form that is played out meets each of its types in ``num_rounds``."""
    if closed is None:
        return
    if closed.needs_features:
        raise InputError(
            f"{closed.rule} followers go by what a whole commitment covers, and here they meet it step by step; use "
            "--followers.kind quantal, or a solver that fills in a table: direct, gradient, ppo or search"
        )
    if num_types[0] > num_rounds:
        raise InputError(
            f"num_rounds={num_rounds} must be at least {num_types[0]}: a {closed.rule} follower that is played out meets one "
            "of its types in each round"
        )


def check_features(closed: ClosedForm | None, game: Game, num_nodes: int) -> None:
    """Raise `InputError` unless ``game``, whose leader decides at ``num_nodes``, has the features that the rule goes by."""
    if closed is None or not closed.needs_features:
        return
    shown = jax.eval_shape(game.features, jax.eval_shape(game.leader_actions.zeros))
    if shown is None or num_nodes != 1:
        raise InputError(
            f"{closed.rule}: game {game.name!r} has no coverage; these followers go by how likely each of their actions is "
            "covered, see Game.features; use --followers.kind quantal"
        )
    shape = (game.num_types[0], game.num_actions[0], 3)
    if shown.shape != shape:
        raise InputError(f"game {game.name!r}: features must be of shape {shape}, but is of {shown.shape}")
