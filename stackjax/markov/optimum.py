"""The leader's exact optimum in small Markov games: every table of actions is tried, in float64."""

import time
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.arrays import in_full
from stackjax.compiler import compiler_options
from stackjax.errors import UnsolvedError, count_in_words, require_is
from stackjax.markov.answers import MOST_POLICIES, POLICIES_AT_ONCE, Length, best_stationary, best_timed, evaluate, tie_of
from stackjax.markov.game import MarkovGame, joint_actions, tabulate_markov
from stackjax.spaces import Discrete
from stackjax.types import Array

__all__ = ["MarkovOptimum", "solve_markov", "takes_long"]

MOST_TABLES = 65_536
MOST_PAIRS = 4_000_000  # of a leader's table and a follower's policy
ROUNDING = 1e-9  # of the leader's payoffs in an episode: tables that pay alike
CELLS_AT_ONCE = 4_000_000
LONG_WORK = 20_000_000  # numbers that sweeps go over: a second or so


class MarkovOptimum(NamedTuple):
    """The best table of actions.

    Attributes:
      value: the leader's payoff if the follower breaks ties in its favour, game units.
      weak_value: the most that a table pays whatever the follower does where it is indifferent; None where not computed.
      commitment: ``[S, ...]`` a table that pays ``value``, one that also pays ``weak_value`` if there is such.
      weak_commitment: one that pays ``weak_value``, where it was computed.
      num_optimal: how many tables pay ``value``, where they were counted.
      method: how this is known, see `Optimum`.
    """

    value: float
    weak_value: float | None
    commitment: np.ndarray
    num_optimal: int | None
    method: str = "enumeration"
    weak_commitment: np.ndarray | None = None


@in_full
def takes_long(game: MarkovGame) -> bool:
    """Whether `solve_markov` may take more than a second or two: nothing should wait for it."""
    if not isinstance(game.leader_actions, Discrete):
        return False
    sweeps = game.horizon or Length.of(None, game.discount).steps
    return min(game.leader_actions.n**game.num_states, MOST_TABLES) * game.successor.size * sweeps > LONG_WORK


def solve_markov(game: MarkovGame, *, knows_time: bool = False, seconds: float | None = None) -> MarkovOptimum:
    """The leader's best commitment against a follower that answers best: every table is tried, or as the game has it.

    Args:
      knows_time: whether the follower may do something else in every step; without a horizon this makes no difference.
      seconds: that trying tables may take; as long as it does if None.

    Raises:
      InputError: ``game`` is no `MarkovGame`.
      UnsolvedError: the leader mixes or pays, there are several followers, there are too many tables, or ``seconds`` ran out;
        says which.
    """
    require_is("game", game, MarkovGame, "a MarkovGame, for example sx.make('iterated')")
    if hasattr(game, "solve"):
        return game.solve(knows_time=knows_time)
    if not isinstance(game.leader_actions, Discrete):
        raise UnsolvedError(f"game {game.name!r} has a leader whose actions are real numbers; its tables cannot be enumerated")
    if game.num_followers != 1:
        raise UnsolvedError(f"game {game.name!r} has {game.num_followers} followers; exact optima are for one")
    states, count = game.num_states, game.leader_actions.n**game.num_states
    if count > MOST_TABLES:
        raise UnsolvedError(
            f"game {game.name!r} is too large to solve: {count_in_words(count)} tables, more than {MOST_TABLES}"
        )
    is_timed = knows_time and game.horizon is not None
    tries_policies = not is_timed and game.horizon is not None and game.horizon > 1
    policies = game.num_actions[0] ** states if tries_policies else 1
    if policies > MOST_POLICIES or policies * count > MOST_PAIRS:
        raise UnsolvedError(
            f"game {game.name!r} is too large to solve: {count} tables against {count_in_words(policies)} policies of a "
            f"follower that does not know the time, more than {MOST_PAIRS} pairs"
        )
    tables = joint_actions((game.leader_actions.n,) * states)

    def values(made: Array) -> Array:
        """``[2, B]`` what tables pay with ties for and against the leader."""
        induced, length = tabulate_markov(game, made), Length.of(game.horizon, game.discount)
        tie = tie_of(game, length, induced.leader_payoff.dtype)
        best = best_timed if is_timed else best_stationary
        return jnp.stack([evaluate(induced, length, best(induced, length, ties, tie)).leader for ties in ("for", "against")])

    cells = game.successor.size + min(policies, POLICIES_AT_ONCE) * states * (states if tries_policies else 1)
    if is_timed:
        cells += game.horizon * states * game.num_actions[0]  # type: ignore[operator]
    chunk = min(count, max(1, CELLS_AT_ONCE // cells))
    with jax.enable_x64(True):
        compiled = jax.jit(values, compiler_options=compiler_options(runs_once=True))
        parts = [tables[np.arange(first, first + chunk) % count] for first in range(0, count, chunk)]
        done, started = [], time.monotonic()
        for part in parts:
            if seconds is not None and time.monotonic() - started > seconds:
                raise UnsolvedError(f"game {game.name!r} is too large to solve: {count} tables took longer than {seconds:g} s")
            done.append(np.asarray(compiled(jnp.asarray(part)), np.float64))
        found = np.concatenate(done, axis=1)
    strong, weak = found[:, :count]
    value, weak_value = float(strong.max()), float(weak.max())
    optimal = strong >= value - ROUNDING * max(1.0, abs(value))
    chosen = int(np.where(optimal, weak, -np.inf).argmax())
    safest = tables[int(weak.argmax())]
    return MarkovOptimum(value, weak_value, tables[chosen], int(optimal.sum()), weak_commitment=safest)
