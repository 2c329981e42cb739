"""The compiled programs of a batch of runs, on a mesh of devices.

An element of a batch is one seed under one choice of the swept numbers. All elements share everything static, so one set of
programs serves them, and every further batch of the same size.
"""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from stackjax.pomdp.environment import StackelbergPOMDP
from stackjax.ppo.shards import WHOLE, Shards
from stackjax.ppo.train import Trainer, make_train
from stackjax.runs.devices import place, replicated
from stackjax.runs.spec import RunSpec
from stackjax.runs.state import RunState, advance_run, evaluate_run, score_run, start_run
from stackjax.types import Array, PyTree

__all__ = ["Elements", "Programs"]

NAMES = ("advance", "score", "evaluate", "init")  # those that take longest to compile first


class Elements(NamedTuple):
    """What differs within a batch: ``seeds`` int32 ``[B]``, and the swept numbers by field name, float32 ``[B]`` each."""

    seeds: Any
    values: dict[str, Any]


class Programs:
    """Programs for batches of ``num_elements`` runs of ``spec`` that differ in seed and in the numeric fields ``swept``.

    ``init(elements)``, ``advance(state, elements, count)``, ``score(state, elements)`` and ``evaluate(state, elements)`` are
    those of `runs.state` for the whole batch; states stay on the mesh, what is reported is on every device. ``advance`` and
    ``score`` use up the state that they are given. ``pack`` and ``unpack`` turn a state into arrays for a checkpoint and back.

    Args:
      env: the environment of ``spec``; building it takes a while, so callers share it.
      block: how many elements a device works on at a time. By default 1 on CPUs, which makes results independent of the number
        of devices, and elsewhere all that it holds.
    """

    def __init__(
        self,
        spec: RunSpec,
        env: StackelbergPOMDP,
        num_elements: int,
        mesh: Mesh,
        swept: tuple[str, ...] = (),
        block: int | None = None,
    ) -> None:
        on_cpu = mesh.devices.flat[0].platform == "cpu"
        self.block = block or (1 if on_cpu else num_elements // mesh.shape["runs"])
        self.spec, self.env, self.num_elements, self.mesh, self.swept = spec, env, num_elements, mesh, swept
        by_run, by_episode = NamedSharding(mesh, P("runs")), NamedSharding(mesh, P("runs", "episodes"))
        size = (num_elements,)
        self._elements = Elements(
            jax.ShapeDtypeStruct(size, jnp.int32, sharding=by_run),
            {name: jax.ShapeDtypeStruct(size, jnp.float32, sharding=by_run) for name in swept},
        )
        start = jax.vmap(lambda element: start_run(self._trainer(element.values, WHOLE), element.seeds))
        shapes = jax.eval_shape(start, self._elements)
        shardings = jax.tree.map(lambda _: by_run, shapes)
        steps = jax.tree.map(lambda _: by_episode, shapes.train.steps)
        self._shardings: RunState = shardings._replace(train=shardings.train._replace(steps=steps))
        with_sharding = lambda leaf, sharding: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)
        self._state: RunState = jax.tree.map(with_sharding, shapes, self._shardings)
        self._compiled: dict[str, Any] = {}

    @cached_property
    def trainer(self) -> Trainer:
        """Of every element, but for its swept numbers."""
        return self._trainer({}, WHOLE)

    def _trainer(self, values: dict[str, Any], shards: Shards) -> Trainer:
        followers, ppo = self.spec.with_numbers(values)
        env = self.env if followers is self.spec.followers else self.env.with_dynamics(followers.build())
        return make_train(env, ppo, shards)

    def compile(self) -> None:
        """Compile every program, side by side."""
        with ThreadPoolExecutor() as pool:
            programs = {name: pool.submit(_compiled, name, self._lowered(name)) for name in NAMES}
            self._compiled.update({name: program.result() for name, program in programs.items()})

    def init(self, elements: Elements) -> RunState:
        return self._program("init")(elements)

    def advance(self, state: RunState, elements: Elements, count: int) -> RunState:
        return self._program("advance")(state, elements, np.int32(count))

    def score(self, state: RunState, elements: Elements) -> Any:
        return self._program("score")(state, elements)

    def evaluate(self, state: RunState, elements: Elements) -> Any:
        return self._program("evaluate")(state, elements)

    def place(self, seeds: Any, values: dict[str, Any] | None = None) -> Elements:
        """Elements on the mesh, the last one repeated where there are fewer than ``num_elements``."""
        fill = lambda column, dtype: _filled(np.asarray(column, dtype), self.num_elements)
        here = Elements(fill(seeds, np.int32), {name: fill((values or {})[name], np.float32) for name in self.swept})
        return place(here, jax.tree.map(lambda leaf: leaf.sharding, self._elements))

    def bytes_needed(self) -> int:
        """Memory of a device while the hungriest of the compiled programs runs, as the compiler counts it."""
        return max(_bytes(program) for program in self._compiled.values())

    def compiled_text(self, name: str) -> str:
        """The compiled program, for those who want to see what it does."""
        return str(self._program(name).as_text())

    @cached_property
    def state_bytes(self) -> int:
        """The state of all elements."""
        packed = jax.tree.leaves(self.packed_shapes(self.num_elements))
        return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in packed)

    def _program(self, name: str) -> Any:
        if name not in self._compiled:
            self._compiled[name] = _compiled(name, self._lowered(name))
        return self._compiled[name]

    def _lowered(self, name: str) -> Any:
        """A program over the batch: mapped over its elements, each device doing its part of the mesh."""
        trainer = partial(self._trainer, shards=Shards("episodes", self.mesh.shape["episodes"]))
        specs = jax.tree.map(lambda sharding: sharding.spec, self._shardings)
        on_all = replicated(self.mesh)

        def init(element: Elements) -> RunState:
            return start_run(trainer(element.values), element.seeds)

        def advance(state: RunState, element: Elements, count: Array) -> RunState:
            return advance_run(trainer(element.values), state, count)

        def judged(one: Callable) -> Callable:
            def run(state: RunState, element: Elements) -> Any:
                mine = trainer(element.values)
                return one(mine, self.spec.evaluation_env(mine.env), state, element.seeds)

            return run

        runs, everywhere = P("runs"), P()
        state, elements, count = (self._state, specs), (self._elements, runs), (jax.ShapeDtypeStruct((), jnp.int32), everywhere)
        table: dict[str, tuple[Callable, list[Any], Any, Any]] = {
            "init": (init, [elements], specs, self._shardings),
            "advance": (advance, [state, elements, count], specs, self._shardings),
            "score": (judged(score_run), [state, elements], (specs, runs), (self._shardings, on_all)),
            "evaluate": (judged(evaluate_run), [state, elements], runs, on_all),
        }
        function, takes, out_specs, out_shardings = table[name]
        arguments, in_specs = zip(*takes, strict=True)
        batched = jax.vmap(function, tuple(None if spec == everywhere else 0 for spec in in_specs))
        blocks = _in_blocks(batched, self.block)
        sharded = jax.shard_map(blocks, mesh=self.mesh, in_specs=in_specs, out_specs=out_specs, check_vma=False)
        donated = (0,) if name in ("advance", "score") else ()
        return jax.jit(sharded, out_shardings=out_shardings, donate_argnums=donated).lower(*arguments)

    # Checkpoints hold plain arrays: random keys as their raw data.

    def pack(self, state: RunState, count: int) -> PyTree:
        """The first ``count`` elements of ``state`` as NumPy arrays (on every process, where there are several)."""
        return jax.tree.map(lambda leaf: leaf[:count], jax.device_get(self._packer(state)))

    def unpack(self, packed: PyTree) -> RunState:
        """The state whose `pack` is ``packed``, on the mesh."""
        whole = jax.tree.map(lambda leaf: _filled(leaf, self.num_elements), packed)
        shardings = jax.tree.map(lambda leaf: leaf.sharding, self._state)
        return _with_keys(place(whole, shardings), self._state)

    def packed_shapes(self, count: int) -> PyTree:
        """Of what `pack` returns."""
        shapes = jax.eval_shape(_without_keys, self._state)
        return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((count, *leaf.shape[1:]), leaf.dtype), shapes)

    @cached_property
    def _packer(self) -> Callable[[RunState], PyTree]:
        several = jax.process_count() > 1
        return jax.jit(_without_keys, out_shardings=replicated(self.mesh) if several else None)


def _compiled(name: str, lowered: Any) -> Any:
    options: dict[str, Any] = {}
    if jax.default_backend() == "cpu":
        options["xla_cpu_multi_thread_eigen"] = False  # sums would depend on the number of threads
        if name == "init":  # runs once: not worth the compiler's effort
            options["xla_backend_optimization_level"] = "0"
    return lowered.compile(compiler_options=options)


def _in_blocks(batched: Any, block: int) -> Callable:
    """``batched`` over elements, ``block`` of them at a time, so that how many a device holds changes nothing for any of them.

    Compilers lay out a batch's arithmetic by its size, and results then differ in their last bits. A loop whose length the
    compiler cannot see has one body for every length. It also keeps the block that is worked on in the processor's cache.
    """

    def run(first: PyTree, *rest: Any) -> PyTree:
        elements = first if isinstance(first, Elements) else rest[0]
        num_blocks = elements.seeds.shape[0] // block
        split = lambda tree: jax.tree.map(lambda leaf: leaf.reshape(num_blocks, block, *leaf.shape[1:]), tree)
        batches, others = split((first, *rest[:1])), rest[1:]

        def one(k: Array) -> PyTree:
            mine = jax.tree.map(lambda leaf: jax.lax.dynamic_index_in_dim(leaf, k, keepdims=False), batches)
            return _apart(batched(*_apart(mine), *others))

        def step(k: Array, found: PyTree) -> PyTree:
            return jax.tree.map(lambda all_, new: jax.lax.dynamic_update_index_in_dim(all_, new, k, 0), found, one(k))

        shapes = jax.eval_shape(one, jnp.int32(0))
        nothing = jax.tree.map(lambda leaf: _zeros((num_blocks, *leaf.shape), leaf.dtype), shapes)
        unseen = jax.lax.optimization_barrier(jnp.int32(num_blocks))
        found = jax.lax.fori_loop(0, unseen, step, nothing)
        return jax.tree.map(lambda leaf: leaf.reshape(num_blocks * block, *leaf.shape[2:]), found)

    return run


def _apart(tree: PyTree) -> PyTree:
    """Keeps the compiler from melting what comes before into what comes after."""
    return _with_keys(jax.lax.optimization_barrier(_without_keys(tree)), tree)


def _zeros(shape: tuple[int, ...], dtype: Any) -> Array:
    if jnp.issubdtype(dtype, jax.dtypes.prng_key):
        data = jax.eval_shape(lambda: jax.random.key_data(jax.random.key(0))).shape
        return jax.random.wrap_key_data(jnp.zeros((*shape, *data), jnp.uint32))
    return jnp.zeros(shape, dtype)


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
