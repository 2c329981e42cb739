"""Upper bounds of what a leader gets: each type faces a commitment of its own, at prices that draw these together."""

import time

import numpy as np

from stackjax.bayesian.linear.coverage import best_coverages, coverage_tables
from stackjax.bayesian.linear.game import LinearGame
from stackjax.bayesian.linear.programmes import CLOSE, holding

__all__ = ["best_apart", "decomposition_bound", "separate_bound"]

LEAST_PATIENCE = 3  # steps without a better bound after which they are halved
MEMORY = 0.6  # of earlier directions


def best_apart(game: LinearGame, prices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The most of ``prior[k] * the leader's payoff + prices[k] @ x`` against each type alone, by its answer.

    Closed forms where `coverage_tables` finds a security game, linear programmes elsewhere.

    Args:
      game: of K types, A answers and n variables.
      prices: ``[K, n]``, of any sign.

    Returns:
      ``[K, A]``, -inf where an answer is best nowhere; ``[K, n]`` a commitment for each type's best one.
    """
    tables = coverage_tables(game)
    if tables is not None:
        assert game.total is not None
        return best_coverages(tables, game.prior, game.total, prices)
    values, points = np.full(game.leader.shape[:2], -np.inf), np.zeros(prices.shape)
    for k, a in np.argwhere(~game.never_best()):
        found = holding(game, [(k, a)], game.prior[k] * game.leader[k, a] + prices[k])
        if found is not None:
            value = found[0] + game.prior[k] * game.leader_constant[k, a]
            if value > values[k].max():
                points[k] = found[1]
            values[k, a] = value
    return values, points


def separate_bound(game: LinearGame) -> float:
    """What the leader gets if it may commit afresh against each type: no commitment to all of them pays more."""
    values, _ = best_apart(game, np.zeros((len(game.prior), game.num_variables)))
    return float(values.max(axis=1).sum())


def decomposition_bound(
    game: LinearGame, floor: float, prices: np.ndarray | None = None, *, steps: int = 200, seconds: float | None = None
) -> tuple[float, np.ndarray]:
    """The least bound that some steps find, and its prices ``[K, n]``; without prices the first step's is `separate_bound`.

    The bound is the sum over types of `best_apart`, at prices that sum to 0 over types: where all types face the same x they
    cancel, so that each step's bound is valid. Prices fall where a type's own commitment is above the others' mean, by Polyak's
    step along a mean of directions.

    Args:
      game: the game.
      floor: what some commitment pays, game units, to which the steps aim.
      prices: ``[K, n]`` to start from, which sum to 0 over types; all 0 if None.
      steps: how many.
      seconds: after which no other step starts; as long as they take if None.

    References: Polyak (1969), for the steps; Camerini, Fratta and Maffioli (1975), for the directions.
    """
    started, patience = time.monotonic(), max(LEAST_PATIENCE, steps // 20)
    prices = np.zeros((len(game.prior), game.num_variables)) if prices is None else prices
    best, best_prices, share, waited, direction = np.inf, prices, 1.0, 0, np.zeros_like(prices)
    for _ in range(steps):
        values, points = best_apart(game, prices)
        bound = float(values.max(axis=1).sum())
        waited += 1
        if bound < best:
            best, best_prices, waited = bound, prices, 0
        if waited >= patience:
            share, waited = share / 2.0, 0
        direction = points - points.mean(axis=0) + MEMORY * direction
        length = float((direction**2).sum())
        if length <= 1e-18 or best - floor <= CLOSE * game.spread:  # all commit alike, or nothing is left between
            break
        if seconds is not None and time.monotonic() - started > seconds:
            break
        prices = prices - share * (bound - floor) / length * direction
        prices = prices - prices.mean(axis=0)  # what rounding left
    return best, best_prices
