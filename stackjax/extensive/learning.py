"""How followers who learn answer commitments: what `ExtensiveFollowers` builds, one of `RULES` by its kind."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from stackjax.extensive import rules
from stackjax.extensive.abcs import Branching
from stackjax.extensive.certificate import best_gains
from stackjax.extensive.cfr import Discount, Learnt, discounts, followers_of, learnt, lone, regret_start, regret_steps
from stackjax.extensive.exact import best_value
from stackjax.extensive.followers import AbcsFollowers, BoltzmannFollowers, CfrFollowers
from stackjax.extensive.induced import behaviour_of, expected, induce, linear_payoffs, plan_of
from stackjax.extensive.rules import Answer, FollowerRule
from stackjax.extensive.sampling import Boltzmann, ExternalSampling
from stackjax.extensive.treeplex import ExtensiveGame
from stackjax.extensive.turns import InTurn
from stackjax.types import Array

__all__ = ["RULES", "answer_of", "discount_of", "sampler_of"]

CACHE = 2**20  # bytes that what is learned may take on a CPU
NARROWEST, WIDEST = 64, 256  # commitments that are learned against at the same time there


def _in_blocks(function: Callable[..., Answer], size: int, *given: Array) -> Answer:
    """``function`` of arrays ``[..., B]``, on a CPU of as many at a time as its cache holds at ``size`` bytes each."""
    count = given[0].shape[-1]
    width = min(max(CACHE // size, NARROWEST), WIDEST)
    if jax.default_backend() != "cpu" or count <= width:
        return function(*given)
    blocks = -(-count // width)
    width = -(-count // blocks)

    def cut(array: Array) -> Array:
        padded = jnp.pad(array, [(0, 0)] * (array.ndim - 1) + [(0, blocks * width - count)], mode="edge")
        return jnp.moveaxis(padded.reshape(*array.shape[:-1], blocks, width), -2, 0)

    def joined(leaf: Array) -> Array:
        return jnp.moveaxis(leaf, 0, -2).reshape(*leaf.shape[1:-1], blocks * width)[..., :count]

    return jax.tree.map(joined, jax.lax.map(lambda parts: function(*parts), tuple(map(cut, given))))


def _batched(plan: Any, answer: Callable[..., Answer], size: int, *, numbered: bool = False) -> Answer:
    """``answer`` of leader's plans ``[Q_0, *B]``, which takes a single batch axis; computed by JAX, also of NumPy's arrays.

    It is also given the commitments' numbers ``[B]`` if they are ``numbered``.
    """
    plans = jnp.asarray(plan)
    batch = plans.shape[1:]
    flat = plans.reshape(len(plans), -1)
    given = (flat, jnp.arange(flat.shape[1], dtype=jnp.uint32)) if numbered else (flat,)
    found = _in_blocks(answer, size, *given)
    return jax.tree.map(lambda leaf: leaf.reshape(*leaf.shape[:-1], *batch), found)


def answer_of(game: ExtensiveGame, plan: Array, found: Learnt, play: Sequence[Array]) -> Answer:
    """What the behaviours ``play`` come to against leader's plans ``[Q_0, *B]``, with what was told on the way."""
    if game.num_followers == 1:
        payoffs, treeplex = linear_payoffs(game, plan), game.treeplexes[1]
        paid = (payoffs * plan_of(treeplex, play[0])[None]).sum(axis=1)
        gap = best_value(treeplex, payoffs[1]) - paid[1]
    elif found.earned is not None and found.gaps is not None:
        paid = jnp.roll(found.earned, 1, axis=0)  # the leader first
        gap = found.gaps.max(axis=0)
    else:
        plans = [plan_of(one, own) for one, own in zip(game.treeplexes[1:], play, strict=True)]
        induced = induce(game, plan)
        paid, gap = expected(game, induced, plans), jnp.stack(best_gains(game, induced, plans)).max(axis=0)
    return Answer(tuple(play), paid, jnp.maximum(gap, 0.0))


def discount_of(follower: CfrFollowers) -> Callable[[Array], Discount]:
    """How iterations count, as the settings say."""
    powers = {name: getattr(follower, name) for name in ("alpha", "beta", "gamma") if hasattr(follower, name)}
    return discounts(follower.kind, **powers)


def regret_matching(follower: CfrFollowers) -> FollowerRule:
    """Followers who match regrets, for a fixed number of iterations."""
    discount = discount_of(follower)

    def answer(game: ExtensiveGame, key: Any, plan: Any) -> Answer:
        del key
        remembers = game.num_followers > 1 and not follower.alternating and follower.play != "average"
        sequences = sum(own.mask.size for own in game.treeplexes[1:])
        profiles = 0 if game.num_followers == 1 else (1 + game.num_followers) * game.profile_rows.shape[1]

        def of(plans: Array) -> Answer:
            if game.num_followers == 1:
                learners = lone(game, linear_payoffs(game, plans)[1])
            else:
                learners = followers_of(game, induce(game, plans))
            state = regret_start(learners, plans[-1], remembers)
            found = learnt(learners, regret_steps(learners, state, follower.iterations, discount, follower.alternating))
            return answer_of(game, plans, found, found.average)

        return _batched(plan, of, 4 * (5 * sequences + profiles))

    return FollowerRule(answer, f"{follower.kind}, {follower.iterations} iterations", learns=True)


def sampler_of(follower: Any, game: ExtensiveGame, learners: tuple[int, ...]) -> InTurn:
    """How ``learners``, players with the leader 0, learn from draws as the settings say."""
    if isinstance(follower, AbcsFollowers):
        options = {name: getattr(follower, name) for name in ("cooling", "significance", "window", "frontier")}
        by_reach = follower.average == "reach"
        return Branching(game, learners, temperature=follower.temperature, by_reach=by_reach, **options)
    if isinstance(follower, BoltzmannFollowers):
        return Boltzmann(game, learners, temperature=follower.temperature, cooling=follower.cooling)
    return ExternalSampling(game, learners)


def sampled(follower: Any) -> FollowerRule:
    """Followers who learn from draws, for a fixed number of iterations; every commitment meets followers of its own."""

    def answer(game: ExtensiveGame, key: Any, plan: Any) -> Answer:
        learners = tuple(range(1, 1 + game.num_followers))
        sampler = sampler_of(follower, game, learners)
        played = sampler.last if getattr(follower, "play", "average") == "last" else sampler.average

        def one(leader: Array, number: Array) -> tuple[Any, Array]:
            state = sampler.start(leader.dtype)
            state = sampler.steps(state, jax.random.fold_in(key, number), follower.iterations, {0: leader})
            dropped = getattr(state, "dropped", jnp.zeros((), jnp.int32)).astype(leader.dtype) / follower.iterations
            return tuple(played(state, i) for i in range(len(learners))), dropped

        def of(plans: Array, numbers: Array) -> Answer:
            leader = behaviour_of(game.treeplexes[0], plans)
            play, dropped = jax.vmap(one, in_axes=-1, out_axes=-1)(leader, numbers)
            found = answer_of(game, plans, Learnt(play, play), play)
            return found._replace(dropped=dropped) if isinstance(sampler, Branching) else found

        return _batched(plan, of, CACHE, numbered=True)

    def kept(game: ExtensiveGame) -> int:
        learners = tuple(range(1, 1 + game.num_followers))
        state = jax.eval_shape(lambda: sampler_of(follower, game, learners).start(jnp.float32))
        return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(state))

    return FollowerRule(answer, f"{follower.kind}, {follower.iterations} iterations", learns=True, is_drawn=True, kept=kept)


RULES: dict[str, Callable[[Any], FollowerRule]] = {
    **rules.RULES,
    **dict.fromkeys(("cfr", "cfr-plus", "dcfr", "lcfr"), regret_matching),
    **dict.fromkeys(("es-mccfr", "bql", "abcs"), sampled),
}
