"""Point estimates over seeds with bootstrap intervals, without SciPy's statistics: a run would import them for this alone."""

from collections.abc import Callable

import numpy as np

__all__ = ["interquartile_mean", "interval"]

RESAMPLES = 2000


def interquartile_mean(values: np.ndarray, axis: int = -1) -> np.ndarray:
    """The mean along ``axis`` without the quarter at each end (rounded down): steadier than a median (Agarwal et al. 2021)."""
    ordered = np.sort(values, axis=axis)
    cut, count = ordered.shape[axis] // 4, ordered.shape[axis]
    return np.take(ordered, np.arange(cut, count - cut), axis=axis).mean(axis=axis)


def interval(
    values: np.ndarray, statistic: Callable[..., np.ndarray] = interquartile_mean
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A ``statistic`` over the last axis (seeds), and the ends of its bootstrap 95 % interval (percentiles)."""
    values = np.asarray(values, float)
    centre, count = statistic(values, axis=-1), values.shape[-1]
    if count < 2:
        return centre, centre, centre
    drawn = np.random.default_rng(0).integers(0, count, (RESAMPLES, count))
    low, high = np.percentile(statistic(values[..., drawn], axis=-1), (2.5, 97.5), axis=-1)
    return centre, low, high
