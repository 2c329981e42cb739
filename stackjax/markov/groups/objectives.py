"""What a leader of several followers is paid: a welfare of their payoffs, or a payoff of its own."""

from typing import Literal

import jax.numpy as jnp
import numpy as np

from stackjax.arrays import added
from stackjax.types import Array
from stackjax.welfare import equality

__all__ = ["OBJECTIVES", "Objective", "leader_payoff", "payoff_bounds", "welfare_bound"]

Objective = Literal["own", "utilitarian", "nash", "rawls", "product"]
OBJECTIVES: tuple[str, ...] = ("own", "utilitarian", "nash", "rawls", "product")


def leader_payoff(objective: str, own: Array, payoffs: Array) -> Array:
    """``[*B]`` what the leader is paid, in game units.

    Args:
      objective: ``"own"`` (its own payoff), ``"utilitarian"`` (the followers' mean), ``"nash"`` (their geometric mean, 0 if
        one of them is not positive), ``"rawls"`` (the least), or ``"product"`` (equality times the sum; AI Economist).
      own: ``[*B]`` the leader's payoff by the rules of the game.
      payoffs: ``[N, *B]`` the followers'.
    """
    if objective == "utilitarian":
        return added(payoffs, 0) / len(payoffs)
    if objective == "nash":
        least = payoffs.min(axis=0)
        logs = jnp.log(jnp.where(payoffs > 0, payoffs, 1.0))
        return jnp.where(least > 0, jnp.exp(added(logs, 0) / len(payoffs)), 0.0)
    if objective == "rawls":
        return payoffs.min(axis=0)
    if objective == "product":
        return equality(payoffs) * added(payoffs, 0)
    return own


def payoff_bounds(objective: str, bounds: tuple[tuple[float, float], ...]) -> tuple[float, float]:
    """Bounds of what the leader is paid, of the ``bounds`` of everybody's payoffs, leader first."""
    if objective == "own":
        return bounds[0]
    low, high = np.asarray(bounds[1:], np.float64).T
    if objective == "nash":
        return 0.0, float(np.prod(np.maximum(high, 0.0) ** (1.0 / len(high))))
    if objective == "rawls":
        return float(low.min()), float(high.min())
    if objective == "product":
        return min(0.0, float(low.sum())), max(0.0, float(high.sum()))
    return float(low.mean()), float(high.mean())


def welfare_bound(objective: str, mean: float, num_followers: int) -> float:
    """The most that the leader is paid where the followers' mean payoff is at most ``mean``.

    No least payoff and no geometric mean of positive payoffs is above the mean, and equality is at most 1.
    """
    if objective == "nash":
        return max(0.0, mean)
    if objective == "product":
        return max(0.0, num_followers * mean)
    return mean
