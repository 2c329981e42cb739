"""Numbers over seeds with their intervals, in words and of differences."""

from collections.abc import Callable

import numpy as np
from scipy import stats

from stackjax.reports.intervals import RESAMPLES, interquartile_mean, interval

__all__ = ["difference", "interquartile_mean", "interval", "with_interval"]


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
