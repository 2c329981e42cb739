"""Q-learning on tables, by a principal and its agents at once: Algorithm 2 of Ivanov et al. (2024)."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from stackjax.errors import require_count, require_number
from stackjax.types import Array, PRNGKey

__all__ = ["Setting", "learn_tables"]

SLOWING = 0.7  # the power of a count by which steps shrink; between 1/2 and 1 they average, and still forget the start


class Setting(NamedTuple):
    """What is learned from.

    Attributes:
      chances, successor: ``[S, A, K]`` of the outcomes, and int, the states that follow.
      gains: ``[S, A, K]`` what an outcome pays the principal, but for its payments.
      own: ``[N, S, A]`` what an action pays the agents, but for payments.
      pay: the agents' values ``[N, S, A]`` without the state's own payments ``-> (paid [S, A, K], expected [N, S, A])``, what
        the principal pays for an action by outcome, and what each agent expects of it.
      begin: ``key -> (key, states [E])``, the first states of a batch of episodes.
      steps: of an episode.
      discount: γ.
    """

    chances: Array
    successor: Array
    gains: Array
    own: Array
    pay: Callable[[Array], tuple[Array, Array]]
    begin: Callable[[PRNGKey], tuple[PRNGKey, Array]]
    steps: int
    discount: float = 1.0


class _Held(NamedTuple):
    values: Array  # [1 + N, S, A]
    counts: Array  # [S, A] batches that met it
    greedy: Array  # [S] recommended
    total: Array  # [N, S, A] of the agents' values, to be averaged


def check_learning(num_updates: int, num_episodes: int, nudge: float) -> None:
    """Raise `InputError` for a number that is out of range."""
    require_count("num_updates", num_updates)
    require_count("num_episodes", num_episodes)
    require_number("nudge", nudge, lambda nudge: nudge >= 0, "at least 0")


def learn_tables(key: PRNGKey, setting: Setting, exploration: Array, settling: int, averaged: int = 1) -> tuple[Array, Array]:
    """The principal's recommendations int ``[S]``, and the agents' values ``[N, S, A]`` under them.

    A value moves by the mean of a batch's errors, over `SLOWING`'s power of how many batches have met it. After ``settling``
    batches recommendations stay as they are, and counts start again: where the principal is all but indifferent between two,
    the agents are not, and their values were learned for either.

    Args:
      exploration: ``[U]`` the chance that a recommendation is drawn at random, for each batch.
      averaged: how many of the last batches values are averaged over.
    """
    agents, states, actions = setting.own.shape
    num_updates, log_chances = len(exploration), jnp.log(setting.chances)

    def update(held: _Held, drawn: tuple[Array, PRNGKey, Array]) -> tuple[_Held, None]:
        index, key, strayed = drawn
        values, recommended = held.values, held.values[0].argmax(axis=1).astype(jnp.int32)
        greedy = jnp.where(index <= settling, recommended, held.greedy)
        paid, expected = setting.pay(values[1:])
        kept, worths = setting.gains - paid, values.at[1:].add(expected)
        key, begin = setting.begin(key)

        def step(state: Array, key: PRNGKey) -> tuple[Array, tuple[Array, Array]]:
            stray_key, action_key, outcome_key = jax.random.split(key, 3)
            strays = jax.random.uniform(stray_key, state.shape) < strayed
            action = jnp.where(strays, jax.random.randint(action_key, state.shape, 0, actions, jnp.int32), greedy[state])
            outcome = jax.random.categorical(outcome_key, log_chances[state, action])
            then = setting.successor[state, action, outcome]
            now = jnp.concatenate([kept[state, action, outcome][None], setting.own[:, state, action]])
            return then, (state * actions + action, now + setting.discount * worths[:, then, greedy[then]])

        _, (place, targets) = jax.lax.scan(step, begin, jax.random.split(key, setting.steps))
        total = lambda target: jax.ops.segment_sum(target.reshape(-1), place.reshape(-1), states * actions)
        met = total(jnp.ones(place.shape, values.dtype)).reshape(states, actions)
        counts = jnp.where(index == settling, 0.0, held.counts) + (met > 0).astype(values.dtype)
        rate = jnp.where(met > 0, jnp.maximum(counts, 1.0) ** -SLOWING, 0.0)
        sums = jnp.stack([total(targets[:, row]) for row in range(len(values))]).reshape(values.shape)
        values = values + rate[None] * (sums / jnp.maximum(met, 1.0)[None] - values)
        return _Held(values, counts, greedy, held.total + jnp.where(index >= num_updates - averaged, values[1:], 0.0)), None

    @jax.jit
    def learn(key: PRNGKey, exploration: Array) -> _Held:
        drawn = jnp.arange(num_updates), jax.random.split(key, num_updates), exploration
        none = jnp.zeros((1 + agents, states, actions), exploration.dtype)
        return jax.lax.scan(update, _Held(none, none[0], jnp.zeros(states, jnp.int32), none[1:]), drawn)[0]

    held = learn(key, exploration)
    return held.greedy, held.total / averaged
