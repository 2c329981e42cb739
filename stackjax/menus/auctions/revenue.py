"""What a bidder pays on average for the best option of a menu, exactly, and how that moves with prices: float64 NumPy.

With values uniform on a box the utility ``u`` of the best option is convex, and what is paid is ``x · ∇u - u``. By the
divergence theorem its integral is ``∮ u x · n - (m + 1) ∫ u``, so that its slope by a price is a matter of the measure of the
types, and of those on the border of the box, who take the option.
"""

import itertools
from functools import cache

import numpy as np
import scipy

from stackjax.menus.auctions.mesh import Mesh

__all__ = ["mean_payment", "menu_payments"]

POINTS = {1: 8, 2: 8, 3: 2}  # of the rule along each direction of a simplex, by the dimension of values
FEW_POINTS = 4  # at most, where there are lotteries
FEW_OPTIONS = 4
SLICES = 15  # through boxes in space, shared out between jumps
SAME = 1e-12
CHUNK = 40_000  # menus at a time


@cache
def simplex_rule(dimension: int, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Barycentric points ``[Q, m + 1]`` and weights ``[Q]``, which sum to 1, exact up to degree 2 points - 1.

    Stroud's conical product of Gauss and Jacobi rules.
    """
    rules = [scipy.special.roots_jacobi(points, dimension - 1 - j, 0) for j in range(dimension)]
    found, weights = [], []
    for chosen in itertools.product(range(points), repeat=dimension):
        left, point, weight = 1.0, [], 1.0
        for (nodes, sizes), q in zip(rules, chosen, strict=True):
            share = (nodes[q] + 1.0) / 2.0
            point.append(left * share)
            left *= 1.0 - share
            weight *= sizes[q] / sizes.sum()
        found.append([*point, left])
        weights.append(weight)
    return np.array(found), np.array(weights)


def mean_payment(
    mesh: Mesh, allocations: np.ndarray, prices: np.ndarray, low: float, high: float, counts: np.ndarray | None = None
) -> tuple[float, np.ndarray]:
    """The mean of what a bidder pays, exact but for the rule by which it is integrated over the rival's values.

    Args:
      mesh: of the rival's values.
      allocations: ``[1 + K, m]``, nothing first.
      prices: ``[V, 1 + K]``.
      low, high: of the bidder's own values.
      counts: int ``[T]`` how many simplices each stands for, whose prices are the same but for names of items; by default 1.

    Returns:
      The mean, and slopes ``[V, 1 + K]``, whose sums over prices that are the same are right.
    """
    most = POINTS[mesh.dimension]
    points, weights = simplex_rule(mesh.dimension, most if len(allocations) <= FEW_OPTIONS else min(most, FEW_POINTS))
    counts = np.ones(len(mesh.simplices)) if counts is None else counts
    corners, sizes = mesh.simplices[counts > 0], counts[counts > 0] / counts.sum()
    menus = np.einsum("qc,tck->tqk", points, prices[corners]).reshape(-1, prices.shape[1])
    parts = [menu_payments(allocations, menus[i : i + CHUNK], low, high) for i in range(0, len(menus), CHUNK)]
    paid, slopes = (np.concatenate(found) for found in zip(*parts, strict=True))
    share = (sizes[:, None] * weights).ravel()
    by_corner = np.einsum("qc,tqk->tck", points, (slopes * share[:, None]).reshape(len(corners), len(weights), -1))
    total = np.zeros(prices.shape)
    np.add.at(total, corners, by_corner)
    return float(share @ paid), total


def menu_payments(allocations: np.ndarray, prices: np.ndarray, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """``[B]`` what is paid under each of the menus ``prices [B, 1 + K]`` on average, and its slopes ``[B, 1 + K]``."""
    m = allocations.shape[1]
    volume = _measure(allocations, prices, low, high)
    border: np.ndarray | float = 0.0
    for j, (end, sign) in itertools.product(range(m), ((high, 1.0), (low, -1.0))):
        if end:
            rest = np.delete(allocations, j, axis=1)
            border = border + sign * end * _measure(rest, prices - end * allocations[:, j], low, high)
    size = (high - low) ** m
    return (prices * volume).sum(axis=1) / size, ((m + 1) * volume - border) / size


def _measure(allocations: np.ndarray, prices: np.ndarray, low: float, high: float) -> np.ndarray:
    """``[B, K]``: the length, area or volume of the types in ``[low, high]^m`` who take each option; of equals the first."""
    m = allocations.shape[1]
    if m == 0:
        return (np.arange(prices.shape[1]) == prices.argmin(axis=1)[:, None]).astype(float)
    if m == 1:
        return _lengths(allocations[:, 0], prices, low, high)
    if m == 2:
        cuts = np.sort(np.clip(_breaks(allocations, prices, low, high), low, high), axis=1)
        middles, widths = (cuts[:, 1:] + cuts[:, :-1]) / 2, np.diff(cuts, axis=1)
    else:  # a function of the first value that is smooth but for kinks between its jumps
        cuts = np.sort(np.clip(_jumps(allocations, prices, low, high), low, high), axis=1)
        nodes, sizes = np.polynomial.legendre.leggauss(max(1, SLICES // (cuts.shape[1] - 1)))
        halves = np.diff(cuts, axis=1)[..., None] / 2
        middles = (cuts[:, :-1, None] + halves * (nodes + 1)).reshape(len(prices), -1)
        widths = (halves * sizes).reshape(len(prices), -1)
    left = prices[:, None] - middles[..., None] * allocations[:, 0]
    slices = _measure(allocations[:, 1:], left.reshape(-1, prices.shape[1]), low, high)
    return np.einsum("bq,bqk->bk", widths, slices.reshape(left.shape))


def _lengths(slopes: np.ndarray, prices: np.ndarray, low: float, high: float) -> np.ndarray:
    """``[B, K]``: where each line ``slope * y - price`` is the highest, of equal ones the first."""
    steeper = slopes[:, None] - slopes
    with np.errstate(divide="ignore", invalid="ignore"):
        cuts = (prices[:, :, None] - prices[:, None]) / steeper  # where option k and another are worth the same
    begins = np.where(steeper > SAME, cuts, low).max(axis=2)
    ends = np.where(steeper < -SAME, cuts, high).min(axis=2)
    earlier = np.arange(len(slopes)) < np.arange(len(slopes))[:, None]
    cheaper = (prices[:, None] < prices[:, :, None]) | ((prices[:, None] == prices[:, :, None]) & earlier)
    beaten = (cheaper & (np.abs(steeper) <= SAME)).any(axis=2)
    return np.where(beaten, 0.0, np.maximum(np.minimum(ends, high) - np.maximum(begins, low), 0.0))


def _jumps(allocations: np.ndarray, prices: np.ndarray, low: float, high: float) -> np.ndarray:
    """``[B, Q]``: first values at which one option gives way to another at all other values at once, and both ends."""
    found = [np.full(len(prices), low), np.full(len(prices), high)]
    for k, j in itertools.combinations(range(len(allocations)), 2):
        first, *rest = allocations[k] - allocations[j]
        if np.abs(rest).max() <= SAME < abs(first):
            found.append((prices[:, k] - prices[:, j]) / first)
    return np.stack(found, axis=1)


def _breaks(allocations: np.ndarray, prices: np.ndarray, low: float, high: float) -> np.ndarray:
    """``[B, Q]``: first values at which lengths along the second value stop to be linear in the first, and both ends."""
    found = [np.full(len(prices), low), np.full(len(prices), high)]
    for k, j in itertools.combinations(range(len(allocations)), 2):
        first, second = allocations[k] - allocations[j]
        ends = (0.0,) if abs(second) <= SAME else (low, high)
        if abs(first) > SAME:
            found += [(prices[:, k] - prices[:, j] - second * end) / first for end in ends]
    for three in itertools.combinations(range(len(allocations)), 3):
        if len(np.unique(np.round(allocations[list(three), 1], 9))) == 3:
            i, j, k = three
            sides = np.stack([allocations[j] - allocations[i], allocations[k] - allocations[i]])
            if abs(np.linalg.det(sides)) > SAME:
                ends_at = np.stack([prices[:, j] - prices[:, i], prices[:, k] - prices[:, i]], axis=1)
                found.append(ends_at @ np.linalg.inv(sides)[0])
    return np.stack(found, axis=1)
