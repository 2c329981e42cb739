"""What a leader chooses from: `Discrete`, or numbers, in a `Box` or as in `stackjax.simplices`.

Light stand-ins for gymnax's spaces, whose import is slow.
"""

import abc
import dataclasses
import numbers
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.arrays import drawn, lead
from stackjax.errors import InputError, require, require_count
from stackjax.types import Array, PRNGKey

__all__ = ["ROOM", "ROUNDING", "Box", "Continuous", "Discrete", "Space", "checked_labels", "first_wrong"]

ROOM, ROUNDING = 1e-5, 1e-6  # by how much an action may miss its space: shares of the space's width and of a number's size


@dataclasses.dataclass(frozen=True)
class Discrete:
    """One of ``0, ..., n - 1``; an action is an int32 scalar. ``labels`` name the choices for people."""

    n: int
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_count("n", self.n)
        object.__setattr__(self, "labels", checked_labels(self.labels, self.n, "choices"))

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

    def from_box(self, action: Array) -> Array:
        """The nearest choice."""
        return self.clip(action)

    def plain(self) -> Array:
        """All choices, for a search to begin with."""
        return jnp.arange(self.n, dtype=jnp.int32)

    def draw(self, key: PRNGKey, shape: tuple[int, ...]) -> Array:
        """``shape`` choices, equally likely."""
        return drawn(lambda key, shape: jax.random.randint(key, shape, 0, self.n, jnp.int32), key, shape)

    def outside(self, actions: np.ndarray) -> Any:
        """The first of ``actions`` that is none of the choices, or None."""
        return first_wrong(actions, (actions >= 0) & (actions < self.n))

    def allowed(self) -> str:
        """The space in words, for messages."""
        return f"a whole number from 0 to {self.n - 1}"

    def describe(self, action: np.ndarray) -> str:
        return self.labels[int(action)] if self.labels else f"action {int(action)}"


class Continuous(abc.ABC):
    """Vectors of numbers, each between its ends ``low`` and ``high``; a subclass may ask for more. An action is float ``[n]``.

    Attributes:
      labels: what the entries are called; empty for nothing.
      budget: what the entries add up to at most; None where that does not matter.
      is_spent: whether they add up to the budget exactly.
      num_uniforms: how many uniform numbers an action is drawn by.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    labels: tuple[str, ...] = ()
    budget: float | None = None
    is_spent: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.low),)

    @property
    def num_uniforms(self) -> int:
        return len(self.low)

    def zeros(self) -> Array:
        return jnp.zeros(self.shape)

    @abc.abstractmethod
    def clip(self, action: Array) -> Array:
        """The nearest allowed point to each of ``action [..., n]``; NaN counts as the lowest."""

    @abc.abstractmethod
    def from_box(self, action: Array) -> Array:
        """What points ``[..., n]`` of the box from ``low`` to ``high`` stand for; an allowed point stands for itself.

        It is for learners that choose each number by itself.
        """

    @abc.abstractmethod
    def from_uniform(self, uniforms: Array, power: Array | None = None) -> Array:
        """Actions ``[..., n]`` from ``uniforms [..., num_uniforms]``, evenly spread.

        With a ``power [..., 1]``, of at least 1, more of the entries are the nearer to their low ends, the larger it is.
        """

    @abc.abstractmethod
    def plain(self) -> Array:
        """``[p, n]`` the plainest actions, for a search to begin with."""

    def draw(self, key: PRNGKey, shape: tuple[int, ...]) -> Array:
        """``[*shape, n]`` random actions, evenly spread."""
        return self.from_uniform(drawn(jax.random.uniform, key, (*shape, self.num_uniforms)))

    def tangent(self, direction: Array) -> Array:
        """The part of a ``direction [..., n]`` along which actions can be moved."""
        return direction - direction.mean(axis=-1, keepdims=True) if self.is_spent else direction

    def along(self, scaled: Array, direction: Array) -> Array:
        """The part of a ``direction [..., n]`` along which ``scaled``, ends 0 and 1, moves if what it leads to is clipped."""
        return direction

    def from_unit(self, scaled: Array) -> Array:
        """The nearest actions to points ``[..., n]`` whose ends are 0 and 1."""
        return self.unscaled(self.clip_unit(scaled))

    def unscaled(self, scaled: Array) -> Array:
        """The actions that `to_unit` scales to allowed points ``scaled``."""
        low, high = self._ends(scaled)
        return low * (1.0 - scaled) + high * scaled

    def to_unit(self, actions: Array) -> Array:
        """``actions [..., n]`` with ends 0 and 1."""
        low, high = self._ends(actions)
        return (actions - low) / (high - low)

    def clip_unit(self, scaled: Array) -> Array:
        """The nearest allowed points, whose ends are 0 and 1 before and after."""
        return jnp.clip(scaled, 0.0, 1.0)

    def on_host(self, points: np.ndarray) -> np.ndarray:
        """`clip` of points of the box, in NumPy before and after."""
        return points if self.budget is None else np.asarray(self.clip(jnp.asarray(points)))

    def outside(self, actions: np.ndarray) -> Any:
        """The first number of ``actions [..., n]`` that is not allowed, or the first action whose sum is not; or None."""
        low, high = np.asarray(self.low), np.asarray(self.high)
        room = ROOM * (high - low) + ROUNDING * np.maximum(np.abs(low), np.abs(high))
        return first_wrong(actions, (actions >= low - room) & (actions <= high + room))

    @abc.abstractmethod
    def allowed(self) -> str:
        """The space in words, for messages."""

    def describe(self, action: np.ndarray) -> str:
        numbers = [f"{value:.6g}" for value in np.asarray(action)]
        if self.labels:
            return ", ".join(f"{name} {value}" for name, value in zip(self.labels, numbers, strict=True))
        return "(" + ", ".join(numbers) + ")"

    def _ends(self, like: Array) -> tuple[Array, Array]:
        low, high = (lead(jnp.asarray(end, like.dtype), like.ndim) for end in (self.low, self.high))
        return low, high


Space = Discrete | Continuous


@dataclasses.dataclass(frozen=True)
class Box(Continuous):
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

    def clip(self, action: Array) -> Array:
        """The nearest point of the box; NaN becomes the lowest."""
        action = jnp.asarray(action, jnp.result_type(float))
        low, high = self._ends(action)
        return jnp.where(jnp.isnan(action), low, jnp.clip(action, low, high))

    def from_box(self, action: Array) -> Array:
        """The nearest point of the box."""
        return self.clip(action)

    def from_uniform(self, uniforms: Array, power: Array | None = None) -> Array:
        """See `Continuous`."""
        if power is not None:
            return self.from_unit(uniforms**power)
        low, high = self._ends(uniforms)
        return low + (high - low) * uniforms

    def plain(self) -> Array:
        """One entry high and the others low, all low, all high, the reverse of the first."""
        unit, ends = jnp.eye(len(self.low)), jnp.array([[0.0], [1.0]]) * jnp.ones((1, len(self.low)))
        return self.from_unit(jnp.concatenate([unit, ends, 1.0 - unit]))

    def allowed(self) -> str:
        """The space in words, for messages."""
        return f"{len(self.low)} numbers from {self.low} to {self.high}"


def checked_labels(labels: Sequence[str], n: int, what: str) -> tuple[str, ...]:
    """``labels`` as a tuple; raises `InputError` unless there are ``n``, or none."""
    labels = tuple(labels)
    if labels and len(labels) != n:
        raise InputError(f"labels={labels} must name each of the {n} {what}")
    return labels


def first_wrong(actions: np.ndarray, holds: np.ndarray) -> Any:
    """The first of ``actions`` that does not hold, a number or a vector, or None."""
    return None if holds.all() else actions[~holds][0]
