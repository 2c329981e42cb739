"""What is said of a problem's optimum, checked where it is said: in one place, for every family.

An `Optimum` is a claim. It stands if its own commitment, judged as a run judges its commitments, pays what it says; else it is
no more than an upper bound, and a bound must not lie below anything that is ever judged.
"""

import math
import warnings
from collections.abc import Iterable
from typing import Any, TypeGuard

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.errors import InputError
from stackjax.problem import Optimum, Problem
from stackjax.types import Array

__all__ = [
    "NUM_GROUPS",
    "WrongOptimumError",
    "as_commitment",
    "checked",
    "distance",
    "is_attainable",
    "judged_words",
    "refutation",
    "verified",
    "words_of",
]

TOLERANCE = 1e-5  # of the leader's payoff range: payoffs closer than this are the same
ROUNDING = 1e-6  # likewise, of a payoff's size
SURE = 3.0  # half-widths of a 95 % interval by which a payoff that is an average must lie above a bound to refute it
EXACT = 0.01  # of a tie: followers who miss less than this answer exactly
NUM_GROUPS = 8  # of followers, who judge a claim


class WrongOptimumError(InputError):
    """A commitment pays the leader more than an optimum, or bound, that was claimed; names both."""


def as_commitment(problem: Problem, commitment: Any) -> np.ndarray:
    """A claim's commitment ``[O, ...]`` as judging takes it; raises `InputError` unless it is one of the problem's."""
    table, given = problem.commitments, np.asarray(commitment)
    space, shape = table.actions, (table.num_nodes, *table.actions.shape)
    what = f"the optimum of {problem.name!r} has a commitment"
    if given.shape != shape:
        raise InputError(f"{what} of shape {given.shape}, but it must be {shape}")
    with np.errstate(invalid="ignore"):  # NaN is told below
        made = given.astype(np.asarray(space.zeros()).dtype)
    is_kept = np.abs(made - given) <= ROUNDING * (1.0 + np.abs(given))
    wrong = space.outside(given) if is_kept.all() else given[~is_kept][0]
    if wrong is not None:
        raise InputError(f"{what} that holds {wrong}, but every leader action must be {space.allowed()}")
    return made


def is_attainable(optimum: Optimum | None) -> TypeGuard[Optimum]:
    """Whether there is a commitment that is said to pay the optimum."""
    return optimum is not None and optimum.commitment is not None and optimum.method != "upper-bound"


def verified(problem: Problem, optimum: Optimum | None) -> Optimum | None:
    """``optimum`` as it turns out to be when its commitment is judged, see `checked`."""
    return checked(problem, optimum, judged_words(problem, optimum))


def judged_words(problem: Problem, optimum: Optimum | None) -> dict[str, Any] | None:
    """What `Problem.describe` says of the optimum's commitment, judged; None where there is none. Compiles `Problem.judge`."""
    if not is_attainable(optimum):
        return None
    made = jnp.asarray(as_commitment(problem, optimum.commitment))

    def judge(made: Array) -> Any:
        return jax.tree.map(lambda leaf: leaf[None], problem.judge(jax.random.key(0), made, NUM_GROUPS))

    judged = jax.device_get(jax.jit(judge)(made))
    return words_of(problem, judged, made[None])[0]


def words_of(problem: Problem, judged: Any, commitments: Any) -> list[dict[str, Any]]:
    """`Problem.describe` of what claims say, without the warnings that the results themselves will have."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return problem.describe(judged, commitments, ["the optimum"] * len(commitments))


def checked(problem: Problem, optimum: Optimum | None, words: dict[str, Any] | None) -> Optimum | None:
    """``optimum`` if its own commitment, which judging found to be worth ``words``, pays it; else as an upper bound.

    Args:
      words: of `Problem.describe`; None where there is no commitment.

    Raises:
      WrongOptimumError: the commitment pays more than is claimed.
    """
    if optimum is None or optimum.method == "upper-bound":
        return optimum
    as_bound = optimum._replace(method="upper-bound", commitment=None)
    if words is None or not words[problem.gap_name] <= problem.settled_gap:
        return as_bound
    wrong = refutation(problem, optimum, [words])
    if wrong is not None:
        raise WrongOptimumError(wrong)
    is_attained = words["leader_payoff"] >= optimum.value - _margin(problem, optimum, words)  # False for NaN
    return optimum if is_attained else as_bound


def distance(problem: Problem, optimum: Optimum | None, words: dict[str, Any]) -> float | None:
    """What the optimum exceeds a payoff by, game units; 0 where the two are the same, None where it is no measure.

    It is none if there is no optimum, or if the payoff is above: then followers miss a best answer, see `refutation`.
    """
    if optimum is None:
        return None
    missing = optimum.value - words["leader_payoff"]
    if abs(missing) <= _margin(problem, optimum, words):
        return 0.0
    return float(missing) if missing > 0 else None


def refutation(problem: Problem, optimum: Optimum | None, judged: Iterable[dict[str, Any]]) -> str | None:
    """That a payoff of ``judged`` (objects with ``leader_payoff`` and the gap) is above the optimum, or None.

    Only where followers answer exactly: those who miss a best answer by a little may pay the leader more than it can get. An
    optimum against those who err by design, and always count as settled, knows how they answer.
    """
    if optimum is None:
        return None
    most = math.inf if problem.settled_gap == math.inf else EXACT * problem.tie_tolerance
    exact = [words for words in judged if words[problem.gap_name] <= most]
    above = lambda words: words["leader_payoff"] - optimum.value - _margin(problem, optimum, words, SURE)
    worst = max(exact, key=above, default=None)
    if worst is None or not above(worst) > 0:
        return None
    return (
        f"the optimum of {problem.name!r} is said to be at most {optimum.value:.10g} ({optimum.method}), but a commitment pays "
        f"{worst['leader_payoff']:.10g} against followers who answer exactly: one of the two is wrong"
    )


def _margin(problem: Problem, optimum: Optimum, words: dict[str, Any], widths: float = 1.0) -> float:
    low, high = problem.payoff_range
    drawn = widths * (optimum.half_width + words.get("half_width", 0.0))
    return TOLERANCE * (high - low) + ROUNDING * abs(optimum.value) + drawn
