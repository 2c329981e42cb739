"""Coverage carried out by whole guards: at most n + 1 placements, or one drawn at random."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from stackjax.errors import require, require_array

if TYPE_CHECKING:
    from stackjax.types import Array, PRNGKey

__all__ = ["placements", "sample_placement"]

ROUNDING = 1e-13  # of a guard: places where the row of targets is cut that are the same


def placements(coverage: npt.ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """A mix of placements that guards target a with chance ``coverage[a]``.

    Targets are laid in a row, each as long as its coverage, and the row is cut at u, u + 1, u + 2, ... with one uniform u: a
    target is guarded if a cut falls on it. What is guarded changes where u passes an end of a target: at most n + 1 times.

    Args:
      coverage: ``[n]`` numbers from 0 to 1. Their sum is the number of guards; where it is not whole, some placements have
        one guard fewer than others.

    Returns:
      Chances ``[m]``, which sum to 1, and placements, bool ``[m, n]``.

    Raises:
      InputError: ``coverage`` is no vector of numbers from 0 to 1.

    References: Madow (1949), systematic sampling.
    """
    given = require_array("coverage", coverage).astype(np.float64)
    require("shape of coverage", given.shape, given.ndim == 1 and given.size > 0, "(targets,)")
    require("coverage", given[~((given >= 0) & (given <= 1))][:1], bool(((given >= 0) & (given <= 1)).all()), "from 0 to 1")
    ends = np.append(0.0, np.cumsum(given, dtype=np.longdouble)).astype(np.float64)
    ends = np.where(np.abs(ends - np.rint(ends)) <= ROUNDING * len(ends), np.rint(ends), ends)
    cuts = np.unique(ends - np.floor(ends))
    cuts = cuts[np.append(True, np.diff(cuts) > ROUNDING)]
    chances = np.diff(np.append(cuts, 1.0))
    passed = np.ceil(ends - (cuts + chances / 2)[:, None])  # how many cuts lie before each end
    return chances, np.diff(passed, axis=1) > 0


def sample_placement(key: "PRNGKey", coverage: "Array") -> "Array":
    """One placement, bool ``[n]``, of the law that `placements` describes; ``vmap`` over keys.

    Args:
      key: a random key.
      coverage: ``[n]`` numbers from 0 to 1.
    """
    import jax  # in here, because nothing else of this module needs it
    import jax.numpy as jnp

    ends = jnp.cumsum(coverage)
    whole = jnp.round(ends[-1])
    slack = 4.0 * len(coverage) * jnp.finfo(ends.dtype).eps * jnp.maximum(whole, 1.0)
    total = jnp.where(jnp.abs(ends[-1] - whole) <= slack, whole, ends[-1])  # so that rounding adds no guard
    ends = jnp.minimum(ends, total).at[-1].set(total)
    passed = jnp.maximum(jnp.ceil(ends - jax.random.uniform(key, dtype=ends.dtype)), 0.0)
    return jnp.diff(passed, prepend=jnp.zeros(1, ends.dtype)) > 0
