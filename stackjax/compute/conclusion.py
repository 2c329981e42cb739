"""How training ends: when it is enough, and the best commitments polished and judged again."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from stackjax.compute.programs import Blocks, Programs
from stackjax.compute.state import Evaluated
from stackjax.problem import Optimum, Problem
from stackjax.specs.run import RunSpec

__all__ = ["Conclusion", "conclude", "is_enough"]

AT_OPTIMUM = 1e-6  # of the leader's payoff range: what counts as the optimum, in float32


class Conclusion(NamedTuple):
    """What a batch came to (leaves ``[S, ...]``), and what it was before polishing; None if that was left out."""

    final: Evaluated
    learned: Evaluated | None


def conclude(programs: Programs, state: Blocks, elements: Blocks, count: int, optimum: Optimum | None) -> Conclusion:
    """Judge the best commitments of the first ``count`` elements anew, and polish them first unless all are at the optimum."""
    judge = lambda state: jax.tree.map(lambda leaf: leaf[:count], programs.evaluate(state, elements))
    learned: Evaluated = judge(state)
    is_there = _is_optimal(programs.problem, optimum)(*programs.best(state, count))
    if programs.spec.polish == 0 or is_there:
        return Conclusion(learned, None)
    return Conclusion(judge(programs.polish(state, elements)), learned)


def _is_optimal(problem: Problem, optimum: Optimum | None) -> Callable[[np.ndarray, np.ndarray], bool]:
    """Whether all of so many payoffs and gaps are those of settled followers and the optimum (False if it is not known)."""
    if optimum is None:
        return lambda payoffs, gaps: False
    low, high = problem.payoff_range
    goal = optimum.value - AT_OPTIMUM * (high - low)
    return lambda payoffs, gaps: bool((payoffs >= goal).all() and (gaps <= problem.settled_gap).all())


def is_enough(spec: RunSpec, problem: Problem, optimum: Optimum | None) -> Callable[[np.ndarray, np.ndarray], bool]:
    """Whether a run may stop before its last update, see `_is_optimal`."""
    return _is_optimal(problem, optimum if spec.stop_at_optimum else None)
