"""Search over commitments themselves, each judged by what its followers' answer pays exactly. No network, no critic.

One Stackelberg episode is one commitment against one fresh group of followers. The best commitments meet further groups, which
answer for as long as an evaluation takes, and are ranked by what these answer. Commitments are kept by what followers answer,
so that one basin does not decide: the best of many answers at first, and of fewer and fewer as the run goes on. New ones are
bred from those of one answer (`children`), and in a box a part of them climbs the slope of the leader's payoff up to the border
at which followers would answer otherwise, as the multiple linear programmes of Conitzer and Sandholm (2006) do.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from stackjax.errors import require_is, require_key
from stackjax.problem import Metrics, Nearby, Problem, Solver, Worth
from stackjax.solvers import children
from stackjax.solvers.config import DirectConfig
from stackjax.solvers.every import every, how_many
from stackjax.solvers.ranking import unsettled
from stackjax.spaces import Box, Discrete
from stackjax.types import Array, PRNGKey

__all__ = ["DirectState", "Elite", "direct"]

FIRST = 0.01  # of a group, see `Elite.groups`
CROSSING_STEPS = 2  # of least squares, as payoffs are not quite linear and the box cuts steps short
NUM_GROUPS = 10  # that each commitment meets where all are tried
MOST_ENTRIES = 128  # of a commitment that climbs: each step solves as many linear equations


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


class DirectState(NamedTuple):
    """Everything that an update reads and writes.

    Attributes:
      key: of all chance to come.
      update: int, updates done.
      elite: what is kept.
      tried: ``[B, O, ...]``, what the next update tries.
    """

    key: PRNGKey
    update: Array
    elite: Elite
    tried: Array


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


def direct(problem: Problem, config: DirectConfig | None = None) -> Solver:
    """Evolve commitments of ``problem``; see the module. ``solver.commitment`` is the best that met enough groups.

    Where there are no more than one update tries, all are tried instead, see `every`.

    Raises:
      InputError: ``config`` is no `DirectConfig`.
    """
    config = DirectConfig() if config is None else config
    require_is("config", config, DirectConfig, "a DirectConfig, for example DirectConfig(population=64)")
    table, space = problem.commitments, problem.commitments.actions
    if how_many(table) <= config.population:
        return every(problem, NUM_GROUPS)
    count = config.population - config.num_rechecked
    num_strangers = max(1, round(config.stranger_share * count))
    num_climbing = round(config.climb_share * count) if _can_climb(problem) else 0
    num_bred = count - num_strangers - num_climbing

    def init(key: PRNGKey) -> DirectState:
        require_key(key)
        key, first_key = jax.random.split(key)
        first = children.first_population(first_key, table, config.population)
        shape = jax.eval_shape(problem.worth, key, first).answer.shape
        none, nowhere = jnp.zeros(config.population), jnp.zeros(config.population, jnp.int32)
        elite = Elite(first, jnp.zeros(shape, jnp.int32), nowhere, none - jnp.inf, none, none, none)
        return DirectState(key, jnp.int32(0), elite, first)

    def next_tried(key: PRNGKey, elite: Elite, progress: Array) -> Array:
        stranger_key, climb_key, breed_key = jax.random.split(key, 3)
        again = jax.lax.top_k(elite.score, config.num_rechecked)[1]
        made = [elite.commitments[again], children.strangers(stranger_key, table, num_strangers)]
        parents = parents_of(elite, config.num_answers + 1, config.most_alike)
        in_turn = jnp.arange(num_bred) % (parents.num_answers + 1)  # each answer, and all together
        chosen = elite.commitments[parents.place[in_turn]]
        if isinstance(space, Discrete):
            made.append(children.discrete_children(breed_key, space, chosen, parents.weight[in_turn]))
        else:
            scaled, step = children.to_unit(space, chosen), step_size(config, progress)
            made.append(children.from_unit(space, children.box_children(breed_key, scaled, parents.weight[in_turn], step)))
            if num_climbing:
                made.append(_climbed(problem, config, space, climb_key, elite, parents, num_climbing))
        return jnp.concatenate(made)

    def update(state: DirectState) -> tuple[DirectState, Metrics]:
        key, again_key, worth_key, next_key = jax.random.split(state.key, 4)
        progress = (state.update + 1).astype(jnp.result_type(float)) / config.num_updates
        again = problem.worth(again_key, state.tried[: config.num_rechecked], lasting=True)
        once = problem.worth(worth_key, state.tried[config.num_rechecked :])
        worth = jax.tree.map(lambda *parts: jnp.concatenate(parts), again, once)
        groups = jnp.concatenate([jnp.ones_like(again.payoff), jnp.full_like(once.payoff, FIRST)])
        left = jnp.ceil(config.num_answers * (1.0 - progress / config.answers_until)).astype(jnp.int32)
        judged = judged_once(problem, state.tried, worth, groups)
        elite = merge(problem, state.elite, judged, jnp.maximum(left, 1), config.most_alike)
        found = best_of(elite, config.trusted_groups)
        metrics = {
            "episodes": jnp.float32(config.population),
            "total_return": jnp.where(jnp.isfinite(worth.payoff), worth.payoff, 0.0).sum(),
            "is_finite": jnp.isfinite(judged.score).any(),  # one that is not finite ranks last, and stops nothing
            "best_payoff": found.payoff,
            "best_gap": found.gap,
            "settled_share": (worth.gap <= problem.settled_gap).mean(),
            "answers": jnp.where(elite.groups > 0, elite.place + 1, 0).max().astype(worth.payoff.dtype),
        }
        return DirectState(key, state.update + 1, elite, next_tried(next_key, elite, progress)), metrics

    commitment = lambda state: best_of(state.elite, config.trusted_groups).commitments
    return Solver(init, update, commitment, commitments_at_once=config.population)


def _can_climb(problem: Problem) -> bool:
    table = problem.commitments
    return table.num_nodes * math.prod(table.actions.shape) <= MOST_ENTRIES and problem.nearby is not None


def _climbed(
    problem: Problem, config: DirectConfig, space: Box, key: PRNGKey, elite: Elite, parents: Parents, count: int
) -> Array:
    """``[count, O, d]``: a mix of commitments of one answer, moved up the slope; each answer in turn.

    Some of them first cross the border to where one entry of the answer is another.
    """
    nearby, (low, high) = problem.nearby, problem.payoff_range
    assert nearby is not None
    choices = jnp.asarray(problem.answer_choices, jnp.int32)
    mix_key, move_key = jax.random.split(key)
    answer = jnp.arange(count) % parents.num_answers
    place, shape = parents.place[answer], elite.commitments.shape[1:]
    mix = jnp.where(parents.weight[answer] > 0, jax.random.exponential(mix_key, place.shape), 0.0)
    scaled = children.to_unit(space, elite.commitments[place])
    start = jax.vmap(lambda mix, parents: jnp.tensordot(mix / mix.sum(), parents, 1))(mix, scaled).reshape(count, -1)

    def one(key: PRNGKey, start: Array, answer: Array) -> Array:
        which_key, other_key, flip_key, margin_key, key = jax.random.split(key, 5)
        entry = jax.random.randint(which_key, (), 0, len(answer))
        other = answer[entry] + jax.random.randint(other_key, (), 1, jnp.maximum(choices[entry], 2), jnp.int32)
        crosses = jax.random.uniform(flip_key) < config.cross_share
        answer = jnp.where(crosses, answer.at[entry].set(other % choices[entry]), answer)
        leads_to = lambda flat: nearby(children.from_unit(space, flat.reshape(shape)), answer)
        slack_size = jax.eval_shape(leads_to, start).slack.size
        derivative = jax.jacfwd if start.size <= slack_size else jax.jacrev
        with_slopes = derivative(lambda flat: (leads_to(flat),) * 2, has_aux=True)
        margin = 10.0 ** jax.random.uniform(margin_key, minval=-4.0, maxval=-1.0) * (high - low)

        def cross(step: Array, carry: tuple[Array, Nearby, Nearby]) -> tuple[Array, Nearby, Nearby]:
            at, slopes, here = carry
            crossed = children.restored(here.slack, slopes.slack, at, margin)
            at = jnp.where(crosses & (step > 0), crossed, at)
            return at, *with_slopes(at)

        unknown = jax.tree.map(jnp.zeros_like, jax.eval_shape(with_slopes, start))
        start, slopes, here = jax.lax.fori_loop(0, 1 + CROSSING_STEPS, cross, (start, *unknown))
        return children.ascended(key, here, slopes, start, problem.tie, high - low)

    moved = jax.vmap(one)(jax.random.split(move_key, count), start, elite.answer[place[:, 0]])
    return children.from_unit(space, moved.reshape(count, *shape))


def step_size(config: DirectConfig, progress: Array) -> Array:
    """The largest deviation of a change, from the first to the last geometrically, as a share of the box."""
    return config.first_step * (config.last_step / config.first_step) ** progress


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

    Their score is the payoff, less what ranks those behind whose followers have not settled. In a box it is less the risk too:
    what a commitment on the border of an answer leads to is a matter of rounding, and a step back costs little.
    """
    lost = worth.risk if isinstance(problem.commitments.actions, Box) else jnp.zeros_like(worth.payoff)
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
    both = jax.tree.map(lambda *parts: jnp.concatenate(parts), kept, new)
    room, order = len(kept.groups), jnp.arange(len(both.groups))
    there = both.groups > 0
    first = _first(_same(both.commitments) & there[None])
    belongs = (order[:, None] == first[None]) & there[None]
    total = lambda values: jnp.where(belongs, values[None], 0.0).sum(axis=-1)
    groups, lasting = total(both.groups), jnp.floor(both.groups)
    weight = jnp.where((total(lasting) > 0)[first], lasting, both.groups)
    seen = total(weight)
    mean = lambda values: total(jnp.where(weight > 0, values, 0.0) * weight) / jnp.maximum(seen, FIRST)
    gap = jnp.where(belongs & (weight > 0)[None], both.gap[None], 0.0).max(axis=-1)
    score = mean(both.score + unsettled(problem, both.gap)) - unsettled(problem, gap)
    score = jnp.where(groups > 0, score, -jnp.inf)

    ahead, alike = _ahead(score), _same(both.answer) & (groups > 0)[None]
    rank = (ahead & alike).sum(axis=-1)
    is_first = (rank == 0) & (groups > 0)
    place_of_first = (ahead & is_first[None]).sum(axis=-1, dtype=jnp.int32)
    place = place_of_first[_first(alike & is_first[None])]
    num_answers = jnp.minimum(num_answers, room)
    share = jnp.minimum(room // jnp.clip(is_first.sum(), 1, num_answers), most_alike)
    known = place[jnp.argmax(jnp.where(seen >= 1.0, score, -jnp.inf))]
    stays = (groups > 0) & ((place < num_answers) | ((place == known) & (seen >= 1.0).any())) & (rank < share)
    place = jnp.minimum(place, num_answers)
    chosen = jnp.argsort(jnp.where(stays, place * len(order) + rank, len(order) ** 2))[:room]
    clear = lambda values, nothing: jnp.where(stays[chosen], values[chosen], nothing)
    return Elite(
        both.commitments[chosen],
        both.answer[chosen],
        clear(place, 0),
        clear(score, -jnp.inf),
        clear(mean(both.payoff), 0.0),
        clear(gap, 0.0),
        clear(groups, 0.0),
    )


def best_of(elite: Elite, trusted_groups: int) -> Elite:
    """The best commitment that met ``trusted_groups``, or of those that met the most if none did."""
    trusted = elite.groups >= jnp.minimum(float(trusted_groups), elite.groups.max())
    best = jnp.argmax(jnp.where(trusted, elite.score, -jnp.inf))
    return jax.tree.map(lambda leaf: leaf[best], elite)


def _ahead(score: Array) -> Array:
    """``[n, n]`` whether the one of the column comes before the one of the row: the earlier of equals does."""
    order = jnp.arange(len(score))
    return (score[None] > score[:, None]) | ((score[None] == score[:, None]) & (order[None] < order[:, None]))


def _first(chosen: Array) -> Array:
    """``[n]`` the first column of each row of ``chosen [n, m]``; the last one where there is none."""
    return jnp.where(chosen, jnp.arange(chosen.shape[1]), chosen.shape[1] - 1).min(axis=-1)


def _same(rows: Array) -> Array:
    """``[n, n]`` which of ``rows [n, ...]`` are equal, by two 32-bit sums of their bits: far fewer comparisons."""
    flat = rows.reshape(len(rows), -1)
    if jnp.issubdtype(flat.dtype, jnp.floating):  # two words of 32 bits for each number of 64
        flat = jax.lax.bitcast_convert_type(flat, jnp.uint32).reshape(len(rows), -1)
    bits = flat.astype(jnp.uint32)
    mixed = (bits ^ (bits >> 15)) * jnp.uint32(0x2C1B3C6D)
    factors = jax.random.bits(jax.random.key(0), (2, flat.shape[1]), jnp.uint32) | jnp.uint32(1)
    sums = ((mixed ^ (mixed >> 12))[None] * factors[:, None]).sum(axis=-1, dtype=jnp.uint32)
    return (sums[:, :, None] == sums[:, None]).all(axis=0)
