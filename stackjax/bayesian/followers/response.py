"""What comes of a response phase: how followers play when it is over, and what a few of its rounds looked like."""

from typing import NamedTuple

from stackjax.bayesian.followers.measured import GapRecord
from stackjax.bayesian.followers.rounds import Draws
from stackjax.bayesian.followers.streams import Streams
from stackjax.types import Array, PyTree

__all__ = ["Response", "Snapshots"]


class Snapshots(NamedTuple):
    """What a few evenly spaced rounds looked like, before their update.

    ``rounds`` int ``[m]``; ``strategies`` a tuple over followers of ``[m, K_i, A_i, *batch]`` (``K_i * M`` rows with memory);
    ``draws`` the `Draws` of those rounds, int ``[m, *batch]``.
    """

    rounds: Array
    strategies: tuple[Array, ...]
    draws: Draws


class Response(NamedTuple):
    """How the followers ended up playing.

    Attributes:
      states: the learning rules' states, a tuple over followers, leaves ``[K_i, ..., *batch]``; with memory ``K_i * M`` rows,
        see `FollowerDynamics`.
      strategies: mixed strategy by type after the last round, a tuple over followers of ``[K_i, A_i, *batch]``; likewise.
      play_counts: ``[K_1, ..., K_N, A_1, ..., A_N, *batch]`` how often each joint play occurred, or None; of a follower that
        answers in closed form, how often it is to be expected.
      snapshots: `Snapshots`, or None.
      gaps: `GapRecord`, or None.
      num_rounds: int ``[*batch]``, the rounds behind all this: ``num_rounds`` unless a tolerance was met before, and none of a
        follower that answers in closed form.
      streams: where the random numbers would go on.
      memory: int ``[*batch]``, the last joint action (its place among all), or None for dynamics without memory.
    """

    states: tuple[PyTree, ...]
    strategies: tuple[Array, ...]
    play_counts: Array | None
    snapshots: Snapshots | None
    gaps: GapRecord | None
    num_rounds: Array
    streams: Streams
    memory: Array | None
