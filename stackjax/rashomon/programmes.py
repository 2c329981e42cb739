"""What commitments that pay the leader all but its best pay others, by linear programmes over `Region`s. NumPy and SciPy."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy

from stackjax.errors import InputError, require, require_array, require_number
from stackjax.outcomes import Region

__all__ = ["Extreme", "Ranges", "above", "best", "extreme", "ranges"]

HIGHS = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}  # the least that it takes
CLOSE = 1e-9  # of the size of the leader's payoffs: by how much a floor may be missed


class Extreme(NamedTuple):
    """The most of what is made large, and a ``commitment [O, ...]`` at which it is had; there a follower may be indifferent."""

    value: float
    commitment: np.ndarray


class Ranges(NamedTuple):
    """What commitments that pay the leader a floor come to, game units; both ends of a range are reached.

    Attributes:
      followers: ``[N, 2]`` the least and the most that each follower is paid.
      answers: how many regions, one for each answer of the followers, hold such a commitment.
      revenue: the least and the most that followers pay in all; None where that is not asked for.
    """

    followers: np.ndarray
    answers: int
    revenue: tuple[float, float] | None = None


def best(regions: Sequence[Region]) -> float:
    """The most that the leader is paid in any of the regions: its strong optimum, game units.

    Raises:
      InputError: there are no regions, or they hold no commitment.
      ArithmeticError: a linear programme failed, or has no end.
    """
    return max(found[0] + region.leader_constant for region, found in _reached(regions))


def above(regions: Sequence[Region], floor: float) -> list[Region]:
    """The parts of ``regions`` in which the leader is paid at least ``floor``; those that have none are left out.

    A floor may be missed by 1e-9 of the leader's payoffs, which is about a solver's tolerance.

    Raises:
      InputError: as of `best`; or no commitment pays the floor, or it is not a number.
      ArithmeticError: as of `best`.
    """
    reached = _reached(regions)
    if floor == -np.inf:
        return [region for region, _ in reached]
    require_number("floor", floor, lambda _: True, "a number, or -inf")
    tops = [found[0] + region.leader_constant for region, found in reached]
    size = max(float(np.abs(region.leader).max(initial=0.0)) + abs(region.leader_constant) for region, _ in reached)
    require("floor", floor, max(tops) >= floor - CLOSE * size, f"at most {max(tops):.9g}, the most that a commitment pays")
    held = floor - CLOSE * size
    return [_with_floor(region, held) for (region, _), top in zip(reached, tops, strict=True) if top >= held]


def extreme(
    regions: Sequence[Region], floor: float, weights_followers: Sequence[float] | np.ndarray, weight_leader: float = 0.0
) -> Extreme:
    """The most of a weighted sum of payoffs, over commitments that pay the leader at least ``floor``.

    Args:
      regions: of a problem, see `Problem.regions`.
      floor: game units; -inf for all commitments.
      weights_followers: ``[N]``, of any sign.
      weight_leader: of the leader's payoff, of any sign.

    Raises:
      InputError: as of `above`; or the weights do not fit the followers.
      ArithmeticError: as of `best`.
    """
    weights = _weights(regions, weights_followers)
    require_number("weight_leader", weight_leader, lambda _: True, "a finite number")
    return _extreme(above(regions, floor), weights, float(weight_leader))


def ranges(
    regions: Sequence[Region],
    floor: float,
    revenue_weights: tuple[Sequence[float] | np.ndarray, float, float] | None = None,
) -> Ranges:
    """What each follower may be paid, over commitments that pay the leader at least ``floor``.

    Args:
      regions: of a problem, see `Problem.regions`.
      floor: game units; -inf for all commitments.
      revenue_weights: where what followers pay in all is a sum of payoffs: the followers' weights ``[N]``, the leader's, and a
        constant. None where that is not asked for.

    Raises:
      InputError: as of `extreme`.
      ArithmeticError: as of `best`.
    """
    parts = above(regions, floor)
    both = lambda weights, leader: (-_extreme(parts, -weights, -leader).value, _extreme(parts, weights, leader).value)
    followers = np.array([both(one, 0.0) for one in np.eye(len(parts[0].followers))]).reshape(-1, 2)
    if revenue_weights is None:
        return Ranges(followers, len(parts))
    others, leader, constant = revenue_weights
    low, high = both(_weights(regions, others), float(leader))
    return Ranges(followers, len(parts), (low + constant, high + constant))


def _weights(regions: Sequence[Region], weights: Sequence[float] | np.ndarray) -> np.ndarray:
    """As floats; raises `InputError` unless there is a finite one for each follower."""
    made = require_array("weights_followers", weights).astype(np.float64)
    count = len(regions[0].followers) if regions else 0
    fits = made.shape == (count,) and bool(np.isfinite(made).all())
    require("weights_followers", weights, fits, f"a finite number for each of {count} followers")
    return made


def _extreme(regions: Sequence[Region], weights: np.ndarray, leader: float) -> Extreme:
    found: tuple[float, Region, np.ndarray] | None = None
    for region in regions:
        slopes = weights @ region.followers + leader * region.leader
        constant = float(weights @ region.followers_constant) + leader * region.leader_constant
        solved = _largest(region, slopes)
        if solved is not None and (found is None or solved[0] + constant > found[0]):
            found = solved[0] + constant, region, solved[1]
    if found is None:
        raise ArithmeticError("a linear programme failed: regions that reach the floor have no commitment that does")
    value, region, x = found
    return Extreme(value, region.commitment(x))


def _reached(regions: Sequence[Region]) -> list[tuple[Region, tuple[float, np.ndarray]]]:
    """The regions that hold a commitment, and the best one for the leader."""
    found = [(region, _largest(region, region.leader)) for region in regions]
    reached = [(region, one) for region, one in found if one is not None]
    if not reached:
        raise InputError(f"regions={len(regions)} of them hold no commitment; at least one must")
    return reached


def _with_floor(region: Region, floor: float) -> Region:
    """The part in which the leader is paid ``floor``: one row more, whose largest coefficient is 1."""
    size = float(np.abs(region.leader).max(initial=0.0))
    if size == 0.0:
        return region
    row, limit = -region.leader / size, (region.leader_constant - floor) / size
    return region._replace(at_most=np.vstack([region.at_most, row]), limits=np.append(region.limits, limit))


def _largest(region: Region, slopes: np.ndarray) -> tuple[float, np.ndarray] | None:
    """The most of ``slopes @ x`` in a region, and where; None if the region is empty."""
    size = float(np.abs(slopes).max(initial=0.0)) or 1.0
    rows = {"A_ub": region.at_most, "b_ub": region.limits} if len(region.limits) else {}
    sums = {"A_eq": region.equal, "b_eq": region.totals} if len(region.totals) else {}
    bounds = np.column_stack([region.low, region.high])
    for options in (HIGHS, HIGHS | {"presolve": False}):
        found = scipy.optimize.linprog(-slopes / size, **rows, **sums, bounds=bounds, method="highs", options=options)
        if found.status == 0:
            return float(-found.fun) * size, found.x.clip(region.low, region.high)
        if found.status == 2:
            return None
    raise ArithmeticError(f"a linear programme failed: {found.message}")
