"""How several devices share the episodes of one run: they lie along the mesh axis ``episodes``, and XLA does the rest.

Everything is written as for one device. `shared` says of an array that its episodes are dealt out; what is computed from it is
computed where it lies, and sums over episodes are added up over devices.
"""

from collections.abc import Callable

import jax
from jax.sharding import PartitionSpec as P

from stackjax.types import PyTree

__all__ = ["AXIS", "num_devices", "shared", "shared_kernel"]

AXIS = "episodes"


def num_devices() -> int:
    """How many devices share a run, in the mesh that programs are traced for."""
    return jax.sharding.get_abstract_mesh().shape.get(AXIS, 1)


def shared(tree: PyTree, axis: int = 0) -> PyTree:
    """``tree`` with the episodes along ``axis`` dealt out to the devices; as it is where there is one, or they do not fit."""
    fits = lambda leaf: leaf.shape[axis] % num_devices() == 0
    deal = lambda leaf: jax.lax.with_sharding_constraint(leaf, P(*[None] * axis, AXIS)) if fits(leaf) else leaf
    return tree if num_devices() == 1 else jax.tree.map(deal, tree)


def shared_kernel(kernel: Callable, num_episodes: int) -> Callable:
    """``kernel`` on arrays ``[rows, B]`` or ``[rows, 1]``, each device on its own episodes: XLA cannot divide it."""
    if num_devices() == 1 or num_episodes % num_devices():
        return kernel

    def divided(*arrays: jax.Array) -> PyTree:
        own = tuple(P(None, AXIS) if array.shape[1] == num_episodes else P() for array in arrays)
        return jax.shard_map(kernel, in_specs=own, out_specs=P(None, AXIS), check_vma=False)(*arrays)

    return divided
