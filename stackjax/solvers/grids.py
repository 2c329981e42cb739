"""Grids of numbers that share a budget: every way to hand it out in equal parts."""

import math

import numpy as np

from stackjax.spaces import Continuous

__all__ = ["grid_points", "num_grid_points"]


def num_grid_points(space: Continuous, levels: int) -> int:
    """How many rows `grid_points` has, by inclusion and exclusion of what exceeds 1."""
    n, parts, least, most = _parts(space, levels)
    below = lambda total: sum(
        (-1) ** j * math.comb(n, j) * math.comb(total - j * (parts + 1) + n, n)
        for j in range(n + 1)
        if total >= j * (parts + 1)
    )
    return below(most) - (below(least - 1) if least > 0 else 0)


def grid_points(space: Continuous, levels: int) -> np.ndarray:
    """``[C, n]`` the actions of multiples of ``1 / (levels - 1)``, in order, the first entry's most significant."""
    n, parts, least, most = _parts(space, levels)
    rows, spent = np.zeros((1, 0), np.int64), np.zeros(1, np.int64)
    for entry in range(n):
        later = (n - entry - 1) * parts  # at most, by the entries that follow
        more = np.arange(parts + 1)
        total = spent[:, None] + more[None]
        fits = (total <= most) & (total + later >= least)
        row, value = np.nonzero(fits)
        rows, spent = np.concatenate([rows[row], more[value][:, None]], axis=1), total[fits]
    return rows / parts


def _parts(space: Continuous, levels: int) -> tuple[int, int, int, int]:
    """Entries, parts of 1, and the fewest and most parts that are handed out."""
    assert space.budget is not None
    parts = levels - 1
    most = math.floor(space.budget * parts + 1e-9)
    return space.shape[0], parts, most if space.is_spent else 0, min(most, space.shape[0] * parts)
