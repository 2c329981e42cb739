"""A follower that learns its answer to every commitment again, by tabular Q-learning: the inner loop of older work."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from stackjax.markov.answers import Length
from stackjax.markov.followers import QLearningFollower
from stackjax.markov.game import InducedMarkovGame
from stackjax.types import Array, PRNGKey

__all__ = ["STEPS_FOR_EVER", "q_learning_answer"]

STEPS_FOR_EVER = 100  # of an episode where the game has no end
FIRST_SCALE = 0.1  # standard deviation of the first values; the variance is the 0.01 of Gerstgrasser and Parkes (2023)


class _Learner(NamedTuple):
    values: Array  # [S, J]
    state: Array


def q_learning_answer(key: PRNGKey, induced: InducedMarkovGame, length: Length, rule: QLearningFollower) -> Array:
    """``[S, J, B]`` the greedy policy after ``rule.episodes`` episodes against each of the commitments ``[B]``.

    Actions are drawn at random with chance ``rule.exploration``; the last step of an episode has no future. Payoffs are those
    expected over the step's outcomes.
    """
    successor = jnp.asarray(induced.successor)
    states, joint = successor.shape[:2]
    ends = length.ends
    steps = length.steps if ends else STEPS_FOR_EVER
    dtype = induced.leader_payoff.dtype
    log_initial = jnp.log(jnp.asarray(induced.initial, dtype))

    def one(key: PRNGKey, probability: Array, pays: Array) -> Array:
        first_key, key = jax.random.split(key)

        def step(learner: _Learner, drawn: tuple[PRNGKey, Array, Array]) -> tuple[_Learner, None]:
            key, begins, is_last = drawn
            start_key, stray_key, action_key, outcome_key = jax.random.split(key, 4)
            start = jax.random.categorical(start_key, log_initial).astype(jnp.int32)
            state = jnp.where(begins, start, learner.state)
            strays = jax.random.uniform(stray_key) < rule.exploration
            other = jax.random.randint(action_key, (), 0, joint, jnp.int32)
            action = jnp.where(strays, other, learner.values[state].argmax().astype(jnp.int32))
            outcome = jax.random.categorical(outcome_key, jnp.log(probability[state, action]))
            after = successor[state, action, outcome]
            future = jnp.where(is_last & ends, 0.0, rule.discount * learner.values[after].max())
            change = rule.learning_rate * (pays[state, action] + future - learner.values[state, action])
            return _Learner(learner.values.at[state, action].add(change), after), None

        count = rule.episodes * steps
        place = jnp.arange(count) % steps
        drawn = jax.random.split(key, count), place == 0, place == steps - 1
        learner = _Learner(FIRST_SCALE * jax.random.normal(first_key, (states, joint), dtype), jnp.int32(0))
        values = jax.lax.scan(step, learner, drawn)[0].values
        return jax.nn.one_hot(values.argmax(axis=1), joint, dtype=dtype)

    keys = jax.random.split(key, induced.leader_payoff.shape[-1])
    return jax.vmap(one, (0, -1, -1), -1)(keys, induced.probability, induced.follower_payoffs[0])
