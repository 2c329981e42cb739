"""One run as pure functions: start it, let it learn, score its commitment on the way, judge the best one in the end.

No batch axes here; `Programs` maps these over seeds and configurations, and over a mesh of devices.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from stackjax.equilibrium.evaluate import Evaluation, evaluate_commitment
from stackjax.pomdp.environment import StackelbergPOMDP
from stackjax.ppo.train import Trainer, TrainState, UpdateMetrics
from stackjax.types import Array, PyTree

__all__ = [
    "NUM_EQUILIBRATIONS",
    "Best",
    "Evaluated",
    "Logged",
    "RunState",
    "advance_run",
    "evaluate_run",
    "score_run",
    "start_run",
]

NUM_SCORING_GROUPS = 16  # groups of fresh followers that score a commitment on the way
NUM_EQUILIBRATIONS = 8  # and that judge the best one in the end
PAYOFF_TOLERANCE = 1e-4  # of the leader's payoff range: payoffs closer than this count as equal when the best is kept
EVALUATION_TAG = 2**31 - 1  # folded into a seed's key so that evaluation never reuses training's draws


class Best(NamedTuple):
    """The best greedy commitment so far: one whose followers settle if there is any, the highest payoff, the smallest gap."""

    params: PyTree
    update: Array
    leader_payoff: Array
    gap: Array
    is_settled: Array
    highest: Array  # payoff of any so far that is settled (or not) like this one, which equals are measured against


class RunState(NamedTuple):
    """All that a run is between two updates, and all that a checkpoint holds.

    ``diverged_at`` is the update at which a loss or weight was not finite, or -1; from then on nothing of the run changes.
    ``pending`` and ``num_pending`` are sums of metrics, and the number of updates in them, since the last score.
    """

    train: TrainState
    best: Best
    diverged_at: Array
    pending: UpdateMetrics
    num_pending: Array


class Logged(NamedTuple):
    """What a score reports: mean metrics of the ``num_updates`` updates since the last, and the greedy evaluation."""

    metrics: UpdateMetrics
    num_updates: Array
    evaluation: Evaluation
    best_payoff: Array
    best_gap: Array
    diverged_at: Array


class Evaluated(NamedTuple):
    """The best commitment, judged anew: ``observations [O, D]``, ``actions [O, ...]``, its `Evaluation`, and its network."""

    observations: Any
    actions: Any
    evaluation: Evaluation
    actor: PyTree
    update: Any
    diverged_at: Any


def start_run(trainer: Trainer, seed: Array) -> RunState:
    """The state before the first update."""
    train = trainer.init(jax.random.key(seed))
    nothing = jnp.asarray(-jnp.inf, jnp.result_type(float))
    best = Best(train.params, train.update, nothing, -nothing, jnp.bool_(False), nothing)
    return RunState(train, best, jnp.int32(-1), UpdateMetrics.zeros(), jnp.int32(0))


def advance_run(trainer: Trainer, state: RunState, count: Array) -> RunState:
    """``count`` updates (traced, so that one program serves every stretch), or fewer if one is not finite."""

    def body(_: Array, state: RunState) -> RunState:
        train, seen = trainer.update(state.train)
        pending = jax.tree.map(lambda total, value: total + value.astype(total.dtype), state.pending, seen)
        after = RunState(train, state.best, state.diverged_at, pending, state.num_pending + 1)
        frozen = state._replace(diverged_at=jnp.where(state.diverged_at < 0, train.update, state.diverged_at))
        goes_on = seen.is_finite & (state.diverged_at < 0)
        return jax.tree.map(lambda new, old: jnp.where(goes_on, new, old), after, frozen)

    return jax.lax.fori_loop(0, count, body, state)


def score_run(
    trainer: Trainer, lasting: StackelbergPOMDP, state: RunState, seed: Array, settled_gap: float
) -> tuple[RunState, Logged]:
    """Evaluate the greedy commitment against fresh followers in ``lasting``; keep it if it is the best so far.

    Args:
      settled_gap: the largest gap, game units, at which the followers' play counts as an equilibrium.
    """
    params, best = state.train.params, state.best
    fresh = jax.random.fold_in(_evaluation_key(seed), state.train.update)
    actions = trainer.agent.commitment(params)[1]
    evaluation = evaluate_commitment(fresh, lasting, actions, NUM_SCORING_GROUPS)
    certificate = getattr(evaluation, trainer.env.reward_play)
    payoff, gap = certificate.leader_payoff.mean(), certificate.bcce_gap.max()
    low, high = trainer.env.game.leader_payoff_range
    margin = PAYOFF_TOLERANCE * (high - low)
    is_settled = gap <= settled_gap
    is_first, is_alike = is_settled & ~best.is_settled, is_settled == best.is_settled
    highest = jnp.where(is_first, payoff, jnp.where(is_alike, jnp.fmax(payoff, best.highest), best.highest))
    held_is_equal = best.leader_payoff >= highest - margin
    is_better = is_first | (is_alike & (payoff >= highest - margin) & (~held_is_equal | (gap <= best.gap)))
    candidate = Best(params, state.train.update, payoff, gap, is_settled, highest)
    kept = jax.tree.map(lambda new, old: jnp.where(is_better, new, old), candidate, best)._replace(highest=highest)
    means = jax.tree.map(lambda total: total / jnp.maximum(state.num_pending, 1).astype(total.dtype), state.pending)
    logged = Logged(means, state.num_pending, evaluation, kept.leader_payoff, kept.gap, state.diverged_at)
    return state._replace(best=kept, pending=UpdateMetrics.zeros(), num_pending=jnp.int32(0)), logged


def evaluate_run(trainer: Trainer, lasting: StackelbergPOMDP, state: RunState, seed: Array) -> Evaluated:
    """Judge the best commitment anew, against fresh followers that it was not chosen for."""
    key = jax.random.fold_in(_evaluation_key(seed), EVALUATION_TAG)
    observations, actions = trainer.agent.commitment(state.best.params)
    evaluation = evaluate_commitment(key, lasting, actions, NUM_EQUILIBRATIONS)
    return Evaluated(observations, actions, evaluation, state.best.params["actor"], state.best.update, state.diverged_at)


def _evaluation_key(seed: Array) -> Array:
    return jax.random.fold_in(jax.random.key(seed), EVALUATION_TAG)
