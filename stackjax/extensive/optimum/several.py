"""Several followers, by joint plans: what a leader is paid in their coarse correlated equilibria."""

import math
import time
from typing import NamedTuple

import numpy as np
import scipy

from stackjax.errors import UnsolvedError
from stackjax.extensive.optimum.form import following, in_spreads
from stackjax.extensive.optimum.programmes import HIGHS
from stackjax.extensive.optimum.reduced import num_reduced_plans, reduced_plans
from stackjax.extensive.optimum.tables import BestTable
from stackjax.extensive.treeplex import ExtensiveGame

__all__ = ["MOST_COLUMNS", "MOST_PROFILES", "best_correlated", "best_correlated_table", "num_profiles"]

MOST_PROFILES = 50_000  # joint plans in a linear programme
MOST_COLUMNS = 500_000  # likewise, over all tables of a leader that does not mix


class _Play(NamedTuple):
    """What joint plans ``J`` of the players come to, over payoffs' spreads.

    Attributes:
      paid: ``[1 + N, J]``.
      gradients: of each follower sparse ``[Q_i, J]``, what its sequences pay it beside the others' plans.
    """

    paid: np.ndarray
    gradients: list[scipy.sparse.csr_array]


def num_profiles(game: ExtensiveGame, first: int = 0) -> int:
    """How many joint reduced plans the players from ``first`` on have, the leader 0."""
    return math.prod(num_reduced_plans(own) for own in game.treeplexes[first:])


def best_correlated(game: ExtensiveGame) -> float:
    """The most that the leader gets, game units, if the play of all is correlated and no follower gains by a plan of its own.

    No commitment pays more in a coarse correlated equilibrium of the followers. There must be at most `MOST_PROFILES`.

    Raises:
      ArithmeticError: the linear programme failed.
    """
    return float(_in_game_units(game, _extreme(game, _joint(game, _plans(game)), 1.0)))


def best_correlated_table(game: ExtensiveGame, seconds: float = np.inf) -> BestTable:
    """The best of the leader's reduced plans, with the followers' best and worst coarse correlated equilibrium for each.

    Raises:
      UnsolvedError: there was not enough time.
      ArithmeticError: a linear programme failed.
    """
    started, own = time.monotonic(), game.treeplexes[0]
    tables, *followers = _plans(game)
    ends = []
    for table in tables:
        if time.monotonic() - started > seconds:
            raise UnsolvedError(f"{len(tables)} tables of actions took longer than {seconds:g} s")
        play = _joint(game, [table[None], *followers])
        ends.append([_extreme(game, play, sign) for sign in (1.0, -1.0)])
    return BestTable.of(own, tables, *(_in_game_units(game, found) for found in np.array(ends).T))


def _in_game_units(game: ExtensiveGame, values: np.ndarray) -> np.ndarray:
    _, units, middles = in_spreads(game)
    return values * units[0] + middles[0]


def _plans(game: ExtensiveGame) -> list[np.ndarray]:
    return [reduced_plans(own).astype(np.float64) for own in game.treeplexes]


def _product(reached: list[np.ndarray]) -> np.ndarray:
    """``[J, L]`` whether joint plans lead to leaves, of each player's ``[n_k, L]``; the last player's change first."""
    made = reached[0]
    for other in reached[1:]:
        made = (made[:, None] * other[None]).reshape(-1, made.shape[1])
    return made


def _joint(game: ExtensiveGame, plans: list[np.ndarray]) -> _Play:
    """What joint plans pay, of each player's ``plans[k] [n_k, Q_k]``."""
    numbers, _, _ = in_spreads(game)
    reached = [own[:, rows] for own, rows in zip(plans, game.leaf_rows, strict=True)]
    first = _product(reached[:-1])
    paid = np.stack([((first * own) @ reached[-1].T).ravel() for own in numbers])
    counts, leaves = [len(own) for own in plans], numbers.shape[1]
    places = np.arange(paid.shape[1]).reshape(counts)
    gradients = []
    for player in range(1, len(plans)):
        others = scipy.sparse.csr_array(_product(reached[:player] + reached[player + 1 :]) * numbers[player])
        cells = np.ones(leaves), (np.arange(leaves), game.leaf_rows[player])
        slopes = (others @ scipy.sparse.csr_array(cells, (leaves, game.treeplexes[player].num_rows))).tocsr()
        which = np.empty(places.size, np.int64)  # of the others' joint plans
        which[np.moveaxis(places, player, 0).reshape(counts[player], -1)] = np.arange(slopes.shape[0])
        gradients.append(slopes[which].T.tocsr())
    return _Play(paid, gradients)


def _extreme(game: ExtensiveGame, play: _Play, sign: float) -> np.ndarray:
    """The most, or for ``sign`` -1 the least, that coarse correlated play pays the leader, over its spread.

    Variables are the chances of joint plans, and for each follower what its sets are worth to a plan of its own; no such plan
    is worth more than what it is paid.

    References: Hannan (1957); Moulin and Vial (1978).
    """
    count, rows, worths = play.paid.shape[1], [], [following(own) for own in game.treeplexes[1:]]
    widths = [one.shape[1] for one in worths]
    for i, (treeplex, worth, slopes) in enumerate(zip(game.treeplexes[1:], worths, play.gradients, strict=True)):
        legal = np.append(np.flatnonzero(treeplex.mask), treeplex.empty)
        total = scipy.sparse.csr_array(([1.0], ([0], [widths[i] - 1])), (1, widths[i]))
        rows.append([slopes[legal], *(-worth[legal] if j == i else None for j in range(len(widths)))])
        rows.append(
            [scipy.sparse.csr_array(-play.paid[1 + i : 2 + i]), *(total if j == i else None for j in range(len(widths)))]
        )
    matrix = scipy.sparse.block_array(rows, format="csr")
    costs, ones = np.zeros(matrix.shape[1]), np.zeros((1, matrix.shape[1]))
    costs[:count], ones[0, :count] = -sign * play.paid[0], 1.0
    bounds = np.tile([-np.inf, np.inf], (matrix.shape[1], 1))
    bounds[:count, 0] = 0.0
    limits = np.zeros(matrix.shape[0])
    found = scipy.optimize.linprog(costs, matrix, limits, ones, [1.0], bounds, method="highs", options=HIGHS)
    if found.status != 0:
        raise ArithmeticError(f"a linear programme failed: {found.message}")
    return np.asarray(-sign * found.fun)
