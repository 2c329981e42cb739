"""Affine maximisers: the menu of joint allocations for several bidders, strategy-proof and feasible whatever its parameters.

The auctioneer picks the joint allocation with the largest weighted welfare plus a boost (Roberts 1979); each bidder pays what
its presence costs the others, in its own units. With one bidder this is a menu with prices. Parameters are learned by gradients
of the revenue of a softened pick (Curry, Sandholm and Dickerson 2023; Duan et al. 2023).
"""

import math
from typing import Any, NamedTuple

import numpy as np
import scipy

__all__ = ["AffineMaximizer", "Outcome", "Revenue", "auction", "average_revenue", "item_wise_myerson", "scores"]

NUM_SCRAMBLES = 16


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


class Revenue(NamedTuple):
    """The expected revenue, the half-width of its 95 % interval, and the chances ``shares [K]`` that each option is picked."""

    value: float
    half_width: float
    shares: np.ndarray


def scores(allocations: Any, weights: Any, boosts: Any, values: Any) -> tuple[Any, Any]:
    """``[B, K]`` weighted welfare and boost, and ``[B, n, K]`` the same without each bidder; NumPy or JAX."""
    shares = (allocations[None] * values[:, None]).sum(axis=3) * weights[None, None]  # [B, K, n]
    whole = shares.sum(axis=2) + boosts[None]
    return whole, (whole[:, :, None] - shares).swapaxes(1, 2)


def auction(maximizer: AffineMaximizer, values: np.ndarray) -> Outcome:
    """What happens at bids ``values [B, n, m]``, in float64."""
    allocations, weights, boosts = (np.asarray(part, np.float64) for part in maximizer)
    whole, others = scores(allocations, weights, boosts, np.asarray(values, np.float64))
    option = whole.argmax(axis=1)
    there = np.take_along_axis(others, option[:, None, None], axis=2)[..., 0]
    return Outcome(option, (others.max(axis=2) - there) / maximizer.weights[None])


def average_revenue(maximizer: AffineMaximizer, log_points: int = 15, seed: int = 0) -> Revenue:
    """Values uniform in [0, 1]; by ``2**log_points`` scrambled Sobol points, drawn by ``seed``."""
    _, bidders, items = maximizer.allocations.shape
    found, shares = [], []
    for repeat in range(NUM_SCRAMBLES):
        drawn = scipy.stats.qmc.Sobol(bidders * items, seed=np.random.default_rng([seed, repeat]))
        points = drawn.random_base2(log_points - 4)
        outcome = auction(maximizer, points.reshape(-1, bidders, items))
        found.append(outcome.payments.sum(axis=1).mean())
        shares.append(np.bincount(outcome.option, minlength=len(maximizer.boosts)) / len(points))
    spread = scipy.stats.t.ppf(0.975, NUM_SCRAMBLES - 1) * np.std(found, ddof=1) / math.sqrt(NUM_SCRAMBLES)
    return Revenue(float(np.mean(found)), float(spread), np.mean(shares, axis=0))


def item_wise_myerson(num_bidders: int, num_items: int) -> float:
    """Revenue of the best auction of each item by itself, values uniform in [0, 1] (Myerson 1981)."""
    n = num_bidders
    return num_items * (2 * n / (n + 1) * (1 - 2.0 ** -(n + 1)) - (1 - 2.0**-n))
