"""How followers play in the reward phase, once they have learned."""

from typing import Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.followers import rounds
from stackjax.bayesian.followers.base import known_rows
from stackjax.bayesian.followers.joint_play import long_run_play, most_likely, play_seen
from stackjax.bayesian.followers.response import Response
from stackjax.bayesian.followers.rounds import Draws
from stackjax.bayesian.followers.streams import Streams, next_uniforms
from stackjax.bayesian.games.induced import InducedGame
from stackjax.errors import require
from stackjax.types import Array

__all__ = ["RewardPhase", "RewardPlay", "check_reward_play", "draw_play", "expected_play", "play_reward_phase"]

RewardPlay = Literal["argmax", "mixed", "empirical"]


class RewardPhase(NamedTuple):
    """Sub-episodes in which the leader is paid, in ``s`` stretches: what each began with, and what it paid in all."""

    draws: Draws  # tuples over followers of int [s, B]
    payoffs: Array  # [s, B] summed over the stretch, game units
    first: np.ndarray  # [s] the index of each stretch's first sub-episode


_Place = tuple[Streams, Array | None]  # between two sub-episodes: random numbers to come, and the last joint action


def check_reward_play(reward_play: str) -> None:
    plays = get_args(RewardPlay)
    require("reward_play", repr(reward_play), reward_play in plays, f"one of {', '.join(plays)}")


def expected_play(reward_play: RewardPlay, num_reward_episodes: int, game: InducedGame, response: Response) -> Array:
    """The followers' play in the reward phase on average, given what they learned: ``[K_1..K_N, A_1..A_N, B]``.

    Given types; for followers with memory it is the mean over the sub-episodes of the phase.
    """

    def one(strategies: tuple[Array, ...], counts: Array | None, memory: Array | None) -> Array:
        strategies = most_likely(strategies) if reward_play == "argmax" else strategies
        play = long_run_play(game, strategies, memory, num_reward_episodes)
        return play_seen(counts, play) if reward_play == "empirical" and counts is not None else play

    return jax.vmap(one, -1, -1)(response.strategies, response.play_counts, response.memory)


def draw_play(
    reward_play: RewardPlay,
    uniform: Array,
    types: tuple[Array, ...],
    known: tuple[Array, ...],
    strategies: tuple[Array, ...],
    play_counts: Array | None,
) -> tuple[Array, ...]:
    """The followers' actions at ``types``, or at what they know, ``known``: a tuple over followers of int ``[*batch]``.

    Args:
      reward_play: ``"argmax"``, each follower's most likely action; ``"mixed"``, a draw from its strategy;
        ``"empirical"``, a joint draw from the plays of the response phase at these types (if these types never came
        up together, a mixed draw).
      uniform: ``[N, *batch]``.
      strategies: a tuple over followers of ``[K_i, A_i, *batch]``, rows as in ``known``.
      play_counts: ``[K_1..K_N, A_1..A_N, *batch]``; only the empirical play needs it.
    """
    if reward_play == "argmax":
        return tuple(rounds.take_row(k, s.argmax(axis=1).astype(jnp.int32)) for k, s in zip(known, strategies, strict=True))
    mixed = rounds.draw_actions(uniform, tuple(rounds.take_row(k, s) for k, s in zip(known, strategies, strict=True)))
    if reward_play == "mixed":
        return mixed
    if play_counts is None:
        raise ValueError("the empirical play needs play_counts")
    n = len(types)
    num_types, num_actions = play_counts.shape[:n], play_counts.shape[n : 2 * n]
    table = play_counts.reshape(int(np.prod(num_types)), int(np.prod(num_actions)), *types[0].shape)
    counts = rounds.take_row(rounds.profile_index(num_types, types), table)  # [M, *batch]
    joint = jnp.unravel_index(rounds.draw_index(uniform[0], counts), num_actions)
    seen = counts.sum(axis=0) > 0
    return tuple(jnp.where(seen, a, b) for a, b in zip(joint, mixed, strict=True))


def play_reward_phase(
    game: InducedGame, response: Response, reward_play: RewardPlay, num_reward_episodes: int, num_stretches: int
) -> RewardPhase:
    """Play the reward phase on tables, batched, as ``num_stretches`` stretches of about the same length.

    It goes on with the streams of random numbers that the response phase left.
    """
    total, batch = num_reward_episodes, game.batch_shape
    lengths = [len(part) for part in np.array_split(np.arange(total), num_stretches)]
    first = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int32)
    payoffs = jnp.asarray(game.leader_payoff).reshape(-1, *batch)

    def play_one(place: _Place) -> tuple[_Place, Draws, Array]:
        streams, memory = place
        streams, uniform = next_uniforms(streams, 1 + game.num_followers)
        types = rounds.draw_types(uniform[0], game.type_prior, game.num_types)
        known = known_rows(types, memory, game.num_actions)
        actions = draw_play(reward_play, uniform[1:], types, known, response.strategies, response.play_counts)
        memory = None if memory is None else rounds.profile_index(game.num_actions, actions)
        paid = rounds.take_row(rounds.profile_index(game.table_shape, (*types, *actions)), payoffs)
        return (streams, memory), Draws(types, known, actions), paid

    def add_one(carry: tuple[_Place, Array]) -> tuple[_Place, Array]:
        place, _, paid = play_one(carry[0])
        return place, carry[1] + paid

    def stretch(place: _Place, length: Array) -> tuple[_Place, tuple[Draws, Array]]:
        place, draws, paid = play_one(place)
        place, paid = jax.lax.fori_loop(1, length, lambda _, carry: add_one(carry), (place, paid))
        return place, (draws, paid)

    _, (draws, paid) = jax.lax.scan(stretch, (response.streams, response.memory), jnp.asarray(lengths, jnp.int32))
    return RewardPhase(draws, paid, first)
