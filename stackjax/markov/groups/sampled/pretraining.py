"""Followers of a game that is played out, trained together once on random commitments, and then frozen.

They are the contextual followers of Gerstgrasser and Parkes (2023), several of them: each learns while the others do. Nothing
says that such learning comes to an equilibrium, see `deviations` for what a learner finds that one of them could gain.
"""

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from stackjax.markov.groups.sampled.game import PlayedGroupGame
from stackjax.markov.groups.sampled.learning import Learner
from stackjax.markov.groups.sampled.networks import FollowerNetworks
from stackjax.markov.groups.sampled.play import answer_of, contexts, lead_of, play_out, policies_of, some_episodes
from stackjax.solvers.network import random_acting
from stackjax.spaces import Discrete
from stackjax.types import Array, PRNGKey, PyTree

if TYPE_CHECKING:
    from stackjax.markov.groups.sampled.followers import PlayedContextual

__all__ = ["networks_of", "pretrained", "spread_out"]

POOL = 64  # random episodes, of whose observations probes are some
CONSTANT_SHARE = 0.25  # of random commitments: those that do the same everywhere


def networks_of(game: PlayedGroupGame, rule: "PlayedContextual") -> FollowerNetworks:
    """The followers' networks."""
    space = game.leader_actions
    here = space.n if isinstance(space, Discrete) else len(space.low)
    return FollowerNetworks(game.num_actions, game.observation_size + 2 + here, rule.probes * here, rule.hidden_sizes)


def spread_out(points: Array, count: int) -> Array:
    """``[count, D]`` of ``points [M, D]``: the first of them, and then always the one that is farthest from all before."""
    distance = lambda place: ((points - points[place][None]) ** 2).sum(axis=1)

    def further(k: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        order, apart = carry
        place = apart.argmax().astype(jnp.int32)
        return order.at[k].set(place), jnp.minimum(apart, distance(place))

    return points[jax.lax.fori_loop(1, count, further, (jnp.zeros(count, jnp.int32), distance(jnp.int32(0))))[0]]


def pretrained(game: PlayedGroupGame, rule: "PlayedContextual") -> PyTree:
    """``{"probes": [K, D], "actor": ..., "critic": ...}`` after ``rule.updates`` of learning in self-play.

    In each update followers play ``rule.episodes`` episodes under each of ``rule.batch`` random commitments.
    """
    networks, space, policies = networks_of(game, rule), game.leader_actions, policies_of(game)
    learner = Learner(game, networks, rule.pretraining_rate, rule.entropy_coefficient, rule.updates)
    probes_key, params_key, key = jax.random.split(jax.random.key(rule.seed), 3)
    constant = int(CONSTANT_SHARE * rule.batch)

    def update(carry: tuple[PyTree, PyTree], now: tuple[PRNGKey, Array]) -> tuple[tuple[PyTree, PyTree], None]:
        (params, held), (key, count) = carry, now
        made_key, play_key = jax.random.split(key)
        lead = lead_of(random_acting(policies, made_key, rule.batch, constant))
        context = contexts(space, probes, lead, rule.batch)
        keys = jax.random.split(play_key, rule.batch * rule.episodes)
        steps = play_out(game, keys, lead, answer_of(networks, params["actor"], context))
        by_commitment = lambda leaf: leaf.swapaxes(0, 1).reshape(rule.batch, rule.episodes, game.horizon, leaf.shape[-1])
        seen, actions, payoffs = map(by_commitment, (steps.seen, steps.actions, steps.payoffs[..., 1:]))
        of_each = lambda leaf: jnp.moveaxis(leaf, -1, 0)
        lesson = learner.lesson(params, context, seen, of_each(actions), of_each(payoffs))
        return learner.update(params, held, lesson, count), None

    @jax.jit
    def run(first: PyTree, keys: Array) -> PyTree:
        numbers = jnp.arange(rule.updates, dtype=jnp.int32)
        return jax.lax.scan(update, (first, learner.init(first)), (keys, numbers))[0][0]

    @jax.jit
    def probed(key: PRNGKey) -> Array:
        seen = some_episodes(game, key, POOL).observations
        return spread_out(seen.reshape(-1, seen.shape[-1]), rule.probes)

    probes = probed(probes_key)
    return {"probes": probes, **run(networks.init(params_key), jax.random.split(key, rule.updates))}
