"""The baseline: the best of many random commitments, each against one fresh group of followers."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from stackjax.acting import Policy
from stackjax.errors import require_is, require_key
from stackjax.problem import Metrics, Problem, Solver
from stackjax.solvers.config import SearchConfig
from stackjax.solvers.network import random_acting
from stackjax.solvers.ranking import search_metrics
from stackjax.types import Array, PRNGKey

__all__ = ["SearchState", "search"]


class SearchState(NamedTuple):
    """The best commitment so far (``[O, ...]`` or `Acting`), its payoff and gap, whether its followers settled (scalars)."""

    key: PRNGKey
    commitment: Any
    payoff: Array
    gap: Array
    settled: Array


def search(problem: Problem, config: SearchConfig | None = None) -> Solver:
    """The best of ``config.num_updates * config.population`` random commitments; one whose followers settled goes first.

    They are uniform where they are a table, and else networks with random weights.

    Raises:
      InputError: ``config`` is no `SearchConfig`.
    """
    config = SearchConfig() if config is None else config
    require_is("config", config, SearchConfig, "a SearchConfig, for example SearchConfig(population=64)")
    table = problem.commitments
    draw: Callable[[PRNGKey, int], Any] = partial(random_acting, table) if isinstance(table, Policy) else table.draw

    def init(key: PRNGKey) -> SearchState:
        require_key(key)
        key, first_key = jax.random.split(key)
        first = jax.tree.map(lambda leaf: leaf[0], draw(first_key, 1))
        return SearchState(key, first, jnp.array(-jnp.inf), jnp.array(jnp.inf), jnp.bool_(False))

    def update(state: SearchState) -> tuple[SearchState, Metrics]:
        key, draw_key, worth_key = jax.random.split(state.key, 3)
        tried = draw(draw_key, config.population)
        worth = problem.worth(worth_key, tried)
        is_finite = jnp.isfinite(worth.payoff) & jnp.isfinite(worth.gap)
        settled = is_finite & (worth.gap <= problem.settled_gap)
        payoff = jnp.where(is_finite, worth.payoff, -jnp.inf)
        best = jnp.argmax(jnp.where(settled | ~settled.any(), payoff, -jnp.inf))
        better = jnp.where(settled[best] == state.settled, payoff[best] > state.payoff, settled[best])
        new = (jax.tree.map(lambda leaf: leaf[best], tried), payoff[best], worth.gap[best], settled[best])
        old = (state.commitment, state.payoff, state.gap, state.settled)
        after = SearchState(key, *jax.tree.map(lambda a, b: jnp.where(better, a, b), new, old))
        return after, search_metrics(problem, worth, is_finite, after.payoff, after.gap)

    return Solver(init, update, lambda state: state.commitment, commitments_at_once=config.population)
