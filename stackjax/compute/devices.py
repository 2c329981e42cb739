"""Where a run computes: a mesh of devices, and what several processes must agree on.

The mesh has two axes. Along ``runs`` lie the elements of a batch (seeds, configurations), which never talk to each other; along
``episodes`` devices share each element's Stackelberg episodes, see `stackjax.sharing`.
"""

import contextlib
import math
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

import jax
import numpy as np
from jax.sharding import Mesh, Sharding

from stackjax.errors import InputError
from stackjax.types import PyTree

__all__ = [
    "Layout",
    "LostProcessError",
    "agree",
    "among_processes",
    "choose_layout",
    "exchange",
    "is_writer",
    "largest",
    "make_mesh",
    "on_devices",
    "writer_only",
]


T = TypeVar("T")


class LostProcessError(RuntimeError):
    """Another process is gone, so that nothing can be agreed upon any more."""


@contextlib.contextmanager
def among_processes() -> Iterator[None]:
    """Around what needs other processes: what fails there, unless for want of memory, means that one of them is lost."""
    try:
        yield
    except (ValueError, RuntimeError) as error:  # JAX raises either, by the moment at which it notices
        if "RESOURCE_EXHAUSTED" in str(error):
            raise
        raise LostProcessError((str(error).strip().splitlines() or [type(error).__name__])[0][:200]) from error


class Layout(NamedTuple):
    """How many devices lie along each axis of the mesh."""

    runs: int
    episodes: int


def choose_layout(num_elements: int, shared_episodes: int, wanted: tuple[int, int] | None = None) -> Layout:
    """The layout that has the fewest runs one after another, on as many devices as are of use.

    Args:
      shared_episodes: how many episodes of a run devices can share, evenly; 1 for none.

    On CPUs a process uses one device unless ``wanted`` says otherwise: runs go side by side on it, one on each core.

    Raises:
      InputError: ``wanted`` does not fit the devices or the solver, or several processes could not all take part.
    """
    available, several = jax.device_count(), jax.process_count() > 1
    if wanted is not None:
        layout = Layout(*wanted)
        if min(wanted) < 1:
            raise InputError(f"mesh={wanted[0]} {wanted[1]} must be at least 1 each")
        if shared_episodes % layout.episodes:
            raise InputError(
                f"mesh={wanted[0]} {wanted[1]}: {wanted[1]} devices cannot share {shared_episodes} episodes evenly"
            )
        if math.prod(wanted) > available:
            more = "; JAX_NUM_CPU_DEVICES=N makes N of a CPU" if jax.default_backend() == "cpu" else ""
            needed = math.prod(wanted)
            raise InputError(f"mesh={wanted[0]} {wanted[1]} needs {needed} devices, but JAX sees {available}{more}")
        if several and math.prod(wanted) != available:
            raise InputError(f"mesh={wanted[0]} {wanted[1]}: several processes must use all of their {available} devices")
        return layout
    most = available if several or jax.default_backend() != "cpu" else 1
    sharing = [e for e in range(1, most + 1) if most % e == shared_episodes % e == 0]
    layouts = [Layout(most // e, e) for e in sharing]
    rounds = lambda one: math.ceil(num_elements / one.runs)
    best = min(layouts, key=lambda one: (rounds(one), -one.episodes))
    return best if several else best._replace(runs=math.ceil(num_elements / rounds(best)))


def make_mesh(layout: Layout) -> Mesh:
    devices = np.asarray(jax.devices()[: math.prod(layout)]).reshape(layout)
    return Mesh(devices, ("runs", "episodes"))


def on_devices(tree: PyTree, sharding: Sharding) -> PyTree:
    """Arrays of this process's memory, which every process holds whole, as arrays on the mesh."""

    def one(leaf: Any) -> jax.Array:
        whole = np.asarray(leaf)
        return jax.make_array_from_callback(whole.shape, sharding, lambda index: whole[index])

    return jax.tree.map(one, tree)


def exchange(blocks: list[PyTree], owners: list[int]) -> list[PyTree]:
    """NumPy trees of the same shapes, of which each process owns some, on every process."""
    _check_together()
    if jax.process_count() == 1:
        return blocks
    from jax.experimental import multihost_utils

    leaves, structure = jax.tree.flatten(next(block for block in blocks if block is not None))
    sizes = np.cumsum([leaf.nbytes for leaf in leaves])
    ranks = [owners[:k].count(owner) for k, owner in enumerate(owners)]  # where among its owner's a block is
    mine = np.zeros((max(ranks) + 1, sizes[-1]), np.uint8)  # all in one: what costs is the number of exchanges
    for block, owner, rank in zip(blocks, owners, ranks, strict=True):
        if owner == jax.process_index():
            mine[rank] = np.concatenate([np.frombuffer(leaf.tobytes(), np.uint8) for leaf in jax.tree.leaves(block)])
    with among_processes():
        everybodys = multihost_utils.process_allgather(mine)

    def block_of(data: np.ndarray) -> PyTree:
        parts = zip(np.split(data, sizes[:-1]), leaves, strict=True)
        return jax.tree.unflatten(structure, [np.frombuffer(p.tobytes(), leaf.dtype).reshape(leaf.shape) for p, leaf in parts])

    return [block_of(everybodys[owner, rank]) for owner, rank in zip(owners, ranks, strict=True)]


def is_writer() -> bool:
    """Whether this process writes files and speaks to the user."""
    return jax.process_index() == 0


def agree(values: PyTree) -> PyTree:
    """The writer's ``values`` (numbers, and arrays of the same shapes everywhere; a list is an array), on every process."""
    _check_together()
    here = jax.tree.map(np.asarray, values, is_leaf=lambda node: isinstance(node, list))
    if jax.process_count() == 1:
        return here
    from jax.experimental import multihost_utils

    with among_processes():
        return jax.tree.map(np.asarray, multihost_utils.broadcast_one_to_all(here))


def largest(value: int) -> int:
    """The largest of all processes' values."""
    _check_together()
    if jax.process_count() == 1:
        return value
    from jax.experimental import multihost_utils

    with among_processes():
        return int(np.max(multihost_utils.process_allgather(np.int32(value))))


class _Alone(threading.local):
    """What the writer does at the moment without the other processes, in this thread."""

    action: Callable[..., Any] | None = None


_alone = _Alone()


def _check_together() -> None:
    """Also where there is one process: several would wait for each other without end."""
    assert _alone.action is None, f"{_alone.action} is done by the writer alone and must not wait for other processes"


def writer_only(action: Callable[..., T], *arguments: Any) -> T | None:
    """``action(*arguments)`` on the writer alone, which returns its value; the others wait for it and return None.

    Raises:
      InputError: on the others, if it raised anything.
    """
    value, problem = None, None
    if is_writer():
        _alone.action = action
        try:
            value = action(*arguments)
        except Exception as error:
            problem = error
        finally:
            _alone.action = None
    if agree(problem is not None) and not is_writer():
        raise InputError("process 0 could not go on; its message says why")
    if problem is not None:
        raise problem
    return value
