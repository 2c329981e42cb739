"""Functions that are continuous, and linear on each simplex of a mesh of a box: what prices are of a rival's values.

The box is cut into N cells a side, each cell into cones: from its middle over each of its faces, which are cut likewise; edges
stay whole. On a line these are N intervals; in the plane each square falls into 4 triangles, in space each cube into 24
tetrahedra. The mesh of 2N cells has the vertices of that of N, and can make the same functions.
"""

import dataclasses
import itertools
from functools import cached_property
from typing import Any

import numpy as np

from stackjax.errors import require_count

__all__ = ["Mesh"]

MOST_VERTICES = 20_000


@dataclasses.dataclass(frozen=True)
class Mesh:
    """A mesh of ``[low, high]^dimension`` with ``cells`` cells a side; V vertices, T simplices.

    Raises:
      InputError: there would be too many vertices.
    """

    dimension: int
    cells: int
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        most = int((MOST_VERTICES / 2) ** (1 / self.dimension))
        require_count("cells", self.cells, most=most)

    @cached_property
    def lattice(self) -> np.ndarray:
        """int ``[V, m]``: the vertices in half cells from ``low``. All are on it that are no middle of an edge."""
        points = np.indices((2 * self.cells + 1,) * self.dimension).reshape(self.dimension, -1).T
        return points[(points % 2).sum(axis=1) != 1]

    @cached_property
    def vertices(self) -> np.ndarray:
        """``[V, m]`` float64."""
        return self.low + (self.high - self.low) * self.lattice / (2 * self.cells)

    @cached_property
    def numbers(self) -> np.ndarray:
        """int ``[2N + 1, ...]``: which vertex is at each point of the lattice, -1 for none."""
        found = np.full((2 * self.cells + 1,) * self.dimension, -1)
        found[tuple(self.lattice.T)] = np.arange(len(self.lattice))
        return found

    @cached_property
    def simplices(self) -> np.ndarray:
        """int ``[T, m + 1]``: the vertices of each, from the middle of a cell to the ends of one of its edges."""
        m, chains = self.dimension, []
        for axes, signs in itertools.product(itertools.permutations(range(m)), itertools.product((-1, 1), repeat=m)):
            steps = np.eye(m, dtype=int)[list(axes)] * np.array(signs)[:, None]
            if signs[-1] > 0:  # both ends of the last axis are in it
                corners = np.concatenate([np.zeros((1, m), int), np.cumsum(steps, axis=0)])
                chains.append(np.concatenate([corners[: m - 1], [corners[m - 1] + steps[-1], corners[m - 1] - steps[-1]]]))
        middles = 2 * np.indices((self.cells,) * m).reshape(m, -1).T + 1
        points = middles[:, None, None] + np.array(chains)[None]
        return self.numbers[tuple(np.moveaxis(points, -1, 0))].reshape(-1, m + 1)

    def locate(self, values: Any) -> tuple[Any, Any]:
        """int ``[B, m + 1]`` the vertices of the simplex around each of ``values [B, m]``, and their weights; NumPy or JAX."""
        xp, m = values.__array_namespace__(), self.dimension
        within = (values - self.low) / (self.high - self.low) * self.cells
        cell = xp.clip(xp.floor(within), 0, self.cells - 1)
        away = xp.clip(2.0 * (within - cell) - 1.0, -1.0, 1.0)  # from the middle, in half cells
        order = xp.argsort(-xp.abs(away), axis=1)
        sizes = xp.take_along_axis(xp.abs(away), order, axis=1)
        steps = xp.where(order[:, :, None] == xp.arange(m)[None, None], xp.where(away >= 0, 1, -1)[:, None], 0)
        points = (2 * cell[:, None] + 1).astype(int) + xp.concat([0 * steps[:, :1], xp.cumsum(steps, axis=1)], axis=1)
        numbers = xp.asarray(self.numbers)
        last = points[:, m - 1] - steps[:, m - 1]
        corners = xp.concat([points[:, : m - 1], points[:, m:], last[:, None]], axis=1)
        before = xp.concat([xp.ones_like(sizes[:, :1]), sizes[:, :-1]], axis=1)
        weights = xp.concat(
            [(before - sizes)[:, : m - 1], (before + sizes)[:, m - 1 :] / 2, (before - sizes)[:, m - 1 :] / 2], axis=1
        )
        return numbers[tuple(corners[..., j] for j in range(m))], weights

    def interpolate(self, prices: Any, values: Any) -> Any:
        """``[B, K]``: ``prices [V, K]`` at the vertices, linear on each simplex, at ``values [B, m]``; NumPy or JAX."""
        corners, weights = self.locate(values)
        return (prices[corners] * weights[..., None]).sum(axis=1)

    def refined(self, prices: np.ndarray, times: int = 2) -> np.ndarray:
        """The same function on the mesh of ``times`` as many cells, at the vertices of that one."""
        finer = dataclasses.replace(self, cells=times * self.cells)
        return self.interpolate(prices, finer.vertices)
