"""Point estimates over seeds with bootstrap intervals."""

from collections.abc import Callable

import numpy as np
from scipy import stats

__all__ = ["difference", "interquartile_mean", "interval", "with_interval"]

RESAMPLES = 2000


def interquartile_mean(values: np.ndarray, axis: int = -1) -> np.ndarray:
    """The mean along ``axis`` without the quarter at each end (rounded down): steadier than a median (Agarwal et al. 2021)."""
    return stats.trim_mean(values, 0.25, axis=axis)


def interval(
    values: np.ndarray, statistic: Callable[..., np.ndarray] = interquartile_mean
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A ``statistic`` over the last axis (seeds), and the ends of its bootstrap 95 % interval (percentiles)."""
    values = np.asarray(values, float)
    centre = statistic(values, axis=-1)
    if values.shape[-1] < 2:
        return centre, centre, centre
    found = stats.bootstrap((values,), statistic, axis=-1, n_resamples=RESAMPLES, method="percentile", vectorized=True, rng=0)
    return centre, found.confidence_interval.low, found.confidence_interval.high


def with_interval(values: np.ndarray, statistic: Callable[..., np.ndarray] = interquartile_mean) -> str:
    """For example ``0.9833 [0.95, 1]``."""
    centre, low, high = (f"{float(end) + 0.0:.4g}" for end in interval(values, statistic))
    return f"{centre} [{low}, {high}]"


def difference(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float]:
    """The difference of the means of two independent samples, and the ends of its bootstrap 95 % interval.

    With fewer than two values on a side the interval is everything.
    """
    a, b = np.asarray(a, float), np.asarray(b, float)
    centre = float(a.mean() - b.mean())
    if min(len(a), len(b)) < 2:
        return centre, -np.inf, np.inf
    of_means = lambda x, y, axis: x.mean(axis=axis) - y.mean(axis=axis)
    found = stats.bootstrap((a, b), of_means, n_resamples=RESAMPLES, method="percentile", vectorized=True, rng=0)
    return centre, float(found.confidence_interval.low), float(found.confidence_interval.high)
