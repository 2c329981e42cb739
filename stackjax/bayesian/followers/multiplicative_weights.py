"""Multiplicative weights (Hedge), the followers of Brero et al. (2023), Algorithm 2, and its optimistic variant."""

from typing import Any, Literal, NamedTuple

import jax.numpy as jnp

from stackjax.bayesian.followers.base import FollowerDynamics, FusedHedge, check_feedback
from stackjax.errors import require_positive
from stackjax.recipes import pickled_as_made
from stackjax.types import Array

__all__ = ["multiplicative_weights", "optimistic_hedge", "softmax"]


@pickled_as_made
def multiplicative_weights(step_size: Any = 0.1, *, feedback: Literal["sampled", "expected"] = "sampled") -> FollowerDynamics:
    """Multiplicative weights: ``w[a] <- w[a] * (1 + ε) ** P[a]``, play proportional to ``w``.

    Weights are held as logarithms relative to the largest, so that no number of rounds makes them over- or underflow, and
    summed with compensation, so that a million small gains add up in float32 as they would in float64.
    For payoffs in [0, 1] and ``ln(1 + ε) = sqrt(8 ln A / T)`` the external regret after T rounds is at most
    ``sqrt(T ln A / 2)``.

    Args:
      step_size: ε > 0, a number or a traced scalar (so that it can be vmapped).
      feedback: ``"sampled"``, Algorithm 2 as written, or ``"expected"``: each follower updates on the expectation
        over the others' mixed play.

    Raises:
      InputError: ``step_size`` is a number that is not positive and finite.

    References: Brero et al. (2023), Algorithm 2; Freund and Schapire (1997); Cesa-Bianchi and Lugosi (2006), Theorem 2.2.
    """
    require_positive("step_size", step_size)
    check_feedback(feedback)

    def init(num_actions: int, batch_shape: tuple[int, ...]) -> HedgeState:
        zeros = jnp.zeros((num_actions, *batch_shape))
        return HedgeState(zeros, zeros)

    def update(state: HedgeState, payoffs: Array, action: Array) -> HedgeState:
        del action
        return reinforce(state, rate(step_size, payoffs) * payoffs)

    play = lambda state: softmax(state.log_weights)
    return FollowerDynamics(init, play, update, feedback, FusedHedge(step_size, init, play, update))


class HedgeState(NamedTuple):
    """``log_weights [A, *batch]``, the largest about 0, and ``residue [A, *batch]``, what rounding has kept from them."""

    log_weights: Array
    residue: Array


class OptimisticState(NamedTuple):
    """`HedgeState` and the payoffs of the round before, ``last_payoffs [A, *batch]``."""

    hedge: HedgeState
    last_payoffs: Array


@pickled_as_made
def optimistic_hedge(step_size: Any = 0.1, *, feedback: Literal["sampled", "expected"] = "expected") -> FollowerDynamics:
    """Optimistic Hedge: Hedge that counts the last payoffs once more, as a guess of the next.

    When everyone uses it with expected feedback, each one's external regret after T rounds is O(ln A · T^(1/4)), and
    O(ln A · ln^4 T) with a tuned step size, where plain Hedge has O(sqrt(T ln A)).

    Args and errors: as `multiplicative_weights`.

    References: Syrgkanis et al. (2015), Section 3; Daskalakis, Fishelson and Golowich (2021).
    """
    require_positive("step_size", step_size)
    check_feedback(feedback)

    def init(num_actions: int, batch_shape: tuple[int, ...]) -> OptimisticState:
        zeros = jnp.zeros((num_actions, *batch_shape))
        return OptimisticState(HedgeState(zeros, zeros), zeros)

    def play(state: OptimisticState) -> Array:
        guess = rate(step_size, state.last_payoffs) * state.last_payoffs
        return softmax(below_zero(state.hedge.log_weights + guess))

    def update(state: OptimisticState, payoffs: Array, action: Array) -> OptimisticState:
        del action
        return OptimisticState(reinforce(state.hedge, rate(step_size, payoffs) * payoffs), payoffs)

    return FollowerDynamics(init, play, update, feedback)


def rate(step_size: Any, like: Array) -> Array:
    """``ln(1 + ε)`` in the dtype of ``like``."""
    return jnp.log1p(jnp.asarray(step_size, like.dtype))


def reinforce(state: HedgeState, gains: Array) -> HedgeState:
    """Add ``gains [A, *batch]`` to the log-weights, keep the largest at about 0, and keep what rounding loses (Kahan)."""
    gains = gains - (state.log_weights + gains).max(axis=0, keepdims=True)
    wanted = gains + state.residue
    log_weights = state.log_weights + wanted
    return HedgeState(log_weights, wanted - (log_weights - state.log_weights))


def below_zero(log_weights: Array) -> Array:
    """Log-weights relative to the largest over actions."""
    return log_weights - log_weights.max(axis=0, keepdims=True)


def softmax(log_weights: Array) -> Array:
    """Weights over their sum, for log-weights whose largest is 0."""
    weights = jnp.exp(log_weights)
    return weights / weights.sum(axis=0, keepdims=True)
