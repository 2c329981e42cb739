"""What followers answer, and what the leader is paid while they keep to it: the regions that commitments fall into.

An *answer* is an action for each type of each follower, int ``[K_1 + ... + K_N]``. The commitments with the same answer make a
region; within it the leader's payoff varies as the rules do, and at its border a follower is indifferent. With one follower
and no private types, the regions are those of the multiple linear programmes of Conitzer and Sandholm (2006).

All that an answer is worth, and how that varies, follows from the profiles of types with what they answer (P of them, *obeyed*)
and with each other action of one follower: with four followers of three types and two actions 405 rows of a table of 1,296.
"""

import math
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.followers.joint_play import marginal_strategies
from stackjax.bayesian.followers.rounds import all_profiles, profile_index
from stackjax.bayesian.games.base import Game
from stackjax.bayesian.games.induced import InducedGame
from stackjax.bayesian.pomdp.commitment import as_made, play_profile
from stackjax.bayesian.pomdp.tree import DecisionTree
from stackjax.problem import Nearby
from stackjax.types import Array, ArrayLike

__all__ = ["answer_of", "nearby", "risk", "stay", "tied_loss", "worst_pure"]

MOST_ANSWERS = 64


def answer_of(game: InducedGame, play: Array) -> Array:
    """The likeliest action of each follower at each type, int32 ``[K_1 + ... + K_N]``, in ``play [K_1..K_N, A_1..A_N]``."""
    return jnp.concatenate([table.argmax(axis=1).astype(jnp.int32) for table in marginal_strategies(game, play)])


def stay(game: InducedGame, answer: Array) -> Nearby:
    """What the leader is paid, and what followers lose by deviating from ``answer``, given their type; no batch axes."""
    chex.assert_shape(answer, (sum(game.num_types),))
    obeyed, deviations = _places(game, answer)
    paid = [_at(table, places) for table, places in zip(game.follower_payoffs, deviations, strict=True)]
    return _compared(game, _at(game.leader_payoff, obeyed), paid, answer)


def risk(game: InducedGame, change: InducedGame, answer: Array, tie: float) -> Array:
    """What the leader loses if one type of one follower, whose loss is below ``tie``, deviates from ``answer``; at least 0.

    Ties that stay as they are under ``change``, the derivative of ``game`` along some change of the commitment, do not count:
    no commitment nearby avoids them, and followers break them one way.
    """
    is_close = (stay(game, answer).slack < tie) & (stay(change, answer).slack != 0)
    return jnp.where(is_close, _leader_loses(game, answer), 0.0).max(initial=0.0)


def tied_loss(game: InducedGame, answer: Array, tie: float) -> Array:
    """What the leader loses if every type of every follower takes, by itself, its worst of the actions that it likes as well.

    Exact for one follower: what all of its best replies may cost. At least 0.
    """
    lost = jnp.where(stay(game, answer).slack < tie, _leader_loses(game, answer), 0.0)
    found, start = jnp.zeros((), lost.dtype), 0
    for kinds, size in zip(game.num_types, game.num_actions, strict=True):
        found += lost[start : start + kinds * size].reshape(kinds, size).max(axis=1).clip(0.0).sum()
        start += kinds * size
    return found


def worst_pure(game: InducedGame, tie: float) -> Array:
    """The least that the leader is paid where all types of all followers hold to one action each, none of which gains more than
    ``tie`` by another; infinite where there is no such answer, or more than `MOST_ANSWERS` to look at.
    """
    choices = [n for types, n in zip(game.num_types, game.num_actions, strict=True) for _ in range(types)]
    if game.num_followers == 1 or math.prod(choices) > MOST_ANSWERS:
        return jnp.asarray(jnp.inf)
    found = jax.vmap(lambda answer: stay(game, answer))(jnp.asarray(all_profiles(tuple(choices)), jnp.int32))
    return jnp.where(found.slack.min(axis=1) >= -tie, found.payoff, jnp.inf).min()


def nearby(game: Game, tree: DecisionTree, commitment: Array, answer: Array) -> tuple[Nearby, Nearby]:
    """`stay` in the game that ``commitment [O, ...]`` leaves, and the slopes of that, ``[O, ...]`` and ``[M, O, ...]``.

    By the rules of what is obeyed and of single deviations alone; a row depends on no node but those on its own path.
    """
    (actions, node_of), n = as_made(game, tree, commitment), game.num_followers

    def one(types: Array, play: Array, place: Array) -> tuple[Array, Array, Array]:
        def payoffs(change: Array) -> tuple[Array, tuple[Array, Array]]:
            played = play_profile(game, tree, types, play, place, lambda level, node: actions[node] + change[level])
            return played.payoffs, (played.payoffs, played.nodes)

        still = jnp.zeros((game.num_decisions, *actions.shape[1:]), actions.dtype)
        derivative = jax.jacfwd if still.size <= 2 * (1 + game.num_followers) else jax.jacrev
        slopes, (paid, nodes) = derivative(payoffs, has_aux=True)(still)
        return paid, slopes, node_of[nodes]

    obeyed, deviations = _places(game, answer)
    places = jnp.concatenate([obeyed[None], *(place[1:] for place in deviations)])  # [S, P]
    plays = jnp.asarray(all_profiles(game.num_actions), jnp.int32)[places]
    types = jnp.asarray(all_profiles(game.num_types), jnp.int32)
    paid, slopes, nodes = jax.vmap(jax.vmap(one), (None, 0, 0))(types, plays, places)  # [S, P, 1 + N], [.., L, ...], [S, P, L]

    sums = _sums(game)
    own = [paid[[row for row, owner in zip(sums.row, sums.whose, strict=True) if owner == 1 + i], :, 1 + i] for i in range(n)]
    here = _compared(game, paid[0, :, 0], own, answer)
    chances = [jnp.asarray(_own_chances(game, i), paid.dtype) for i in range(n)]
    summands = slopes[sums.row[:, None], np.arange(len(types))[None], sums.whose[:, None]]  # [B, P, L, ...]
    weight = jnp.asarray(sums.weight, paid.dtype).reshape(*sums.weight.shape, *(1,) * (summands.ndim - 2))
    nothing = jnp.zeros((1 + int(sums.sum.max()), *actions.shape), paid.dtype)
    totals = nothing.at[sums.sum[..., None], nodes[sums.row]].add(weight * summands)
    by_type, start = [], 1
    for kinds, size in zip(game.num_types, game.num_actions, strict=True):
        by_type.append(totals[start : start + size * kinds].reshape(size, kinds, *actions.shape))
        start += size * kinds
    weighted = partial(jnp.tensordot, axes=1, precision="highest")
    followers = [weighted(own, rows[0]) for own, rows in zip(chances, by_type, strict=True)]
    return here, Nearby(totals[0], _lost(game, by_type, answer), jnp.stack(followers))


class _Sums(NamedTuple):
    """What the slopes of rows ``[S, P]`` add up to; static, in B blocks of one summand for each profile of types.

    The first sum is the leader's payoff; then comes, by follower, action and type, what that pays the follower. Actions are
    counted from the one that is obeyed.

    Attributes:
      row, whose: int ``[B]`` the row of a block, and whose payoffs of it count (the leader is 0).
      sum: int ``[B, P]`` where summands are added.
      weight: ``[B, P]`` the probability of the types; for followers, given the follower's own.
    """

    row: np.ndarray
    whose: np.ndarray
    sum: np.ndarray
    weight: np.ndarray


def _sums(game: Game) -> _Sums:
    blocks: list[tuple[int, int, np.ndarray, np.ndarray]] = [(0, 0, np.zeros(_prior(game).size, int), _prior(game))]
    next_row, next_sum = 1, 1
    for i, (kinds, size) in enumerate(zip(game.num_types, game.num_actions, strict=True)):
        types, given_type = all_profiles(game.num_types)[:, i], _given_type(game, i)
        rows = [0, *range(next_row, next_row + size - 1)]
        blocks += [(row, 1 + i, next_sum + k * kinds + types, given_type) for k, row in enumerate(rows)]
        next_row, next_sum = next_row + size - 1, next_sum + size * kinds
    return _Sums(*(np.stack(column) for column in zip(*blocks, strict=True)))


def _prior(game: Game | InducedGame) -> np.ndarray:
    """``[P]``."""
    return np.asarray(game.type_prior, float).ravel()


def _given_type(game: Game | InducedGame, follower: int) -> np.ndarray:
    """``[P]`` the probability of a profile of types given the follower's own; 0 where that never comes up."""
    prior = np.asarray(game.type_prior, float)
    own = prior.sum(axis=tuple(axis for axis in range(prior.ndim) if axis != follower), keepdims=True)
    return np.where(own > 0, prior / np.where(own > 0, own, 1.0), 0.0).ravel()


def _own_chances(game: Game | InducedGame, follower: int) -> np.ndarray:
    """``[K_i]`` the probability of a follower's types."""
    prior = np.asarray(game.type_prior, float)
    return prior.sum(axis=tuple(axis for axis in range(prior.ndim) if axis != follower))


def _places(game: Game | InducedGame, answer: Array) -> tuple[Array, list[Array]]:
    """The place of the obeyed actions among all profiles, int ``[P]``, and of each follower's deviations, ``[A_i, P]``.

    The first of the deviations is none; the others follow in the order of actions.
    """
    obeyed = answer[np.cumsum([0, *game.num_types])[:-1] + all_profiles(game.num_types)].T  # [N, P]
    place, found = profile_index(game.num_actions, list(obeyed)), []
    for i, size in enumerate(game.num_actions):
        own = obeyed[i][None]
        others = (own + np.arange(size, dtype=np.int32)[:, None]) % size
        found.append(place[None] + (others - own) * math.prod(game.num_actions[i + 1 :]))
    return place, found


def _at(table: ArrayLike, places: Array) -> Array:
    """What ``table [K_1..K_N, A_1..A_N]`` holds at ``places [..., P]`` of each profile of types."""
    rows = jnp.asarray(table).reshape(places.shape[-1], -1)
    return jnp.take_along_axis(rows, places.reshape(-1, places.shape[-1]).T, axis=1).T.reshape(places.shape)


def _compared(game: Game | InducedGame, leader: Array, own: Sequence[Array], answer: Array) -> Nearby:
    """From what is paid: ``leader [P]`` for what is obeyed, and followers for their deviations, ``[A_i, P]`` each."""
    weights = [jnp.asarray(_given_type(game, i), leader.dtype)[None] for i in range(len(own))]
    by_type = [_by_type(game, i, weight * paid) for i, (weight, paid) in enumerate(zip(weights, own, strict=True))]
    followers = [(jnp.asarray(_own_chances(game, i), leader.dtype) * rows[0]).sum() for i, rows in enumerate(by_type)]
    payoff = (jnp.asarray(_prior(game), leader.dtype) * leader).sum()
    return Nearby(payoff, _lost(game, by_type, answer), jnp.stack(followers))


def _leader_loses(game: InducedGame, answer: Array) -> Array:
    """``[M]`` what each deviation costs the leader; the types' probabilities count."""
    leader = jnp.asarray(game.leader_payoff)
    prior = jnp.asarray(_prior(game), leader.dtype)[None]
    by_type = [_by_type(game, i, prior * _at(leader, places)) for i, places in enumerate(_places(game, answer)[1])]
    return _lost(game, by_type, answer)


def _by_type(game: Game | InducedGame, follower: int, values: Array) -> Array:
    """``values [A_i, P]`` summed over the others' types: ``[A_i, K_i]``."""
    axes = tuple(1 + axis for axis in range(len(game.num_types)) if axis != follower)
    return values.reshape(len(values), *game.num_types).sum(axis=axes)


def _lost(game: Game | InducedGame, paid: Sequence[Array], answer: Array) -> Array:
    """``[M, ...]`` how much less than what is obeyed each action pays, by follower, type and action.

    Args:
      paid: ``[A_i, K_i, ...]`` for each follower, actions counted from the one that is obeyed.
    """
    found, start = [], 0
    for values in paid:
        size, kinds, *more = values.shape
        far = (np.arange(size, dtype=np.int32)[None] - answer[start : start + kinds, None]) % size  # [K_i, A_i]
        lost = jnp.take_along_axis((values[:1] - values).swapaxes(0, 1), far.reshape(kinds, size, *(1,) * len(more)), axis=1)
        found.append(lost.reshape(kinds * size, *more))
        start += kinds
    return jnp.concatenate(found)
