"""All players of a game learn against each other, nobody commits: what others compare algorithms by."""

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.errors import InputError, require_count, require_is
from stackjax.extensive.certificate import nash_conv
from stackjax.extensive.cfr import everybody, learnt, regret_start, regret_steps
from stackjax.extensive.followers import BoltzmannFollowers, CfrFollowers, CfrPlusFollowers, SampledCfrFollowers
from stackjax.extensive.learning import discount_of, sampler_of
from stackjax.extensive.treeplex import ExtensiveGame

__all__ = ["SelfPlay", "self_play"]


class SelfPlay(NamedTuple):
    """What all players of a game learned together, by seeds ``S``.

    Attributes:
      iterations: ``[C]`` after which the following was told.
      nash_conv: ``[C, S]`` the sum over players of what each gains by a best reply to the others' averages, game units.
      nodes: ``[C, S]`` how many steps of the game there had been, for kinds that walk the tree (bql, abcs); else None.
      average: of each player, leader first, ``[I, A, S]`` the behaviour of its average at the end.
    """

    iterations: np.ndarray
    nash_conv: np.ndarray
    nodes: np.ndarray | None
    average: tuple[np.ndarray, ...]


def self_play(
    game: ExtensiveGame, followers: Any = None, *, told: Sequence[int] = (), seeds: int = 1, seed: int = 0
) -> SelfPlay:
    """Lets all players of a game learn against each other, the leader too, and tells how far from equilibrium they are.

    Args:
      game: the rules.
      followers: how they learn, `ExtensiveFollowers` of a kind that learns; by default ``ExtensiveFollowers("cfr-plus",
        alternating=True)``.
      told: after which iterations `nash_conv` is told; by default after the last alone, as ``followers`` have it.
      seeds: how many runs there are, of kinds that draw.
      seed: the first of them; the others count on from it.

    Raises:
      InputError: the kind does not learn, or draws nothing and there are several seeds, or ``told`` is not in ascending order.
    """
    require_is("game", game, ExtensiveGame, "an ExtensiveGame, for example sx.make('kuhn')")
    followers = CfrPlusFollowers(alternating=True) if followers is None else followers
    kinds = CfrFollowers, SampledCfrFollowers, BoltzmannFollowers
    require_is("followers", followers, kinds, 'of a kind that learns, for example ExtensiveFollowers("cfr-plus")')
    require_count("seeds", seeds)
    require_count("seed", seed, least=0, most=2**31 - 1 - seeds)
    if seeds > 1 and isinstance(followers, CfrFollowers):
        raise InputError(f"seeds={seeds} must be 1: {followers.kind} draws nothing")
    after = [*told] or [followers.iterations]
    for earlier, count in itertools.pairwise([0, *after]):
        require_count("told", count)
        if count <= earlier:
            raise InputError(f"told={tuple(after)} must be in ascending order")
    start, steps = (_regrets if isinstance(followers, CfrFollowers) else _draws)(game, followers, range(seed, seed + seeds))
    state, gaps, nodes = jax.jit(start)(), [], []
    played: tuple[np.ndarray, ...] = ()
    compiled = jax.jit(steps)  # one program for any number of iterations
    for earlier, count in itertools.pairwise([0, *after]):
        state, average = compiled(state, count - earlier)
        played = tuple(np.asarray(own, np.float64) for own in average)
        gaps.append([nash_conv(game, [own[..., k] for own in played]) for k in range(seeds)])
        nodes.append(np.asarray(getattr(state, "nodes", 0)))
    return SelfPlay(np.asarray(after), np.asarray(gaps), np.stack(nodes) if nodes[0].ndim else None, played)


Functions = tuple[Callable[[], Any], Callable[[Any, int], tuple[Any, Any]]]


def _regrets(game: ExtensiveGame, followers: CfrFollowers, seeds: range) -> Functions:
    """The first state, and that after more iterations with averages ``[I, A, S]``."""
    like, discount = jnp.zeros(len(seeds)), discount_of(followers)

    def steps(state: Any, count: int) -> Any:
        learners = everybody(game, like)
        once = lambda _, state: regret_steps(learners, state, 1, discount, followers.alternating)
        state = jax.lax.fori_loop(0, count, once, state)
        return state, learnt(learners, state).average

    return (lambda: regret_start(everybody(game, like), like, False)), steps


def _draws(game: ExtensiveGame, followers: Any, seeds: range) -> Functions:
    """The same of kinds that draw; states have the seed as the first axis."""
    players = tuple(range(len(game.treeplexes)))
    sampler, keys = sampler_of(followers, game, players), jax.vmap(jax.random.key)(jnp.asarray(seeds))

    def steps(state: Any, count: int) -> Any:
        once = jax.vmap(lambda state, key: sampler.steps(state, key, 1, {}))
        state = jax.lax.fori_loop(0, count, lambda _, state: once(state, keys), state)
        averages = lambda state: tuple(sampler.average(state, i) for i in players)
        return state, jax.vmap(averages, out_axes=-1)(state)

    first = functools.partial(sampler.start, jnp.result_type(float))
    return (lambda: jax.vmap(lambda _: first())(keys)), steps
