"""What a leader chooses from: `Discrete` or `Box`. Light stand-ins for gymnax's spaces, whose import is slow."""

import dataclasses
import numbers
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from stackjax.arrays import lead
from stackjax.errors import InputError, require, require_count
from stackjax.types import Array

__all__ = ["Box", "Discrete"]


@dataclasses.dataclass(frozen=True)
class Discrete:
    """One of ``0, ..., n - 1``; an action is an int32 scalar. ``labels`` name the choices for people."""

    n: int
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_count("n", self.n)
        object.__setattr__(self, "labels", tuple(self.labels))
        if self.labels and len(self.labels) != self.n:
            raise InputError(f"labels={self.labels} must name each of the {self.n} choices")

    @property
    def shape(self) -> tuple[int, ...]:
        return ()

    def zeros(self) -> Array:
        return jnp.zeros((), jnp.int32)

    def clip(self, action: Array) -> Array:
        """The nearest choice; NaN becomes 0."""
        action = jnp.asarray(action)
        if jnp.issubdtype(action.dtype, jnp.integer):
            return jnp.clip(action, 0, self.n - 1).astype(jnp.int32)
        return jnp.rint(jnp.clip(jnp.nan_to_num(action), 0, self.n - 1)).astype(jnp.int32)

    def allowed(self) -> str:
        """The space in words, for messages."""
        return f"a whole number from 0 to {self.n - 1}"

    def describe(self, action: np.ndarray) -> str:
        return self.labels[int(action)] if self.labels else f"action {int(action)}"


@dataclasses.dataclass(frozen=True)
class Box:
    """A vector with ``low[j] <= action[j] <= high[j]``; an action is float ``[len(low)]``, clipped to the box.

    The ends may be given as any sequence of numbers, or as an array.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            end = getattr(self, name)
            values = end.tolist() if hasattr(end, "tolist") else end
            is_vector = isinstance(values, Sequence) and all(isinstance(value, numbers.Real) for value in values)
            require(name, end, is_vector, "a sequence of numbers, one for each entry, for example (0.0, 1.0)")
            object.__setattr__(self, name, tuple(values))
        if len(self.low) != len(self.high) or not self.low:
            raise InputError(f"low={self.low} and high={self.high} must be non-empty and of the same length")
        if not all(np.isfinite([*self.low, *self.high])) or any(a >= b for a, b in zip(self.low, self.high, strict=True)):
            raise InputError(f"low={self.low} must be below high={self.high} in every entry, and both finite")

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.low),)

    def zeros(self) -> Array:
        return jnp.zeros(self.shape)

    def clip(self, action: Array) -> Array:
        """The nearest point of the box; NaN becomes the lowest."""
        action = jnp.asarray(action, jnp.result_type(float))
        low, high = (lead(jnp.asarray(end, action.dtype), action.ndim) for end in (self.low, self.high))
        return jnp.where(jnp.isnan(action), low, jnp.clip(action, low, high))

    def allowed(self) -> str:
        """The space in words, for messages."""
        return f"{len(self.low)} numbers from {self.low} to {self.high}"

    def describe(self, action: np.ndarray) -> str:
        return "(" + ", ".join(f"{value:.6g}" for value in np.asarray(action)) + ")"
