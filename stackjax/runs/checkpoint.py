"""Checkpoints of the training state, by orbax: whole or absent, the last two kept."""

import pathlib
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from stackjax.types import PyTree

__all__ = ["Checkpoints", "Restored"]


class Restored(NamedTuple):
    """A training state and how much wall time went into it."""

    state: PyTree
    seconds: float


class Checkpoints:
    """The checkpoints under one directory, each named by the number of updates behind it.

    Random keys are stored as their raw data. Orbax is loaded here, where it is first needed.
    """

    def __init__(self, directory: pathlib.Path) -> None:
        import orbax.checkpoint as ocp

        self._ocp = ocp
        options = ocp.CheckpointManagerOptions(max_to_keep=2, enable_async_checkpointing=False)
        self._manager = ocp.CheckpointManager(directory, options=options)

    def save(self, state: PyTree, update: int, seconds: float) -> None:
        """Save ``state`` as it stands after ``update`` updates, unless that is there already."""
        if self.latest == update:
            return
        content = {"state": _without_keys(state), "seconds": jnp.asarray(seconds)}
        self._manager.save(update, args=self._ocp.args.StandardSave(content), force=True)

    @property
    def latest(self) -> int | None:
        return self._manager.latest_step()

    def restore(self, like: PyTree) -> Restored:
        """The latest checkpoint, with the structure of ``like`` (a state or its shapes)."""
        shapes = jax.eval_shape(_without_keys, like)
        target = {"state": shapes, "seconds": jax.ShapeDtypeStruct((), jnp.result_type(float))}
        here = jax.sharding.SingleDeviceSharding(jax.devices()[0])  # wherever it was saved
        target = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=here), target)
        content: dict[str, Any] = self._manager.restore(self.latest, args=self._ocp.args.StandardRestore(target))
        return Restored(_with_keys(content["state"], like), float(content["seconds"]))

    def close(self) -> None:
        self._manager.close()


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _without_keys(state: PyTree) -> PyTree:
    return jax.tree.map(lambda leaf: jax.random.key_data(leaf) if _is_key(leaf) else leaf, state)


def _with_keys(content: PyTree, like: PyTree) -> PyTree:
    return jax.tree.map(lambda new, old: jax.random.wrap_key_data(new) if _is_key(old) else new, content, like)
