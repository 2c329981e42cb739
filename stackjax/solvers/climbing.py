"""Commitments to numbers that climb: up the slope of the payoff, to the border at which followers would answer otherwise.

As the multiple linear programmes of Conitzer and Sandholm (2006) do, for one answer at a time.
"""

import math
from functools import partial
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np

from stackjax.arrays import lead
from stackjax.problem import Nearby, Problem
from stackjax.solvers.children import uniforms, whole
from stackjax.solvers.config import DirectConfig
from stackjax.solvers.elite import Elite, Parents
from stackjax.spaces import Continuous
from stackjax.types import Array, PRNGKey

__all__ = ["ascended", "can_climb", "climbed", "restored", "solved"]

CROSSING_STEPS = 3  # of least squares, as payoffs are not quite linear and the box cuts steps short
LEAST_ROOM = 1e-7  # of a box or of the payoffs' scale, below which float32 tells nothing apart
LEAST_PIVOT = 2e-5  # of rows of length 1: of a row that depends on others elimination leaves less
REFINEMENTS = 4  # the first of them is the solution
MOST_SLOPES = 2**18  # of every slack by every entry of a commitment that climbs
MOST_EQUATIONS = 128  # that a step up the slope solves, one for each slack and each mix that is held


class Limits(NamedTuple):
    """What the numbers at each node may add up to: ``rows [O, D] @ commitment`` is at most ``budget``, or just that.

    Attributes:
      rows: 1 for the entries of a node, else 0.
      budget: a number.
      is_spent: whether they add up to it exactly.
    """

    rows: Array
    budget: float
    is_spent: bool

    @staticmethod
    def of(space: Continuous, num_nodes: int) -> "Limits | None":
        """None where numbers do not share a budget."""
        if space.budget is None:
            return None
        return Limits(jnp.repeat(jnp.eye(num_nodes), space.shape[0], axis=1), space.budget, space.is_spent)

    def pull(self, start: Array) -> Array:
        """As the slopes of slacks over their room, ``[O, D]``; there is next to none where the budget is spent exactly."""
        rows = self.rows.astype(start.dtype)
        room = jnp.maximum(self.budget - jnp.matmul(rows, start, precision="highest"), LEAST_ROOM)
        return -rows / (LEAST_ROOM if self.is_spent else room[:, None])


def can_climb(problem: Problem) -> bool:
    """Whether the payoff has slopes, and no more than can be worked with."""
    if problem.nearby is None:
        return False
    nodes, actions, slacks = problem.commitments.num_nodes, problem.commitments.actions, problem.num_slacks
    held = 0 if Limits.of(actions, nodes) is None else nodes
    return slacks + held <= MOST_EQUATIONS and slacks * nodes * math.prod(actions.shape) <= MOST_SLOPES


def climbed(
    problem: Problem, config: DirectConfig, space: Continuous, key: PRNGKey, elite: Elite, parents: Parents, count: int
) -> Array:
    """``[count, O, d]``: a mix of commitments of one answer, moved up the slope; each answer in turn.

    The first `DirectConfig.cross_share` of them cross the border before, to where one entry of the answer is another.
    """
    nearby, (low, high) = problem.nearby, problem.payoff_range
    assert nearby is not None
    choices, crossing = jnp.asarray(problem.answer_choices, jnp.int32), round(config.cross_share * count)
    scale = jnp.asarray(np.subtract(space.high, space.low), elite.commitments.dtype)
    limits = Limits.of(space, problem.commitments.num_nodes)
    mixing, turn, chance = uniforms(key, count, (parents.place.shape[1], 1, 4))
    row = (whole(turn[0], parents.num_answers) + jnp.arange(count, dtype=jnp.int32)) % parents.num_answers
    place, shape = parents.place[row], elite.commitments.shape[1:]
    mix = jnp.where(parents.weight[row] > 0, -jnp.log1p(-mixing), 0.0)
    of_parents = space.to_unit(elite.commitments[place]).reshape(*place.shape, -1)
    start = jnp.matmul((mix / mix.sum(axis=1, keepdims=True))[:, None], of_parents, precision="highest")[:, 0]

    def leads_to(at: Array, answer: Array) -> tuple[Nearby, Nearby]:
        here, slopes = nearby(space.unscaled(at.reshape(shape)), answer)
        flat = lambda leaf: (leaf * lead(scale, leaf.ndim)).reshape(*leaf.shape[: -len(shape)], -1)
        return here, jax.tree.map(flat, slopes)

    def another(chance: Array, answer: Array) -> Array:
        entry = whole(chance[0], len(answer))
        other = answer[entry] + 1 + whole(chance[1], jnp.maximum(choices[entry] - 1, 1))
        return answer.at[entry].set(other % choices[entry])

    def cross(chance: Array, at: Array, answer: Array, here: Nearby, slopes: Nearby) -> Array:
        margin = 10.0 ** (3.0 * chance[2] - 4.0) * (high - low)

        def nearer(_: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
            at, slack = carry
            at = space.clip_unit(restored(slack, slopes.slack, at, margin, limits).reshape(shape)).ravel()
            return at, leads_to(at, answer)[0].slack

        return jax.lax.fori_loop(0, CROSSING_STEPS, nearer, (at, here.slack))[0]

    def climb(chance: Array, at: Array, _: Array, here: Nearby, slopes: Nearby) -> Array:
        return ascended(here, slopes, at, 1.0 - 0.5 * chance[3] ** 2, problem.tie_tolerance, high - low, limits)

    answer = elite.answer[place[:, 0]]
    answer = answer.at[:crossing].set(jax.vmap(another)(chance[:crossing], answer[:crossing]))
    known = (chance, start, answer, *jax.vmap(leads_to)(start, answer))
    crossed = jax.vmap(cross)(*jax.tree.map(lambda leaf: leaf[:crossing], known))
    moved = jax.vmap(climb)(*jax.tree.map(lambda leaf: leaf[crossing:], known))
    return space.from_unit(jnp.concatenate([crossed, moved]).reshape(count, *shape))


def ascended(
    nearby: Nearby, slopes: Nearby, start: Array, share: Array, tie: float, scale: float, limits: Limits | None = None
) -> Array:
    """``start [D]`` moved up the slope of the payoff, a ``share`` of the way to where a follower would answer otherwise.

    The direction is that of affine scaling (Dikin 1967), in which entries and slacks count in proportion to how much room they
    leave.

    Args:
      nearby, slopes: at ``start``, and its derivatives, ``[D]`` and ``[M, D]``.
      tie: the slack that is left to followers at least.
      scale: of the payoffs.
      limits: beside those of the box from 0 to 1.
    """
    chex.assert_shape(slopes.slack, (*nearby.slack.shape, *start.shape))
    room = jnp.maximum((nearby.slack - 2.0 * tie) / scale, LEAST_ROOM)
    binds = jnp.abs(slopes.slack).max(axis=-1, initial=0.0) > 0
    pull = jnp.where(binds[:, None], slopes.slack / scale, 0.0) / room[:, None]  # [M, D]
    down, up = jnp.maximum(start, LEAST_ROOM), jnp.maximum(1.0 - start, LEAST_ROOM)
    width = jnp.minimum(down, up)
    held = jnp.zeros((0, len(start)), pull.dtype) if limits is None else limits.pull(start)
    rows = jnp.concatenate([pull, held]) * width[None]
    direction = width * solved((width / down) ** 2 + (width / up) ** 2 + 1e-6, rows, width * slopes.payoff)
    stops = pull if limits is None or limits.is_spent else jnp.concatenate([pull, held])
    ways = jnp.concatenate([-jnp.matmul(stops, direction, precision="highest"), -direction / down, direction / up])
    most = jnp.maximum(ways.max(), jnp.finfo(ways.dtype).tiny)
    moved = jnp.clip(start + share / most * direction, 0.0, 1.0)
    return jnp.where(jnp.isfinite(moved).all(), moved, start)


def restored(slack: Array, slopes: Array, start: Array, margin: Array, limits: Limits | None = None) -> Array:
    """``start [D]`` moved by the least squares step that gives every ``slack [M]`` below ``margin`` that margin.

    What is spent exactly stays so.
    """
    chex.assert_shape(slopes, (*slack.shape, *start.shape))
    short = jnp.maximum(margin - slack, 0.0)
    binds = (short > 0) & (jnp.abs(slopes).max(axis=-1, initial=0.0) > 0)
    pull = jnp.where(binds[:, None], slopes, 0.0)
    towards = jnp.matmul(pull.T, jnp.where(binds, short, 0.0), precision="highest")
    if limits is not None and limits.is_spent:
        pull = jnp.concatenate([pull, limits.pull(start)])
    moved = jnp.clip(start + solved(jnp.full_like(start, 1e-4), pull, towards), 0.0, 1.0)
    return jnp.where(jnp.isfinite(moved).all(), moved, start)


def solved(diagonal: Array, rows: Array, vector: Array) -> Array:
    """``x [D]`` with ``(diag(diagonal) + rows.T @ rows) x = vector`` for positive ``diagonal [D]`` and any ``rows [M, D]``.

    By the identity of Woodbury (1950) these are M equations, which rows of length 1 keep well-posed however far their own
    lengths are apart; a row that depends on those before it is left out. Where long rows leave no direction free, the solution
    is next to nothing, and rounding may be more.

    Not by LAPACK: on CPUs, two programs side by side that each call it for a batch wait for each other for ever.
    """
    chex.assert_equal_shape([diagonal, vector, rows[0] if len(rows) else vector])
    times = partial(jnp.matmul, precision="highest")
    root = jnp.sqrt(diagonal)
    scaled, target = rows / root[None], vector / root
    length = (scaled**2).sum(axis=1)
    counts = length > jnp.finfo(length.dtype).tiny
    length = jnp.where(counts, length, 1.0)
    unit = jnp.where(counts[:, None], scaled / jnp.sqrt(length)[:, None], 0.0)
    inverse = _inverted(times(unit, unit.T) + jnp.diag(1.0 / length))
    off = lambda found: times(unit, target - times(unit.T, found)) - found / length
    refined = lambda _, found: found + times(inverse, off(found))
    return (target - times(unit.T, jax.lax.fori_loop(0, REFINEMENTS, refined, jnp.zeros_like(length)))) / root


def _inverted(matrix: Array) -> Array:
    """The inverse of ``matrix [M, M]``, symmetric and positive definite, by Gauss-Jordan elimination in place.

    Where elimination leaves nothing of a row but rounding, its row and column of the inverse are 0.
    """

    def eliminated(k: Array, left: Array) -> Array:
        here = jnp.arange(len(matrix)) == k
        row, column = left[k], jnp.where(here, 0.0, left[:, k])
        pivot = row[k]
        row = jnp.where(pivot > LEAST_PIVOT, jnp.where(here, 1.0, row) / jnp.where(pivot > LEAST_PIVOT, pivot, 1.0), 0.0)
        return jnp.where(here[:, None], row[None], jnp.where(here[None], 0.0, left) - column[:, None] * row[None])

    return jax.lax.fori_loop(0, len(matrix), eliminated, matrix)
