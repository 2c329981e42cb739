"""Search over commitments themselves, each judged by what its followers' answer pays exactly. No network, no critic.

One Stackelberg episode is one commitment against one fresh group of followers. The best commitments meet further groups, which
answer for as long as an evaluation takes, and are ranked by what these answer. Commitments are kept by what followers answer,
so that one basin does not decide: the best of many answers at first, then of fewer and fewer. New ones are bred from those of
one answer (`children`), and in a box a part of them climbs the slope of the leader's payoff (`climbing`). The search starts
several times, each time from random commitments, and the best of all starts is the answer.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from stackjax.errors import require_is, require_key
from stackjax.problem import Metrics, Problem, Solver
from stackjax.solvers import children
from stackjax.solvers.climbing import can_climb, climbed
from stackjax.solvers.config import DirectConfig
from stackjax.solvers.elite import FIRST, Elite, best_of, emptied, joined, judged_once, merge, parents_of
from stackjax.solvers.every import every, how_many
from stackjax.solvers.ranking import search_metrics
from stackjax.types import Array, PRNGKey

__all__ = ["DirectState", "direct"]

USUAL, FEW = 400, 40  # updates
NUM_GROUPS = 10  # that each commitment meets where all are tried
COPIES = 18  # of what an update tries, while it is bred (measured: 17)


class DirectState(NamedTuple):
    """Everything that an update reads and writes.

    Attributes:
      key: of all chance to come.
      update: int, updates done.
      elite: what is kept.
      tried: ``[B, O, ...]``, what the next update tries.
      best: the best of all starts before this one, ``[1, ...]``.
    """

    key: PRNGKey
    update: Array
    elite: Elite
    tried: Array
    best: Elite


def direct(problem: Problem, config: DirectConfig | None = None) -> Solver:
    """Evolve commitments of ``problem``; see the module. ``solver.commitment`` is the best that met enough groups.

    Where there are no more than one update tries, all are tried instead, see `every`.

    Raises:
      InputError: ``config`` is no `DirectConfig`.
    """
    config = DirectConfig() if config is None else config
    require_is("config", config, DirectConfig, "a DirectConfig, for example DirectConfig(population=64)")
    table, space = problem.commitments, problem.commitments.actions
    climbs = can_climb(problem)
    num_updates = config.num_updates or (FEW if problem.improves_from_afar and not climbs else USUAL)
    if how_many(table) <= config.population:
        return every(problem, NUM_GROUPS)._replace(num_updates=num_updates)
    count = config.population - config.num_rechecked
    num_strangers = max(1, round(config.stranger_share * count))
    num_climbing = round(config.climb_share * count) if climbs else 0
    num_bred = count - num_strangers - num_climbing
    of_start = math.ceil(num_updates / config.starts)

    def init(key: PRNGKey) -> DirectState:
        require_key(key)
        key, first_key = jax.random.split(key)
        first = children.first_population(first_key, table, config.population)
        shape = jax.eval_shape(problem.worth, key, first).answer.shape
        none, nowhere = jnp.zeros(config.population), jnp.zeros(config.population, jnp.int32)
        elite = Elite(first, jnp.zeros(shape, jnp.int32), nowhere, none - jnp.inf, none, none, none)
        return DirectState(key, jnp.int32(0), elite, first, jax.tree.map(lambda leaf: leaf[:1], elite))

    def next_tried(key: PRNGKey, elite: Elite, progress: Array, starts_anew: Array) -> Array:
        stranger_key, climb_key, breed_key = jax.random.split(key, 3)
        again = jax.lax.top_k(elite.score, config.num_rechecked)[1]
        made = [elite.commitments[again], children.strangers(stranger_key, table, num_strangers)]
        parents = parents_of(elite, config.num_answers + 1, config.most_alike)
        in_turn = jnp.arange(num_bred) % (parents.num_answers + 1)  # each answer, and all together
        places, weights = parents.place[in_turn], parents.weight[in_turn]
        made.append(children.bred(breed_key, space, elite.commitments, places, weights, step_size(config, progress)))
        if num_climbing:
            made.append(climbed(problem, config, space, climb_key, elite, parents, num_climbing))
        tried = jnp.concatenate(made)
        if config.starts == 1:
            return tried
        anew = lambda *_: children.first_population(stranger_key, table, config.population)
        # A loop of no rounds costs nothing, also under `vmap`, which would compute both sides of a condition.
        return jax.lax.fori_loop(0, starts_anew.astype(jnp.int32), anew, tried)

    def update(state: DirectState) -> tuple[DirectState, Metrics]:
        key, worth_key, next_key = jax.random.split(state.key, 3)
        start = jnp.minimum(state.update // of_start, config.starts - 1)
        since = state.update + 1 - of_start * start
        progress = since.astype(jnp.result_type(float)) / of_start
        is_last = (since == of_start) & (start + 1 < config.starts)  # of a start that another follows
        worth = problem.worth(worth_key, state.tried, lasting=config.num_rechecked)
        groups = jnp.where(jnp.arange(config.population) < config.num_rechecked, 1.0, FIRST)
        left = jnp.ceil(config.num_answers * (1.0 - progress / config.answers_until)).astype(jnp.int32)
        judged = judged_once(problem, state.tried, worth, groups)
        elite = merge(problem, state.elite, judged, jnp.maximum(left, 1), config.most_alike)
        found = best_of(joined(state.best, elite), config.trusted_groups)
        answers = jnp.where(elite.groups > 0, elite.place + 1, 0).max().astype(worth.payoff.dtype)
        metrics = search_metrics(problem, worth, jnp.isfinite(judged.score), found.payoff, found.gap)
        tried = next_tried(next_key, elite, progress, is_last)
        best = jax.tree.map(lambda new, old: jnp.where(is_last, new[None], old), found, state.best)
        return DirectState(key, state.update + 1, emptied(elite, is_last), tried, best), {**metrics, "answers": answers}

    commitment = lambda state: best_of(joined(state.best, state.elite), config.trusted_groups).commitments
    entries = table.num_nodes * math.prod(space.shape)
    own_bytes = 4 * COPIES * config.population * entries
    return Solver(init, update, commitment, commitments_at_once=config.population, own_bytes=own_bytes, num_updates=num_updates)


def step_size(config: DirectConfig, progress: Array) -> Array:
    """The largest deviation of a change, from the first to the last geometrically, as a share of the box."""
    return config.first_step * (config.last_step / config.first_step) ** progress
