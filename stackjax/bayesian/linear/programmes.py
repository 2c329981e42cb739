"""Linear programmes for commitments to which given types have given answers, and commitments that are exact in float64."""

from collections.abc import Sequence

import numpy as np
import scipy

from stackjax.bayesian.linear.game import LinearGame

__all__ = ["CLOSE", "Held", "best_holding", "holding", "objective_of", "rows_of"]

HIGHS = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}  # the least that it takes
CLOSE = 1e-9  # of the leader's spread: values that are the same up to a solver's tolerance
ACTIVE = 1e-7  # of a row's largest entry: limits that a solution is meant to meet
MARGINS = (1e-9, 1e-8, 1e-7)  # likewise, by which answers are held where they are not exact without

Held = tuple[float, np.ndarray]  # a programme's value, and the x [n] that reaches it


def objective_of(game: LinearGame, answers: Sequence[int] | np.ndarray) -> tuple[np.ndarray, float]:
    """What the first few types, or all, pay the leader if type k gives ``answers[k]``: slopes ``[n]`` and a constant."""
    types = np.arange(len(answers))
    prior = game.prior[types]
    return prior @ game.leader[types, answers], float(prior @ game.leader_constant[types, answers])


def holding(
    game: LinearGame,
    held: Sequence[tuple[int, int]],
    objective: np.ndarray,
    margin: float = 0.0,
    widened: int | None = None,
) -> Held | None:
    """The commitment with the largest ``objective [n]`` among those to which type k has the best answer a.

    A margin is by how much a beats every other answer that does not always pay the same, of their largest difference in slope.

    Args:
      game: the game.
      held: pairs (k, a).
      objective: slopes of what is made large.
      margin: the least for all types.
      widened: a type whose margin is made large, up to 1, in place of ``objective``.

    Returns:
      The value and the commitment; None if there is none.

    Raises:
      ArithmeticError: the linear programme failed.
    """
    made = rows_of(game, held)
    if made is None:
        return None
    rows, limits, who = made
    n = game.num_variables
    size = float(np.abs(objective).max()) or 1.0
    cost, bounds = -objective / size, [(0.0, 1.0)] * n
    limits = limits - margin
    if widened is not None:
        cost, bounds = np.append(np.zeros(n), -1.0), [*bounds, (0.0, 1.0)]
        rows = np.column_stack([rows, who == widened])
    ones = np.ones((1, len(cost)))
    ones[0, n:] = 0.0
    equal = {"A_eq": ones, "b_eq": [1.0]} if game.total is None else {}
    if game.total is not None:
        rows, limits = np.vstack([rows, ones]), np.append(limits, game.total)
    for options in (HIGHS, HIGHS | {"presolve": False}):
        found = scipy.optimize.linprog(cost, rows, limits, **equal, bounds=bounds, method="highs", options=options)
        if found.status == 0:
            value = -found.fun if widened is not None else -found.fun * size
            return float(value), game.feasible(found.x[:n])
        if found.status == 2:
            return None
    raise ArithmeticError(f"a linear programme failed: {found.message}")


def best_holding(game: LinearGame, answers: Sequence[int] | np.ndarray, floor: float = -np.inf) -> Held | None:
    """The best commitment to which each type k has the best answer ``answers[k]``; exact answers may pay more than the value.

    What the programme calls a best answer need not be one in float64: then the limits that are met are met exactly, or by a
    small margin.

    Args:
      floor: values below are of no interest, and come as they are.

    Returns:
      The programme's value and the commitment; None if there is none.
    """
    objective, constant = objective_of(game, answers)
    held = list(enumerate(answers))
    found = holding(game, held, objective)
    if found is None:
        return None
    promised, close = found[0] + constant, CLOSE * game.spread
    best, most = found[1], float(game.value(found[1]))
    if promised < floor or most >= promised - close:
        return promised, best
    for margin in (0.0, *MARGINS):
        if margin == 0.0:
            x: np.ndarray | None = _met_exactly(game, held, best)
        else:
            other = holding(game, held, objective, margin)
            x = None if other is None else other[1]
        if x is not None and float(game.value(x)) > most:
            best, most = x, float(game.value(x))
        if most >= promised - 1e3 * close:
            break
    return promised, best


def rows_of(game: LinearGame, held: Sequence[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """``rows @ x <= limits`` where no other answer gains, and each row's type; largest slopes are 1. None if no x can do it."""
    all_rows, all_limits, who = [np.zeros((0, game.num_variables))], [np.zeros(0)], [np.zeros(0, int)]
    for k, a in held:
        rows, limits = game.follower[k] - game.follower[k, a], game.follower_constant[k, a] - game.follower_constant[k]
        sizes = np.abs(rows).max(axis=1)
        others = sizes > 1e-14 * np.abs(game.follower[k]).max()
        reach = np.abs(game.follower_constant[k]) + np.abs(game.follower_constant[k, a])
        if (limits[~others] < -1e-12 * reach[~others]).any():
            return None
        all_rows.append(rows[others] / sizes[others, None])
        all_limits.append(limits[others] / sizes[others])
        who.append(np.full(int(others.sum()), k))
    return np.concatenate(all_rows), np.concatenate(all_limits), np.concatenate(who)


def _met_exactly(game: LinearGame, held: Sequence[tuple[int, int]], x: np.ndarray) -> np.ndarray | None:
    """The nearest commitment at which the limits that ``x [n]`` all but meets are met to the last digits."""
    made = rows_of(game, held)
    if made is None:
        return None
    rows, limits, _ = made
    if game.total is None or x.sum() > game.total - ACTIVE:
        rows, limits = np.vstack([rows, np.ones(len(x))]), np.append(limits, 1.0 if game.total is None else game.total)
    met = np.abs(rows @ x - limits) <= ACTIVE
    moved = np.where(x < ACTIVE, 0.0, x) if game.total is None else np.where(x > 1 - ACTIVE, 1.0, np.where(x < ACTIVE, 0.0, x))
    free = (moved > 0) & ((moved < 1) | (game.total is None))
    for _ in range(2):  # the second time for what the first one rounded
        missing = limits[met] - rows[met] @ moved
        moved[free] += np.linalg.lstsq(rows[met][:, free], missing, rcond=None)[0]
    return game.feasible(moved)
