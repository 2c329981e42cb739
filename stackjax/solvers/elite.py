"""What `direct` keeps: the best commitments of the best answers, with all that was seen of each."""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from stackjax.problem import Problem, Worth
from stackjax.solvers.ranking import unsettled
from stackjax.spaces import Discrete
from stackjax.types import Array

__all__ = ["FIRST", "Elite", "Parents", "best_of", "emptied", "joined", "judged_once", "merge", "parents_of"]

FIRST = 0.01  # of a group, see `Elite.groups`


class Elite(NamedTuple):
    """Commitments and what they have led to so far, over all groups of followers that each has met.

    Attributes:
      commitments: ``[E, O, ...]``, answer by answer, best first.
      answer: int ``[E, Q]``, what the first group of followers answered.
      place: int ``[E]``, of its answer among the answers, by the best commitment of each.
      score: ``[E]`` what they are ranked by, game units, see `judged_once`; -inf where there is none.
      payoff: ``[E]`` mean, game units.
      gap: ``[E]`` largest, game units.
      groups: ``[E]`` how many groups of followers that answer for as long as an evaluation takes, as floats; the first, which
        need not, counts as `FIRST` of one, and says nothing any more once there is another. 0 where there is none.
    """

    commitments: Array
    answer: Array
    place: Array
    score: Array
    payoff: Array
    gap: Array
    groups: Array


class Parents(NamedTuple):
    """The commitments of each answer, as places in the elite, and how much they weigh; then those of all answers together.

    Attributes:
      place: int ``[G + 1, m]``, best first.
      weight: ``[G + 1, m]``, falling with the logarithm of the rank (Hansen and Ostermeier 2001), summing to 1.
      num_answers: int, how many answers there are; the row after theirs is that of all together.
    """

    place: Array
    weight: Array
    num_answers: Array


def parents_of(elite: Elite, most_answers: int, most_alike: int) -> Parents:
    """See `Parents`: ``most_answers`` rows and one, of the best ``most_alike`` commitments of each."""
    there, m = (elite.groups > 0)[None], min(most_alike, len(elite.groups))
    num_answers = jnp.where(there, elite.place[None] + 1, 1).max()
    answer, rank = jnp.arange(most_answers)[:, None], jnp.arange(m)[None]
    start = (there & (elite.place[None] < answer)).sum(axis=-1, keepdims=True)
    size = (there & (elite.place[None] == answer)).sum(axis=-1, keepdims=True)
    own = jnp.minimum(start + jnp.minimum(rank, jnp.maximum(size - 1, 0)), len(elite.groups) - 1)
    best, total = jax.lax.top_k(elite.score, m)[1][None], there.sum()
    is_own = jnp.arange(most_answers + 1)[:, None] < num_answers
    place = jnp.where(is_own, jnp.concatenate([own, own[:1]]), best)
    size = jnp.where(is_own, jnp.concatenate([size, size[:1]]), total)
    dtype = elite.score.dtype
    weight = jnp.log(jnp.minimum(size, m).astype(dtype) + 0.5) - jnp.log(rank.astype(dtype) + 1.0)
    weight = jnp.where(rank < size, weight, 0.0)
    return Parents(place, weight / weight.sum(axis=-1, keepdims=True), num_answers)


def judged_once(problem: Problem, commitments: Array, worth: Worth, groups: Array) -> Elite:
    """Commitments ``[B, O, ...]`` that have met one group of followers, which counts as ``groups [B]``.

    Their score is the payoff, less what ranks those behind whose followers have not settled. Of numbers it is less the risk
    too: what a commitment on the border of an answer leads to is a matter of rounding, and a step back costs little.
    """
    chex.assert_equal_shape([worth.payoff, worth.gap, worth.risk, groups])
    lost = jnp.zeros_like(worth.payoff) if isinstance(problem.commitments.actions, Discrete) else worth.risk
    finite = jnp.isfinite(worth.payoff) & jnp.isfinite(worth.gap) & jnp.isfinite(lost)
    score = worth.payoff - lost - unsettled(problem, worth.gap)
    nowhere = jnp.zeros(len(groups), jnp.int32)
    score = jnp.where(finite, score, -jnp.inf)
    payoff, gap = jnp.where(finite, worth.payoff, problem.payoff_range[0]), jnp.where(finite, worth.gap, jnp.inf)
    return Elite(commitments, worth.answer, nowhere, score, payoff, gap, groups)


def merge(problem: Problem, kept: Elite, new: Elite, num_answers: Array, most_alike: int) -> Elite:
    """The best commitments of the best answers, as many in all as ``kept`` has room for.

    What is known of one commitment is put together. ``num_answers`` answers stay, if there is room for so many, with an equal
    share of it for each, and at most ``most_alike`` commitments. The answer of the best commitment that met a whole group stays
    too: what only first looks speak for must not push it out.
    """
    chex.assert_trees_all_equal_dtypes(kept, new)
    both = joined(kept, new)
    room, order = len(kept.groups), jnp.arange(len(both.groups), dtype=jnp.int32)
    first, _ = _alike(both.commitments, order, both.groups > 0)
    total = lambda *columns: jnp.zeros((len(order), len(columns))).at[first].add(jnp.stack(columns, axis=1)).T
    whole = jnp.floor(both.groups)
    lasting, parts = total(whole, both.groups - whole)
    groups = lasting + jnp.minimum(parts, 0.5)  # first looks, however many, never make a group
    weight = jnp.where((lasting > 0)[first], whole, both.groups)
    unpunished = both.score + unsettled(problem, both.gap)
    seen, score, payoff = total(weight, *(jnp.where(weight > 0, one, 0.0) * weight for one in (unpunished, both.payoff)))
    gap = jnp.zeros_like(both.gap).at[first].max(jnp.where(weight > 0, both.gap, 0.0))
    score = jnp.where(groups > 0, score / jnp.maximum(seen, FIRST) - unsettled(problem, gap), -jnp.inf)

    by_score = jax.lax.sort((-score, -lasting, order), num_keys=2)[2]  # best first, of equals the one that is known best
    there = groups[by_score] > 0
    best, rank = _alike(both.answer[by_score], order, there)
    is_first = (rank == 0) & there
    place = (jnp.cumsum(is_first) - 1)[best].astype(jnp.int32)
    num_answers = jnp.minimum(num_answers, room)
    share = jnp.minimum(room // jnp.clip(is_first.sum(), 1, num_answers), most_alike)
    met_whole = lasting[by_score] >= 1.0
    known = place[jnp.argmax(met_whole)]
    stays = there & ((place < num_answers) | ((place == known) & met_whole.any())) & (rank < share)
    place = jnp.minimum(place, num_answers)
    chosen = jax.lax.sort((~stays, place, rank, order), num_keys=3)[3][:room]
    stays, one = stays[chosen], by_score[chosen]
    clear = lambda values, nothing: jnp.where(stays, values, nothing)
    return Elite(
        both.commitments[one],
        both.answer[one],
        clear(place[chosen], 0),
        clear(score[one], -jnp.inf),
        clear((payoff / jnp.maximum(seen, FIRST))[one], 0.0),
        clear(gap[one], 0.0),
        clear(groups[one], 0.0),
    )


def best_of(elite: Elite, trusted_groups: int) -> Elite:
    """The best commitment that met ``trusted_groups``, or of those that met the most if none did."""
    trusted = elite.groups >= jnp.minimum(float(trusted_groups), elite.groups.max())
    best = jnp.argmax(jnp.where(trusted, elite.score, -jnp.inf))
    return jax.tree.map(lambda leaf: leaf[best], elite)


def joined(first: Elite, second: Elite) -> Elite:
    """All that is in either, ``first`` first."""
    return jax.tree.map(lambda *parts: jnp.concatenate(parts), first, second)


def emptied(elite: Elite, where: Array) -> Elite:
    """``elite`` with nothing in it ``where`` that is true."""
    return elite._replace(score=jnp.where(where, -jnp.inf, elite.score), groups=jnp.where(where, 0.0, elite.groups))


def _alike(rows: Array, order: Array, counts: Array) -> tuple[Array, Array]:
    """For each of ``rows [n, ...]`` the first that is equal, and how many equal ones are before it; int ``[n]``.

    Rows are compared by two 32-bit sums of their bits, sorted. One that does not count is like no other.

    Args:
      order: ``0 ... n - 1``.
    """
    flat = rows.reshape(len(rows), -1)
    if jnp.issubdtype(flat.dtype, jnp.floating):  # two words of 32 bits for each number of 64
        flat = jax.lax.bitcast_convert_type(flat, jnp.uint32).reshape(len(rows), -1)
    bits = flat.astype(jnp.uint32)
    mixed = (bits ^ (bits >> 15)) * jnp.uint32(0x2C1B3C6D)
    factors = jax.random.bits(jax.random.key(0), (2, flat.shape[1]), jnp.uint32) | jnp.uint32(1)
    sums = ((mixed ^ (mixed >> 12))[None] * factors[:, None]).sum(axis=-1, dtype=jnp.uint32)
    own = jnp.stack([jnp.full_like(sums[0], 2**32 - 1), order.astype(jnp.uint32)])
    sums = jnp.where(counts[None], sums, own)
    one, two, here = jax.lax.sort((sums[0], sums[1], order), num_keys=2)  # stable: the first of equals comes first
    begins = (one != jnp.roll(one, 1)) | (two != jnp.roll(two, 1))
    start = jax.lax.cummax(jnp.where(begins, order, 0))
    found = jnp.stack([here[start], order - start], axis=1)
    return tuple(jnp.zeros_like(found).at[here].set(found).T)
