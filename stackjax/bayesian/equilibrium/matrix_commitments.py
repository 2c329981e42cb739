"""Exact commitments in matrix games with one follower: enumeration of rows, linear programmes for mixes of rows.

Ties among the follower's best replies decide: *strong* Stackelberg breaks them for the leader, *weak* against it. Where the
leader may mix, both are suprema: near a strong optimum that needs a tie there may be no mix that pays as much without one.
"""

import time
from fractions import Fraction
from typing import Any, Literal, NamedTuple

import numpy as np
import scipy

from stackjax.types import ArrayLike

__all__ = [
    "MatrixCommitment",
    "Ties",
    "best_mixed_commitment",
    "best_pure_commitment",
    "distribution",
    "leaves_no_gain",
    "scaled_columns",
    "solved",
    "strictly_best",
    "tied_best",
]

Ties = Literal["strong", "weak"]
HIGHS = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}  # the least that it takes
TOLERANCE = 1e-7  # the least margin that HiGHS is believed, in payoffs scaled to [0, 1]
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
    columns = _replies(leader, follower, ties)
    values = leader[np.arange(len(leader)), columns]
    row = int(values.argmax())
    return MatrixCommitment(float(values[row]), np.eye(len(leader))[row], int(columns[row]))


def best_mixed_commitment(
    leader: ArrayLike, follower: ArrayLike, ties: Ties = "strong", seconds: float | None = None
) -> MatrixCommitment:
    """The best mix of rows; payoffs are ``[rows, columns]``.

    Strong: for each column the best mix that makes it a best reply, one linear programme; the best of them wins. Weak: only
    columns that are strictly best somewhere (but for columns with the same payoffs, of which the worst for the leader counts).
    Rows by themselves are looked at too, exactly.

    Raises:
      ArithmeticError: a linear programme failed, its answer did not hold in float64, whether a column is strictly best
        somewhere is too close to tell, or all of it took longer than ``seconds``.

    References: Conitzer and Sandholm (2006), Section 3; von Stengel and Zamir (2010), Theorem 10, for the weak value.
    """
    leader, follower = np.asarray(leader, np.float64), np.asarray(follower, np.float64)
    low, spread = float(leader.min()), float(np.ptp(leader)) or 1.0
    scaled = (leader - low) / spread
    best, started = best_pure_commitment(leader, follower, ties), time.monotonic()
    for column in range(leader.shape[1]):
        if seconds is not None and time.monotonic() - started > seconds:
            raise ArithmeticError(f"{leader.shape[1]} linear programmes took longer than {seconds:g} s")
        gains, same = _gains(follower, column)
        if (gains > 0).all(axis=0).any():  # never a best reply
            continue
        if ties == "weak" and not _best_somewhere(gains, strictly=True):
            continue
        counted = np.flatnonzero(same) if ties == "weak" else np.array([column])
        mix = _best_mix_for(scaled[:, counted], scaled_columns(gains))
        if mix is None:
            continue
        if not leaves_no_gain(mix, gains):  # what HiGHS calls feasible need not be
            if not _best_somewhere(gains, strictly=False):
                continue
            raise ArithmeticError(f"the mix for column {column} leaves the follower something to gain elsewhere")
        worst = counted[(mix @ scaled[:, counted]).argmin()]
        value = float(mix @ scaled[:, worst]) * spread + low
        if value > best.value:
            best = MatrixCommitment(value, mix, int(worst))
    return best


def tied_best(payoffs: np.ndarray) -> np.ndarray:
    """Which entries ``[..., columns]`` are the largest of their row, up to rounding of the two that are compared."""
    largest = payoffs.max(axis=-1, keepdims=True)
    return largest - payoffs <= ROUNDING * np.maximum(np.abs(largest), np.abs(payoffs))


def distribution(numbers: np.ndarray) -> np.ndarray:
    """``numbers`` without what the solver's tolerance left below zero, summing to 1."""
    kept = np.where(numbers > 1e-12, numbers, 0.0)
    return kept / kept.sum()


def leaves_no_gain(mix: np.ndarray, gains: np.ndarray, slack: float = ROUNDING) -> bool:
    """Whether no column of ``gains [rows, columns]`` gains by ``mix [rows]``, but for ``slack`` of what it has at stake."""
    return bool((mix @ gains <= slack * (mix @ np.abs(gains))).all())


def scaled_columns(gains: np.ndarray) -> np.ndarray:
    """Each column over its own largest entry, so that one huge payoff does not drown the rest."""
    size = np.abs(gains).max(axis=0, initial=0.0)
    return gains / np.where(size > 0, size, 1.0)


def _replies(leader: np.ndarray, follower: np.ndarray, ties: Ties) -> np.ndarray:
    """The follower's column for each row."""
    if ties == "weak":
        return np.where(tied_best(follower), leader, np.inf).argmin(axis=1)
    return np.where(tied_best(follower), leader, -np.inf).argmax(axis=1)


def _gains(follower: np.ndarray, column: int) -> tuple[np.ndarray, np.ndarray]:
    """What each other column pays beyond ``column``, ``[rows, columns - same]``, and which pay the ``same`` everywhere."""
    own = follower[:, [column]]
    gains = follower - own
    gains = np.where(np.abs(gains) <= ROUNDING * np.maximum(np.abs(follower), np.abs(own)), 0.0, gains)
    same = (gains == 0).all(axis=0)
    return gains[:, ~same], same


def _best_mix_for(leader_columns: np.ndarray, gains: np.ndarray) -> np.ndarray | None:
    """Among mixes that leave no gain, the one with the largest worst payoff over ``leader_columns [rows, c]``."""
    (num_rows, num_counted), num_others = leader_columns.shape, gains.shape[1]
    found = _mix_of(
        np.append(np.zeros(num_rows), 1.0),  # the value v, with v <= what each counted column pays
        np.vstack([np.hstack([gains.T, np.zeros((num_others, 1))]), np.hstack([-leader_columns.T, np.ones((num_counted, 1))])]),
        np.append(np.ones(num_rows), 0.0),
        [(0, 1)] * num_rows + [(None, None)],
    )
    return None if found.status == 2 else distribution(found.x[:num_rows])


def _best_somewhere(gains: np.ndarray, strictly: bool) -> bool:
    """Whether some mix of rows leaves no gain or, ``strictly``, makes every gain negative.

    What the linear programme cannot tell from rounding is decided in fractions: by a mix that does, or by a mix of the other
    columns that pays more (``strictly``: at least as much) in every row, so that none does.
    """
    num_rows, num_others = gains.shape
    if num_others == 0 or (strictly and (gains >= 0).all(axis=0).any()):  # alone, or never better than one other
        return num_others == 0
    scale, found = np.abs(gains).max(axis=0), _largest_margin(gains)
    margin = float(found.x[-1])
    if abs(margin) > TOLERANCE:
        return margin > 0
    exact = [[Fraction(float(gain)) for gain in row] for row in gains]
    for most in (1, 10, 100, 1000, 10**6):
        mix = _fractions(found.x[:num_rows], most)
        totals = [sum(p * row[c] for p, row in zip(mix, exact, strict=True)) for c in range(num_others)] if mix else [1]
        if all(total < 0 or (total == 0 and not strictly) for total in totals):
            return True
        weights = _fractions(-found.ineqlin.marginals[:num_others] / scale, most)
        totals = [sum(w * gain for w, gain in zip(weights, row, strict=True)) for row in exact] if weights else [-1]
        if all(total > 0 or (total == 0 and strictly) for total in totals):
            return False
    raise ArithmeticError("whether a column is a best reply to some mix is too close to tell from rounding")


def strictly_best(follower: np.ndarray, column: int) -> np.ndarray | None:
    """The mix of rows under which ``column`` is a best reply by the largest margin, or None if it is strictly best nowhere."""
    gains, same = _gains(follower, column)
    if same.sum() > 1 or gains.shape[1] == 0:
        return None
    found = _largest_margin(gains)
    return distribution(found.x[:-1]) if found.x[-1] > TOLERANCE else None


def _largest_margin(gains: np.ndarray) -> Any:
    """HiGHS's mix of rows, and last its margin δ: what every other column loses, scaled, and the least chance of a row."""
    (num_rows, num_others), scale = gains.shape, np.abs(gains).max(axis=0)
    return _mix_of(
        np.append(np.zeros(num_rows), 1.0),  # gains + δ <= 0 and every row at least δ
        np.vstack(
            [np.hstack([(gains / scale).T, np.ones((num_others, 1))]), np.hstack([-np.eye(num_rows), np.ones((num_rows, 1))])]
        ),
        np.append(np.ones(num_rows), 0.0),
        [(0, 1)] * num_rows + [(None, 1)],
    )


def _fractions(numbers: np.ndarray, most: int) -> list[Fraction]:
    """Non-negative ``numbers`` relative to their sum, as fractions of a denominator of at most ``most``; empty if all are 0."""
    kept = np.maximum(numbers, 0.0)
    if not np.isfinite(kept).all() or kept.sum() <= 0:
        return []
    found = [Fraction(float(number)).limit_denominator(most) for number in kept / kept.sum()]
    return found if sum(found) > 0 else []


def solved(objective: np.ndarray, rows: np.ndarray, most: float, sums_to_one: np.ndarray, limits: Any) -> Any:
    """HiGHS's solution of a programme to maximise, of which none of ``rows`` makes more than ``most``; see its ``status``."""
    equal = {"A_eq": sums_to_one[None], "b_eq": [1.0]}
    bound = np.full(len(rows), most)
    return scipy.optimize.linprog(-objective, rows, bound, **equal, bounds=limits, method="highs", options=HIGHS)


def _mix_of(objective: np.ndarray, at_most_zero: np.ndarray, sums_to_one: np.ndarray, limits: list) -> Any:
    """As `solved`; its ``status`` is 2 if there is no feasible point."""
    found = solved(objective, at_most_zero, 0.0, sums_to_one, limits)
    if found.status not in (0, 2):
        raise ArithmeticError(f"a linear programme failed: {found.message}")
    return found
