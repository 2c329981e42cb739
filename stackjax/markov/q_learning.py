"""Followers that learn their answer to every commitment again, by tabular Q-learning: the inner loop of older work."""

from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp

from stackjax.markov.answers import Length
from stackjax.markov.followers import QLearningFollower
from stackjax.markov.game import InducedMarkovGame, joint_place
from stackjax.types import Array, PRNGKey

if TYPE_CHECKING:
    from stackjax.markov.groups.followers import JointQLearning

__all__ = ["STEPS_FOR_EVER", "q_learning_answer"]

STEPS_FOR_EVER = 100  # of an episode where the game has no end
FIRST_SCALE = 0.1  # standard deviation of the first values; the variance is the 0.01 of Gerstgrasser and Parkes (2023)


class _Learner(NamedTuple):
    values: list[Array]  # of each follower, [T, S, A], or [1, S, A] where it does not know the time
    state: Array


def q_learning_answer(
    key: PRNGKey,
    induced: InducedMarkovGame,
    length: Length,
    rule: "QLearningFollower | JointQLearning",
    num_actions: tuple[int, ...],
    *,
    knows_time: bool = False,
) -> Array:
    """``[S, J, B]`` the greedy policy after ``rule.episodes`` episodes against each of the commitments ``[B]``.

    Followers learn at the same time, each by itself. Actions are drawn at random with chance ``rule.exploration``; the last
    step of an episode has no future. Payoffs are those expected over the step's outcomes.

    Args:
      key: of all draws.
      induced: what commitments leave to the followers.
      length: of an episode.
      rule: the learners' numbers.
      num_actions: of each follower.
      knows_time: whether values are learned for each step apart; the policy is then ``[T, S, J, B]``.
    """
    successor = jnp.asarray(induced.successor)
    states, joint, count = *successor.shape[:2], len(num_actions)
    ends = length.ends
    steps = length.steps if ends else STEPS_FOR_EVER
    dtype = induced.leader_payoff.dtype
    log_initial = jnp.log(jnp.asarray(induced.initial, dtype))
    most = jnp.asarray(num_actions, jnp.int32)

    def one(key: PRNGKey, probability: Array, pays: Array) -> Array:
        first_key, key = jax.random.split(key)

        def step(learner: _Learner, drawn: tuple[PRNGKey, Array]) -> tuple[_Learner, None]:
            key, place = drawn
            now, is_last = (place if knows_time else jnp.int32(0)), place == steps - 1
            start_key, stray_key, action_key, outcome_key = jax.random.split(key, 4)
            start = jax.random.categorical(start_key, log_initial).astype(jnp.int32)
            state = jnp.where(place == 0, start, learner.state)
            strays = jax.random.uniform(stray_key, (count,)) < rule.exploration
            other = jax.random.randint(action_key, (count,), 0, most, jnp.int32)
            greedy = jnp.stack([values[now, state].argmax().astype(jnp.int32) for values in learner.values])
            action = jnp.where(strays, other, greedy)
            joint_action = joint_place(action, num_actions)
            outcome = jax.random.categorical(outcome_key, jnp.log(probability[state, joint_action]))
            after = successor[state, joint_action, outcome]
            later = jnp.minimum(now + 1, steps - 1) if knows_time else now
            changed = []
            for i, values in enumerate(learner.values):
                future = jnp.where(is_last & ends, 0.0, rule.discount * values[later, after].max())
                change = rule.learning_rate * (pays[i, state, joint_action] + future - values[now, state, action[i]])
                changed.append(values.at[now, state, action[i]].add(change))
            return _Learner(changed, after), None

        places = jnp.arange(rule.episodes * steps, dtype=jnp.int32) % steps
        first_keys = [first_key, *(jax.random.fold_in(first_key, i) for i in range(1, count))]
        apart = steps if knows_time else 1
        first = [
            FIRST_SCALE * jax.random.normal(one, (apart * states, actions), dtype).reshape(apart, states, actions)
            for one, actions in zip(first_keys, num_actions, strict=True)
        ]
        drawn = jax.random.split(key, len(places)), places
        values = jax.lax.scan(step, _Learner(first, jnp.int32(0)), drawn)[0].values
        chosen = joint_place(jnp.stack([table.argmax(axis=2).astype(jnp.int32) for table in values]), num_actions)
        policy = jax.nn.one_hot(chosen, joint, dtype=dtype)
        return policy if knows_time else policy[0]

    keys = jax.random.split(key, induced.leader_payoff.shape[-1])
    return jax.vmap(one, (0, -1, -1), -1)(keys, induced.probability, induced.follower_payoffs)
