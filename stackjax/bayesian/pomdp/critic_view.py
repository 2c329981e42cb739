"""What the critic may see and the leader may not: the hidden part of the Stackelberg POMDP's state."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from stackjax.bayesian.followers.base import FollowerDynamics, init_followers, pad_tables, strategies
from stackjax.bayesian.games.base import Game
from stackjax.types import Array

__all__ = ["CriticView", "critic_vector", "unanswered_view"]


class CriticView(NamedTuple):
    """The hidden state behind one leader decision.

    Attributes:
      is_response: 1.0 in the response phase, 0.0 in the reward phase.
      strategies: normalised weight tables, a tuple over followers of ``[K_i, A_i]``.
      types: int ``[N]`` of this sub-episode.
      known: int ``[N]``, the row of its table that each follower plays from: its type, unless it has a memory.
      actions: int ``[N]`` drawn for this round (response) or played (reward).
      play: int, which play of the round this is; the number of plays in the reward phase.
      progress: the share of the phase's rounds or sub-episodes behind, in [0, 1).
      payoffs: ``[N, A]`` scaled payoffs that followers have learned so far in this round.
    """

    is_response: Array
    strategies: tuple[Array, ...]
    types: Array
    known: Array
    actions: Array
    play: Array
    progress: Array
    payoffs: Array


def unanswered_view(game: Game, dynamics: FollowerDynamics) -> CriticView:
    """The hidden state when the leader makes its commitment and nobody has learned or drawn anything, the same for every one.

    Where a type or an action is not drawn yet it is 0.
    """
    nothing = jnp.zeros(game.num_followers, jnp.int32)
    return CriticView(
        is_response=jnp.ones(()),
        strategies=strategies(dynamics, init_followers(dynamics, game.num_types, game.num_actions)),
        types=nothing,
        known=nothing,
        actions=nothing,
        play=jnp.int32(0),
        progress=jnp.zeros(()),
        payoffs=jnp.zeros((game.num_followers, max(game.num_actions))),
    )


def critic_vector(critic_inputs: str, game: Game, num_plays: int, observation: Array, view: CriticView) -> Array:
    """The critic's input vector for one decision: the leader's observation and what ``critic_inputs`` adds to it."""
    parts = [observation]
    if critic_inputs in ("phase", "weights", "state"):
        parts.append(jnp.reshape(view.is_response, 1).astype(observation.dtype))
    if critic_inputs in ("weights", "state"):
        parts.append(pad_tables(view.strategies).ravel())
    if critic_inputs == "state":
        parts.extend(jax.nn.one_hot(view.known[i], table.shape[0]) for i, table in enumerate(view.strategies))
        parts.extend(jax.nn.one_hot(view.actions[i], count) for i, count in enumerate(game.num_actions))
        parts += [jax.nn.one_hot(view.play, num_plays), jnp.reshape(view.progress, 1), view.payoffs.ravel()]
    return jnp.concatenate(parts)
