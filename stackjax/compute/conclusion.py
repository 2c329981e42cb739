"""How training ends: when it is enough, and the best commitments polished and judged again."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import numpy as np

from stackjax.compute.programs import Blocks, Programs
from stackjax.compute.state import Evaluated
from stackjax.problem import Optimum, Problem
from stackjax.specs.run import RunSpec

__all__ = ["Conclusion", "conclude", "is_enough"]

Optima = Sequence[Optimum | None]  # of each element
AT_OPTIMUM = 1e-6  # of the leader's payoff range: what counts as the optimum, in float32


class Conclusion(NamedTuple):
    """What a batch came to (leaves ``[S, ...]``), and what it was before polishing; None if that was left out."""

    final: Evaluated
    learned: Evaluated | None


def conclude(programs: Programs, state: Blocks, elements: Blocks, optima: Optima) -> Conclusion:
    """Judge the best commitments of as many elements as ``optima`` again; polish them first unless all are at their optimum."""
    count = len(optima)
    judge = lambda state: jax.tree.map(lambda leaf: leaf[:count], programs.evaluate(state, elements))
    learned: Evaluated = judge(state)
    is_there = _is_optimal(programs.problem, optima)(*programs.best(state, count))
    if programs.spec.polish == 0 or is_there:
        return Conclusion(learned, None)
    return Conclusion(judge(programs.polish(state, elements)), learned)


def _is_optimal(problem: Problem, optima: Optima) -> Callable[[np.ndarray, np.ndarray], bool]:
    """Whether all payoffs and gaps are those of settled followers and the optimum; False where one is not known."""
    low, high = problem.payoff_range
    goals = np.array([np.inf if optimum is None else optimum.value - AT_OPTIMUM * (high - low) for optimum in optima])
    return lambda payoffs, gaps: bool((payoffs >= goals).all() and (gaps <= problem.settled_gap).all())


def is_enough(spec: RunSpec, problem: Problem, optima: Optima) -> Callable[[np.ndarray, np.ndarray], bool]:
    """Whether a run may stop before its last update, see `_is_optimal`."""
    return _is_optimal(problem, optima if spec.stop_at_optimum else [None] * len(optima))
