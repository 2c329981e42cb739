"""One run as pure functions: start it, let its solver work, score its commitment on the way, judge the best one in the end.

No batch axes here; `Programs` maps these over seeds and configurations, and over a mesh of devices.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from stackjax.problem import NUM_SCORING_GROUPS, Judged, Metrics, Problem
from stackjax.rashomon.selection import TOLERANCE, chosen, told
from stackjax.solvers.polish import polished
from stackjax.solvers.ranking import unsettled
from stackjax.types import Array, PRNGKey, PyTree
from stackjax.work import Work

__all__ = [
    "Best",
    "Chosen",
    "Evaluated",
    "Logged",
    "RunState",
    "advance_run",
    "choose_run",
    "evaluate_run",
    "polish_run",
    "score_run",
    "start_run",
]

PAYOFF_TOLERANCE = 1e-4  # of the leader's payoff range: payoffs closer than this count as equal when the best is kept
RISE = 1e-4  # likewise: what the highest payoff must gain so that a run counts as rising
EVALUATION_TAG = 2**31 - 1  # folded into a seed's key so that evaluation never reuses training's draws
POLISH_TAG = 2**31 - 2
CHOICE_TAG = 2**31 - 3


class Best(NamedTuple):
    """The best commitment so far: one whose followers settle if there is any, the highest payoff, the smallest gap.

    A payoff that is an average of draws counts by the lower end of its interval.
    """

    commitment: Any  # [O, ...], or `Acting`
    policy: PyTree  # what the solver keeps beside it
    update: Array
    leader_payoff: Array
    gap: Array
    is_settled: Array
    highest: Array  # payoff of any so far that is settled (or not) like this one, which equals are measured against
    rose_at: Array  # the update at which the highest last rose


class RunState(NamedTuple):
    """All that a run is between two updates, and all that a checkpoint holds.

    ``diverged_at`` is the update at which something of the solver was not finite, or -1; from then on nothing of the run
    changes. ``pending`` and ``num_pending`` are sums of metrics, and the number of updates in them, since the last score.
    """

    solver: PyTree
    update: Array
    best: Best
    diverged_at: Array
    pending: Metrics
    num_pending: Array


class Logged(NamedTuple):
    """What a score reports: mean metrics of the ``num_updates`` updates since the last, and the commitment judged.

    ``half_width`` is that of the payoff's 95 % interval; None where judging makes no draws.
    """

    metrics: Metrics
    num_updates: Array
    payoff: Array
    gap: Array
    half_width: Array | None
    best_payoff: Array
    best_gap: Array
    rose_at: Array
    diverged_at: Array


class Chosen(NamedTuple):
    """The second objective of what was learned, and of what was chosen."""

    before: Any
    after: Any


class Evaluated(NamedTuple):
    """The best commitment ``[O, ...]``, judged again, and what the solver keeps beside it."""

    commitment: Any
    judged: Judged
    policy: PyTree
    update: Any
    diverged_at: Any


def start_run(work: Work, seed: Array) -> RunState:
    """The state before the first update."""
    solver = work.solver
    state = solver.init(jax.random.key(seed))
    nothing, zero = jnp.asarray(-jnp.inf, jnp.result_type(float)), jnp.int32(0)
    best = Best(solver.commitment(state), solver.policy(state), zero, nothing, -nothing, jnp.bool_(False), nothing, zero)
    metrics = jax.eval_shape(solver.update, state)[1]
    pending = {name: jnp.zeros(()) for name in metrics if name != "is_finite"}
    return RunState(state, zero, best, jnp.int32(-1), pending, zero)


def advance_run(work: Work, state: RunState, count: Array) -> RunState:
    """``count`` updates (traced, so that one program serves every stretch), or fewer if one is not finite."""

    def body(_: Array, state: RunState) -> RunState:
        found, seen = work.solver.update(state.solver)
        pending = {name: total + seen[name].astype(total.dtype) for name, total in state.pending.items()}
        update = state.update + 1
        after = RunState(found, update, state.best, state.diverged_at, pending, state.num_pending + 1)
        frozen = state._replace(diverged_at=jnp.where(state.diverged_at < 0, update, state.diverged_at))
        goes_on = seen["is_finite"] & (state.diverged_at < 0)
        return jax.tree.map(lambda new, old: jnp.where(goes_on, new, old), after, frozen)

    return jax.lax.fori_loop(0, count, body, state)


def score_run(work: Work, state: RunState, seed: Array) -> tuple[RunState, Logged]:
    """Judge the solver's commitment against fresh followers; keep it if it is the best so far, or if the last one counts."""
    problem, solver, best = work.problem, work.solver, state.best
    fresh = jax.random.fold_in(_evaluation_key(seed), state.update)
    commitment = solver.commitment(state.solver)
    found, gap, half_width = _scored(problem, fresh, commitment)
    payoff = found if half_width is None else found - half_width
    low, high = problem.payoff_range
    margin = PAYOFF_TOLERANCE * (high - low)
    is_settled = gap <= problem.settled_gap
    is_first, is_alike = is_settled & ~best.is_settled, is_settled == best.is_settled
    highest = jnp.where(is_first, payoff, jnp.where(is_alike, jnp.fmax(payoff, best.highest), best.highest))
    held_is_equal = best.leader_payoff >= highest - margin
    is_better = is_first | (is_alike & (payoff >= highest - margin) & (~held_is_equal | (gap <= best.gap)))
    rises = is_first | (highest > best.highest + RISE * (high - low))
    rose_at = jnp.where(rises, state.update, best.rose_at)
    is_kept = is_better | jnp.bool_(problem.counts_last)
    candidate = Best(commitment, solver.policy(state.solver), state.update, payoff, gap, is_settled, highest, rose_at)
    kept = jax.tree.map(lambda new, old: jnp.where(is_kept, new, old), candidate, best)
    kept = kept._replace(highest=highest, rose_at=rose_at)
    means = {name: total / jnp.maximum(state.num_pending, 1).astype(total.dtype) for name, total in state.pending.items()}
    seen = kept.leader_payoff, kept.gap, rose_at
    logged = Logged(means, state.num_pending, found, gap, half_width, *seen, state.diverged_at)
    nothing = {name: jnp.zeros(()) for name in state.pending}
    return state._replace(best=kept, pending=nothing, num_pending=jnp.int32(0)), logged


def _scored(problem: Problem, key: PRNGKey, commitment: Any) -> tuple[Array, Array, Array | None]:
    """Payoff, gap and the payoff's half width, of a commitment on the way: as the problem scores, or else as it judges."""
    judged = problem.score(key, commitment)
    return judged.payoff, judged.gap, getattr(judged.details, "half_width", None)


def polish_run(work: Work, state: RunState, seed: Array) -> RunState:
    """With the best commitment improved in its neighbourhood, if fresh followers agree that it is better."""
    search_key, judge_key = jax.random.split(jax.random.fold_in(_evaluation_key(seed), POLISH_TAG))
    problem, learned = work.problem, state.best.commitment
    found = polished(problem, search_key, learned, work.polish)
    both = jax.lax.map(lambda one: problem.judge(judge_key, one, NUM_SCORING_GROUPS)[:2], jnp.stack([learned, found]))
    (payoff, new_payoff), (gap, new_gap) = both
    is_better = new_payoff - unsettled(problem, new_gap) > payoff - unsettled(problem, gap)
    return state._replace(best=state.best._replace(commitment=jnp.where(is_better, found, learned)))


def choose_run(work: Work, state: RunState, seed: Array) -> tuple[RunState, Chosen]:
    """With the best commitment exchanged for one that pays as much, but for the slack, and is better by the second objective,
    if fresh followers agree that it pays that.
    """
    search_key, judge_key = jax.random.split(jax.random.fold_in(_evaluation_key(seed), CHOICE_TAG))
    problem, choice, learned = work.problem, work.choice, state.best.commitment
    low, high = problem.payoff_range
    least = problem.judge(judge_key, learned, NUM_SCORING_GROUPS).payoff - choice.slack
    found = chosen(problem, search_key, learned, least, choice.second, choice.nearest)
    payoff, gap = problem.judge(judge_key, found, NUM_SCORING_GROUPS)[:2]
    is_kept = (payoff >= least - 2.0 * TOLERANCE * (high - low)) & (gap <= problem.settled_gap)
    kept = jnp.where(is_kept, found, learned)
    before, after = (told(problem, one, choice.second, choice.nearest) for one in (learned, kept))
    return state._replace(best=state.best._replace(commitment=kept)), Chosen(before, after)


def evaluate_run(work: Work, state: RunState, seed: Array) -> Evaluated:
    """Judge the best commitment again, against fresh followers that it was not chosen for."""
    key = jax.random.fold_in(_evaluation_key(seed), EVALUATION_TAG)
    best = state.best
    judged = work.problem.judge(key, best.commitment, work.problem.num_groups)
    return Evaluated(best.commitment, judged, best.policy, best.update, state.diverged_at)


def _evaluation_key(seed: Array) -> Array:
    return jax.random.fold_in(jax.random.key(seed), EVALUATION_TAG)
