"""A sweep from start to end: every group's configurations in chunks that fit into memory, then one table of all of them."""

import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from stackjax.errors import InputError, require_number, require_positive
from stackjax.ppo.train import Trainer, make_train
from stackjax.runs.devices import Layout, agree, choose_layout, is_writer, make_mesh, wait_for_all, writer_only
from stackjax.runs.directory import RunDirectory
from stackjax.runs.loop import CHECKPOINT_SECONDS, Progress, train_batch
from stackjax.runs.memory import GIB, default_budget, fit_programs
from stackjax.runs.policies import write_policies
from stackjax.runs.programs import Programs
from stackjax.runs.results import entries
from stackjax.runs.session import check_directory, identity_of
from stackjax.runs.state import Evaluated
from stackjax.runs.sweep_report import SweepDirectory, summary, write_sweep
from stackjax.runs.sweep_spec import Group, SweepSpec

__all__ = ["Element", "SweepProgress", "run_sweep"]


class Element(NamedTuple):
    """One configuration under one seed."""

    configuration: int
    seed: int


class SweepProgress(NamedTuple):
    """Where a sweep is: elements done, of how many, and how far the chunk at hand is (None while its programs compile)."""

    num_done: int
    num_elements: int
    chunk_size: int
    chunk: Progress | None


def run_sweep(
    sweep: SweepSpec,
    directory: SweepDirectory,
    *,
    resume: bool = False,
    overwrite: bool = False,
    mesh: tuple[int, int] | None = None,
    memory_gib: float | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    on_progress: Callable[[SweepProgress], None] | None = None,
) -> dict[str, Any]:
    """Train every configuration on every seed into ``directory``; returns the content of ``result.json``.

    Groups of configurations that share everything static are compiled once and trained in chunks, each a directory that can be
    resumed. A seed that diverges is frozen and reported in the table.

    Args:
      mesh: devices for elements and devices that share each element's episodes; by default all of them for elements.
      memory_gib: what the sweep may take, of this process on CPUs and of each device elsewhere; by default three quarters of
        what is free.

    Raises:
      InputError: a setting is wrong or does not fit into memory, the directory is not usable, or a resumed sweep was set up
        differently.
      Stopped: a signal asked for it; what was learnt is saved.
    """
    groups = sweep.groups()
    trainers = [_checked_trainer(group) for group in groups]
    config = sweep.to_dict(groups[0].spec.to_dict(trainers[0].env))
    writer_only(check_directory, directory, config, resume, overwrite)
    layouts = [
        choose_layout(len(group.configurations) * sweep.base.num_seeds, t, mesh)
        for group, t in zip(groups, trainers, strict=True)
    ]
    budget = default_budget() if memory_gib is None else memory_gib * GIB
    require_positive("memory_gib", 1.0 if memory_gib is None else memory_gib)
    require_number("checkpoint_seconds", checkpoint_seconds, lambda seconds: seconds >= 0, "at least 0")
    writer_only(directory.prepare, config, overwrite)

    run = _Run(sweep, directory, budget, checkpoint_seconds, on_progress)
    for group, trainer, layout in zip(groups, trainers, layouts, strict=True):
        run.train_group(group, trainer, layout)
    result: dict[str, Any] = {}
    if is_writer():
        result = summary(sweep, trainers[0].env.game.name, directory.finished(), run.seconds())
        write_sweep(directory, sweep, result)
    wait_for_all("sweep finished")
    return result


def _checked_trainer(group: Group) -> Trainer:
    try:
        return make_train(group.spec.build_env(), group.spec.ppo)
    except InputError as error:
        words = ", ".join(f"{name}={value}" for name, value in group.static.items())
        raise InputError(f"{words}: {error}" if words else str(error)) from error


class _Run:
    """A sweep as it goes on: what is done, and for how long it has been at it."""

    def __init__(
        self,
        sweep: SweepSpec,
        directory: SweepDirectory,
        budget: float,
        checkpoint_seconds: float,
        on_progress: Callable[[SweepProgress], None] | None,
    ) -> None:
        self._sweep, self._directory, self._budget, self._on_progress = sweep, directory, budget, on_progress
        self._checkpoint_seconds = checkpoint_seconds
        base = sweep.base
        self._seeds = range(base.first_seed, base.first_seed + base.num_seeds)
        self._configurations = sweep.configurations
        self._num_done = 0
        self._compile_seconds = 0.0

    def train_group(self, group: Group, trainer: Trainer, layout: Layout) -> None:
        """Train what is left of a group, in chunks of one size: one set of programs serves them all."""
        elements = [Element(configuration, seed) for configuration in group.configurations for seed in self._seeds]
        finished = {(entry["configuration"], entry["seed"]) for entry in self._directory.finished()} if is_writer() else set()
        is_left = agree(np.array([element not in finished for element in elements]))
        left = [element for element, keep in zip(elements, is_left, strict=True) if keep]
        self._num_done += len(elements) - len(left)
        if not left:
            return
        self._show(len(left), None)
        started, mesh = time.perf_counter(), make_mesh(layout)
        build = lambda size: Programs(group.spec, trainer.env, size, mesh, self._sweep.numbers)
        programs = fit_programs(build, len(left), layout.runs, self._budget)
        self._compile_seconds += time.perf_counter() - started
        for first in range(0, len(left), programs.num_elements):
            self._train_chunk(group, programs, left[first : first + programs.num_elements])

    def _train_chunk(self, group: Group, programs: Programs, elements: list[Element]) -> None:
        chunk = RunDirectory(self._directory.chunks / f"{elements[0].configuration:06d}-{elements[0].seed}")
        settings = [self._configurations[element.configuration] for element in elements]
        values = {name: [one[name] for one in settings] for name in self._sweep.numbers}
        seeds = [element.seed for element in elements]
        config = {
            "schema_version": 1,
            "group": group.spec.to_dict(programs.env),
            "configurations": [element.configuration for element in elements],
            "seeds": seeds,
            "values": values,
        }
        writer_only(_prepare, chunk, config)
        names = [element._asdict() for element in elements]
        placed = programs.place(seeds, values)
        show = lambda progress: self._show(len(elements), progress)
        trained = train_batch(programs, placed, names, chunk, identity_of(config), self._checkpoint_seconds, show)
        started = time.perf_counter()
        evaluated: Evaluated = jax.device_get(programs.evaluate(trained.state, placed))
        evaluated = jax.tree.map(lambda leaf: leaf[: len(elements)], evaluated)
        writer_only(self._finish_chunk, chunk, programs, names, evaluated, {"train": trained.seconds}, started)
        self._num_done += len(elements)

    def _finish_chunk(
        self,
        chunk: RunDirectory,
        programs: Programs,
        names: list[dict[str, Any]],
        evaluated: Evaluated,
        seconds: dict[str, float],
        started: float,
    ) -> None:
        found = entries(programs.env, names, evaluated, chunk.metrics)
        seconds["evaluate"] = time.perf_counter() - started
        write_policies(chunk.policies, programs.trainer, names, evaluated.actor)
        chunk.write_result({"elements": found, "wall_seconds": seconds})
        chunk.drop_checkpoints()

    def _show(self, chunk_size: int, progress: Progress | None) -> None:
        if self._on_progress is not None and is_writer():
            total = len(self._configurations) * len(self._seeds)
            self._on_progress(SweepProgress(self._num_done, total, chunk_size, progress))

    def seconds(self) -> dict[str, float]:
        """Wall time so far, of this and of earlier sessions; compilation of this one alone."""
        return {"compile": self._compile_seconds, **self._directory.seconds()}


def _prepare(chunk: RunDirectory, config: dict[str, Any]) -> None:
    """Make ``chunk`` hold ``config``, and whatever of the same chunk was there before."""
    try:
        is_same = identity_of(json.loads(chunk.config.read_text())) == identity_of(config)
    except (OSError, ValueError):
        is_same = False
    chunk.prepare(config, not is_same)
