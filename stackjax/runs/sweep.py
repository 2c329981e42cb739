"""A sweep from start to end: every group's configurations in chunks that fit into memory, then one table of all of them."""

import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from stackjax.claims import WrongOptimumError, refutation
from stackjax.compute.conclusion import claimed, conclude
from stackjax.compute.devices import Layout, agree, choose_layout, is_writer, largest, make_mesh, writer_only
from stackjax.compute.memory import Budget, fit_programs, tidy_memory
from stackjax.compute.programs import Programs
from stackjax.disk.directory import RunDirectory, SweepDirectory
from stackjax.disk.loggers import Logger, check_logger, open_logger
from stackjax.disk.policies import write_policies
from stackjax.errors import InputError, require_number, require_positive
from stackjax.problem import Optimum, Problem
from stackjax.reports.display import Progress
from stackjax.reports.results import entries
from stackjax.reports.sweep_report import summary, write_sweep
from stackjax.runs.loop import CHECKPOINT_SECONDS, train_batch
from stackjax.runs.session import NonFiniteError, check_same, identity_of
from stackjax.runs.stopping import Stopped, StopRequest
from stackjax.specs.run import SCHEMA_VERSION
from stackjax.specs.sweep import Group, SweepSpec

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
    log: str | None = None,
    on_progress: Callable[[SweepProgress], None] | None = None,
) -> dict[str, Any]:
    """Train every configuration on every seed into ``directory``; returns the content of ``result.json``.

    Groups of configurations that share everything static are compiled once and trained in chunks, each a directory that can be
    resumed. A seed that diverges is frozen and reported in the table.

    Args:
      mesh: devices for elements and devices that share each element's episodes; by default as many as are of use.
      memory_gib: what the sweep may take, of this process on CPUs and of each device elsewhere; by default three quarters of
        what is free.
      log: a viewer that metrics go to as they come, see `stackjax.disk.loggers`.

    Raises:
      InputError: a setting is wrong or does not fit into memory, the directory is not usable, or a resumed sweep was set up
        differently.
      WrongOptimumError: a commitment pays more than the optimum that the game claims; results stay.
      Stopped: a signal asked for it; what was learned is saved.
    """
    check_logger(log)
    groups = sweep.groups()
    try:  # nobody else may write there from here on
        writer_only(directory.take, resume, overwrite)
        problems = [_checked_problem(group) for group in groups]
        gaps = {problem.gap_name for problem in problems}
        if len(gaps) > 1:
            raise InputError(f"one table cannot hold results with different gaps ({', '.join(sorted(gaps))}); sweep them apart")
        config = sweep.to_dict(groups[0].spec.to_dict(problems[0]))
        if resume:
            writer_only(check_same, directory, config)
        num_seeds = sweep.base.num_seeds
        layouts = [choose_layout(len(group.configurations) * num_seeds, group.spec.shared_episodes, mesh) for group in groups]
        require_positive("memory_gib", 1.0 if memory_gib is None else memory_gib)
        require_number("checkpoint_seconds", checkpoint_seconds, lambda seconds: seconds >= 0, "at least 0")
        budget = Budget(memory_gib)
        works = [_GroupWork(sweep, *work, {}) for work in zip(groups, problems, layouts, strict=True)]
        sizes = [budget.check(work.build(work.layout.runs), work.layout.runs) for work in works]

        # Everything that can be wrong with the input has been met by now; only here is an earlier sweep touched.
        writer_only(directory.prepare, config, overwrite)
        open_log = partial(open_logger, log, directory.path, identity_of(config))
        run = _Run(sweep, directory, budget, checkpoint_seconds, open_log, on_progress)
        with StopRequest() as request:
            for work, state_bytes in zip(works, sizes, strict=True):
                run.train_group(work, state_bytes, request)
        result = writer_only(_conclude, sweep, directory, problems[0], run.compile_seconds) or {}
        if run.wrong is not None:
            raise WrongOptimumError(f"{run.wrong}; all that was computed is in {directory.path}")
        return result
    finally:
        directory.release()


def _conclude(sweep: SweepSpec, directory: SweepDirectory, problem: Problem, compile_seconds: float) -> dict[str, Any]:
    """Write the table, the pictures and the result of a sweep whose chunks are all there."""
    directory.tidy()
    result = summary(sweep, problem, directory.finished(), {"compile": compile_seconds, **directory.seconds()})
    result["has_policies"] = any(directory.chunks.glob("*/policies.npz"))
    write_sweep(directory, sweep, result)
    if result["num_diverged"] == len(result["configurations"]) * result["num_seeds"]:
        raise NonFiniteError(f"all runs met a loss or weight that is not finite; {directory.table} says when")
    return result


def _checked_problem(group: Group) -> Problem:
    try:
        problem = group.spec.build_problem()
        group.spec.build_solver(problem)
        return problem
    except InputError as error:
        words = ", ".join(f"{name}={value}" for name, value in group.static.items())
        raise InputError(f"{words}: {error}" if words else str(error)) from error


class _GroupWork(NamedTuple):
    """A group with what it takes to train it."""

    sweep: SweepSpec
    group: Group
    problem: Problem
    layout: Layout
    optima: dict[tuple[Any, ...], Optimum | None]  # as far as they are known

    def build(self, size: int) -> Programs:
        """Programs for ``size`` elements, not yet compiled."""
        return Programs(self.group.spec.work(self.problem, self.sweep.numbers), size, make_mesh(self.layout))

    def optimum(self, settings: dict[str, Any]) -> Optimum | None:
        """That of a configuration: the numbers of the game and of its followers may change it, the solver's do not."""
        own = f"{self.group.spec.solver_entry.name}."
        values = {name: settings[name] for name in self.sweep.numbers if not name.startswith(own)}
        key = tuple(values.values())
        if key not in self.optima:
            self.optima[key] = self.group.spec.problem_with(self.problem, values).optimum()
        return self.optima[key]


class _Run:
    """A sweep as it goes on: what is done, and for how long it has compiled."""

    def __init__(
        self,
        sweep: SweepSpec,
        directory: SweepDirectory,
        budget: Budget,
        checkpoint_seconds: float,
        open_log: Callable[..., Logger | None],
        on_progress: Callable[[SweepProgress], None] | None,
    ) -> None:
        self._directory, self._budget, self._on_progress = directory, budget, on_progress
        self._checkpoint_seconds, self._open_log = checkpoint_seconds, open_log
        self._seeds = range(sweep.base.first_seed, sweep.base.first_seed + sweep.base.num_seeds)
        self._configurations = sweep.configurations
        found = writer_only(directory.finished) or []
        self._finished = {(entry["configuration"], entry["seed"]) for entry in found}
        self._num_done = 0
        self.compile_seconds = 0.0
        self.wrong: str | None = None  # what refutes the optimum of a configuration

    def train_group(self, work: _GroupWork, state_bytes: int, request: StopRequest) -> None:
        """Train what is left of a group, in chunks of one size: one set of programs serves them all.

        Args:
          state_bytes: of an element, see `Budget.check`.
        """
        elements = [Element(configuration, seed) for configuration in work.group.configurations for seed in self._seeds]
        is_left = agree(np.array([element not in self._finished for element in elements]))
        left = [element for element, keep in zip(elements, is_left, strict=True) if keep]
        self._num_done += len(elements) - len(left)
        if not left:
            return
        self._show(len(left), None)
        started = time.perf_counter()
        programs = fit_programs(work.build, len(left), work.layout.runs, self._budget, state_bytes)
        self.compile_seconds += time.perf_counter() - started
        for first in range(0, len(left), programs.num_elements):
            signal_number = largest(request.signal)
            if signal_number:
                raise Stopped(signal_number)
            self._train_chunk(work, programs, left[first : first + programs.num_elements], request)
            tidy_memory()

    def _train_chunk(self, work: _GroupWork, programs: Programs, elements: list[Element], request: StopRequest) -> None:
        chunk = RunDirectory(self._directory.chunks / f"{elements[0].configuration:06d}-{elements[0].seed}")
        settings = [self._configurations[element.configuration] for element in elements]
        values = {name: [one[name] for one in settings] for name in work.sweep.numbers}
        seeds = [element.seed for element in elements]
        config = {
            "schema_version": SCHEMA_VERSION,
            "group": work.group.spec.to_dict(work.problem),
            "configurations": [element.configuration for element in elements],
            "seeds": seeds,
            "values": values,
        }
        names = [element._asdict() for element in elements]
        writer_only(_prepare, chunk, config)
        placed = programs.place(seeds, values)
        show = lambda progress: self._show(len(elements), progress)
        identity = identity_of(config)
        of_each = dict(enumerate(self._configurations))
        logger = self._open_log(work.group.spec.to_dict(work.problem), of_each) if is_writer() else None
        trained = train_batch(programs, placed, names, chunk, identity, self._checkpoint_seconds, show, request, logger=logger)
        started = time.perf_counter()
        optima = [work.optimum(one) for one in settings]
        try:
            optima = claimed(programs, placed, optima)
        except WrongOptimumError as error:  # told when all is written
            self.wrong = self.wrong or str(error)
        concluded = conclude(programs, trained.state, placed, optima)

        def write() -> None:
            found = entries(work.problem, optima, names, concluded, chunk.metrics)
            said = (refutation(work.problem, optimum, [entry]) for optimum, entry in zip(optima, found, strict=True))
            self.wrong = next((words for words in (self.wrong, *said) if words is not None), None)
            seconds = {"train": trained.seconds, "evaluate": time.perf_counter() - started}
            write_policies(chunk.policies, programs.work.solver, names, concluded.final.policy)
            chunk.write_result({"elements": found, "wall_seconds": seconds})
            chunk.drop_checkpoints()
            chunk.release()

        writer_only(write)
        self._num_done += len(elements)

    def _show(self, chunk_size: int, progress: Progress | None) -> None:
        if self._on_progress is not None and is_writer():
            total = len(self._configurations) * len(self._seeds)
            self._on_progress(SweepProgress(self._num_done, total, chunk_size, progress))


def _prepare(chunk: RunDirectory, config: dict[str, Any]) -> None:
    """Make ``chunk`` hold ``config``, and what it held before if that was the same chunk."""
    try:
        is_same = identity_of(json.loads(chunk.config.read_text(encoding="utf-8"))) == identity_of(config)
    except (OSError, ValueError):
        is_same = False
    chunk.prepare(config, not is_same)
