"""How much the members of a set of commitments, or of models, differ in what they lead to. Exact; NumPy alone.

What members lead to are *outcomes*: whole numbers ``[M, T]`` where each of M members leads to one outcome at each of T
profiles, or chances ``[M, T, Y]`` of Y outcomes. Profiles have ``weights [T]`` that sum to 1. Two members are as far apart at a
profile as the total variation between their outcomes there, which is 0 or 1 where outcomes are certain.

Of models that classify, outcomes are predictions ``[M, n]`` of n examples, and all weights are 1 / n, their default.

References: Watson-Daniels et al. (2024), "Predictive churn with the set of good models", whose measures these are, for
distributions of outcomes and weighted profiles.
"""

import numpy as np

from stackjax.errors import InputError, require

__all__ = [
    "ambiguity",
    "apart",
    "churn",
    "churn_bound",
    "churns_from",
    "diameter",
    "disagreement",
    "discrepancy",
    "expected_churn",
    "medoid",
    "replacement_churn",
    "spreads",
]

SUM = 1e-6  # what chances may miss 1 by


def apart(outcomes: np.ndarray, one: np.ndarray) -> np.ndarray:
    """``[M, T]`` the total variation between what each member leads to and ``one``, ``[T]`` or ``[T, Y]``."""
    if outcomes.ndim == 2:
        return (outcomes != one[None]).astype(np.float64)
    return 0.5 * np.abs(outcomes - one[None]).sum(axis=-1)


def churns_from(outcomes: np.ndarray, one: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """``[M]`` the churn between each member and ``one``, ``[T]`` or ``[T, Y]``.

    Raises:
      InputError: ``outcomes``, ``one`` or ``weights`` have shapes that do not fit, or do not sum to 1.
    """
    outcomes, weights = _checked(outcomes, weights)
    one = np.asarray(one)
    if one.shape != outcomes.shape[1:]:
        raise InputError(f"one has shape {one.shape}, but outcomes of a member have {outcomes.shape[1:]}")
    return apart(outcomes, one) @ weights


def churn(one: np.ndarray, other: np.ndarray, weights: np.ndarray | None = None) -> float:
    """The share of profiles, by weight, at which two members lead elsewhere: outcomes ``[T]``, or ``[T, Y]``."""
    return float(churns_from(np.asarray(one)[None], other, weights)[0])


def disagreement(outcomes: np.ndarray, *, distinct: bool = False) -> np.ndarray:
    """``[T]`` how far apart two members drawn at random are at each profile.

    Where outcomes are certain that is 1 less the sum of squares of the shares of members that lead to each.

    Args:
      outcomes: ``[M, T]`` or ``[M, T, Y]``.
      distinct: whether the second is drawn from the others; else it may be the first again.
    """
    outcomes, _ = _checked(outcomes, None)
    count = len(outcomes)
    if outcomes.ndim == 2:
        found = np.array([1.0 - ((np.unique(column, return_counts=True)[1] / count) ** 2).sum() for column in outcomes.T])
    else:
        members, counts = _distinct(outcomes)
        found = sum(n * (counts @ apart(members, one)) for n, one in zip(counts, members, strict=True)) / count**2
    return found * (count / (count - 1)) if distinct and count > 1 else found


def expected_churn(outcomes: np.ndarray, weights: np.ndarray | None = None, *, distinct: bool = False) -> float:
    """The churn between two members drawn at random: the mean of `disagreement`."""
    outcomes, weights = _checked(outcomes, weights)
    return float(disagreement(outcomes, distinct=distinct) @ weights)


def replacement_churn(outcomes: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """``[M]`` the churn to expect if a member is replaced by one drawn at random, with itself among them."""
    outcomes, weights = _checked(outcomes, weights)
    count = len(outcomes)
    if outcomes.ndim == 2:
        found = np.zeros(count)
        for column, weight in zip(outcomes.T, weights, strict=True):
            _, own, counts = np.unique(column, return_inverse=True, return_counts=True)
            found += weight * (1.0 - counts[own] / count)
        return found
    members, own, counts = np.unique(outcomes, axis=0, return_inverse=True, return_counts=True)
    return np.array([counts @ (apart(members, one) @ weights) / count for one in members])[own.ravel()]


def medoid(outcomes: np.ndarray, weights: np.ndarray | None = None) -> int:
    """The member with the least churn to all others, the first of equals: what to deploy if all else is equal."""
    found = replacement_churn(outcomes, weights)
    return int((found <= found.min() + SUM * SUM).argmax())


def ambiguity(outcomes: np.ndarray, member: int, weights: np.ndarray | None = None) -> float:
    """The share of profiles at which some member leads elsewhere than ``member``; how far, where outcomes are drawn."""
    outcomes, weights = _checked(outcomes, weights)
    return float(apart(outcomes, outcomes[member]).max(axis=0) @ weights)


def discrepancy(outcomes: np.ndarray, member: int, weights: np.ndarray | None = None) -> float:
    """The most churn between ``member`` and any other."""
    return float(churns_from(outcomes, np.asarray(outcomes)[member], weights).max())


def diameter(outcomes: np.ndarray, weights: np.ndarray | None = None) -> float:
    """The most churn between any two members; the work grows with the square of how many differ."""
    outcomes, weights = _checked(outcomes, weights)
    members, _ = _distinct(outcomes)
    return float(max((apart(members, one) @ weights).max() for one in members))


def churn_bound(loss: float, other_loss: float, least_cost: float) -> float:
    """The most churn between two commitments that lose the leader ``loss`` and ``other_loss`` against its best payoff.

    It holds where at every profile one outcome is best for the leader, which is then paid its best, and any other costs it at
    least ``least_cost`` (κ): a commitment that misses the best outcome with some chance loses as much of κ.

    Raises:
      InputError: a loss is negative, or ``least_cost`` is not positive.
    """
    require("loss", loss, loss >= 0, "at least 0")
    require("other_loss", other_loss, other_loss >= 0, "at least 0")
    require("least_cost", least_cost, least_cost > 0, "positive")
    return (loss + other_loss) / least_cost


def spreads(utilities: np.ndarray) -> np.ndarray:
    """``[N, T]`` how much of its payoff each follower has at stake at each profile, of ``utilities [M, N, T]``."""
    return np.ptp(np.asarray(utilities, np.float64), axis=0)


def _distinct(outcomes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Members that differ, and how many each of them stands for."""
    return np.unique(outcomes, axis=0, return_counts=True)


def _checked(outcomes: np.ndarray, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    outcomes = np.asarray(outcomes)
    if outcomes.ndim not in (2, 3) or 0 in outcomes.shape:
        raise InputError(f"outcomes has shape {outcomes.shape}, but must have [members, profiles] or that and [outcomes]")
    is_certain = outcomes.ndim == 2
    if is_certain is not np.issubdtype(outcomes.dtype, np.integer):
        allowed = "whole numbers, which name outcomes" if is_certain else "chances"
        raise InputError(f"outcomes of shape {outcomes.shape} has dtype {outcomes.dtype}, but must hold {allowed}")
    if not is_certain and not (np.abs(outcomes.sum(axis=-1) - 1.0) <= SUM).all():  # NaN is caught too
        raise InputError("outcomes holds chances that do not sum to 1 at each profile of each member")
    count = outcomes.shape[1]
    weights = np.full(count, 1.0 / count) if weights is None else np.asarray(weights, np.float64)
    if weights.shape != (count,):
        raise InputError(f"weights has shape {weights.shape}, but there are {count} profiles")
    if not (weights >= 0).all() or not abs(weights.sum() - 1.0) <= SUM:
        raise InputError(f"weights must be at least 0 and sum to 1, not to {weights.sum()}")
    return outcomes, weights
