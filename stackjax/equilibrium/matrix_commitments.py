"""Exact commitments in matrix games with one follower: enumeration of rows, linear programmes for mixes of rows.

Ties among the follower's best replies decide: *strong* Stackelberg breaks them for the leader, *weak* against it. Where the
leader may mix, both are suprema: near a strong optimum that needs a tie there may be no mix that pays as much without one.
"""

from typing import Literal, NamedTuple

import numpy as np
import scipy.optimize

from stackjax.types import ArrayLike

__all__ = ["MatrixCommitment", "Ties", "best_mixed_commitment", "best_pure_commitment"]

Ties = Literal["strong", "weak"]
TOLERANCE = 1e-7  # of HiGHS, in payoffs scaled to [0, 1]


class MatrixCommitment(NamedTuple):
    """``value`` to the leader, game units; ``mix [rows]``, the probabilities of its rows; ``reply``, the follower's column.

    The value of a weak commitment to a mix is approached by mixes near ``mix``, where ``reply`` is strictly best.
    """

    value: float
    mix: np.ndarray
    reply: int


def best_pure_commitment(leader: ArrayLike, follower: ArrayLike, ties: Ties = "strong") -> MatrixCommitment:
    """The best row; payoffs are ``[rows, columns]``."""
    leader, follower = np.asarray(leader, np.float64), np.asarray(follower, np.float64)
    replies = follower == follower.max(axis=1, keepdims=True)
    worst = np.inf if ties == "weak" else -np.inf
    choose = np.argmin if ties == "weak" else np.argmax
    columns = choose(np.where(replies, leader, worst), axis=1)
    values = leader[np.arange(len(leader)), columns]
    row = int(values.argmax())
    return MatrixCommitment(float(values[row]), np.eye(len(leader))[row], int(columns[row]))


def best_mixed_commitment(leader: ArrayLike, follower: ArrayLike, ties: Ties = "strong") -> MatrixCommitment:
    """The best mix of rows; payoffs are ``[rows, columns]``.

    Strong: for each column the best mix that makes it a best reply, one linear programme; the best of them wins. Weak: only
    columns that are strictly best somewhere (but for columns with the same payoffs, of which the worst for the leader counts).

    References: Conitzer and Sandholm (2006), Section 3; von Stengel and Zamir (2010), Theorem 10, for the weak value.
    """
    leader, follower = np.asarray(leader, np.float64), np.asarray(follower, np.float64)
    (scaled_leader, low, spread), (scaled_follower, _, _) = _scaled(leader), _scaled(follower)
    best: MatrixCommitment | None = None
    for column in range(leader.shape[1]):
        same = (follower == follower[:, [column]]).all(axis=0)
        if ties == "weak" and not _strictly_best_somewhere(scaled_follower, column, same):
            continue
        counted = np.flatnonzero(same) if ties == "weak" else np.array([column])
        mix = _best_mix_for(scaled_leader[:, counted], scaled_follower, column)
        if mix is None:
            continue
        gap = float((mix @ scaled_follower).max() - mix @ scaled_follower[:, column])
        if gap > 10 * TOLERANCE:  # checked anew in float64: what HiGHS calls feasible must be
            raise ArithmeticError(f"the mix for column {column} leaves the follower {gap:.2g} (of 1) to gain elsewhere")
        worst = counted[(mix @ scaled_leader[:, counted]).argmin()]
        value = float(mix @ scaled_leader[:, worst]) * spread + low
        if best is None or value > best.value:
            best = MatrixCommitment(value, mix, int(worst))
    assert best is not None, "every mix has a best reply, and some column is strictly best somewhere"
    return best


def _best_mix_for(leader_columns: np.ndarray, follower: np.ndarray, column: int) -> np.ndarray | None:
    """Among mixes that ``column`` is a best reply to, the one with the largest worst payoff over ``leader_columns``."""
    num_rows, num_counted = leader_columns.shape
    others = np.delete(follower, column, axis=1) - follower[:, [column]]
    found = _maximise(
        np.append(np.zeros(num_rows), 1.0),  # the value v, with v <= what each counted column pays
        np.vstack(
            [np.hstack([others.T, np.zeros((others.shape[1], 1))]), np.hstack([-leader_columns.T, np.ones((num_counted, 1))])]
        ),
        np.zeros(others.shape[1] + num_counted),
        np.append(np.ones(num_rows), 0.0),
        [(0, 1)] * num_rows + [(None, None)],
    )
    return None if found is None else _distribution(found[:num_rows])


def _strictly_best_somewhere(follower: np.ndarray, column: int, same: np.ndarray) -> bool:
    """Whether some mix of all rows makes ``column`` better by a margin than all columns but those with the ``same`` payoffs."""
    num_rows = len(follower)
    others = follower[:, ~same] - follower[:, [column]]
    found = _maximise(
        np.append(np.zeros(num_rows), 1.0),  # the margin δ: others + δ <= 0 and every row at least δ
        np.vstack(
            [np.hstack([others.T, np.ones((others.shape[1], 1))]), np.hstack([-np.eye(num_rows), np.ones((num_rows, 1))])]
        ),
        np.zeros(others.shape[1] + num_rows),
        np.append(np.ones(num_rows), 0.0),
        [(0, 1)] * num_rows + [(None, 1)],
    )
    return found is not None and float(found[-1]) > TOLERANCE


def _maximise(
    objective: np.ndarray, at_most: np.ndarray, bounds: np.ndarray, sums_to_one: np.ndarray, limits: list
) -> np.ndarray | None:
    found = scipy.optimize.linprog(
        -objective, A_ub=at_most, b_ub=bounds, A_eq=sums_to_one[None], b_eq=[1.0], bounds=limits, method="highs"
    )
    return found.x if found.status == 0 else None


def _scaled(payoffs: np.ndarray) -> tuple[np.ndarray, float, float]:
    """``payoffs`` mapped to [0, 1], and the lowest and the spread: tolerances then mean the same in every game."""
    low, spread = float(payoffs.min()), float(np.ptp(payoffs)) or 1.0
    return (payoffs - low) / spread, low, spread


def _distribution(numbers: np.ndarray) -> np.ndarray:
    """``numbers`` without what the solver's tolerance left below zero, summing to 1."""
    kept = np.where(numbers > 1e-12, numbers, 0.0)
    return kept / kept.sum()
