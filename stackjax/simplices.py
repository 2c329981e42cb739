"""What a leader chooses from where numbers share a budget: mixes, in a `Simplex`, and coverage, in a `CappedSimplex`."""

import dataclasses
import numbers
from typing import Any

import jax.numpy as jnp
import numpy as np

from stackjax.arrays import shares
from stackjax.errors import require, require_count, require_positive
from stackjax.projection import onto_capped
from stackjax.spaces import ROOM, ROUNDING, Box, Continuous, checked_labels, first_wrong
from stackjax.types import Array

__all__ = ["CappedSimplex", "Simplex"]

NEAR = 1e-3  # of a step that tells where one can go


class _Budgeted(Continuous):
    """Numbers from 0 to 1 with a budget."""

    n: int
    budget: float

    @property
    def low(self) -> tuple[float, ...]:  # type: ignore[override]
        return (0.0,) * self.n

    @property
    def high(self) -> tuple[float, ...]:  # type: ignore[override]
        return (1.0,) * self.n

    def clip(self, action: Array) -> Array:
        """The nearest allowed point, exactly; NaN counts as the lowest."""
        return onto_capped(jnp.asarray(action, jnp.result_type(float)), self.budget, self.is_spent)

    def clip_unit(self, scaled: Array) -> Array:
        """See `Continuous`."""
        return onto_capped(scaled, self.budget, self.is_spent)

    def along(self, scaled: Array, direction: Array) -> Array:
        """See `Continuous`; entries at an end that are pushed beyond it stay, and so does what the others add up to."""
        step = NEAR / jnp.maximum(jnp.abs(direction).max(axis=-1, keepdims=True), NEAR)
        return (self.clip_unit(scaled + step * direction) - scaled) / step

    def outside(self, actions: np.ndarray) -> Any:
        """See `Continuous`."""
        found, total = super().outside(actions), np.asarray(actions, np.float64).sum(axis=-1)
        if found is not None:
            return found
        room = (ROOM + ROUNDING) * max(1.0, self.budget)
        return first_wrong(actions, (total <= self.budget + room) & ((total >= self.budget - room) | (not self.is_spent)))


@dataclasses.dataclass(frozen=True)
class Simplex(_Budgeted):
    """Mixes of ``n`` things: each share at least 0, together 1. An action is float ``[n]``; ``labels`` name the things.

    Raises:
      InputError: ``n`` is no positive whole number, or the labels are not as many.
    """

    n: int
    labels: tuple[str, ...] = ()
    budget = 1.0
    is_spent = True

    def __post_init__(self) -> None:
        require_count("n", self.n)
        object.__setattr__(self, "labels", checked_labels(self.labels, self.n, "entries"))

    def from_box(self, action: Array) -> Array:
        """Weights from 0 to 1 over their sum; equal shares if all are 0."""
        return shares(Box(self.low, self.high).clip(action))

    def from_uniform(self, uniforms: Array, power: Array | None = None) -> Array:
        """See `Continuous`; without a power uniform on the simplex, see `_directions`."""
        return _directions(uniforms, power)

    def plain(self) -> Array:
        """Each thing alone, and all alike."""
        return jnp.concatenate([jnp.eye(self.n), jnp.full((1, self.n), 1.0 / self.n)])

    def allowed(self) -> str:
        """The space in words, for messages."""
        return f"{self.n} numbers of at least 0 that add up to 1"


@dataclasses.dataclass(frozen=True)
class CappedSimplex(_Budgeted):
    """How ``n`` things are covered, each from 0 to 1 and together by at most ``total``; ``labels`` name the things.

    An action is float ``[n]``. With a total of ``n`` or more it is a box.

    Raises:
      InputError: ``n`` is no positive whole number, ``total`` is not positive and finite, or the labels are not as many.
    """

    n: int
    total: float
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_count("n", self.n)
        is_number = isinstance(self.total, numbers.Real) and not isinstance(self.total, bool)
        require("total", repr(self.total), is_number, "a positive finite number")
        require_positive("total", self.total)
        object.__setattr__(self, "total", float(self.total))
        object.__setattr__(self, "labels", checked_labels(self.labels, self.n, "entries"))

    @property
    def budget(self) -> float:  # type: ignore[override]
        return self.total

    @property
    def num_uniforms(self) -> int:
        return self.n + 1

    def from_box(self, action: Array) -> Array:
        """Numbers from 0 to 1, divided by what they exceed the total by, if they do."""
        action = Box(self.low, self.high).clip(action)
        return action * (self.total / jnp.maximum(action.sum(axis=-1, keepdims=True), self.total))

    def from_uniform(self, uniforms: Array, power: Array | None = None) -> Array:
        """See `Continuous`: half of them spend the whole budget, as optima often do, the others any part of it."""
        most = min(self.total, float(self.n))
        spent = most * jnp.minimum(2.0 * uniforms[..., :1], 1.0)
        return onto_capped(_directions(uniforms[..., 1:], power) * spent, spent, is_spent=True)

    def plain(self) -> Array:
        """Each thing alone, all alike, nothing, and as many things in full as the budget allows, from each one on."""
        alone, n = min(self.total, 1.0) * jnp.eye(self.n), self.n
        alike = jnp.array([[min(self.total / n, 1.0)], [0.0]]) * jnp.ones((1, n))
        order = (jnp.arange(n)[None] - jnp.arange(n)[:, None]) % n
        return jnp.concatenate([alone, alike, jnp.clip(self.total - order.astype(alone.dtype), 0.0, 1.0)])

    def allowed(self) -> str:
        """The space in words, for messages."""
        return f"{self.n} numbers from 0 to 1 that add up to at most {self.total:g}"


def _directions(uniforms: Array, power: Array | None) -> Array:
    """``[..., n]`` shares that add up to 1: exponentials over their sum, which is uniform; with a ``power`` powers of them."""
    sizes = jnp.maximum(-jnp.log1p(-uniforms), jnp.finfo(uniforms.dtype).tiny)
    if power is not None:
        sizes = (sizes / sizes.max(axis=-1, keepdims=True)) ** power
    return sizes / sizes.sum(axis=-1, keepdims=True)
