"""How several followers who plan answer commitments, and what each of them could gain by another policy, exactly.

Everything is batch-last over commitments: a joint policy is the chances ``[T, S, J, *B]`` of joint actions, or ``[S, J, *B]``
if it is the same in every step. It may be correlated: a device advises each follower. A rule works out one *stage* after the
other, last step first: what joint actions are worth in a state, given what follows, is a matrix game.

Where an episode does not end, the joint policy is the first step's of an episode that is cut off where the rest is less than
rounding; what it is worth, and what others would gain, is exact all the same.
"""

from collections.abc import Callable
from typing import Any

import chex
import jax
import jax.numpy as jnp

from stackjax.arrays import added, lead
from stackjax.markov.answers import Length, Ties, swept
from stackjax.markov.game import InducedMarkovGame
from stackjax.types import Array

__all__ = [
    "apart",
    "expected",
    "joint_chances",
    "joint_values",
    "learned",
    "logit",
    "pure",
    "unilateral_values",
    "visited_policy",
]

Shape = tuple[int, ...]  # the actions of each follower


def joint_values(game: InducedMarkovGame, length: Length, policy: Array) -> Array:
    """``[1 + N, *B]`` what a joint policy is worth to everybody, leader first, game units."""
    pays = jnp.concatenate([game.leader_payoff[None], game.follower_payoffs])
    worth_of = lambda worth, chances: (added(lead(chances, worth.ndim) * worth, 2), None)
    return _through(game, length, pays, policy, worth_of)


def unilateral_values(game: InducedMarkovGame, length: Length, actions: Shape, policy: Array) -> Array:
    """``[N, *B]`` what each follower would earn by its best policy, which knows the time, if the others keep to theirs.

    It ignores whatever it is advised, so that it meets the others' chances summed over its own part of the advice.
    """

    def act(worth: Array, chances: Array) -> tuple[Array, None]:
        split = apart(worth, actions)
        shared = chances.reshape(chances.shape[0], *actions, *chances.shape[2:])
        best = []
        for i in range(len(actions)):
            own = added(shared, 1 + i)  # of the others' actions
            earned = jnp.expand_dims(own, 1 + i) * split[i]
            for axis in reversed([1 + j for j in range(len(actions)) if j != i]):
                earned = added(earned, axis)
            best.append(earned.max(axis=1))
        return jnp.stack(best), None

    return _through(game, length, game.follower_payoffs, policy, act)


def _through(game: InducedMarkovGame, length: Length, pays: Array, policy: Array, act: Callable[..., Any]) -> Array:
    """The values of the start under ``policy``, of what ``act`` makes of a stage's worths and chances."""
    chex.assert_shape(policy, (..., *game.leader_payoff.shape))
    is_timed = policy.ndim > game.leader_payoff.ndim
    by_step = act if is_timed else lambda worth, _: act(worth, policy)
    return length.scale * game.start(swept(game, length, pays, by_step, policy if is_timed else None)[0])


def apart(worth: Array, actions: Shape) -> Array:
    """``[M, S, A_1, ..., A_N, *B]`` of ``worth [M, S, J, *B]``."""
    return worth.reshape(*worth.shape[:2], *actions, *worth.shape[3:])


def _policy(game: InducedMarkovGame, length: Length, pays: Array, act: Callable[..., tuple[Array, Array]]) -> Array:
    policy = swept(game, length, pays, act)[1]
    return policy if length.ends else policy[0]


def pure(game: InducedMarkovGame, length: Length, actions: Shape, ties: Ties, tie: float, is_welfare: bool) -> Array:
    """``[T, S, J, *B]`` in each stage the joint action that followers regret least; a pure equilibrium where there is one.

    Args:
      actions: of each follower.
      ties: of those whose largest regret is within ``tie`` (game units of an episode's value) of the least, the leader's best
        (``"for"``) or worst (``"against"``).
      tie: see above.
      is_welfare: whether the leader likes what the followers earn in sum, or its own payoff.
    """
    pays = game.follower_payoffs if is_welfare else jnp.concatenate([game.follower_payoffs, game.leader_payoff[None]])
    count = len(actions)

    def act(worth: Array, _: None) -> tuple[Array, Array]:
        split = apart(worth[:count], actions)
        regret = jnp.stack([split[i].max(axis=1 + i, keepdims=True) - split[i] for i in range(count)]).max(axis=0)
        regret = regret.reshape(worth.shape[1:])
        is_stable = regret <= regret.min(axis=1, keepdims=True) + tie / length.scale
        likes = added(worth[:count], 0) if is_welfare else worth[count]
        signed = likes if ties == "for" else -likes
        chosen = jnp.where(is_stable, signed, -jnp.inf).argmax(axis=1)
        chances = jax.nn.one_hot(chosen, worth.shape[2], axis=1, dtype=worth.dtype)
        return added(lead(chances, worth.ndim) * worth, 2), chances

    return _policy(game, length, pays, act)


def expected(worth: Array, plays: list[Array], i: int) -> Array:
    """``[S, A_i, *B]`` what follower ``i`` expects of its actions in stages ``worth [S, A_1, ..., A_N, *B]``."""
    for j in reversed(range(len(plays))):
        if j != i:
            worth = jnp.expand_dims(added(worth * _along(plays[j], j, worth.ndim), 1 + j), 1 + j)
    return worth.reshape(plays[i].shape)


def _along(play: Array, j: int, ndim: int) -> Array:
    """``play [S, A_j, *B]`` with axes of length 1 for the other followers, ``ndim`` axes in all."""
    others = ndim - play.ndim
    return play.reshape(play.shape[0], *[1] * j, play.shape[1], *[1] * (others - j), *play.shape[2:])


def joint_chances(plays: list[Array]) -> Array:
    """``[S, J, *B]`` the chances of joint actions if followers draw by themselves, each of ``plays [S, A_i, *B]``."""
    ndim = plays[0].ndim - 1 + len(plays)
    joint = _along(plays[0], 0, ndim)
    for j, play in enumerate(plays[1:], 1):
        joint = joint * _along(play, j, ndim)
    return joint.reshape(joint.shape[0], -1, *plays[0].shape[2:])


def learned(game: InducedMarkovGame, length: Length, actions: Shape, rounds: int, step_size: float | Array) -> Array:
    """``[T, S, J, *B]`` joint play averaged over ``rounds`` of optimistic multiplicative weights in each stage.

    Chances are proportional to ``exp(step_size (sum of payoffs + the last ones) / range)``; payoffs are those expected against
    the others' chances, and the range is that of all followers' payoffs in all states, in that step.
    """

    def act(worth: Array, _: None) -> tuple[Array, Array]:
        spread = worth.max(axis=(0, 1, 2), keepdims=True) - worth.min(axis=(0, 1, 2), keepdims=True)
        scaled = apart(worth * (step_size / jnp.where(spread > 0, spread, 1.0)), actions)
        blank = [jnp.zeros((worth.shape[1], count, *worth.shape[3:]), worth.dtype) for count in actions]

        def round_(_: Array, carry: tuple[list[Array], list[Array], Array]) -> tuple[list[Array], list[Array], Array]:
            sums, last, played = carry
            plays = [_softmax(total + once) for total, once in zip(sums, last, strict=True)]
            seen = [expected(scaled[i], plays, i) for i in range(len(actions))]
            return [total + once for total, once in zip(sums, seen, strict=True)], seen, played + joint_chances(plays)

        nothing = jnp.zeros(worth.shape[1:], worth.dtype)
        played = jax.lax.fori_loop(0, rounds, round_, (blank, blank, nothing))[2]
        chances = played / rounds
        return added(chances[None] * worth, 2), chances

    return _policy(game, length, game.follower_payoffs, act)


def _softmax(logits: Array) -> Array:
    """Over actions, which are few: written out."""
    raised = jnp.exp(logits - logits.max(axis=1, keepdims=True))
    return raised / jnp.expand_dims(added(raised, 1), 1)


def logit(game: InducedMarkovGame, length: Length, actions: Shape, temperature: float | Array, rounds: int) -> Array:
    """``[T, S, J, *B]`` chances proportional to ``exp(Q / temperature)`` of what actions are worth against the others' chances.

    Each follower expects to answer best from the next step on. The chances of a stage are a fixed point, looked for in
    ``rounds`` steps, each half of the way: a logit equilibrium where it is reached.
    """

    def act(worth: Array, _: None) -> tuple[Array, Array]:
        split = apart(worth, actions)
        each = lambda plays: [expected(split[i], plays, i) for i in range(len(actions))]
        answer = lambda plays: [_softmax(one / temperature) for one in each(plays)]

        def closer(_: Array, plays: list[Array]) -> list[Array]:
            return [0.5 * (old + new) for old, new in zip(plays, answer(plays), strict=True)]

        plays = [jnp.full((worth.shape[1], count, *worth.shape[3:]), 1.0 / count, worth.dtype) for count in actions]
        if len(actions) > 1:
            plays = jax.lax.fori_loop(0, rounds, closer, plays)
        plays = answer(plays)
        best = jnp.stack([one.max(axis=1) for one in each(plays)])
        return best, joint_chances(plays)

    return _policy(game, length, game.follower_payoffs, act)


def visited_policy(game: InducedMarkovGame, length: Length, policy: Array) -> Array:
    """``[S, J, *B]`` the chances of joint actions in a state, averaged over its visits; over steps where it has none."""
    if policy.ndim == game.leader_payoff.ndim:
        return policy
    visits = jax.lax.scan(lambda here, chances: (game.moved(here, chances), here), game.first_visits(), policy)[1]  # [T, S, *B]
    total = visits.sum(axis=0, keepdims=True)
    weights = jnp.where(total > 0, visits / jnp.where(total > 0, total, 1.0), 1.0 / len(policy))
    return (weights[:, :, None] * policy).sum(axis=0)
