"""The compiled programs of a batch of runs, on a mesh of devices.

An element of a batch is one seed under one choice of the swept numbers. All elements share everything static, so one set of
programs serves them, and every further batch of the same size.
"""

import contextlib
import math
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from functools import cached_property
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, SingleDeviceSharding
from jax.sharding import PartitionSpec as P

from stackjax.compiler import compiler_options
from stackjax.compute.devices import among_processes, exchange, on_devices
from stackjax.compute.startup import num_cores
from stackjax.compute.state import (
    Chosen,
    Evaluated,
    Logged,
    RunState,
    advance_run,
    choose_run,
    evaluate_run,
    polish_run,
    score_run,
    start_run,
)
from stackjax.types import PyTree
from stackjax.work import Work

__all__ = ["NAMES", "Blocks", "Elements", "Programs", "Reached"]

NAMES = ("advance", "score", "evaluate", "init")  # those that take longest to compile first
COMPILED_AT_ONCE = 4  # on CPUs, where the compiler's memory is the sweep's

Blocks = list[Any]  # a batch's states or elements, block by block; None where the devices are another process's


class Elements(NamedTuple):
    """What differs within a batch: ``seeds`` int32 ``[B]``, and the swept numbers by field name, float32 ``[B]`` each."""

    seeds: Any
    values: dict[str, Any]


class Reached(NamedTuple):
    """Payoffs and gaps ``[S]`` of the best commitments so far, and the updates at which they last rose."""

    payoffs: np.ndarray
    gaps: np.ndarray
    rose_at: np.ndarray


class Programs:
    """Programs for batches of ``num_elements`` runs of ``work`` that differ in seed and in the numbers that it varies.

    ``init(elements)``, ``advance(state, elements, count)``, ``score``, ``polish``, ``choose`` and ``evaluate``
    ``(state, elements)`` are those of `compute.state` for the whole batch; states stay on the devices, what is reported is
    NumPy, on every process.
    ``advance`` and ``score`` use up the state that they are given. ``pack`` and ``unpack`` turn a state into arrays for a
    checkpoint and back.

    The batch is cut into blocks, dealt out along the mesh's ``runs``. Each place there, a device or a group of devices that
    share episodes, has programs of its own for a block and exchanges nothing with the others, whatever the number of places.

    Args:
      block: elements that a device works on at once; by default 1 on CPUs, where several blocks go side by side, one on each
        core, and elsewhere as many as a device gets.
    """

    def __init__(self, work: Work, num_elements: int, mesh: Mesh, block: int | None = None) -> None:
        solver = work.solver._replace(update=jax.jit(work.solver.update, inline=True))  # traced once for all programs
        self.work, self.num_elements = work._replace(solver=solver), num_elements
        self.num_devices = mesh.size
        self._places = [Mesh(devices, ("episodes",)) for devices in mesh.devices]
        self._num_sharing = mesh.shape["episodes"]
        self._on_cpu = mesh.devices.flat[0].platform == "cpu"
        self._block = block or (1 if self._on_cpu else math.ceil(num_elements / len(self._places)))
        self._by_core = self._on_cpu and self._num_sharing == 1
        used = self._places[: self.num_blocks(num_elements)]
        self._here = [at for at, place in enumerate(used) if place.local_devices]
        self._elements = Elements(
            jax.ShapeDtypeStruct((self._block,), jnp.int32),
            {name: jax.ShapeDtypeStruct((self._block,), jnp.float32) for name in work.swept},
        )
        self._compiled: dict[tuple[str, int], Any] = {}

    @cached_property
    def _state(self) -> RunState:
        """The shapes of a block's state, from the tracing that compiling ``init`` needs too."""
        with self._among(self._here[0]):
            return self._jitted["init"].eval_shape(self._at_place(self._elements, self._here[0]))

    @property
    def runs_in_memory(self) -> float:
        """How many runs are at work in a device's memory (on CPUs this process's); less than one where episodes are shared."""
        return self.side_by_side if self._on_cpu else self._block / self._num_sharing

    @property
    def side_by_side(self) -> int:
        """How many elements are worked on at once, on CPUs by this process: a batch of a multiple of it leaves nothing idle."""
        return min(num_cores(), self.num_blocks(self.num_elements)) if self._by_core else len(self._places) * self._block

    def compile(self, names: tuple[str, ...] = NAMES, told: Callable[[str], None] = lambda stage: None) -> None:
        """Compile those programs that are not yet compiled, side by side; ``told`` hears how far that is."""
        pool = ThreadPoolExecutor(COMPILED_AT_ONCE if self._on_cpu else None)
        try:
            wanted = [(name, at) for at in self._here for name in names if (name, at) not in self._compiled]
            programs: dict[Future[Any], tuple[str, int]] = {}
            for key in wanted:
                told(f"tracing {key[0]}, {len(programs) + 1} of {len(wanted)} programs")
                programs[pool.submit(_compiled, key[0], self._lowered(*key), self.work)] = key
            told(f"compiling {len(wanted)} programs")
            for count, program in enumerate(as_completed(programs), start=1):
                self._compiled[programs[program]] = program.result()
                told(f"compiled {count} of {len(wanted)} programs")
        finally:
            pool.shutdown(cancel_futures=True)

    def init(self, elements: Blocks) -> Blocks:
        return self._each("init", elements)

    def advance(self, state: Blocks, elements: Blocks, count: int) -> Blocks:
        return self._each("advance", state, elements, [np.int32(count)] * len(state))

    def score(self, state: Blocks, elements: Blocks) -> tuple[Blocks, Logged]:
        return self._with_told("score", state, elements)

    def _with_told(self, name: str, *blocks: Blocks) -> tuple[Blocks, Any]:
        """Of a program that returns a state and something to tell."""
        after, told = zip(*(one or (None, None) for one in self._each(name, *blocks)), strict=True)
        return list(after), self._joined(list(told))

    def evaluate(self, state: Blocks, elements: Blocks) -> Evaluated:
        return self._joined(self._each("evaluate", state, elements))

    def polish(self, state: Blocks, elements: Blocks) -> Blocks:
        return self._each("polish", state, elements)

    def choose(self, state: Blocks, elements: Blocks) -> tuple[Blocks, Chosen]:
        return self._with_told("choose", state, elements)

    def best(self, state: Blocks, count: int) -> "Reached":
        """How far the first ``count`` elements have come, on every process."""
        of = lambda best: (best.leader_payoff, best.gap, best.rose_at)
        found = self._joined([None if block is None else of(block.best) for block in state])
        return Reached(*(leaf[:count] for leaf in found))

    def all_diverged(self, state: Blocks) -> bool:
        """Whether no element of ``state`` can go on."""
        return bool((self._joined([block.diverged_at for block in state]) >= 0).all())

    def _each(self, name: str, *blocks: Blocks) -> Blocks:
        """A program on every block that is here: side by side where nothing is shared, and otherwise one by one at each place,
        so that no two of its devices wait for each other with different blocks.
        """
        self.compile((name,))
        queues = defaultdict(list)
        for k in range(len(blocks[0])):
            if self._at(k) in self._here:
                queues[k if self._by_core else self._at(k)].append(k)

        def work_off(queue: list[int]) -> list[tuple[int, Any]]:
            run = lambda k: self._compiled[name, self._at(k)](*(entries[k] for entries in blocks))
            return [(k, jax.block_until_ready(run(k))) for k in queue]

        with self._with_others(), ThreadPoolExecutor(self.side_by_side if self._by_core else len(self._here)) as pool:
            found = dict(one for done in pool.map(work_off, queues.values()) for one in done)
        return [found.get(k) for k in range(len(blocks[0]))]

    def num_blocks(self, size: int) -> int:
        """How many blocks ``size`` elements make; every one of several processes has some."""
        count = math.ceil(size / self._block)
        return count if jax.process_count() == 1 else math.ceil(count / len(self._places)) * len(self._places)

    def _at(self, k: int) -> int:
        """The place of the ``k``-th block."""
        return k % len(self._places)

    @cached_property
    def _is_across_processes(self) -> bool:
        """Whether devices of several processes share episodes, so that this process cannot go on without another."""
        return any(len({device.process_index for device in self._places[at].devices}) > 1 for at in self._here)

    def _with_others(self) -> contextlib.AbstractContextManager[None]:
        return among_processes() if self._is_across_processes else contextlib.nullcontext()

    def place(self, seeds: Any, values: dict[str, Any] | None = None) -> Blocks:
        """Elements on their devices; the last block fills up where they do not come out even."""
        columns = {name: np.asarray((values or {})[name], np.float32) for name in self.work.swept}
        return self._placed(Elements(np.asarray(seeds, np.int32), columns))

    def _placed(self, tree: PyTree) -> Blocks:
        """Arrays of all elements, cut into blocks, those of them that are here on their devices."""
        count = self.num_blocks(jax.tree.leaves(tree)[0].shape[0])
        padded = jax.tree.map(lambda leaf: _filled(leaf, count * self._block), tree)
        blocks: Blocks = [None] * count
        for k in range(count):
            if self._at(k) in self._here:
                mine = jax.tree.map(lambda leaf, k=k: leaf[k * self._block : (k + 1) * self._block], padded)
                blocks[k] = on_devices(mine, self._sharding(self._at(k)))
        return blocks

    def _sharding(self, at: int) -> Any:
        """Where arrays lie at a place: each of its devices has all of them."""
        place = self._places[at]
        # One device without a mesh, so that what is traced for it is for all.
        return SingleDeviceSharding(place.devices.flat[0]) if place.size == 1 else NamedSharding(place, P())

    def _among(self, at: int) -> contextlib.AbstractContextManager[Any]:
        """While entered, what is traced is for the devices of a place, see `stackjax.sharing`."""
        return contextlib.nullcontext() if self._num_sharing == 1 else jax.set_mesh(self._places[at])

    def _joined(self, blocks: Blocks) -> Any:
        """The blocks' arrays as those of the whole batch, on every process."""
        owners = [self._places[self._at(k)].devices.flat[0].process_index for k in range(len(blocks))]
        whole = exchange(jax.device_get(blocks), owners)
        return jax.tree.map(lambda *parts: np.concatenate(parts), *whole)

    def bytes_needed(self) -> int:
        """Memory while the hungriest of the programs works, as the compiler counts it: of a device, on CPUs of this process."""
        devices = sum(len(self._places[at].local_devices) for at in self._here) if self._on_cpu else 1
        return max(_bytes(program) for program in self._compiled.values()) * (self.side_by_side if self._by_core else devices)

    def compiled_text(self, name: str) -> str:
        """The compiled program, for those who want to see what it does."""
        self.compile((name,))
        return str(self._compiled[name, self._here[0]].as_text())

    @cached_property
    def state_bytes(self) -> int:
        """The state of one element."""
        packed = jax.tree.leaves(self.packed_shapes(1))
        return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in packed)

    def _lowered(self, name: str, at: int) -> Any:
        """A program for a block at a place."""
        takes = () if name == "init" else (self._state,)
        count = (jax.ShapeDtypeStruct((), jnp.int32),) if name == "advance" else ()
        arguments = self._at_place((*takes, self._elements, *count), at)
        with self._among(at):
            return self._jitted[name].lower(*arguments)

    def _at_place(self, shapes: PyTree, at: int) -> PyTree:
        """``shapes`` as they lie on the devices of a place."""
        lying = lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=self._sharding(at))
        return jax.tree.map(lying, shapes)

    @cached_property
    def _jitted(self) -> dict[str, Any]:
        """What the programs compute; the same objects for all places, so that they are traced once where nothing is shared."""
        varied = self.work.varied
        functions: dict[str, tuple[Callable, Any]] = {
            "init": (lambda element: start_run(varied(element.values), element.seeds), 0),
            "advance": (lambda state, element, count: advance_run(varied(element.values), state, count), (0, 0, None)),
            "score": (lambda state, element: score_run(varied(element.values), state, element.seeds), 0),
            "polish": (lambda state, element: polish_run(varied(element.values), state, element.seeds), 0),
            "choose": (lambda state, element: choose_run(varied(element.values), state, element.seeds), 0),
            "evaluate": (lambda state, element: evaluate_run(varied(element.values), state, element.seeds), 0),
        }
        return {name: self._jit(name, *function) for name, function in functions.items()}

    def _jit(self, name: str, function: Callable, axes: Any) -> Any:
        # A place's devices all end with the whole state: the next program, or a checkpoint, takes it from any of them.
        whole: Any = {} if self._num_sharing == 1 else {"out_shardings": P()}
        return jax.jit(jax.vmap(function, axes), donate_argnums=(0,) if name in ("advance", "score") else (), **whole)

    # Checkpoints hold plain arrays: random keys as their raw data.

    def pack(self, state: Blocks, count: int) -> PyTree:
        """The first ``count`` elements of ``state`` as NumPy arrays, on every process."""
        packed = [block if block is None else _without_keys(block) for block in state]
        return jax.tree.map(lambda leaf: leaf[:count], self._joined(packed))

    def unpack(self, packed: PyTree) -> Blocks:
        """The state whose `pack` is ``packed``, on the devices."""
        return [block if block is None else _with_keys(block, self._state) for block in self._placed(packed)]

    def packed_shapes(self, count: int) -> PyTree:
        """Of what `pack` returns."""
        shapes = jax.eval_shape(_without_keys, self._state)
        return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((count, *leaf.shape[1:]), leaf.dtype), shapes)


def _compiled(name: str, lowered: Any, work: Work) -> Any:
    is_light = work.problem.has_kernel and (name != "advance" or not work.solver.has_network)
    return lowered.compile(compiler_options=compiler_options(runs_once=name in ("init", "polish", "choose"), is_light=is_light))


def _filled(array: np.ndarray, size: int) -> np.ndarray:
    """With the last entry of the first axis repeated up to ``size``."""
    return np.concatenate([array, np.repeat(array[-1:], size - len(array), axis=0)])


def _bytes(program: Any) -> int:
    memory = program.memory_analysis()
    live = memory.argument_size_in_bytes + memory.output_size_in_bytes - memory.alias_size_in_bytes
    return live + memory.temp_size_in_bytes + memory.generated_code_size_in_bytes


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _without_keys(state: PyTree) -> PyTree:
    return jax.tree.map(lambda leaf: jax.random.key_data(leaf) if _is_key(leaf) else leaf, state)


def _with_keys(packed: PyTree, like: PyTree) -> PyTree:
    return jax.tree.map(lambda leaf, old: jax.random.wrap_key_data(leaf) if _is_key(old) else leaf, packed, like)
