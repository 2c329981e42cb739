"""Followers that answer exactly: best response, fictitious play, and their smooth (logit) version."""

from typing import Any, NamedTuple

import jax.numpy as jnp

from stackjax.bayesian.followers.base import ClosedForm, FollowerDynamics, zeros
from stackjax.bayesian.followers.multiplicative_weights import below_zero, softmax
from stackjax.errors import require_positive
from stackjax.recipes import pickled_as_made
from stackjax.types import Array

__all__ = ["best_response", "fictitious_play", "logit_response"]


class AverageState(NamedTuple):
    """``mean_payoffs [A, *batch]`` over the rounds at this type, and their number, ``num_rounds [*batch]``."""

    mean_payoffs: Array
    num_rounds: Array


@pickled_as_made
def best_response() -> FollowerDynamics:
    """Play a best response to the others' mixed strategies of the round before, equal shares to ties; start uniform.

    No regret bound: it may cycle for ever (matching pennies). One follower answers at once, exactly at every type.
    """

    def update(last_payoffs: Array, payoffs: Array, action: Array) -> Array:
        del last_payoffs, action
        return payoffs

    closed = ClosedForm(lambda payoffs, features: payoffs, "best-response", is_best=True)
    return FollowerDynamics(zeros, best_actions, update, "expected", closed=closed)


@pickled_as_made
def fictitious_play() -> FollowerDynamics:
    """Play a best response to the others' actions so far, equal shares to ties.

    No regret bound in general (it is follow-the-leader); the empirical play converges in zero-sum, potential and
    two-action games. References: Brown (1951); Robinson (1951).
    """
    return FollowerDynamics(_init_average, lambda state: best_actions(state.mean_payoffs), _update_average, "sampled")


@pickled_as_made
def logit_response(temperature: Any = 0.05) -> FollowerDynamics:
    """Smooth fictitious play: ``softmax(mean payoff so far / τ)``.

    With one follower the play tends to the logit response to the leader. For payoffs in [0, 1] the external regret per
    round is at most about ``τ ln A`` in the limit.

    Args:
      temperature: τ > 0 in units of the game's ``payoff_scale``, a number or a traced scalar.

    Raises:
      InputError: ``temperature`` is a number that is not positive and finite.

    References: Fudenberg and Levine (1995).
    """
    require_positive("temperature", temperature)

    def play(state: AverageState) -> Array:
        return softmax(below_zero(state.mean_payoffs / jnp.asarray(temperature, state.mean_payoffs.dtype)))

    return FollowerDynamics(_init_average, play, _update_average, "sampled")


def best_actions(payoffs: Array) -> Array:
    """Equal shares to the actions with the highest payoff."""
    best = (payoffs == payoffs.max(axis=0, keepdims=True)).astype(payoffs.dtype)
    return best / best.sum(axis=0, keepdims=True)


def _init_average(num_actions: int, batch_shape: tuple[int, ...]) -> AverageState:
    return AverageState(zeros(num_actions, batch_shape), jnp.zeros(batch_shape))


def _update_average(state: AverageState, payoffs: Array, action: Array) -> AverageState:
    del action
    num_rounds = state.num_rounds + 1.0
    return AverageState(state.mean_payoffs + (payoffs - state.mean_payoffs) / num_rounds[None], num_rounds)
