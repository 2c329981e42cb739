"""Point estimates over seeds with bootstrap intervals."""

from collections.abc import Callable

import numpy as np
import scipy

__all__ = ["interquartile_mean", "interval"]

RESAMPLES = 2000


def interquartile_mean(values: np.ndarray, axis: int = -1) -> np.ndarray:
    """The mean along ``axis`` without the quarter at each end (rounded down): steadier than a median (Agarwal et al. 2021)."""
    return scipy.stats.trim_mean(values, 0.25, axis=axis)


def interval(
    values: np.ndarray, statistic: Callable[..., np.ndarray] = interquartile_mean
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A ``statistic`` over the last axis (seeds), and the ends of its bootstrap 95 % interval (percentiles)."""
    values = np.asarray(values, float)
    centre = statistic(values, axis=-1)
    if values.shape[-1] < 2:
        return centre, centre, centre
    found = scipy.stats.bootstrap(
        (values,), statistic, axis=-1, n_resamples=RESAMPLES, method="percentile", vectorized=True, rng=0
    )
    return centre, found.confidence_interval.low, found.confidence_interval.high
