"""The strong optimum by linear programmes: one for each profile of answers, type after type, and none where it cannot help."""

import heapq
import time

import numpy as np

from stackjax.bayesian.linear.bounds import best_apart
from stackjax.bayesian.linear.game import LinearGame
from stackjax.bayesian.linear.programmes import CLOSE, best_holding, holding, objective_of

__all__ = ["best_by_profiles"]


def best_by_profiles(
    game: LinearGame, x: np.ndarray, prices: np.ndarray | None = None, seconds: float | None = None
) -> tuple[np.ndarray, float]:
    """The best commitment of all, ``[n]``, and a value that none exceeds: the same, unless time runs out.

    Answers are fixed type after type, the most promising first. A beginning of a profile is given up where no commitment has
    it, or where what it pays, and what the other types pay at most by themselves, is no more than is known to be had.

    Args:
      game: the game.
      x: ``[n]`` where to start: the better, the fewer programmes.
      prices: ``[K, n]`` that sum to 0 over types, as of `decomposition_bound`: the better, the fewer programmes. 0 if None.
      seconds: after which no other programme starts; as long as it takes if None.

    Raises:
      ArithmeticError: a linear programme failed.

    References: Conitzer and Sandholm (2006), Section 3, for the programme of a profile.
    """
    started, close = time.monotonic(), CLOSE * game.spread
    prices = np.zeros((len(game.prior), game.num_variables)) if prices is None else prices
    apart, _ = best_apart(game, prices)
    order = np.argsort(apart.max(axis=1) - np.median(apart, axis=1))[::-1]  # the types that decide most first
    ordered, apart, prices = game.for_types(order), apart[order], prices[order]
    rest = np.append(np.cumsum(apart.max(axis=1)[::-1])[::-1], 0.0)  # the most that types from k on pay by themselves
    best, most, bound = x, float(game.value(x)), -np.inf
    waiting: list[tuple[float, tuple[int, ...]]] = [(-float(rest[0]), ())]
    while waiting:
        top, fixed = -waiting[0][0], waiting[0][1]
        if top <= most + close:
            break
        if seconds is not None and time.monotonic() - started > seconds:
            return best, max(bound, top)
        heapq.heappop(waiting)
        k = len(fixed)
        if k == len(order):
            found = best_holding(ordered, fixed, floor=most + close)
            if found is not None:
                bound = max(bound, found[0])
                value = float(game.value(found[1]))
                best, most = (found[1], value) if value > most else (best, most)
            continue
        paid = 0.0 if k == 0 else float(apart[0, fixed[0]])
        if k > 1:  # of one answer alone the most is known
            objective, constant = objective_of(ordered, fixed)
            part = holding(ordered, list(enumerate(fixed)), objective + prices[:k].sum(axis=0))
            if part is None:
                continue
            paid, value = part[0] + constant, float(game.value(part[1]))
            best, most = (part[1], value) if value > most else (best, most)
        tops = np.minimum(paid + apart[k] + rest[k + 1], top)
        for a in np.flatnonzero(tops > most + close):
            heapq.heappush(waiting, (-float(tops[a]), (*fixed, int(a))))
    return best, max(bound, most)
