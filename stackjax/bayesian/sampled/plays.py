"""Sub-episodes played out against a leader that acts on observations: one with all that is seen, or many after one another."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.acting import Leader
from stackjax.bayesian.games.base import Game
from stackjax.bayesian.sampled.hashing import NOTHING, Noise, hash_of, mixed
from stackjax.types import Array, PyTree

__all__ = ["SubEpisode", "fresh_word", "play_all", "play_out", "play_rounds"]

IN_A_ROW = 32  # sub-episodes that one lane plays, at most
FEWEST_AT_ONCE = 4  # decisions until they are gathered, and until it is seen whether the round is over


class SubEpisode(NamedTuple):
    """The leader's decisions of a sub-episode, leaves ``[L, ...]`` with ``hashes`` `NOTHING` after its end; all payoffs."""

    hashes: Array
    observations: Array
    choices: Array
    payoffs: Array  # [1 + N] game units, leader first


class _Lane(NamedTuple):
    """Sub-episodes that are played one after the other: which is being played, its decision, and its state."""

    play: Array
    level: Array
    state: PyTree


class _InRound(NamedTuple):
    """In the middle of round ``t``: its types and actions ``[P, N]``, lanes and their last states, learning, what is held."""

    t: Array
    types: Array
    actions: Array
    lane: _Lane
    last: PyTree
    learned: PyTree
    held: PyTree


def _decide(
    game: Game, leader: Leader, noise: Noise | None, types: Array, state: PyTree, level: Array, fresh: Array | None
) -> tuple[PyTree, Array, tuple[Array, Array, Array]]:
    """The state after a decision, whether it was the last, and the decision: hash, observation, choice."""
    observation = game.observe(state)
    hashed = hash_of(observation)
    source = hashed if fresh is None else mixed(fresh + level.astype(jnp.uint32))
    choice = leader.choose(observation, jnp.zeros(0) if noise is None else noise.at(observation, source))
    action = game.leader_actions.from_box(leader.to_action(choice))
    outcome = game.respond(types, state, action)
    ends = (outcome >= game.num_continuing_outcomes) | (level + 1 >= game.num_decisions)
    return game.advance(state, action, outcome), ends, (hashed, observation, choice)


def play_out(
    game: Game, leader: Leader, noise: Noise | None, types: Array, actions: Array, fresh: Array | None = None
) -> SubEpisode:
    """One sub-episode after the followers' ``actions`` ``[N]``; a leader that explores does so by ``noise`` at what it sees.

    With ``fresh``, a number that no other sub-episode has, noise depends on that and on the decision instead.
    """

    def step(carry: tuple[PyTree, Array], level: Array) -> tuple[tuple[PyTree, Array], tuple[Array, Array, Array]]:
        state, is_over = carry
        after, ends, (hashed, observation, choice) = _decide(game, leader, noise, types, state, level, fresh)
        after = jax.tree.map(lambda new, old: jnp.where(is_over, old, new), after, state)
        return (after, is_over | ends), (jnp.where(is_over, NOTHING, hashed), observation, choice)

    start = game.start(actions), jnp.bool_(False)
    (state, _), decisions = jax.lax.scan(step, start, jnp.arange(game.num_decisions, dtype=jnp.int32))
    return SubEpisode(*decisions, game.payoffs(types, actions, state))


def fresh_word(fresh: Array, play: Array) -> Array:
    """What `play_out` takes as ``fresh`` to play sub-episode ``play`` of `play_rounds` again."""
    return mixed(fresh + play.astype(jnp.uint32) * jnp.uint32(0x01000193))


def play_rounds(
    game: Game,
    leader: Leader,
    noise: Noise | None,
    num_rounds: int,
    start: PyTree,
    draw: Callable[[PyTree, Array], tuple[Array, Array]],
    learn: Callable[[PyTree, Array, Array, Array, Array], PyTree],
    gather: Callable[[PyTree, Array, Array, Array], PyTree] | None = None,
    held: PyTree = None,
    fresh: Callable[[Array], Array | None] = lambda _: None,
) -> tuple[PyTree, PyTree]:
    """Rounds of P sub-episodes each, and what is learned after each of them; ``(start, held)`` after all.

    Sub-episodes are of all lengths. Those of a round are played one after the other, so that one that ends early makes room
    for the next, and where a batch of these is ``vmap``ped no element waits for the rounds of others to end.

    Args:
      draw: ``(learned, t) -> types, actions``, both ``[P, N]``, of a round.
      learn: ``(learned, t, types, actions, payoffs [P, 1 + N]) -> learned`` after a round.
      gather: ``(held, t, hashes [n], places [n]) -> held``, called until every decision was told once, in no order. A place is
        the sub-episode times ``num_decisions``, plus the decision; where the hash is `NOTHING` there is none.
      fresh: of a round, for noise that is drawn anew at every decision.
    """
    first_types, first_actions = draw(start, jnp.int32(0))
    count = len(first_actions)
    lanes = -(-count // IN_A_ROW)
    size = -(-count // lanes)
    at_once = max(FEWEST_AT_ONCE, size)  # a round takes no less
    how_many = jnp.asarray(np.clip(count - size * np.arange(lanes), 0, size), jnp.int32)
    first = size * jnp.arange(lanes, dtype=jnp.int32)
    apart = lambda rows: jnp.pad(rows, ((0, lanes * size - count), (0, 0)), mode="edge").reshape(lanes, size, -1)

    def opened(actions: Array) -> tuple[_Lane, PyTree]:
        """Lanes at their first sub-episodes, and the states of all, ``[lanes, s, ...]``."""
        states = jax.vmap(jax.vmap(game.start))(apart(actions))
        nothing = jnp.zeros(lanes, jnp.int32)
        return _Lane(nothing, nothing, jax.tree.map(lambda leaf: leaf[:, 0], states)), states

    def step(
        lane: _Lane, types: Array, actions: Array, first: Array, end: Array, word: Array | None
    ) -> tuple[_Lane, tuple[Array, Array, PyTree, Array]]:
        index = jnp.minimum(lane.play, size - 1)
        play, is_made = first + index, lane.play < end
        own = None if word is None else fresh_word(word, play)
        after, ends, (hashed, _, _) = _decide(game, leader, noise, types[index], lane.state, lane.level, own)
        following = game.start(actions[jnp.minimum(index + 1, size - 1)])
        state = jax.tree.map(lambda new, old: jnp.where(ends, new, old), following, after)
        moved = _Lane(lane.play + (ends & is_made).astype(jnp.int32), jnp.where(ends, 0, lane.level + 1), state)
        place = play * game.num_decisions + lane.level
        return moved, (jnp.where(is_made, hashed, NOTHING), place, after, jnp.where(ends & is_made, index, size))

    def put(last: PyTree, after: PyTree, ended: Array) -> PyTree:
        """``last`` states ``[s, ...]`` of a lane's sub-episodes, of which those of indices ``ended [n]`` have ended."""
        here = ended[None] == jnp.arange(size, dtype=jnp.int32)[:, None]
        found, at = here.any(axis=1), jnp.where(here, jnp.arange(len(ended), dtype=jnp.int32)[None], 0).sum(axis=1)
        return jax.tree.map(lambda old, new: jnp.where(found.reshape(-1, *(1,) * (old.ndim - 1)), new[at], old), last, after)

    def body(carry: _InRound) -> _InRound:
        t, types, actions, lane, last, learned, held = carry
        types_of, actions_of, word = apart(types), apart(actions), fresh(t)
        in_lane = lambda lane, types, actions, first, end: step(lane, types, actions, first, end, word)
        together = lambda lane, _: jax.vmap(in_lane)(lane, types_of, actions_of, first, how_many)
        lane, (hashes, places, after, ended) = jax.lax.scan(together, lane, None, length=at_once)
        last = jax.vmap(put, (0, 1, 1))(last, after, ended)
        if gather is not None:
            hashes = jnp.where(t < num_rounds, hashes, NOTHING)
            held = gather(held, t, hashes.ravel(), places.ravel())
        is_over = (lane.play >= how_many).all() & (t < num_rounds)
        either = lambda new, old: jax.tree.map(lambda new, old: jnp.where(is_over, new, old), new, old)
        flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:])[:count], last)
        payoffs = jax.vmap(game.payoffs)(types, actions, flat)
        learned = either(learn(learned, t, types, actions, payoffs), learned)
        t = t + is_over.astype(jnp.int32)
        types, actions = either(draw(learned, t), (types, actions))
        lane, last = either(opened(actions), (lane, last))
        return _InRound(t, types, actions, lane, last, learned, held)

    carry = _InRound(jnp.int32(0), first_types, first_actions, *opened(first_actions), start, held)
    found = jax.lax.while_loop(lambda carry: carry.t < num_rounds, body, carry)
    return found.learned, found.held


def play_all(
    game: Game,
    leader: Leader,
    noise: Noise | None,
    types: Array,
    actions: Array,
    gather: Callable[[PyTree, Array, Array, Array], PyTree] | None = None,
    held: PyTree = None,
    fresh: Array | None = None,
) -> tuple[Array, PyTree]:
    """Sub-episodes of ``types`` and ``actions`` ``[P, N]``: payoffs ``[P, 1 + N]``, and ``held`` as in `play_rounds`."""
    nothing = jnp.zeros((len(actions), 1 + game.num_followers))
    draw, learn = lambda *_: (types, actions), lambda *seen: seen[-1]
    return play_rounds(game, leader, noise, 1, nothing, draw, learn, gather, held, lambda _: fresh)
