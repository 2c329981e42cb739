"""Commitments that pay the leader all but its best: all of them where they are few, else a sample with its extremes.

A sample comes from the commitments that are known, from searches for the most and the least of every second objective
(`Among`), and from walks between them: a step goes from a commitment towards a random one, as far as the leader is still paid
enough.
"""

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.compiler import compiler_options
from stackjax.errors import InputError
from stackjax.problem import Problem
from stackjax.rashomon.among import NEXT_TO_NONE, measures
from stackjax.rashomon.selection import CONFIG, NUM_UPDATES, TOLERANCE, found_by
from stackjax.solvers.every import all_of, how_many
from stackjax.spaces import Discrete
from stackjax.types import Array, PRNGKey

__all__ = ["MOST_TRIED", "Explored", "answered", "enumerated", "explored", "names_of", "sound"]

MOST_TRIED = 2_000_000  # commitments that are all tried
MOST_BYTES = 2**28  # of tables at once
MOST_AT_ONCE = 4096
NUM_CHAINS, NUM_STEPS, NUM_HALVINGS = 256, 6, 6
FEWEST_CHAINS, FEWEST_UPDATES = 16, 10
MOST_SECONDS = 40.0  # of all searches, and of all walks, beyond which there are fewer updates, and fewer walks
ONE_WAY = ("least-follower", "equality")  # of which only the most is of interest


class Explored(NamedTuple):
    """Commitments ``[M, O, ...]`` that pay the leader the floor, the known ones first; ``is_all`` if there are no others."""

    commitments: np.ndarray
    is_all: bool


def enumerated(problem: Problem) -> np.ndarray | None:
    """All commitments, ``[C, O]``; None where they are numbers, or more than `MOST_TRIED`."""
    return all_of(problem.commitments) if how_many(problem.commitments) <= MOST_TRIED else None


def sound(problem: Problem, key: PRNGKey, commitments: np.ndarray, floor: float, gap: float | None = None) -> np.ndarray:
    """Bool ``[M]``: which of ``commitments [M, O, ...]`` pay the leader ``floor`` against followers of at most ``gap``.

    Both are in game units; by default followers may gain as much as counts as settled.
    """
    low, high = problem.payoff_range
    payoffs, gaps = answered(problem, key, commitments)
    return (payoffs >= floor - TOLERANCE * (high - low)) & (gaps <= (problem.settled_gap if gap is None else gap))


def answered(problem: Problem, key: PRNGKey, commitments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Payoffs and gaps ``[M]`` of ``commitments [M, O, ...]``, answered for as long as judging takes."""
    size = min(MOST_AT_ONCE, max(1, int(MOST_BYTES / problem.bytes_per_commitment)), len(commitments))
    worth = lambda key, made: problem.worth(key, made, lasting=len(made))
    program, found = jax.jit(lambda key, made: worth(key, made)[:2]), []
    for start in range(0, len(commitments), size):
        part = commitments[start : start + size]
        padded = np.concatenate([part, np.repeat(part[-1:], size - len(part), axis=0)])
        paid, gap = program(jax.random.fold_in(key, start), jnp.asarray(padded))
        found.append((np.asarray(paid)[: len(part)], np.asarray(gap)[: len(part)]))
    payoffs, gaps = (np.concatenate(column) for column in zip(*found, strict=True))
    return payoffs, gaps


def names_of(problem: Problem) -> list[str]:
    """The second objectives that `explored` looks for the ends of: all `measures` but the worst reply."""
    table = problem.commitments
    found = jax.eval_shape(lambda: problem.worth(jax.random.key(0), table.draw(jax.random.key(0), 1)))
    if found.followers is None:
        return []
    names: list[str] = []

    def note(payoff: Array, followers: Array) -> Array:
        names.extend(measures(problem, payoff, followers, None))
        return payoff

    jax.eval_shape(note, *(jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype) for leaf in (found.payoff, found.followers)))
    return names


def explored(
    problem: Problem, key: PRNGKey, floor: float, known: np.ndarray, *, told: Callable[[str], None] = lambda stage: None
) -> Explored:
    """Commitments of ``problem`` that pay the leader ``floor``, game units.

    Args:
      known: ``[S, O, ...]`` some, of which at least one pays that; all do, if they are judged by draws.
      told: hears what is done.
    """
    search_key, walk_key, check_key = jax.random.split(key, 3)
    every = enumerated(problem)
    if every is not None:
        told(f"trying all {len(every):,} commitments")
        return Explored(every[sound(problem, check_key, every, floor)], True)
    if problem.judges_by_draws:  # other draws may say a little less of them
        floor = min(floor, float(answered(problem, check_key, known)[0].min()))
    good = known[sound(problem, check_key, known, floor)]
    if not len(good):
        raise InputError(
            f"no commitment that is known of {problem.name!r} pays {floor:.6g}: train it for longer, or give it slack"
        )
    gap = max(NEXT_TO_NONE * problem.settled_gap, float(answered(problem, check_key, good)[1].max()))
    pace = _pace(problem, check_key)
    told("looking for the ends of second objectives")
    ends = _ends(problem, search_key, floor, good, names_of(problem), pace)
    told("walking between commitments")
    starts = np.concatenate([good, ends])
    found = np.concatenate([ends, _walked(problem, walk_key, floor, gap, starts, pace)])
    found = np.unique(found.reshape(len(found), -1), axis=0).reshape(-1, *found.shape[1:])
    return Explored(np.concatenate([good, found[sound(problem, check_key, found, floor, gap)]]), False)


def _pace(problem: Problem, key: PRNGKey) -> float:
    """The seconds that one of a batch of commitments takes here."""
    made = problem.commitments.draw(key, CONFIG.population)
    program = jax.jit(lambda made: problem.worth(key, made)[:2], compiler_options=compiler_options(runs_once=True))
    jax.block_until_ready(program(made))
    start = time.perf_counter()
    jax.block_until_ready(program(made))
    return (time.perf_counter() - start) / CONFIG.population


def _ends(problem: Problem, key: PRNGKey, floor: float, good: np.ndarray, names: Sequence[str], pace: float) -> np.ndarray:
    """``[E, O, ...]`` commitments found to have the most, or the least, of each second objective."""
    directions = [(name, sign) for name in names for sign in (1.0, -1.0) if sign > 0 or name not in ONE_WAY]
    if not directions:
        return good[:0]
    signs = np.zeros((len(directions), len(names)), np.float32)
    for row, (name, sign) in zip(signs, directions, strict=True):
        row[names.index(name)] = sign
    starts = good[np.arange(len(directions)) % len(good)]
    low, high = problem.payoff_range
    affordable = int(MOST_SECONDS / (pace * CONFIG.population * len(directions)))
    config = dataclasses.replace(CONFIG, num_updates=min(NUM_UPDATES, max(FEWEST_UPDATES, affordable)))

    def one(each: tuple[Array, Array, Array]) -> Array:
        key, weights, start = each

        def second(_: Array, told: dict[str, Array]) -> Array:
            return (weights * jnp.stack([told[name] for name in names])).sum()

        return found_by(problem, key, start, jnp.asarray(floor - TOLERANCE * (high - low), weights.dtype), second, config)

    options = compiler_options(runs_once=True)
    program = jax.jit(lambda *each: jax.lax.map(one, each), compiler_options=options)
    return np.asarray(program(jax.random.split(key, len(directions)), jnp.asarray(signs), jnp.asarray(starts)))


def _walked(problem: Problem, key: PRNGKey, floor: float, gap: float, starts: np.ndarray, pace: float) -> np.ndarray:
    """``[C, O, ...]`` where walks from ``starts`` end, of which there are `NUM_CHAINS` where time allows."""
    table, space = problem.commitments, problem.commitments.actions
    low, high = problem.payoff_range
    least = floor - TOLERANCE * (high - low)
    entries = (1,) * len(space.shape)

    def is_good(key: PRNGKey, made: Array) -> Array:
        found = problem.worth(key, made, lasting=len(made))
        return (found.payoff >= least) & (found.gap <= gap)

    def step(made: Array, key: PRNGKey) -> tuple[Array, None]:
        draw_key, some_key, share_key, worth_key = jax.random.split(key, 4)
        to = table.draw(draw_key, len(made))
        count_key, which_key = jax.random.split(some_key)
        share = jax.random.uniform(count_key, (len(made), 1)) ** 2  # of the nodes; seldom many
        moves = jax.random.uniform(which_key, (len(made), table.num_nodes)) < jnp.maximum(share, 1.0 / table.num_nodes)
        to = jnp.where(moves.reshape(*moves.shape, *entries), to, made)
        if isinstance(space, Discrete):
            return jnp.where(is_good(worth_key, to)[:, None], to, made), None
        wide = (-1,) + (1,) * (made.ndim - 1)
        at = lambda share: (1.0 - share.reshape(wide)) * made + share.reshape(wide) * to

        def halved(_: Array, ends: tuple[Array, Array]) -> tuple[Array, Array]:
            inside, outside = ends
            middle = 0.5 * (inside + outside)
            good = is_good(worth_key, at(middle))
            return jnp.where(good, middle, inside), jnp.where(good, outside, middle)

        whole = is_good(worth_key, to)
        inside, outside = jnp.where(whole, 1.0, 0.0), jnp.ones(len(made))
        inside, _ = jax.lax.fori_loop(0, NUM_HALVINGS, halved, (inside, outside))
        return at(inside * jnp.sqrt(jax.random.uniform(share_key, inside.shape))), None

    affordable = int(MOST_SECONDS / (pace * NUM_STEPS * (1 + NUM_HALVINGS)))
    count = min(NUM_CHAINS, max(FEWEST_CHAINS, affordable))
    chains = jnp.asarray(starts[np.arange(count) % len(starts)])
    walk = lambda made, keys: jax.lax.scan(step, made, keys)[0]
    program = jax.jit(walk, compiler_options=compiler_options(runs_once=True))
    return np.asarray(program(chains, jax.random.split(key, NUM_STEPS)))
