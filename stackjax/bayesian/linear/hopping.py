"""Better commitments by tie-hopping: answers at a commitment, the best commitment with these answers, and so on."""

import time
from collections.abc import Iterable

import numpy as np

from stackjax.bayesian.linear.game import LinearGame
from stackjax.bayesian.linear.programmes import CLOSE, best_holding

__all__ = ["hop", "hop_many", "random_commitments", "wander"]

FARTHEST = 0.3  # of the way to a random commitment


def hop(game: LinearGame, x: np.ndarray, seen: set[tuple[int, ...]] | None = None) -> np.ndarray:
    """A commitment that pays at least as much as ``x [n]``, ties for the leader, by exact evaluation.

    At the best commitment for given answers some types are indifferent: ties then go to the leader, which pays more, and new
    answers may be held from there.

    Args:
      game: the game.
      x: where to start.
      seen: answers that need not be held again, to which those of this call are added.

    Raises:
      ArithmeticError: a linear programme failed.
    """
    seen, value, close = set() if seen is None else seen, float(game.value(x)), CLOSE * game.spread
    while True:
        answers = game.answers(x)
        if tuple(answers) in seen:
            return x
        seen.add(tuple(answers))
        found = best_holding(game, answers, floor=value + close)
        if found is None:  # x holds them by less than a programme sees
            return x
        better = float(game.value(found[1]))
        if better <= value:
            return x
        x, rise, value = found[1], better - value, better
        if rise <= close:
            return x


def hop_many(game: LinearGame, starts: Iterable[np.ndarray], seconds: float | None = None) -> np.ndarray:
    """The best commitment ``[n]`` that `hop` reaches from ``starts``, each ``[n]``; the first is always tried.

    Args:
      game: the game.
      starts: where to start, in this order.
      seconds: after which no other start is tried; all are if None.

    Raises:
      ArithmeticError: a linear programme failed.
    """
    started, seen, best = time.monotonic(), set[tuple[int, ...]](), None
    for x in starts:
        reached = hop(game, x, seen)
        if best is None or game.value(reached) > game.value(best):
            best = reached
        if seconds is not None and time.monotonic() - started > seconds:
            break
    assert best is not None
    return best


def wander(game: LinearGame, x: np.ndarray, count: int, seed: int, seconds: float | None = None) -> np.ndarray:
    """The best commitment ``[n]`` that `hop` reaches from ``x [n]`` moved part of the way to random ones, again and again.

    Args:
      game: the game.
      x: where to start; moves are from the best so far.
      count: how many moves there are.
      seed: of the random commitments.
      seconds: after which there are no more moves; all are made if None.

    Raises:
      ArithmeticError: a linear programme failed.
    """
    started, seen, shares = time.monotonic(), set[tuple[int, ...]](), np.random.default_rng(seed).uniform(0.0, FARTHEST, count)
    for share, other in zip(shares, random_commitments(game, count, seed), strict=True):
        if seconds is not None and time.monotonic() - started > seconds:
            break
        reached = hop(game, x + share * (other - x), seen)
        if game.value(reached) > game.value(x):
            x = reached
    return x


def random_commitments(game: LinearGame, count: int, seed: int) -> np.ndarray:
    """``[count, n]`` commitments: uniform mixes, or coverage that uses all of the total where no entry would exceed 1."""
    shares = np.random.default_rng(seed).dirichlet(np.ones(game.num_variables), size=count)
    return shares if game.total is None else np.minimum(shares * game.total, 1.0)
