"""Followers that learn their answer to every commitment again, by tabular Q-learning: the inner loop of older work."""

import math
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp

from stackjax.markov.answers import Length
from stackjax.markov.followers import QLearningFollower
from stackjax.markov.game import InducedMarkovGame, joint_place
from stackjax.types import Array, PRNGKey

if TYPE_CHECKING:
    from stackjax.markov.groups.followers import JointQLearning

__all__ = ["STEPS_FOR_EVER", "Learnt", "first_values", "greedy", "play_games", "q_learning_answer"]

STEPS_FOR_EVER = 100  # of an episode where the game has no end
FIRST_SCALE = 0.1  # standard deviation of the first values; the variance is the 0.01 of Gerstgrasser and Parkes (2023)


Values = tuple[Array, ...]  # of each follower's actions, [T, S, A, B], or [1, S, A, B] where it does not know the time


class Learnt(NamedTuple):
    """What followers learned in their games: ``values``, and what the leader was paid in all of these, ``[B]``, game units."""

    values: Values
    leader_paid: Array


class _Learner(NamedTuple):
    values: Values  # of one commitment
    state: Array
    leader_paid: Array


def _steps(length: Length) -> int:
    return length.steps if length.ends else STEPS_FOR_EVER


def first_values(
    key: PRNGKey, induced: InducedMarkovGame, length: Length, num_actions: tuple[int, ...], *, knows_time: bool = False
) -> Values:
    """Random ones, of followers who have not played yet, see `q_learning_answer`."""
    states, dtype = induced.successor.shape[0], induced.leader_payoff.dtype
    apart = _steps(length) if knows_time else 1

    def one(key: PRNGKey) -> Values:
        first_key = jax.random.split(key)[0]
        first_keys = [first_key, *(jax.random.fold_in(first_key, i) for i in range(1, len(num_actions)))]
        return tuple(
            FIRST_SCALE * jax.random.normal(one, (apart * states, actions), dtype).reshape(apart, states, actions)
            for one, actions in zip(first_keys, num_actions, strict=True)
        )

    return jax.vmap(one, 0, -1)(jax.random.split(key, induced.leader_payoff.shape[-1]))


def play_games(
    key: PRNGKey,
    values: Values,
    induced: InducedMarkovGame,
    length: Length,
    rule: "QLearningFollower | JointQLearning",
    num_actions: tuple[int, ...],
    *,
    knows_time: bool = False,
) -> Learnt:
    """What followers who start with ``values`` learn in ``rule.episodes`` episodes, see `q_learning_answer`.

    Args:
      key: of all draws; `first_values` of the same key are independent of them.
      values: what they hold their actions to be worth.
      induced, length, rule, num_actions, knows_time: see `q_learning_answer`.
    """
    successor = jnp.asarray(induced.successor)
    count, ends, steps = len(num_actions), length.ends, _steps(length)
    dtype = induced.leader_payoff.dtype
    log_initial = jnp.log(jnp.asarray(induced.initial, dtype))
    most = jnp.asarray(num_actions, jnp.int32)

    def one(key: PRNGKey, first: Values, probability: Array, pays: Array, leader_pays: Array) -> Learnt:
        key = jax.random.split(key)[1]

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
            paid = length.scale * length.discount ** place.astype(dtype) * leader_pays[state, joint_action]
            return _Learner(tuple(changed), after, learner.leader_paid + paid), None

        places = jnp.arange(rule.episodes * steps, dtype=jnp.int32) % steps
        drawn = jax.random.split(key, len(places)), places
        learner = jax.lax.scan(step, _Learner(first, jnp.int32(0), jnp.zeros((), dtype)), drawn)[0]
        return Learnt(learner.values, learner.leader_paid)

    keys = jax.random.split(key, induced.leader_payoff.shape[-1])
    games = induced.probability, induced.follower_payoffs, induced.leader_payoff
    return jax.vmap(one, (0, *[-1] * 4), -1)(keys, values, *games)


def greedy(values: Values, num_actions: tuple[int, ...], *, knows_time: bool = False) -> Array:
    """``[S, J, B]``, or ``[T, S, J, B]`` with ``knows_time``: the policy of followers who do what they value most."""
    joint = math.prod(num_actions)
    chosen = joint_place(jnp.stack([table.argmax(axis=2).astype(jnp.int32) for table in values]), num_actions)
    policy = jax.nn.one_hot(chosen, joint, axis=2, dtype=values[0].dtype)
    return policy if knows_time else policy[0]


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
    first = first_values(key, induced, length, num_actions, knows_time=knows_time)
    learnt = play_games(key, first, induced, length, rule, num_actions, knows_time=knows_time)
    return greedy(learnt.values, num_actions, knows_time=knows_time)
