"""Exponential weights: Hedge, the followers of Brero et al. (2023), Algorithm 2, and what is made of it.

Optimistic Hedge; EXP3, which learns from what one's own play paid and nothing else; and no swap regret (Blum and Mansour 2007),
by which the empirical play tends to correlated equilibria.
"""

from typing import Any, Literal, NamedTuple

import jax.numpy as jnp

from stackjax.bayesian.followers.base import FollowerDynamics, FusedHedge, check_feedback, one_hot, zeros
from stackjax.errors import require_number, require_positive
from stackjax.recipes import pickled_as_made
from stackjax.types import Array

__all__ = ["exp3", "multiplicative_weights", "optimistic_hedge", "softmax", "stationary_distribution", "swap_regret"]


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
        nothing = zeros(num_actions, batch_shape)
        return HedgeState(nothing, nothing)

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
        nothing = zeros(num_actions, batch_shape)
        return OptimisticState(HedgeState(nothing, nothing), nothing)

    def play(state: OptimisticState) -> Array:
        guess = rate(step_size, state.last_payoffs) * state.last_payoffs
        return softmax(below_zero(state.hedge.log_weights + guess))

    def update(state: OptimisticState, payoffs: Array, action: Array) -> OptimisticState:
        del action
        return OptimisticState(reinforce(state.hedge, rate(step_size, payoffs) * payoffs), payoffs)

    return FollowerDynamics(init, play, update, feedback)


@pickled_as_made
def exp3(exploration: Any = 0.1) -> FollowerDynamics:
    """EXP3: play ``(1 - γ) softmax(S) + γ / A``; ``S[a] <- S[a] + (γ / A) P[a] / σ[a]`` for the action played alone.

    It uses only the payoff of the action that was played (bandit feedback). For payoffs in [0, 1] and
    ``γ = min(1, sqrt(A ln A / ((e - 1) T)))`` its expected external regret after T rounds is at most
    ``2 sqrt((e - 1) T A ln A)``.

    Args:
      exploration: γ in (0, 1], a number or a traced scalar.

    Raises:
      InputError: ``exploration`` is a number outside (0, 1].

    References: Auer et al. (2002), Section 3, Theorem 3.1 and Corollary 3.2.
    """
    require_positive("exploration", exploration)
    require_number("exploration", exploration, lambda share: share <= 1, "above 0 and at most 1")

    def play(scores: Array) -> Array:
        gamma = jnp.asarray(exploration, scores.dtype)
        return (1.0 - gamma) * softmax(scores) + gamma / scores.shape[0]

    def update(scores: Array, payoffs: Array, action: Array) -> Array:
        gamma = jnp.asarray(exploration, scores.dtype)
        played = one_hot(action, scores)
        return below_zero(scores + gamma / scores.shape[0] * played * payoffs / play(scores))

    return FollowerDynamics(zeros, play, update, "sampled")


@pickled_as_made
def swap_regret(step_size: Any = 0.1, *, feedback: Literal["sampled", "expected"] = "sampled") -> FollowerDynamics:
    """One Hedge per own action, each answering "what instead of this?"; play is the stationary distribution of their advice.

    With A copies whose external regret is at most ``r(T)`` the swap regret after T rounds is at most ``A r(T)``; with Hedge,
    ``O(A sqrt(T ln A))`` (and ``O(sqrt(A T ln A))`` with copies tuned to their share of the play). No swap regret leads to
    correlated rather than coarse correlated equilibria (Brero et al. 2023, Observation 6.1).

    Args and errors: as `multiplicative_weights`.

    References: Blum and Mansour (2007), Theorem 5.
    """
    require_positive("step_size", step_size)
    check_feedback(feedback)

    def init(num_actions: int, batch_shape: tuple[int, ...]) -> Array:
        return jnp.zeros((num_actions, num_actions, *batch_shape))  # [copy, action]

    def play(log_weights: Array) -> Array:
        weights = jnp.exp(log_weights)
        return stationary_distribution(weights / weights.sum(axis=1, keepdims=True))

    def update(log_weights: Array, payoffs: Array, action: Array) -> Array:
        del action
        log_weights = log_weights + rate(step_size, payoffs) * play(log_weights)[:, None] * payoffs[None]
        return log_weights - log_weights.max(axis=1, keepdims=True)

    return FollowerDynamics(init, play, update, feedback)


def stationary_distribution(transitions: Array) -> Array:
    """``p [A, *batch]`` with ``p = p Q`` for row-stochastic ``Q [A, A, *batch]``.

    By state reduction, which only adds, multiplies and divides positive numbers and so loses no accuracy when Q is nearly
    reducible. References: Grassmann, Taksar and Heyman (1985).
    """
    size = transitions.shape[0]
    tiny = jnp.finfo(transitions.dtype).tiny
    q = [[transitions[i, j] for j in range(size)] for i in range(size)]
    for n in range(size - 1, 0, -1):
        leaving = jnp.maximum(sum(q[n][1:n], q[n][0]), tiny)
        for i in range(n):
            q[i][n] = q[i][n] / leaving
            for j in range(n):
                q[i][j] = q[i][j] + q[i][n] * q[n][j]
    p = [jnp.ones_like(q[0][0])]
    for n in range(1, size):
        p.append(sum((p[i] * q[i][n] for i in range(1, n)), p[0] * q[0][n]))
        largest = jnp.maximum(p[-1], 1.0)  # keep the running numbers from overflowing
        p = [value / largest for value in p]
    stacked = jnp.stack(p)
    return stacked / stacked.sum(axis=0, keepdims=True)


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
