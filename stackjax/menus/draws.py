"""Means over independent repeats of draws, with their 95 % intervals; Sobol points, and NumPy called from JAX."""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy

from stackjax.types import Array, PRNGKey

__all__ = ["NUM_REPEATS", "fixed_points", "in_numpy", "interval", "num_fixed", "shifted_lattice", "sobol_repeats"]

NUM_REPEATS = 16
MOST_FIXED = 2**12
LATTICE_FACTOR = 0.6180339887498949  # of the points: Korobov's lattice with a golden generator


def interval(means: Any) -> tuple[Any, Any]:
    """The mean of independent ``means [R]``, and the half-width of its 95 % interval; NumPy or JAX."""
    count = len(means)
    return means.mean(), float(scipy.stats.t.ppf(0.975, count - 1)) / math.sqrt(count) * means.std(ddof=1)


def sobol_repeats(width: int, log_points: int, seeds: Iterable[Any]) -> Iterator[np.ndarray]:
    """For each of ``seeds`` the first ``2**log_points`` points in ``[0, 1]^width`` of a Sobol sequence, scrambled by it."""
    for seed in seeds:
        yield scipy.stats.qmc.Sobol(width, rng=np.random.default_rng(seed)).random_base2(log_points)


def fixed_points(width: int, most: int) -> np.ndarray:
    """The same points in ``[0, 1]^width`` always, as many as a power of 2 allows, of at most ``most`` and 4,096."""
    return next(sobol_repeats(width, num_fixed(most).bit_length() - 1, [0]))


def num_fixed(most: int) -> int:
    """The largest power of 2 that is at most ``most`` and 4,096."""
    return 2 ** (min(max(1, most), MOST_FIXED).bit_length() - 1)


def shifted_lattice(key: PRNGKey, count: int, width: int) -> Array:
    """``count`` points in ``[0, 1)^width``, float32: a lattice that is shifted at random."""
    generator, powers = round(count * LATTICE_FACTOR), [1]
    while math.gcd(generator, count) > 1:  # else points coincide
        generator += 1
    for _ in range(width - 1):
        powers.append(powers[-1] * generator % count)
    points = (np.arange(count)[:, None] * np.array(powers) % count / count).astype(np.float32)
    return (points + jax.random.uniform(key, (1, width))) % 1.0


def in_numpy(function: Callable[..., Any], shape: tuple[int, ...], *arrays: Any) -> Array:
    """``function`` of NumPy arrays, which returns float32 numbers of that ``shape``. For tracers too, batches one by one."""
    computed = lambda *given: np.asarray(function(*map(np.asarray, given)), np.float32)
    return jax.pure_callback(computed, jax.ShapeDtypeStruct(shape, jnp.float32), *arrays, vmap_method="sequential")
