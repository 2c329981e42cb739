"""How training ends: when it is enough, and the best commitments polished and judged again. What is claimed is judged too."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from stackjax import claims
from stackjax.compute.programs import Blocks, Programs, Reached
from stackjax.compute.state import Chosen, Evaluated
from stackjax.problem import Optimum, Problem, Solver
from stackjax.specs.run import RunSpec

__all__ = ["Conclusion", "claimed", "conclude", "enough"]

Optima = Sequence[Optimum | None]  # of each element
AT_OPTIMUM = 1e-6  # of the leader's payoff range, or of the payoff's own size: what counts as the optimum, in float32
NEAR = 1e-4  # likewise, where commitments are improved by what a problem knows


class Conclusion(NamedTuple):
    """What a batch came to (leaves ``[S, ...]``), and what it was before polishing; None if that was left out.

    ``chosen`` is the second objective, before and after choosing by it; None without one.
    """

    final: Evaluated
    learned: Evaluated | None
    chosen: Chosen | None = None


def conclude(programs: Programs, state: Blocks, elements: Blocks, optima: Optima) -> Conclusion:
    """Judge the best commitments of as many elements as ``optima`` again; polish them first unless all are at their optimum,
    and choose by the second objective, if there is one.
    """
    count = len(optima)
    judge = lambda state: jax.tree.map(lambda leaf: leaf[:count], programs.evaluate(state, elements))
    learned: Evaluated = judge(state)
    reached = programs.best(state, count)
    work = programs.work
    is_there = _is_optimal(work.problem, optima)(reached.payoffs, reached.gaps)
    is_polished = work.polish > 0 and not is_there
    state = programs.polish(state, elements) if is_polished else state
    chosen: Chosen | None = None
    if work.choice is not None:
        state, told = programs.choose(state, elements)
        chosen = jax.tree.map(lambda leaf: leaf[:count], told)
    final = judge(state) if is_polished or chosen is not None else learned
    return Conclusion(final, learned if is_polished else None, chosen)


def claimed(programs: Programs, elements: Blocks, optima: Optima) -> list[Optimum | None]:
    """``optima`` of as many elements, each as it turns out when its own commitment is judged, see `claims.checked`.

    A claim that all elements share is judged once.

    Raises:
      WrongOptimumError: a commitment pays more than is claimed.
    """
    problem, is_shared = programs.work.problem, all(optimum is optima[0] for optimum in optima)
    tried = list(optima[:1] if is_shared else optima)
    made = [claims.as_commitment(problem, one.commitment) if claims.is_attainable(one) else None for one in tried]
    words: list[dict[str, Any] | None] = [None] * len(tried)
    if any(commitment is not None for commitment in made):
        blocks = elements[: programs.num_blocks(len(tried))]
        packed = programs.pack(programs.init(blocks), len(tried))
        held = np.stack([old if new is None else new for old, new in zip(packed.best.commitment, made, strict=True)])
        state = programs.unpack(packed._replace(best=packed.best._replace(commitment=held)))
        found: Evaluated = jax.tree.map(lambda leaf: leaf[: len(tried)], programs.evaluate(state, blocks))
        described = claims.words_of(problem, found.judged, found.commitment)
        words = [None if commitment is None else one for commitment, one in zip(made, described, strict=True)]
    checked = [claims.checked(problem, one, seen) for one, seen in zip(tried, words, strict=True)]
    return checked * len(optima) if is_shared else checked


def _is_optimal(problem: Problem, optima: Optima, share: float = AT_OPTIMUM) -> Callable[[np.ndarray, np.ndarray], bool]:
    """Whether all payoffs and gaps are those of settled followers and the optimum, up to ``share`` of what payoffs are; False
    where that cannot be told.
    """
    low, high = problem.payoff_range
    is_told = not problem.judges_by_draws
    size = lambda value: share * max(high - low, abs(value))
    at = lambda optimum: optimum.value - size(optimum.value) if is_told and optimum is not None else np.inf
    goals = np.array([at(optimum) for optimum in optima])
    return lambda payoffs, gaps: bool((payoffs >= goals).all() and (gaps <= problem.settled_gap).all())


def enough(spec: RunSpec, problem: Problem, solver: Solver, optima: Optima) -> Callable[[Reached, int], str]:
    """Why a run may stop at an update before its last: ``"optimum"``, every seed is there, or so near that what improves
    commitments in the end goes the rest of the way; ``"tried"``, there is nothing else;
    ``"flat"``, where no optimum is known, no seed has risen for as long as `RunSpec.patience`. Empty if it must go on, as one
    whose last commitment counts always does.
    """
    is_improved = problem.improve is not None and spec.polish_of(problem) > 0
    is_optimal = _is_optimal(problem, optima, NEAR if is_improved else AT_OPTIMUM)
    is_known = all(optimum is not None and optimum.method != "upper-bound" for optimum in optima)
    patience = 0 if is_known else spec.patience or 0

    def why(reached: Reached, update: int) -> str:
        if not spec.stop_at_optimum or problem.counts_last:
            return ""
        if is_optimal(reached.payoffs, reached.gaps):
            return "optimum"
        if solver.tries_all and update >= solver.tries_all:
            return "tried"
        return "flat" if patience and bool((update - reached.rose_at >= patience).all()) else ""

    return why
