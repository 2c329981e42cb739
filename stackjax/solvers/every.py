"""Where there are few commitments they are all tried, each update against one more group of followers."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.errors import require_key
from stackjax.problem import Metrics, Problem, Solver, Table
from stackjax.solvers.ranking import search_metrics, unsettled
from stackjax.spaces import Discrete
from stackjax.types import Array, PRNGKey

__all__ = ["all_of", "every", "how_many"]


class EveryState(NamedTuple):
    """``payoff [C]``, the sum over ``groups`` of followers, and ``gap [C]``, the largest, of every commitment; game units."""

    key: PRNGKey
    groups: Array
    payoff: Array
    gap: Array


def how_many(table: Table) -> float:
    """The number of commitments, which may be infinite."""
    space = table.actions
    if not isinstance(space, Discrete) or table.num_nodes * math.log(space.n) > math.log(1e9):
        return math.inf
    return float(space.n**table.num_nodes)


def all_of(table: Table) -> np.ndarray:
    """All commitments of a table of choices, int32 ``[C, O]``; see `how_many` for C."""
    space, nodes = table.actions, table.num_nodes
    assert isinstance(space, Discrete)
    return (np.arange(space.n**nodes)[:, None] // space.n ** np.arange(nodes - 1, -1, -1) % space.n).astype(np.int32)


def every(problem: Problem, num_groups: int) -> Solver:
    """All commitments of ``problem``; after ``num_groups`` updates each has met as many groups, who answer for as long as an
    evaluation takes. The best has the highest mean payoff among those against which all groups settle.
    """
    table = problem.commitments
    commitments = all_of(table)

    def init(key: PRNGKey) -> EveryState:
        require_key(key)
        nothing = jnp.zeros(len(commitments))
        return EveryState(key, jnp.zeros(()), nothing, nothing)

    def score(state: EveryState) -> Array:
        return state.payoff / jnp.maximum(state.groups, 1.0) - unsettled(problem, state.gap)

    def update(state: EveryState) -> tuple[EveryState, Metrics]:
        key, worth_key = jax.random.split(state.key)
        worth = problem.worth(worth_key, jnp.asarray(commitments), lasting=len(commitments))
        is_finite = jnp.isfinite(worth.payoff) & jnp.isfinite(worth.gap)
        payoff = state.payoff + jnp.where(is_finite, worth.payoff, -jnp.inf)
        gap = jnp.maximum(state.gap, jnp.where(is_finite, worth.gap, jnp.inf))
        met = EveryState(key, state.groups + 1, payoff, gap)
        goes_on = state.groups < num_groups
        after = jax.tree.map(lambda new, old: jnp.where(goes_on, new, old), met, state._replace(key=key))
        best = jnp.argmax(score(after))
        return after, search_metrics(problem, worth, is_finite, after.payoff[best] / after.groups, after.gap[best])

    commitment = lambda state: jnp.asarray(commitments)[jnp.argmax(score(state))]
    return Solver(init, update, commitment, commitments_at_once=len(commitments), tries_all=num_groups)
