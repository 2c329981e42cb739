"""Laws of a buyer's private type, to be sampled, and for some of them what makes a menu's profit exact."""

import dataclasses
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
import scipy

from stackjax.arrays import lead
from stackjax.errors import InputError, require
from stackjax.recipes import pickled_as_made
from stackjax.types import Array

__all__ = ["Segment", "TypeLaw", "beta_mixture", "finite", "rectangle", "uniform_box", "uniform_triangle"]


@dataclasses.dataclass(frozen=True)
class Segment:
    """Types on a line, ``start + t (end - start)``, with t in [0, 1] of a known distribution."""

    start: np.ndarray
    end: np.ndarray
    cdf: Callable[[np.ndarray], np.ndarray]
    pdf: Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class TypeLaw:
    """Private types ``x`` in R^d.

    Attributes:
      dimension: d.
      num_uniforms: how many numbers in [0, 1] make a type.
      types: ``uniforms [..., num_uniforms] -> types [..., d]``, in JAX.
      low, high: ``[d]`` corners of the smallest box that holds all types.
      words: the law, for people.
      is_box: whether types are uniform on that box.
      polygon: ``[V, 2]`` corners, in order, if d = 2 and types are uniform on a convex polygon.
      segment: if types lie on a line.
      atoms, weights: ``[P, d]`` and ``[P]`` if there are finitely many types.
    """

    dimension: int
    num_uniforms: int
    types: Callable[[Array], Array]
    low: np.ndarray
    high: np.ndarray
    words: str
    is_box: bool = False
    polygon: np.ndarray | None = None
    segment: Segment | None = None
    atoms: np.ndarray | None = None
    weights: np.ndarray | None = None


def rectangle(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """``[4, 2]`` its corners, in order."""
    return np.array([low, [high[0], low[1]], high, [low[0], high[1]]])


@pickled_as_made
def uniform_box(low: tuple[float, ...], high: tuple[float, ...]) -> TypeLaw:
    """Uniform on a box; raises `InputError` unless ``low`` is below ``high`` and both are finite."""
    bottom, top = np.asarray(low, np.float64), np.asarray(high, np.float64)
    if bottom.shape != top.shape or bottom.ndim != 1 or not bottom.size:
        raise InputError(f"low={low} and high={high} must have a number for each item")
    if not (np.isfinite(bottom).all() and np.isfinite(top).all() and (bottom < top).all()):
        raise InputError(f"low={low} must be below high={high}, and both finite")
    polygon = rectangle(bottom, top) if len(bottom) == 2 else None
    start, width = bottom.astype(np.float32), (top - bottom).astype(np.float32)
    words = "uniform on " + " x ".join(f"[{a:g}, {b:g}]" for a, b in zip(bottom, top, strict=True))
    place = lambda u: lead(jnp.asarray(start), u.ndim) + u * lead(jnp.asarray(width), u.ndim)
    segment = None
    if len(bottom) == 1:
        segment = Segment(bottom, top, lambda t: np.clip(t, 0.0, 1.0), lambda t: np.ones_like(t))
    return TypeLaw(len(bottom), len(bottom), place, bottom, top, words, True, polygon, segment)


@pickled_as_made
def uniform_triangle() -> TypeLaw:
    """Uniform on the triangle (0, 0), (1, 0), (0, 1)."""

    def types(uniforms: Array) -> Array:
        root = jnp.sqrt(uniforms[..., 0])
        return jnp.stack([root * uniforms[..., 1], root * (1.0 - uniforms[..., 1])], axis=-1)

    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    return TypeLaw(2, 2, types, np.zeros(2), np.ones(2), "uniform on the triangle (0, 0), (1, 0), (0, 1)", polygon=corners)


@pickled_as_made
def beta_mixture(parts: tuple[tuple[float, float], ...] = ((1.0, 1.0),), value: tuple[float, float] = (1.0, 1.0)) -> TypeLaw:
    """A buyer's belief θ of two states and what a right guess pays it, v: ``x = v (θ, 1 - θ)``.

    Args:
      parts: θ is of an equal mixture of Beta(a, b) for each ``(a, b)``.
      value: v is uniform between these two numbers.

    Raises:
      InputError: a parameter of ``parts`` is not positive, or ``value`` is not two numbers, positive at the end, in order.
    """
    lowest, highest = value
    require("value", value, 0.0 <= lowest <= highest and highest > 0.0, "two numbers in order, the last of them positive")
    if not parts or any(len(part) != 2 or min(part) <= 0 for part in parts):
        raise InputError(f"parts={parts} must be pairs of positive numbers")
    made = [scipy.stats.beta(*part) for part in parts]
    cdf = lambda t: np.mean([one.cdf(t) for one in made], axis=0)
    pdf = lambda t: np.mean([one.pdf(t) for one in made], axis=0)
    grid = np.linspace(0.0, 1.0, 8193)
    steps = np.asarray(cdf(grid))
    inverse = np.interp(grid, steps, grid).astype(np.float32)  # flat where there are no types: interp takes one end

    def types(uniforms: Array) -> Array:
        theta = jnp.interp(uniforms[..., 0], jnp.asarray(grid, jnp.float32), jnp.asarray(inverse))
        belief = jnp.stack([theta, 1.0 - theta], axis=-1)
        return belief * (lowest + (highest - lowest) * uniforms[..., -1:])

    words = "belief θ, " + " or ".join("uniform" if part == (1.0, 1.0) else f"Beta({part[0]:g}, {part[1]:g})" for part in parts)
    if lowest == highest:
        segment = Segment(np.array([0.0, highest]), np.array([highest, 0.0]), cdf, pdf)
        return TypeLaw(2, 1, types, np.zeros(2), np.full(2, highest), words, segment=segment)
    words += f", value uniform in [{lowest:g}, {highest:g}]"
    return TypeLaw(2, 2, types, np.zeros(2), np.full(2, highest), words)


@pickled_as_made
def finite(atoms: np.ndarray, weights: np.ndarray) -> TypeLaw:
    """Types ``atoms [P, d]`` with probabilities ``weights [P]``; raises `InputError` unless these fit and sum to 1."""
    points, chances = np.asarray(atoms, np.float64), np.asarray(weights, np.float64)
    if points.ndim != 2 or chances.shape != points.shape[:1] or not np.isfinite(points).all():
        raise InputError(f"atoms of shape {points.shape} and weights of shape {chances.shape} must be finite, [P, d] and [P]")
    if (chances < 0).any() or abs(chances.sum() - 1.0) > 1e-9:
        raise InputError(f"weights={weights} must be at least 0 and sum to 1")
    steps = jnp.asarray(np.cumsum(chances), jnp.float32)
    table = jnp.asarray(points, jnp.float32)
    types = lambda u: table[jnp.minimum(jnp.searchsorted(steps, u[..., 0], side="right"), len(points) - 1)]
    low, high = points.min(axis=0), points.max(axis=0)
    return TypeLaw(points.shape[1], 1, types, low, high, f"{len(points)} types", atoms=points, weights=chances)
