"""Exact commitments in matrix games with one follower: enumeration of rows, linear programmes for mixes of rows.

Ties among the follower's best replies decide: *strong* Stackelberg breaks them for the leader, *weak* against it. Where the
leader may mix, both are suprema: near a strong optimum that needs a tie there may be no mix that pays as much without one.
"""

from typing import Literal, NamedTuple

import numpy as np
import scipy.optimize

from stackjax.types import ArrayLike

__all__ = ["MatrixCommitment", "Ties", "best_mixed_commitment", "best_pure_commitment", "tied_best"]

Ties = Literal["strong", "weak"]
TOLERANCE = 1e-7  # of HiGHS, in payoffs scaled to [0, 1]
ROUNDING = 1e-12  # of a payoff's size: what counts as equal


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
    replies = tied_best(follower)
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

    Raises:
      ArithmeticError: a linear programme failed, or its answer did not hold in float64.

    References: Conitzer and Sandholm (2006), Section 3; von Stengel and Zamir (2010), Theorem 10, for the weak value.
    """
    leader, follower = np.asarray(leader, np.float64), np.asarray(follower, np.float64)
    low, spread = float(leader.min()), float(np.ptp(leader)) or 1.0
    scaled = (leader - low) / spread
    best: MatrixCommitment | None = None
    for column in range(leader.shape[1]):
        gains, same = _gains(follower, column)
        if ties == "weak" and not _strictly_best_somewhere(gains):
            continue
        counted = np.flatnonzero(same) if ties == "weak" else np.array([column])
        mix = _best_mix_for(scaled[:, counted], gains)
        if mix is None:
            continue
        gap = float((mix @ gains).max(initial=0.0))
        if gap > 10 * TOLERANCE:  # checked anew in float64: what HiGHS calls feasible must be
            raise ArithmeticError(f"the mix for column {column} leaves the follower {gap:.2g} (scaled) to gain elsewhere")
        worst = counted[(mix @ scaled[:, counted]).argmin()]
        value = float(mix @ scaled[:, worst]) * spread + low
        if best is None or value > best.value:
            best = MatrixCommitment(value, mix, int(worst))
    if best is None:
        raise ArithmeticError("no column is a best reply by a margin that the linear programmes can tell from rounding")
    return best


def tied_best(payoffs: np.ndarray) -> np.ndarray:
    """Which entries ``[..., columns]`` are the largest of their row, up to rounding."""
    return payoffs >= payoffs.max(axis=-1, keepdims=True) - ROUNDING * np.abs(payoffs).max(axis=-1, keepdims=True)


def _gains(follower: np.ndarray, column: int) -> tuple[np.ndarray, np.ndarray]:
    """What each other column pays beyond ``column``, ``[rows, columns - same]``, and which columns pay the ``same`` throughout.

    Each difference is scaled by its own largest entry, so that one huge payoff does not drown the rest.
    """
    gains = follower - follower[:, [column]]
    size = np.abs(gains).max(axis=0)
    same = size <= ROUNDING * np.maximum(np.abs(follower).max(axis=0), np.abs(follower[:, column]).max())
    return gains[:, ~same] / size[~same], same


def _best_mix_for(leader_columns: np.ndarray, gains: np.ndarray) -> np.ndarray | None:
    """Among mixes that leave no gain, the one with the largest worst payoff over ``leader_columns [rows, c]``."""
    (num_rows, num_counted), num_others = leader_columns.shape, gains.shape[1]
    found = _maximise(
        np.append(np.zeros(num_rows), 1.0),  # the value v, with v <= what each counted column pays
        np.vstack([np.hstack([gains.T, np.zeros((num_others, 1))]), np.hstack([-leader_columns.T, np.ones((num_counted, 1))])]),
        np.append(np.ones(num_rows), 0.0),
        [(0, 1)] * num_rows + [(None, None)],
    )
    return None if found is None else _distribution(found[:num_rows])


def _strictly_best_somewhere(gains: np.ndarray) -> bool:
    """Whether some mix of all rows makes every gain negative."""
    num_rows, num_others = gains.shape
    found = _maximise(
        np.append(np.zeros(num_rows), 1.0),  # the margin δ: gains + δ <= 0 and every row at least δ
        np.vstack([np.hstack([gains.T, np.ones((num_others, 1))]), np.hstack([-np.eye(num_rows), np.ones((num_rows, 1))])]),
        np.append(np.ones(num_rows), 0.0),
        [(0, 1)] * num_rows + [(None, 1)],
    )
    return found is not None and float(found[-1]) > TOLERANCE


def _maximise(objective: np.ndarray, at_most_zero: np.ndarray, sums_to_one: np.ndarray, limits: list) -> np.ndarray | None:
    """The maximiser, or None if there is no feasible point."""
    found = scipy.optimize.linprog(
        -objective,
        A_ub=at_most_zero,
        b_ub=np.zeros(len(at_most_zero)),
        A_eq=sums_to_one[None],
        b_eq=[1.0],
        bounds=limits,
        method="highs",
    )
    if found.status not in (0, 2):
        raise ArithmeticError(f"a linear programme failed: {found.message}")
    return found.x if found.status == 0 else None


def _distribution(numbers: np.ndarray) -> np.ndarray:
    """``numbers`` without what the solver's tolerance left below zero, summing to 1."""
    kept = np.where(numbers > 1e-12, numbers, 0.0)
    return kept / kept.sum()
