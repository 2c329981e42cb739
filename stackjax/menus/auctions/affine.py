"""Affine maximisers: the menu of joint allocations for several bidders, strategy-proof and feasible whatever its parameters.

The auctioneer picks the joint allocation with the largest weighted welfare plus a boost (Roberts 1979); each bidder pays what
its presence costs the others, in its own units. With one bidder this is a menu with prices. Parameters are learned by gradients
of the revenue of a softened pick (Curry, Sandholm and Dickerson 2023; Duan et al. 2023).
"""

from typing import Any, NamedTuple

import numpy as np

from stackjax.arrays import in_full
from stackjax.menus.draws import NUM_REPEATS, sobol_repeats
from stackjax.menus.game import Profit

__all__ = ["AffineMaximizer", "Outcome", "auction", "average_revenue", "item_wise_myerson", "scores"]


class AffineMaximizer(NamedTuple):
    """``allocations [K, n, m]`` (what each bidder has of each item, at most 1 in all), ``weights [n]``, ``boosts [K]``.

    The first option gives nothing to anybody, with boost 0.
    """

    allocations: np.ndarray
    weights: np.ndarray
    boosts: np.ndarray


class Outcome(NamedTuple):
    """Of each auction: the ``option`` int ``[B]`` and what bidders pay, ``payments [B, n]``."""

    option: np.ndarray
    payments: np.ndarray


@in_full
def scores(allocations: Any, weights: Any, boosts: Any, values: Any) -> tuple[Any, Any]:
    """``[B, K]`` weighted welfare and boost, and ``[B, n, K]`` the same without each bidder; NumPy or JAX."""
    worth = (values.swapaxes(0, 1) @ allocations.transpose(1, 2, 0)).transpose(1, 2, 0)
    shares = worth * weights[None, None]  # [B, K, n]
    whole = shares.sum(axis=2) + boosts[None]
    return whole, (whole[:, :, None] - shares).swapaxes(1, 2)


def auction(maximizer: AffineMaximizer, values: np.ndarray) -> Outcome:
    """What happens at bids ``values [B, n, m]``, in float64."""
    allocations, weights, boosts = (np.asarray(part, np.float64) for part in maximizer)
    whole, others = scores(allocations, weights, boosts, np.asarray(values, np.float64))
    option = whole.argmax(axis=1)
    there = np.take_along_axis(others, option[:, None, None], axis=2)[..., 0]
    return Outcome(option, (others.max(axis=2) - there) / maximizer.weights[None])


def average_revenue(maximizer: AffineMaximizer, log_points: int = 15, seed: int = 0) -> Profit:
    """The expected revenue, values uniform in [0, 1]; by ``2**log_points`` scrambled Sobol points, drawn by ``seed``."""
    _, bidders, items = maximizer.allocations.shape
    found = []
    for points in sobol_repeats(bidders * items, log_points - 4, ([seed, repeat] for repeat in range(NUM_REPEATS))):
        outcome = auction(maximizer, points.reshape(-1, bidders, items))
        shares = np.bincount(outcome.option, minlength=len(maximizer.boosts)) / len(points)
        found.append(Profit(float(outcome.payments.sum(axis=1).mean()), 0.0, shares))
    return Profit.over(found)


def item_wise_myerson(num_bidders: int, num_items: int) -> float:
    """Revenue of the best auction of each item by itself, values uniform in [0, 1] (Myerson 1981)."""
    n = num_bidders
    return num_items * (2 * n / (n + 1) * (1 - 2.0 ** -(n + 1)) - (1 - 2.0**-n))
