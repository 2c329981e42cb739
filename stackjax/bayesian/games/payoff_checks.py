"""Payoffs and priors as people give them, checked. Free of JAX, to tell mistakes at once."""

from typing import Any

import numpy as np

from stackjax.errors import InputError, require_array

__all__ = ["check_spread", "checked_prior"]

# Games are played in float32: what is smaller than this beside the largest payoff would be lost to rounding.
SMALLEST_RELATIVE_SPREAD = 1e-4
LARGEST_PAYOFF = 1e30
MOST_OFF = 1e-6  # 1, of the sum of a prior


def checked_prior(prior: Any) -> np.ndarray:
    """``prior [K_1, ..., K_N]`` in float64; raises `InputError` unless it holds the chances of the followers' types."""
    table = require_array("prior", prior).astype(np.float64)
    if table.ndim < 1 or table.size == 0:
        raise InputError(f"prior has shape {table.shape}, but must have an axis of at least one type for each follower")
    wrong = ~(np.isfinite(table) & (table >= 0))
    if wrong.any():
        where = tuple(np.argwhere(wrong)[0].tolist())
        raise InputError(f"prior{list(where)} is {table[where]}; a chance must be at least 0")
    if abs(table.sum() - 1.0) > MOST_OFF:
        raise InputError(f"prior sums to {table.sum():.9g}, but must sum to 1")
    return table


def check_spread(what: str, payoffs: np.ndarray) -> None:
    """Raise `InputError` unless float32, in which games are played, tells payoffs apart."""
    spread, largest = np.ptp(payoffs), np.abs(payoffs).max()
    if largest > LARGEST_PAYOFF or 0 < spread < SMALLEST_RELATIVE_SPREAD * largest:
        raise InputError(
            f"{what} spread over {spread:.6g} at a size of {largest:.6g}, which float32 cannot tell apart well; shift or scale "
            f"them (spread at least {SMALLEST_RELATIVE_SPREAD:g} of the largest, none beyond {LARGEST_PAYOFF:g})"
        )
