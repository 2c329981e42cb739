"""What a leader that acts on observations learns from: a Stackelberg episode against frozen followers, by samples."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from stackjax.acting import Decisions, Episode, Leader
from stackjax.bayesian.sampled.hashing import (
    NOTHING,
    Noise,
    empty_sketch,
    estimated_count,
    hash_of,
    mixed,
    with_decisions,
)
from stackjax.markov.groups.sampled.game import PlayedGroupGame
from stackjax.markov.groups.sampled.judge import linear_in_means
from stackjax.markov.groups.sampled.play import Answer, Lead, episode_payoffs, play_out
from stackjax.types import Array, PRNGKey

__all__ = ["PAID", "play_episode"]

PAID = 16  # episodes of the game in one Stackelberg episode


def play_episode(
    game: PlayedGroupGame,
    leader: Leader,
    probes: Array,
    answer: Callable[[Lead], Answer],
    key: PRNGKey,
    num_distinct: int,
    num_own: int,
) -> Episode:
    """One Stackelberg episode of a leader that explores: equal observations get equal noise, and so equal actions.

    Followers answer what it does at their probes, so that decisions there are among the distinct ones. The payoff of an own
    decision is what its episode contributes to the leader's objective.

    Args:
      game: the rules.
      leader: see above.
      probes: ``[K, D]`` observations at which followers know what the leader does.
      answer: what followers do under a leader.
      key: of all draws.
      num_distinct: how many distinct decisions are kept at most.
      num_own: decisions of the game's episodes that are kept.
    """
    noise_key, play_key, kept_key, own_key = jax.random.split(key, 4)
    noise = Noise.of(noise_key, game.observation_size, leader)

    def choose(observation: Array) -> Array:
        return leader.choose(observation, noise.at(observation, hash_of(observation)))

    def lead(observations: Array) -> Array:
        return jax.vmap(lambda seen: leader.to_action(choose(seen)))(observations)

    def decided(observations: Array, weights: Array) -> Decisions:
        return Decisions(observations, jax.vmap(choose)(observations), weights)

    steps = play_out(game, jax.random.split(play_key, PAID), lead, answer(lead))
    payoff, each = linear_in_means(game.objective, episode_payoffs(game, steps.payoffs))
    met = steps.observations.reshape(-1, game.observation_size)
    everything, salt = jnp.concatenate([probes, met]), jax.random.bits(kept_key, (), jnp.uint32)
    hashes = jnp.minimum(mixed(hash_of(everything) ^ salt), NOTHING - 1)  # which are kept does not depend on their noise
    sketch = with_decisions(empty_sketch(num_distinct), hashes, jnp.arange(len(everything), dtype=jnp.int32))
    is_held, total = (sketch.hashes != NOTHING).astype(payoff.dtype), estimated_count(sketch)
    own = jax.random.randint(own_key, (num_own,), 0, len(met), jnp.int32)
    step, episode = own // PAID, own % PAID
    return Episode(
        total_return=payoff,
        sampling_variance=each.var() / PAID,
        distinct=decided(everything[sketch.places], is_held * total.astype(payoff.dtype) / jnp.maximum(is_held.sum(), 1.0)),
        own=decided(met[own], jnp.full(num_own, game.horizon / num_own, payoff.dtype)),
        own_payoffs=each[episode],
        own_hidden=1.0 - step.astype(payoff.dtype)[:, None] / game.horizon,
        num_decisions=jnp.int32(len(met)),
        num_distinct=total,
    )
