"""Intervals over seeds are those of SciPy."""

import numpy as np
import pytest
import scipy.stats

from stackjax.reports.intervals import RESAMPLES, interquartile_mean, interval


@pytest.mark.parametrize("shape", [(5,), (3, 10), (40, 4)])
@pytest.mark.parametrize("statistic", [interquartile_mean, np.mean])
def test_the_bootstrap_is_that_of_scipy(shape, statistic):
    values = np.random.default_rng(1).normal(size=shape)
    centre, low, high = interval(values, statistic)
    options = {"n_resamples": RESAMPLES, "method": "percentile", "vectorized": True, "rng": 0}
    expected = scipy.stats.bootstrap((values,), statistic, axis=-1, **options).confidence_interval
    np.testing.assert_allclose(low, expected.low, rtol=1e-12)
    np.testing.assert_allclose(high, expected.high, rtol=1e-12)
    np.testing.assert_allclose(centre, statistic(values, axis=-1))


@pytest.mark.parametrize("count", [1, 3, 4, 10, 25])
def test_the_interquartile_mean_is_the_trimmed_mean(count):
    values = np.random.default_rng(2).normal(size=(3, count))
    np.testing.assert_allclose(interquartile_mean(values), scipy.stats.trim_mean(values, 0.25, axis=-1))
    np.testing.assert_allclose(interquartile_mean(values, axis=0), scipy.stats.trim_mean(values, 0.25, axis=0))
