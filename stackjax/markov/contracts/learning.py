"""Q-learning on tables, by a principal and its agents at once: Algorithm 2 of Ivanov et al. (2024)."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from stackjax.errors import require_count, require_key, require_number
from stackjax.method import Method
from stackjax.problem import Metrics
from stackjax.types import Array, PRNGKey

__all__ = ["LearningState", "Setting", "check_learning", "table_learner"]

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


class LearningState(NamedTuple):
    """What is known after ``update`` batches."""

    key: PRNGKey
    update: Array
    values: Array  # [1 + N, S, A]
    counts: Array  # [S, A] batches that met it
    greedy: Array  # [S] recommended
    total: Array  # [N, S, A] of the agents' values, to be averaged


def check_learning(num_updates: int, num_episodes: int, nudge: float) -> None:
    """Raise `InputError` for a number that is out of range."""
    require_count("num_updates", num_updates)
    require_count("num_episodes", num_episodes)
    require_number("nudge", nudge, lambda nudge: nudge >= 0, "at least 0")


def table_learner(setting: Setting, exploration: Array, settling: int, averaged: int = 1) -> Method:
    """What it finds are the principal's recommendations int ``[S]``, and the agents' values ``[N, S, A]`` under them.

    A value moves by the mean of a batch's errors, over `SLOWING`'s power of how many batches have met it. After ``settling``
    batches recommendations stay as they are, and counts start again: where the principal is all but indifferent between two,
    the agents are not, and their values were learned for either.

    Args:
      setting: what is learned from.
      exploration: ``[U]`` the chance that a recommendation is drawn at random, for each batch.
      settling: batches after which recommendations stay.
      averaged: how many of the last batches values are averaged over.
    """
    agents, states, actions = setting.own.shape
    num_updates, log_chances = len(exploration), jnp.log(setting.chances)
    first_averaged = num_updates - averaged

    def init(key: PRNGKey) -> LearningState:
        require_key(key)
        none = jnp.zeros((1 + agents, states, actions), exploration.dtype)
        return LearningState(key, jnp.int32(0), none, none[0], jnp.zeros(states, jnp.int32), none[1:])

    def recommended(state: LearningState) -> Array:
        return jnp.where(state.update <= settling, state.values[0].argmax(axis=1).astype(jnp.int32), state.greedy)

    def update(state: LearningState) -> tuple[LearningState, Metrics]:
        values, greedy = state.values, recommended(state)
        key, strayed = jax.random.fold_in(state.key, state.update), exploration[state.update]
        paid, expected = setting.pay(values[1:])
        kept, worths = setting.gains - paid, values.at[1:].add(expected)
        key, begin = setting.begin(key)

        def step(place: Array, key: PRNGKey) -> tuple[Array, tuple[Array, Array, Array]]:
            stray_key, action_key, outcome_key = jax.random.split(key, 3)
            strays = jax.random.uniform(stray_key, place.shape) < strayed
            action = jnp.where(strays, jax.random.randint(action_key, place.shape, 0, actions, jnp.int32), greedy[place])
            outcome = jax.random.categorical(outcome_key, log_chances[place, action])
            then = setting.successor[place, action, outcome]
            now = jnp.concatenate([kept[place, action, outcome][None], setting.own[:, place, action]])
            return then, (place * actions + action, now + setting.discount * worths[:, then, greedy[then]], now[0].sum())

        _, (place, targets, earned) = jax.lax.scan(step, begin, jax.random.split(key, setting.steps))
        total = lambda target: jax.ops.segment_sum(target.reshape(-1), place.reshape(-1), states * actions)
        met = total(jnp.ones(place.shape, values.dtype)).reshape(states, actions)
        counts = jnp.where(state.update == settling, 0.0, state.counts) + (met > 0).astype(values.dtype)
        rate = jnp.where(met > 0, jnp.maximum(counts, 1.0) ** -SLOWING, 0.0)
        sums = jnp.stack([total(targets[:, row]) for row in range(len(values))]).reshape(values.shape)
        values = values + rate[None] * (sums / jnp.maximum(met, 1.0)[None] - values)
        averages = state.total + jnp.where(state.update >= first_averaged, values[1:], 0.0)
        metrics = {
            "episodes": jnp.float32(len(begin)),
            "total_return": earned @ setting.discount ** jnp.arange(setting.steps, dtype=earned.dtype),
            "is_finite": jnp.isfinite(values).all(),
            "decisions": jnp.float32(place.size),
            "exploration": strayed,
        }
        return LearningState(state.key, state.update + 1, values, counts, greedy, averages), metrics

    def found(state: LearningState) -> tuple[Array, Array]:
        count = state.update - first_averaged
        mean = state.total / jnp.maximum(count, 1).astype(state.total.dtype)
        return recommended(state), jnp.where(count > 0, mean, state.values[1:])

    return Method(init, update, found, num_updates)
