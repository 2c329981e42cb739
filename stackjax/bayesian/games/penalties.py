"""Payoffs so low that nobody takes them: they must not be what others are measured by."""

import numpy as np

__all__ = ["without_penalties"]

JUMP, FEWEST = 20.0, 0.25


def without_penalties(losses: np.ndarray) -> float:
    """The largest of ``losses`` that competes: what lies beyond a jump is a penalty that nobody pays.

    Sorted, the next loss is more than 20 times as large there, and at least a quarter of those above 0 lie before it.
    """
    ordered = np.sort(losses[losses > 0])
    if not ordered.size:
        return 0.0
    jumps = np.flatnonzero(ordered[1:] > JUMP * ordered[:-1])
    before = [place for place in jumps if place + 1 >= FEWEST * ordered.size]
    return float(ordered[before[0] if before else -1])
