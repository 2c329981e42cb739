"""Small array helpers that several steps of the flow share."""

from stackjax.types import Array

__all__ = ["lead"]


def lead(array: Array, ndim: int) -> Array:
    """``array`` with as many axes of length 1 in front as make ``ndim``: broadcasting, said out loud."""
    return array.reshape((1,) * (ndim - array.ndim) + array.shape)
