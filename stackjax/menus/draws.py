"""Means over independent repeats of draws, with their 95 % intervals; Sobol points, and NumPy called from JAX."""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy

from stackjax.types import Array

__all__ = ["NUM_REPEATS", "in_numpy", "interval", "sobol_repeats"]

NUM_REPEATS = 16


def interval(means: Any) -> tuple[Any, Any]:
    """The mean of independent ``means [R]``, and the half-width of its 95 % interval; NumPy or JAX."""
    count = len(means)
    return means.mean(), float(scipy.stats.t.ppf(0.975, count - 1)) / math.sqrt(count) * means.std(ddof=1)


def sobol_repeats(width: int, log_points: int, seeds: Iterable[Any]) -> Iterator[np.ndarray]:
    """For each of ``seeds`` the first ``2**log_points`` points in ``[0, 1]^width`` of a Sobol sequence, scrambled by it."""
    for seed in seeds:
        yield scipy.stats.qmc.Sobol(width, rng=np.random.default_rng(seed)).random_base2(log_points)


def in_numpy(function: Callable[..., Any], shape: tuple[int, ...], *arrays: Any) -> Array:
    """``function`` of NumPy arrays, which returns float32 numbers of that ``shape``. For tracers too, batches one by one."""
    computed = lambda *given: np.asarray(function(*map(np.asarray, given)), np.float32)
    return jax.pure_callback(computed, jax.ShapeDtypeStruct(shape, jnp.float32), *arrays, vmap_method="sequential")
