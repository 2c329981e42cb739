"""The leader's episode against a follower who plans: it is queried, the follower answers, and they play.

The leader acts afresh in every step that is played, so that one who mixes may do otherwise than it has said.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from stackjax.arrays import in_full
from stackjax.markov.game import MarkovGame, joint_actions, tabulate_markov
from stackjax.markov.problem import MarkovProblem
from stackjax.types import Array, PRNGKey, PyTree

__all__ = ["Answered", "Step", "answered", "first_followers", "played"]


class Answered(NamedTuple):
    """What queries lead to.

    Attributes:
      policies: ``[S, J, B]`` what followers do, or ``[T, S, J, B]`` where they know the time.
      leader_paid: ``[B]`` what the leader was paid while they learned, game units; 0 for followers who do not.
      carried: what the next episodes' followers start with, if they are carried over.
    """

    policies: Array
    leader_paid: Array
    carried: PyTree


class Step(NamedTuple):
    """One step that was played; ``payoff`` is the leader's, game units."""

    state: Array
    choice: Array
    payoff: Array


def first_followers(problem: MarkovProblem, key: PRNGKey, count: int) -> PyTree:
    """What the followers of the first ``count`` episodes start with; empty unless followers are carried over."""
    learning = problem.rule.learning
    if learning is None or not problem.queries.carried:
        return ()
    return learning.first(problem, key, tabulate_markov(problem.game, problem.commitments.draw(key, count)))


@in_full
def answered(problem: MarkovProblem, key: PRNGKey, commitments: Array, carried: PyTree) -> Answered:
    """How followers answer what the leader said when it was queried, ``commitments [B, S, ...]``."""
    induced, learning = tabulate_markov(problem.game, commitments), problem.rule.learning
    if learning is None:
        policies = problem.answer(key, commitments, induced)
        return Answered(policies, jnp.zeros_like(induced.leader_payoff[0, 0]), ())
    first = carried if problem.queries.carried else learning.first(problem, key, induced)
    values, leader_paid = learning.play(problem, key, first, induced)
    return Answered(learning.policy(problem, values), leader_paid, values if problem.queries.carried else ())


def played(
    game: MarkovGame, key: PRNGKey, policy: Array, leader: Callable[[PRNGKey, Array], tuple[Array, Array]], num_steps: int
) -> Step:
    """One episode of ``num_steps`` steps, leaves ``[T, ...]``.

    Args:
      game: the rules; it has one follower.
      key: for all that is drawn.
      policy: ``[S, J]`` the follower's, or ``[T, S, J]`` where it knows the time.
      leader: ``(key, state) -> (choice, action)``, what the leader does; its action is what the game takes.
      num_steps: T, static.
    """
    first_key, key = jax.random.split(key)
    joint = jnp.asarray(joint_actions(game.num_actions))
    successor = jnp.asarray(game.successor.reshape(game.num_states, -1, game.num_outcomes))
    log_initial = jnp.log(jnp.asarray(game.initial, policy.dtype))

    def step(state: Array, now: tuple[PRNGKey, Array]) -> tuple[Array, Step]:
        key, time = now
        leader_key, follower_key, outcome_key = jax.random.split(key, 3)
        choice, action = leader(leader_key, state)
        chances = policy[state] if policy.ndim == 2 else policy[time, state]
        answer = jax.random.categorical(follower_key, jnp.log(chances)).astype(jnp.int32)
        outcomes = game.outcomes(state, joint[answer], action)
        outcome = jax.random.categorical(outcome_key, jnp.log(outcomes)).astype(jnp.int32)
        payoff = game.payoffs(state, joint[answer], action, outcome)[0].astype(policy.dtype)
        return successor[state, answer, outcome].astype(jnp.int32), Step(state, choice, payoff)

    start = jax.random.categorical(first_key, log_initial).astype(jnp.int32)
    times = jnp.arange(num_steps, dtype=jnp.int32)
    return jax.lax.scan(step, start, (jax.random.split(key, num_steps), times))[1]
