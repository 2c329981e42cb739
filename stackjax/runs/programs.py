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
from stackjax.runs.state import Evaluated, Logged, RunState, advance_run, evaluate_run, score_run, start_run
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
    those of `runs.state` for the whole batch; states stay on the mesh, what is reported is NumPy. ``advance`` and ``score`` use
    up the state that they are given. ``pack`` and ``unpack`` turn a state into arrays for a checkpoint and back.

    The batch goes through in waves, of which each device takes ``block`` elements. Compilers lay out arithmetic by the sizes of
    arrays, so results differ in their last bits with what a device works on at once; with waves of one element a device they
    do not depend on how many elements there are. Neither does what is compiled.

    Args:
      env: the environment of ``spec``; building it takes a while, so callers share it.
      block: by default 1 on CPUs, where nothing is faster, and elsewhere as many as a device gets.
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
        self.spec, self.env, self.num_elements, self.mesh, self.swept = spec, env, num_elements, mesh, swept
        num_runs = mesh.shape["runs"]
        on_cpu = mesh.devices.flat[0].platform == "cpu"
        self._wave = num_runs * (block or (1 if on_cpu else math.ceil(num_elements / num_runs)))
        by_run, by_episode = NamedSharding(mesh, P("runs")), NamedSharding(mesh, P("runs", "episodes"))
        size = (self._wave,)
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

    def init(self, elements: list[Elements]) -> list[RunState]:
        return [self._program("init")(wave) for wave in elements]

    def advance(self, state: list[RunState], elements: list[Elements], count: int) -> list[RunState]:
        advance = self._program("advance")
        wait = jax.block_until_ready if self.mesh.shape["episodes"] > 1 else lambda after: after  # collectives, one by one
        return [wait(advance(*wave, np.int32(count))) for wave in zip(state, elements, strict=True)]

    def score(self, state: list[RunState], elements: list[Elements]) -> tuple[list[RunState], Logged]:
        score = self._program("score")
        waves = [jax.block_until_ready(score(*wave)) for wave in zip(state, elements, strict=True)]  # collectives, one by one
        return [after for after, _ in waves], _joined([logged for _, logged in waves])

    def evaluate(self, state: list[RunState], elements: list[Elements]) -> Evaluated:
        evaluate = self._program("evaluate")
        return _joined([jax.device_get(evaluate(*wave)) for wave in zip(state, elements, strict=True)])

    def place(self, seeds: Any, values: dict[str, Any] | None = None) -> list[Elements]:
        """Elements on the mesh, wave by wave; the last one fills up where they do not come out even."""
        columns = {name: np.asarray((values or {})[name], np.float32) for name in self.swept}
        shardings = jax.tree.map(lambda leaf: leaf.sharding, self._elements)
        return [place(wave, shardings) for wave in self._waves(Elements(np.asarray(seeds, np.int32), columns))]

    def _waves(self, tree: PyTree) -> list[PyTree]:
        """Arrays of all elements, cut into waves."""
        size = jax.tree.leaves(tree)[0].shape[0]
        starts = range(0, size, self._wave)
        return [jax.tree.map(lambda leaf, k=k: _filled(leaf[k : k + self._wave], self._wave), tree) for k in starts]

    def bytes_needed(self) -> int:
        """Memory of a device while the hungriest of the programs works on a wave, as the compiler counts it."""
        return max(_bytes(program) for program in self._compiled.values())

    def compiled_text(self, name: str) -> str:
        """The compiled program, for those who want to see what it does."""
        return str(self._program(name).as_text())

    @cached_property
    def state_bytes(self) -> int:
        """The state of one element."""
        packed = jax.tree.leaves(self.packed_shapes(1))
        return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in packed)

    def _program(self, name: str) -> Any:
        if name not in self._compiled:
            self._compiled[name] = _compiled(name, self._lowered(name))
        return self._compiled[name]

    def _lowered(self, name: str) -> Any:
        """A program over the batch: mapped over its elements, each device doing its part of the mesh."""
        trainer = partial(self._trainer, shards=Shards("episodes", self.mesh.shape["episodes"]))
        specs = jax.tree.map(lambda sharding: sharding.spec, self._shardings)
        on_all = replicated(self.mesh) if jax.process_count() > 1 else NamedSharding(self.mesh, P("runs"))

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
        sharded = jax.shard_map(batched, mesh=self.mesh, in_specs=in_specs, out_specs=out_specs, check_vma=False)
        donated = (0,) if name in ("advance", "score") else ()
        return jax.jit(sharded, out_shardings=out_shardings, donate_argnums=donated).lower(*arguments)

    # Checkpoints hold plain arrays: random keys as their raw data.

    def pack(self, state: list[RunState], count: int) -> PyTree:
        """The first ``count`` elements of ``state`` as NumPy arrays (on every process, where there are several)."""
        return jax.tree.map(lambda leaf: leaf[:count], _joined([self._packer(wave) for wave in state]))

    def unpack(self, packed: PyTree) -> list[RunState]:
        """The state whose `pack` is ``packed``, on the mesh."""
        shardings = jax.tree.map(lambda leaf: leaf.sharding, self._state)
        return [_with_keys(place(wave, shardings), self._state) for wave in self._waves(packed)]

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


def _joined(waves: Any) -> Any:
    """The waves' arrays, which every process has whole, as those of the batch."""
    return jax.tree.map(lambda *parts: np.concatenate(parts), *jax.device_get(list(waves)))


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
