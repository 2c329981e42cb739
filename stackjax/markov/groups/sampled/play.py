"""Episodes played out: leaders that act on what they see, followers who act on that and on the commitment."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from stackjax.acting import Acting, Policy
from stackjax.arrays import draw_category
from stackjax.markov.contextual import context_of
from stackjax.markov.groups.sampled.game import PlayedGroupGame
from stackjax.markov.groups.sampled.networks import FollowerNetworks
from stackjax.solvers.network import random_acting
from stackjax.spaces import Box, Discrete
from stackjax.types import Array, PRNGKey, PyTree

__all__ = [
    "Steps",
    "answer_of",
    "contexts",
    "done",
    "episode_payoffs",
    "lead_of",
    "play_out",
    "policies_of",
    "seen_in_step",
    "some_episodes",
]

Lead = Callable[[Array], Array]  # observations [E, D] to leader actions [E, ...]
Answer = Callable[[Array, Array], Array]  # what followers see [E, F], and uniforms [E, N], to their actions [E, N]


class Steps(NamedTuple):
    """Episodes step by step, leaves ``[T, E, ...]``: what was observed, what followers saw and did, and what all were paid."""

    observations: Array
    leader_actions: Array
    seen: Array
    actions: Array  # int [T, E, N]
    payoffs: Array  # [T, E, 1 + N] game units, leader first


def seen_in_step(game: PlayedGroupGame, step: Array, observation: Array, leader_action: Array) -> Array:
    """``[E, F]`` what followers see in a step, but for the commitment.

    That is ``observation [E, D]``, how much time is left, as a share and as one over the steps, and what the leader does.
    """
    dtype = observation.dtype
    left = (game.horizon - step).astype(dtype)
    time = jnp.broadcast_to(jnp.stack([left / game.horizon, 1.0 / left])[None], (len(observation), 2))
    here = context_of(game.leader_actions, leader_action[:, None]).astype(dtype)
    return jnp.concatenate([observation, time, here], axis=-1)


def done(space: Discrete | Box, lead: Lead, observations: Array) -> Array:
    """``[E, ...]`` what leaders do at ``observations [E, D]``: actions inside their space."""
    return jax.vmap(space.clip)(lead(observations))


def contexts(space: Discrete | Box, probes: Array, lead: Lead, count: int = 1) -> Array:
    """``[C, X]`` what ``count`` leaders do at ``probes [K, D]``, as followers see it; ``lead`` is that of all of them."""
    actions = done(space, lead, jnp.tile(probes, (count, 1)))
    return context_of(space, actions.reshape(count, len(probes), *actions.shape[1:]))


def lead_of(made: Acting) -> Lead:
    """The leaders ``made``, leaves ``[C, ...]``, each in an equal part of the episodes."""
    count = len(jax.tree.leaves(made)[0])

    def lead(observations: Array) -> Array:
        actions = jax.vmap(lambda one, seen: one(seen))(made, observations.reshape(count, -1, observations.shape[-1]))
        return actions.reshape(len(observations), *actions.shape[2:])

    return lead


def answer_of(networks: FollowerNetworks, actors: PyTree, context: Array) -> Answer:
    """Followers who draw from their policies under commitments ``context [C, X]``, each in an equal part of the episodes."""

    def answer(seen: Array, uniforms: Array) -> Array:
        logits = networks.logits(actors, seen.reshape(len(context), -1, seen.shape[-1]), context)
        return draw_category(uniforms, jnp.moveaxis(logits.reshape(len(logits), len(seen), -1), 0, 1))

    return answer


def play_out(game: PlayedGroupGame, keys: Array, lead: Lead, answer: Answer) -> Steps:
    """One episode for each of ``keys [E]``, which bring the same chances whatever is done."""
    start_keys, step_keys, draw_keys = jnp.moveaxis(jax.vmap(lambda key: jax.random.split(key, 3))(keys), 1, 0)
    shape = (game.horizon, game.num_followers)
    uniforms = jnp.moveaxis(jax.vmap(lambda key: jax.random.uniform(key, shape))(draw_keys), 0, 1)  # [T, E, N]

    def step(state: PyTree, now: tuple[Array, Array]) -> tuple[PyTree, Steps]:
        time, uniform = now
        observation = jax.vmap(game.observe)(state)
        action = done(game.leader_actions, lead, observation)
        seen = seen_in_step(game, time, observation, action)
        actions = answer(seen, uniform)
        own = jax.vmap(lambda key: jax.random.fold_in(key, time))(step_keys)
        state, payoffs = jax.vmap(game.step)(own, state, actions, action)
        return state, Steps(observation, action, seen, actions, payoffs)

    times = jnp.arange(game.horizon, dtype=jnp.int32)
    return jax.lax.scan(step, jax.vmap(game.start)(start_keys), (times, uniforms))[1]


def episode_payoffs(game: PlayedGroupGame, payoffs: Array) -> Array:
    """``[E, 1 + N]`` what episodes pay, of ``payoffs [T, E, 1 + N]`` of their steps, discounted."""
    return (game.weights(payoffs.dtype)[:, None, None] * payoffs).sum(axis=0)


def policies_of(game: PlayedGroupGame) -> Policy:
    """What a leader of ``game`` sees, and chooses from."""
    return Policy(game.observation_size, game.leader_actions)


def some_episodes(game: PlayedGroupGame, key: PRNGKey, count: int) -> Steps:
    """``count`` episodes in which followers act at random, evenly, each under a random commitment."""
    made_key, play_key = jax.random.split(key)
    made = random_acting(policies_of(game), made_key, count)
    counts = jnp.asarray(game.num_actions, jnp.int32)[None]

    def answer(seen: Array, uniforms: Array) -> Array:
        del seen
        return (uniforms * counts.astype(uniforms.dtype)).astype(jnp.int32)

    return play_out(game, jax.random.split(play_key, count), lead_of(made), answer)
