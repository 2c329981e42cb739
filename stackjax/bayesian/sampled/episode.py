"""A Stackelberg episode by samples: followers learn against a leader that acts on what it sees, and then it is paid.

Nothing here has the size of a type profile, of an action profile or of a decision tree. No batch axes: callers ``vmap``.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.acting import Decisions, Episode, Leader
from stackjax.bayesian.followers.at_once import check_turns
from stackjax.bayesian.games.base import Game, observation_size
from stackjax.bayesian.games.type_blocks import TypeBlocks, TypeSampler, types_of
from stackjax.bayesian.sampled.hashing import NOTHING, Noise, Sketch, empty_sketch, estimated_count, mixed, with_decisions
from stackjax.bayesian.sampled.learners import Learners
from stackjax.bayesian.sampled.plays import fresh_word, play_all, play_out, play_rounds
from stackjax.types import Array, PRNGKey, PyTree

__all__ = ["Setting", "draw_paid", "learn_rounds", "play_episode"]


class Setting(NamedTuple):
    """A game, how its followers learn, and for how long: ``num_rounds``, then ``num_reward_episodes`` that are paid."""

    game: Game
    learners: Learners
    num_rounds: int
    num_reward_episodes: int
    reward_play: str

    @property
    def types(self) -> TypeBlocks | TypeSampler:
        return types_of(self.game.type_prior)


def deviations(num_actions: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """``who`` and ``shift`` ``[P - 1]``: a play for every follower and every action that is not the one it drew."""
    pairs = [(i, d) for i, count in enumerate(num_actions) for d in range(1, count)]
    return (np.array([p[0] for p in pairs], np.int32), np.array([p[1] for p in pairs], np.int32))


def profile_of(game: Game, drawn: Array, play: Array) -> Array:
    """Actions ``[N]`` in a play of a round in which ``drawn [N]`` were drawn: play 0 is that; others have one deviation."""
    who, shift = (jnp.asarray(np.r_[0, one], jnp.int32)[play] for one in deviations(game.num_actions))
    other = (drawn[who] + shift) % jnp.asarray(game.num_actions, jnp.int32)[who]
    return jnp.where(jnp.arange(game.num_followers, dtype=jnp.int32) == who, other, drawn)


class Rounds(NamedTuple):
    """Types and drawn actions of all rounds of learning, ``[T, N]``."""

    types: Array
    drawn: Array


def learn_rounds(
    setting: Setting,
    leader: Leader,
    noise: Noise | None,
    key: PRNGKey,
    gather: Callable[[PyTree, Array, Array, Array], PyTree] | None = None,
    held: PyTree = None,
    fresh: Callable[[Array], Array | None] = lambda _: None,
) -> tuple[tuple[PyTree, ...], Rounds | None, PyTree]:
    """What the followers have learned after all rounds, what was drawn in these if decisions are gathered, and ``held``."""
    game, learners, blocks = setting.game, setting.learners, setting.types
    check_turns(learners.closed, learners.num_types, setting.num_rounds)
    who, _ = deviations(game.num_actions)
    each, everyone, count = 1 + np.arange(len(who)), np.arange(game.num_followers), blocks.num_uniforms
    uniforms = jax.random.uniform(key, (setting.num_rounds, count + game.num_followers))

    def draw(learned: Any, t: Array) -> tuple[Array, Array]:
        uniform = uniforms[jnp.minimum(t, setting.num_rounds - 1)]
        types = blocks.draw(uniform[:count])
        if learners.closed is not None:
            types = jnp.full_like(types, t % learners.num_types[0])
        drawn = learners.draw(learners.rows(learned[0], types), uniform[count:])
        profiles = jax.vmap(partial(profile_of, game, drawn))(jnp.arange(1 + len(who), dtype=jnp.int32))
        return jnp.tile(types[None], (len(profiles), 1)), profiles

    def learn(learned: Any, t: Array, types: Array, actions: Array, paid: Array) -> Any:
        (states, rounds), followers = learned, paid[:, 1:]  # sliced first, so that XLA leaves out the leader's
        payoffs = jnp.zeros((game.num_followers, max(game.num_actions)))
        payoffs = payoffs.at[everyone, actions[0]].set(followers[0])
        payoffs = payoffs.at[who, actions[each, who]].set(followers[each, who])
        seen = game.learned_from(payoffs) if learners.closed is None else payoffs
        states = learners.learn(states, types[0], actions[0], seen)
        if rounds is None:
            return states, None
        is_now = (jnp.arange(setting.num_rounds, dtype=jnp.int32) == t)[:, None]
        rounds = jax.tree.map(lambda old, new: jnp.where(is_now, new[None], old), rounds, Rounds(types[0], actions[0]))
        return states, rounds

    nothing = jnp.zeros((setting.num_rounds, game.num_followers), jnp.int32)
    start = learners.init(), None if gather is None else Rounds(nothing, nothing)
    (states, rounds), held = play_rounds(game, leader, noise, setting.num_rounds, start, draw, learn, gather, held, fresh)
    return states, rounds, held


def reward_actions(setting: Setting, strategies: Array, types: Array, uniform: Array) -> Array:
    """Actions int ``[N]`` at ``types`` as ``reward_play`` has it, of ``strategies [N, K, A]``."""
    rows = jnp.take_along_axis(strategies, types[:, None, None], axis=1)[:, 0]  # [N, A]
    if setting.reward_play == "argmax":
        return rows.argmax(axis=-1).astype(jnp.int32)
    ends = jnp.cumsum(rows, axis=-1)
    return (uniform[:, None] * ends[:, -1:] >= ends[:, :-1]).sum(axis=-1, dtype=jnp.int32)


def draw_paid(setting: Setting, strategies: Array, key: PRNGKey, count: int, *given: Array) -> tuple[Array, Array]:
    """Types and actions ``[count, N]`` of sub-episodes that are paid; ``given`` may be a follower and its type."""
    blocks = setting.types
    uniform = jax.random.uniform(key, (count, blocks.num_uniforms + setting.game.num_followers))
    types = jax.vmap(lambda own: blocks.draw(own, *given))(uniform[:, : blocks.num_uniforms])
    return types, jax.vmap(partial(reward_actions, setting, strategies))(types, uniform[:, blocks.num_uniforms :])


def play_episode(
    setting: Setting, leader: Leader, key: PRNGKey, num_distinct: int, num_own: int, fresh_noise: bool = False
) -> Episode:
    """One Stackelberg episode of a leader that explores: equal observations get equal noise, and so equal actions.

    Args:
      num_distinct: how many distinct decisions are kept at most.
      num_own: decisions of paid sub-episodes that are kept.
      fresh_noise: draw noise at every decision anew, so that the leader commits to nothing; for experiments alone.
    """
    game, learners = setting.game, setting.learners
    noise_key, kept_key, rounds_key, paid_key = jax.random.split(key, 4)
    noise = Noise.of(noise_key, observation_size(game), leader)
    if fresh_noise:
        noise = noise._replace(correlation=0.0)
    salt, own_salt = jax.random.bits(kept_key, (2,), jnp.uint32)  # which decisions are kept does not depend on their noise

    def gather(held: _Held, t: Array, hashes: Array, places: Array) -> _Held:
        keyed = jnp.where(hashes == NOTHING, NOTHING, jnp.minimum(mixed(hashes ^ salt), NOTHING - 1))
        num_made = held.num_made + (hashes != NOTHING).sum(dtype=jnp.int32)
        return held._replace(distinct=with_decisions(held.distinct, keyed, t * of_round + places), num_made=num_made)

    def gather_paid(held: _Held, _: Array, hashes: Array, places: Array) -> _Held:
        spread = jnp.minimum(mixed(places.astype(jnp.uint32) ^ own_salt), NOTHING - 1)
        own = with_decisions(held.own, jnp.where(hashes == NOTHING, NOTHING, spread), learning + places)
        return gather(held, jnp.int32(setting.num_rounds), hashes, places)._replace(own=own)

    of_round = (1 + len(deviations(game.num_actions)[0])) * game.num_decisions  # decisions of a round, at most
    learning = jnp.int32(setting.num_rounds * of_round)
    fresh = lambda t: mixed(noise.salt + t.astype(jnp.uint32)) if fresh_noise else None
    nothing = _Held(empty_sketch(num_distinct), empty_sketch(num_own), jnp.int32(0))
    states, rounds, held = learn_rounds(setting, leader, noise, rounds_key, gather, nothing, fresh)
    assert rounds is not None

    num_learned, strategies = held.num_made, learners.strategies(states)
    types, actions = draw_paid(setting, strategies, paid_key, setting.num_reward_episodes)
    paid_fresh = fresh(jnp.int32(setting.num_rounds))
    paid, held = play_all(game, leader, noise, types, actions, gather_paid, held, paid_fresh)
    payoffs = paid[:, 0]

    def again(place: Array) -> tuple[Array, Array]:
        """Observation and choice at a decision of this episode."""
        t, paid_play = place // of_round, (place - learning) // game.num_decisions
        play, is_paid = (place % of_round) // game.num_decisions, place >= learning
        either = lambda paid, learned: jnp.where(is_paid, paid, learned)
        own_types = either(types[paid_play], rounds.types[t])
        own_actions = either(actions[paid_play], profile_of(game, rounds.drawn[t], play))
        learned_fresh = fresh(t)
        word = None
        if paid_fresh is not None and learned_fresh is not None:
            word = either(fresh_word(paid_fresh, paid_play), fresh_word(learned_fresh, play))
        seen = play_out(game, leader, noise, own_types, own_actions, word)
        level = place % game.num_decisions
        return seen.observations[level], seen.choices[level]

    is_kept = (held.own.hashes != NOTHING).astype(payoffs.dtype)
    of = jnp.where(held.own.hashes != NOTHING, (held.own.places - learning) // game.num_decisions, 0)
    each = (held.num_made - num_learned).astype(payoffs.dtype) / setting.num_reward_episodes  # decisions of a sub-episode
    total = estimated_count(held.distinct)
    is_held = (held.distinct.hashes != NOTHING).astype(payoffs.dtype)
    return Episode(
        total_return=payoffs.mean(),
        sampling_variance=payoffs.var() / setting.num_reward_episodes,
        distinct=Decisions(*jax.vmap(again)(held.distinct.places), is_held * total / jnp.maximum(is_held.sum(), 1.0)),
        own=Decisions(*jax.vmap(again)(held.own.places), is_kept * each / jnp.maximum(is_kept.sum(), 1.0)),
        own_payoffs=payoffs[of],
        own_hidden=_hidden(setting, types[of], strategies),
        num_decisions=held.num_made,
        num_distinct=total,
    )


class _Held(NamedTuple):
    """What an episode keeps of its decisions: distinct ones, those of paid sub-episodes, and how many there were."""

    distinct: Sketch
    own: Sketch
    num_made: Array


def _hidden(setting: Setting, types: Array, strategies: Array) -> Array:
    """``[q, H]`` types, each as a vector, and all strategies, which are the same throughout."""
    sizes = setting.game.num_types
    rows = [jax.nn.one_hot(types[:, i], size) for i, size in enumerate(sizes) if size > 1]
    tables = jnp.tile(strategies.reshape(1, -1), (len(types), 1))
    return jnp.concatenate([*rows, tables], axis=1)
