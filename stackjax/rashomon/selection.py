"""Choosing among commitments that pay a leader alike: the best by a second objective."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.errors import InputError
from stackjax.outcomes import Table
from stackjax.problem import Problem
from stackjax.rashomon.among import Among, Second, distance, measures, named_second
from stackjax.solvers import children
from stackjax.solvers.config import DirectConfig
from stackjax.solvers.direct import direct
from stackjax.solvers.every import all_of, how_many
from stackjax.spaces import Discrete
from stackjax.types import Array, PRNGKey

__all__ = ["CONFIG", "NUM_UPDATES", "TOLERANCE", "check_choice", "chosen", "found_by", "num_distinct", "simplest", "told"]

NUM_UPDATES = 200
CONFIG = DirectConfig(num_updates=NUM_UPDATES, population=128)
TOLERANCE = 1e-6  # of the leader's payoff range: by how much a floor may be missed, as payoffs are float32
NUM_TRIES = 4  # searches whose best by the exact worst reply counts
FIRST_STEP = 0.05  # of a box, around the commitment that the search starts from
MOST_MERGERS = 1024  # that one step towards a simpler commitment tries
SAME = 1e-6  # of a box: numbers that are one


def chosen(problem: Problem, key: PRNGKey, commitment: Array, floor: Array, name: str, nearest: Any = None) -> Array:
    """A commitment that pays the leader ``floor`` and is better than ``commitment [O, ...]`` by the objective called ``name``.

    It is ``commitment`` itself where nothing better is found.

    Args:
      name: one of `stackjax.rashomon.among.measures`, ``"simplicity"`` or ``"nearest"``.
      nearest: the commitment ``[O, ...]`` that is meant by that.

    Raises:
      InputError: the problem does not tell what the objective needs.
    """
    low, high = problem.payoff_range
    floor = floor - TOLERANCE * (high - low)
    if name == "simplicity":
        return simplest(problem, key, commitment, floor)
    second = named_second(problem, name, nearest)
    if name != "robust":
        return found_by(problem, key, commitment, floor, second)
    # What `worth` says of the worst reply of several followers is a guess.
    table = problem.commitments
    if how_many(table) <= CONFIG.population:
        tried = jnp.asarray(all_of(table))
    else:
        search = lambda key: found_by(problem, key, commitment, floor, second)
        tried = jax.lax.map(search, jax.random.split(key, NUM_TRIES))
    tried = jnp.concatenate([commitment[None], tried])
    pays = Among.of(problem, key, commitment, floor, second).worth(key, tried, lasting=len(tried)).gap <= 1.0
    return tried[jnp.where(pays, jax.lax.map(problem.worst, tried), -jnp.inf).argmax()]


def check_choice(problem: Problem, name: str, nearest: Any = None) -> None:
    """Raise `InputError` where ``problem`` does not tell what `chosen` by ``name`` needs."""
    if name == "nearest":
        made, table = np.asarray(nearest), problem.commitments
        shape = (table.num_nodes, *table.actions.shape)
        wrong = f"of shape {made.shape}, but {problem.name!r} needs {shape}" if made.shape != shape else None
        outside = None if wrong else table.actions.outside(made)
        if wrong or outside is not None:
            what = wrong or f"that holds {outside}, but every leader action must be {table.actions.allowed()}"
            raise InputError(f"second='nearest': the run holds a commitment {what}")
    elif name != "simplicity":
        named_second(problem, name)


def told(problem: Problem, commitment: Array, name: str, nearest: Any = None) -> Array:
    """What the objective called ``name`` is at ``commitment [O, ...]``, as a user wants to read it."""
    if name == "simplicity":
        return num_distinct(problem.commitments, commitment)
    if name == "nearest":
        return distance(problem.commitments, commitment, jnp.asarray(nearest, commitment.dtype))
    if name == "robust":
        return problem.worst(commitment)
    found = problem.worth(jax.random.key(0), commitment[None], lasting=1)
    followers, worst = (None if leaf is None else leaf[0] for leaf in (found.followers, found.worst))
    return measures(problem, found.payoff[0], followers, worst)[name]


def found_by(
    problem: Problem, key: PRNGKey, commitment: Array, floor: Array, second: Second, config: DirectConfig = CONFIG
) -> Array:
    """The best by ``second`` of what `direct` finds, started from ``commitment [O, ...]`` and from elsewhere.

    Args:
      floor: what the leader must be paid, game units.
      config: of the search.
    """
    unit_key, start_key, child_key, last_key = jax.random.split(key, 4)
    among = Among.of(problem, unit_key, commitment, floor, second)
    solver, space = direct(among, config), problem.commitments.actions
    state, update = solver.init(start_key), lambda _, state: solver.update(state)[0]
    if solver.tries_all:
        return solver.commitment(jax.lax.fori_loop(0, solver.tries_all, update, state))
    half = config.population // 2
    near = children.bred_near(child_key, space, commitment, half, FIRST_STEP).at[0].set(commitment)
    state = jax.lax.fori_loop(0, solver.num_updates, update, state._replace(tried=state.tried.at[:half].set(near)))
    both = jnp.stack([commitment, solver.commitment(state)])
    judged = among.worth(last_key, both, lasting=2)
    is_better = (judged.gap[1] <= 1.0) & ((judged.gap[0] > 1.0) | (judged.payoff[1] > judged.payoff[0]))
    return jnp.where(is_better, both[1], both[0])


def num_distinct(table: Table, commitment: Array) -> Array:
    """How many different numbers ``commitment [O, ...]`` holds, entry by entry of an action; of choices how many differ."""
    values = jnp.sort(_columns(table, commitment), axis=0)
    return len(values[0]) + (jnp.diff(values, axis=0) > SAME).sum(dtype=jnp.int32)


def simplest(problem: Problem, key: PRNGKey, commitment: Array, floor: Array) -> Array:
    """``commitment [O, ...]`` with as few different numbers as merging two of them at a time leads to, above the ``floor``.

    A step replaces one value of an entry, wherever it occurs, by another: the one that leaves the fewest, of these the one that
    pays the leader most. No step that is left leads to fewer; that no other commitment is simpler is not said.
    """
    table = problem.commitments
    values, num_nodes = _columns(table, commitment), table.num_nodes
    width = values.shape[1]
    pairs = jnp.arange(num_nodes * num_nodes * width)
    among = Among.of(problem, key, commitment, floor, lambda made, _: -num_distinct(table, made).astype(jnp.result_type(float)))

    def merged(values: Array, pair: Array) -> Array:
        entry, first, second = pair % width, pair // width % num_nodes, pair // width // num_nodes
        column = values[:, entry]
        return values.at[:, entry].set(jnp.where(jnp.abs(column - column[first]) <= SAME, column[second], column))

    def step(values: Array, key: PRNGKey) -> tuple[Array, None]:
        draw_key, worth_key = jax.random.split(key)
        some = pairs if len(pairs) <= MOST_MERGERS else jax.random.choice(draw_key, pairs, (MOST_MERGERS,), replace=False)
        tried = jnp.concatenate([values[None], jax.vmap(lambda pair: merged(values, pair))(some)])
        made = jax.vmap(lambda one: _from_columns(table, one, commitment))(tried)
        found = among.worth(worth_key, made, lasting=len(made))
        paid = problem.worth(worth_key, made, lasting=len(made)).payoff
        score = jnp.where(found.gap <= 1.0, found.payoff, -jnp.inf)
        best = jnp.where(score >= score.max(), paid, -jnp.inf).argmax()
        return jnp.where(score[best] > score[0], tried[best], values), None

    steps = min(values.size, 4 * num_nodes + 16)
    values = jax.lax.scan(step, values, jax.random.split(jax.random.fold_in(key, 1), steps))[0]
    return _from_columns(table, values, commitment)


def _columns(table: Table, commitment: Array) -> Array:
    """``[O, d]`` numbers, of a box from 0 to 1."""
    space = table.actions
    values = commitment.astype(jnp.result_type(float)) if isinstance(space, Discrete) else space.to_unit(commitment)
    return values.reshape(table.num_nodes, math.prod(table.actions.shape))


def _from_columns(table: Table, values: Array, like: Array) -> Array:
    """The commitment ``[O, ...]`` that has these numbers."""
    if isinstance(table.actions, Discrete):
        return values.reshape(like.shape).astype(like.dtype)
    return table.actions.from_unit(values.reshape(like.shape))
