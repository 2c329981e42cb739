"""Which part of an update's episodes is this device's, and how the parts are put together.

Every device draws the random numbers of all episodes and keeps its own, so that how many devices share the work changes
nothing but the order in which sums are added up.
"""

from typing import NamedTuple

import jax

from stackjax.types import Array, PyTree

__all__ = ["WHOLE", "Shards"]


class Shards(NamedTuple):
    """``size`` devices along the mesh axis ``axis`` share the episodes evenly; with one, every method is the identity."""

    axis: str = "episodes"
    size: int = 1

    def mine(self, all_episodes: Array, axis: int = 0) -> Array:
        """This device's part of an array that has all episodes along ``axis``."""
        if self.size == 1:
            return all_episodes
        length = all_episodes.shape[axis] // self.size
        start = jax.lax.axis_index(self.axis) * length
        return jax.lax.dynamic_slice_in_dim(all_episodes, start, length, axis % all_episodes.ndim)

    def gather(self, mine: PyTree, axis: int) -> PyTree:
        """All episodes along ``axis``, from every device's part."""
        if self.size == 1:
            return mine
        return jax.tree.map(lambda leaf: jax.lax.all_gather(leaf, self.axis, axis=axis, tiled=True), mine)

    def sum(self, parts: PyTree) -> PyTree:
        """The sum over devices, leaf by leaf."""
        return parts if self.size == 1 else jax.lax.psum(parts, self.axis)

    def max(self, parts: PyTree) -> PyTree:
        """The maximum over devices, leaf by leaf."""
        return parts if self.size == 1 else jax.lax.pmax(parts, self.axis)


WHOLE = Shards()
