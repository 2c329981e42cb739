"""What a seller may offer: sets of allocations, with the projection onto them and the most that each can be worth."""

import abc
import dataclasses
import itertools
from typing import Any

import jax.numpy as jnp
import numpy as np

from stackjax.errors import InputError

__all__ = ["AllocationSet", "BoxAllocations", "UnitDemand"]


class AllocationSet(abc.ABC):
    """A convex set of allocations in R^d.

    Attributes:
      low, high: ``[d]`` corners of the smallest box that holds it.
    """

    low: np.ndarray
    high: np.ndarray

    @abc.abstractmethod
    def project(self, allocations: Any) -> Any:
        """The nearest allocations of the set, ``[..., d]``: a NumPy array of one, with its precision, a JAX array of one."""

    @abc.abstractmethod
    def corners(self) -> np.ndarray:
        """``[V, d]`` its extreme points."""

    def support(self, direction: np.ndarray) -> float:
        """The support function: the most that ``direction · a`` can be."""
        return float((self.corners() @ np.asarray(direction, np.float64)).max())

    def constraints(self) -> tuple[np.ndarray, np.ndarray]:
        """``G [M, d]`` and ``g [M]`` with ``G a <= g``, beside the bounds ``low`` and ``high``."""
        return np.zeros((0, len(self.low))), np.zeros(0)


@dataclasses.dataclass(frozen=True)
class BoxAllocations(AllocationSet):
    """All between ``low`` and ``high``."""

    low: np.ndarray
    high: np.ndarray

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), np.float64))

    def project(self, allocations: Any) -> Any:
        shape = (1,) * (allocations.ndim - 1) + self.low.shape
        low, high = (end.astype(allocations.dtype).reshape(shape) for end in (self.low, self.high))
        return _module(allocations).clip(allocations, low, high)

    def corners(self) -> np.ndarray:
        if len(self.low) > 12:
            raise InputError(f"a box of {len(self.low)} dimensions has too many corners; at most 12")
        return np.array(list(itertools.product(*zip(self.low, self.high, strict=True))))

    def support(self, direction: np.ndarray) -> float:
        return float(np.maximum(self.low * direction, self.high * direction).sum())


@dataclasses.dataclass(frozen=True)
class UnitDemand(AllocationSet):
    """Chances of one item at most: none negative, and their sum at most 1."""

    dimension: int

    @property
    def low(self) -> np.ndarray:  # type: ignore[override]
        return np.zeros(self.dimension)

    @property
    def high(self) -> np.ndarray:  # type: ignore[override]
        return np.ones(self.dimension)

    def project(self, allocations: Any) -> Any:
        """By sorting (Held, Wolfe and Crowder 1974), where clipping alone leaves a sum above 1."""
        xp = _module(allocations)
        clipped = xp.maximum(allocations, 0.0)
        sums = xp.cumsum(-xp.sort(-allocations, axis=-1), axis=-1) - 1.0
        counts = np.arange(1, self.dimension + 1).astype(allocations.dtype).reshape((1,) * (allocations.ndim - 1) + (-1,))
        shift = xp.max(sums / counts, axis=-1, keepdims=True)
        onto = xp.maximum(allocations - shift, 0.0)
        return xp.where(clipped.sum(axis=-1, keepdims=True) <= 1.0, clipped, onto)

    def corners(self) -> np.ndarray:
        return np.concatenate([np.zeros((1, self.dimension)), np.eye(self.dimension)])

    def constraints(self) -> tuple[np.ndarray, np.ndarray]:
        return np.ones((1, self.dimension)), np.ones(1)


def _module(array: Any) -> Any:
    return np if isinstance(array, np.ndarray) else jnp
