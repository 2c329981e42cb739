"""The leader's optimum against one follower with types: exact where it can be had, else the best found and a bound."""

import time
from typing import NamedTuple

import numpy as np

from stackjax.bayesian.games.security.origami import origami
from stackjax.bayesian.linear.bounds import best_apart, decomposition_bound
from stackjax.bayesian.linear.coverage import coverage_tables
from stackjax.bayesian.linear.game import LinearGame
from stackjax.bayesian.linear.hopping import hop, hop_many, random_commitments, wander
from stackjax.bayesian.linear.integer import LARGEST_PROGRAMME, best_by_integers, hull_prices, programme_size
from stackjax.bayesian.linear.profiles import best_by_profiles
from stackjax.bayesian.linear.programmes import best_holding
from stackjax.bayesian.linear.weak import adverse, best_against_ties

__all__ = ["Solved", "solve_linear"]

CLOSED = 1e-7  # of the leader's spread: a value and a bound that are the same
FEW_PROFILES = 10_000  # so few that better prices are not worth their time
FEW_STEPS, MANY_STEPS = 20, 200  # of prices
MOVES = 10  # from the best commitment, for each start, where programmes leave a gap


class Solved(NamedTuple):
    """What a leader gets, game units.

    Attributes:
      value: what ``commitment`` pays by exact evaluation, ties for the leader; never above ``bound``.
      bound: no commitment pays more, ties for the leader; the value itself where ``closed``.
      commitment: ``[n]``.
      answers: int ``[K]``, what the types answer to it, ties for the leader.
      method: ``"lp"`` if closed, by linear programmes or what solves them; else ``"upper-bound"``.
      weak_value: what ``weak_commitment`` pays with ties against the leader: no more than the weak value.
      weak_commitment: ``[n]``, near ``commitment`` where that needs a tie.
      closed: whether ``value`` is the optimum.
    """

    value: float
    bound: float
    commitment: np.ndarray
    answers: np.ndarray
    method: str
    weak_value: float
    weak_commitment: np.ndarray
    closed: bool


def solve_linear(game: LinearGame, seconds: float = 300.0, *, num_starts: int = 40, seed: int = 0) -> Solved:
    """The strong optimum, or the best commitment found and an upper bound; and a commitment for ties against the leader.

    One type of a security game has a closed form. Otherwise: `hop_many` from random starts, `decomposition_bound`,
    `best_by_profiles`; and where that leaves a gap `wander` and, unless it is too large, the integer programme.

    Args:
      game: the game.
      seconds: about how long it may take, the commitment for ties against the leader not counted.
      num_starts: random commitments to start from.
      seed: of the starts and the moves.

    Raises:
      ArithmeticError: a linear programme failed.
    """
    counted = game.for_types(game.prior > 0)
    x, bound = _strong(counted, seconds, num_starts, seed)
    value = float(counted.value(x))
    closed = bound - value <= CLOSED * counted.spread
    other = adverse(counted)
    if closed and counted.leader.shape[1] ** len(counted.prior) <= FEW_PROFILES:
        tried, _ = _strong(other, seconds, num_starts, seed)
    else:
        tried = hop(other, x)
    weak = best_against_ties(counted, [x, tried])
    return Solved(
        value=value,
        bound=value if closed else bound,
        commitment=x,
        answers=game.answers(x),
        method="lp" if closed else "upper-bound",
        weak_value=float(counted.value(weak, "weak")),
        weak_commitment=weak,
        closed=closed,
    )


def _strong(game: LinearGame, seconds: float, num_starts: int, seed: int) -> tuple[np.ndarray, float]:
    """The best commitment ``[n]`` found, and a value that none exceeds."""
    started, tables, types = time.monotonic(), coverage_tables(game), len(game.prior)
    left = lambda: max(seconds - (time.monotonic() - started), 0.0)
    if tables is not None and types == 1:
        assert game.total is not None
        u, gain, v, loss = (table[0] for table in tables)
        found = origami(np.stack([u + gain, u]), np.stack([v - loss, v]), game.total)
        return found.coverage, max(found.value * float(game.prior[0]), float(game.value(found.coverage)))
    x = hop_many(game, random_commitments(game, num_starts, seed), seconds / 10)
    if types == 1:
        return best_by_profiles(game, x, seconds=left())
    apart, _ = best_apart(game, np.zeros((types, game.num_variables)))
    possible = np.isfinite(apart)
    fits = programme_size(game, possible) <= LARGEST_PROGRAMME
    if tables is None and fits:
        bound, prices = decomposition_bound(game, float(game.value(x)), hull_prices(game, possible), steps=1)
    else:
        steps = FEW_STEPS if possible.shape[1] ** types <= FEW_PROFILES else MANY_STEPS
        bound, prices = decomposition_bound(game, float(game.value(x)), steps=steps, seconds=seconds / 5)
    x, other = best_by_profiles(game, x, prices, left() / 2)
    bound = min(bound, other)
    if bound - float(game.value(x)) > CLOSED * game.spread:
        x = wander(game, x, MOVES * num_starts, seed, seconds / 10)
    if bound - float(game.value(x)) > CLOSED * game.spread and fits:
        answers, other = best_by_integers(game, possible, left())
        bound = min(bound, other)
        held = None if answers is None else best_holding(game, answers)
        if held is not None and game.value(held[1]) > game.value(x):
            x = held[1]
    return x, max(bound, float(game.value(x)))
