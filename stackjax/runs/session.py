"""A training run from start to end: set up, train, evaluate, leave results on disk."""

import hashlib
import json
import pathlib
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from stackjax.claims import WrongOptimumError
from stackjax.compute.conclusion import claimed, conclude, enough
from stackjax.compute.devices import choose_layout, is_writer, make_mesh, writer_only
from stackjax.compute.memory import Budget
from stackjax.compute.programs import Blocks, Programs
from stackjax.compute.timings import Timings, new_timings
from stackjax.disk.checkpoint import Checkpoints
from stackjax.disk.directory import RunDirectory
from stackjax.disk.files import to_json
from stackjax.disk.loggers import check_logger, open_logger
from stackjax.disk.policies import read_arrays, write_arrays, write_policies
from stackjax.errors import InputError, require_number
from stackjax.problem import Optimum
from stackjax.reports.display import Progress
from stackjax.reports.report import write_report
from stackjax.reports.results import refuted, result_of, updates_of
from stackjax.runs.game_tables import check_tables, write_tables
from stackjax.runs.loop import CHECKPOINT_SECONDS, Trained, read_state, train_batch
from stackjax.specs.run import RunSpec

__all__ = ["NonFiniteError", "check_same", "identity_of", "read_run", "run_evaluation", "run_training"]


class NonFiniteError(RuntimeError):
    """Every seed met a loss or weight that is not finite; names the updates and the seeds."""


def run_training(
    spec: RunSpec,
    directory: RunDirectory,
    *,
    resume: bool = False,
    overwrite: bool = False,
    mesh: tuple[int, int] | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    on_progress: Callable[[Progress], None] | None = None,
    on_stage: Callable[[str], None] = lambda stage: None,
    log: str | None = None,
) -> dict[str, Any]:
    """Train ``spec`` into ``directory`` and return the content of ``result.json``.

    With ``resume`` a run that was stopped goes on from its newest good checkpoint and ends as if it had not been. A seed that
    diverges is frozen as it was before, and warned about; the others go on.

    Args:
      mesh: devices for seeds and devices that share each seed's episodes; by default as many of all devices as can be used.
      on_stage: hears what is done before training, in words.
      log: a viewer that metrics go to as they come, see `stackjax.disk.loggers`.

    Raises:
      InputError: the game or a setting is wrong, the directory is not usable, or a resumed run was set up differently.
      WrongOptimumError: a commitment pays more than the optimum that the game claims; results stay.
      NonFiniteError: every seed diverged; metrics and checkpoints up to then stay.
      Stopped: a signal asked for it; the state was saved.
    """
    timings = new_timings()
    check_logger(log)
    require_number("checkpoint_seconds", checkpoint_seconds, lambda seconds: seconds >= 0, "at least 0")
    try:  # nobody else may write there from here on; followers may take long to prepare
        writer_only(directory.take, resume, overwrite)
        on_stage("preparing the game")
        problem = spec.build_problem(read_arrays(directory.followers) if resume else None)
        work = spec.work(problem)  # says what does not fit
        config = spec.to_dict(problem)
        if resume:
            writer_only(check_same, directory, config)
            writer_only(check_tables, directory, spec, problem)
        layout = choose_layout(spec.num_seeds, spec.shared_episodes, mesh)
        programs = Programs(work, spec.num_seeds, make_mesh(layout))
        Budget(None).check_tables(programs)
        started = time.perf_counter()
        programs.compile(told=on_stage)
        elements = programs.place(_seeds(spec))
        compile_seconds = time.perf_counter() - started
        optimum = _optimum(programs, elements, at_once=True)

        # Everything that can be wrong with the input has been met by now; only here is an earlier run touched.
        writer_only(directory.prepare, config, overwrite)
        writer_only(write_arrays, directory.followers, problem.prepared())
        writer_only(write_tables, directory, spec, problem)
        names = [{"seed": int(seed)} for seed in _seeds(spec)]
        trained = train_batch(
            programs,
            elements,
            names,
            directory,
            identity_of(config),
            checkpoint_seconds,
            on_progress,
            enough=enough(spec, problem, work.solver, [optimum] * spec.num_seeds),
            logger=open_logger(log, directory.path, identity_of(config), config) if is_writer() else None,
        )
        seconds = {"compile": compile_seconds, "train": trained.seconds}
        return _finish(spec, programs, elements, directory, trained, seconds, optimum, timings)
    finally:
        directory.release()


def run_evaluation(directory: RunDirectory, game_file: pathlib.Path | None = None) -> dict[str, Any]:
    """Evaluate the best commitments of a finished run again; rewrites its ``result.json`` and ``report.html``.

    Args:
      game_file: the Python file of the run's game, if that is what it is; it is executed, see `RunSpec.from_file`.

    Raises:
      InputError: there is no run, it is in use or not trained to its end, or its game is not what it was.
    """
    timings = new_timings()
    directory.open_existing().hold()
    try:
        spec, programs, elements, trained = read_run(directory, game_file)
        optimum = _optimum(programs, elements, at_once=True)
        num_updates, best = programs.work.num_updates, programs.best(trained.state, spec.num_seeds)
        why = enough(spec, programs.work.problem, programs.work.solver, [optimum] * spec.num_seeds)(best, trained.update)
        if trained.update < num_updates and not programs.all_diverged(trained.state) and not why:
            raise InputError(
                f"directory {directory.path} holds a run that is trained up to update {trained.update} of {num_updates}; go on "
                "with train --resume"
            )
        compile_seconds = directory.read_result()["wall_seconds"]["compile"] if directory.result.is_file() else 0.0
        seconds = {"compile": compile_seconds, "train": trained.seconds}
        stopped = why if trained.update < num_updates else ""
        return _finish(spec, programs, elements, directory, trained._replace(stopped=stopped), seconds, optimum, timings)
    finally:
        directory.release()


def read_run(directory: RunDirectory, game_file: pathlib.Path | None = None) -> tuple[RunSpec, Programs, Blocks, Trained]:
    """A run as its newest good checkpoint has it.

    Raises:
      InputError: there is no run in the directory, or no good checkpoint.
    """
    spec = RunSpec.from_file(directory.open_existing().config, game_file)
    problem = spec.build_problem(read_arrays(directory.followers))
    check_tables(directory, spec, problem)
    layout = choose_layout(spec.num_seeds, spec.shared_episodes)
    programs = Programs(spec.work(problem), spec.num_seeds, make_mesh(layout))
    checkpoints = Checkpoints(directory.checkpoints, identity_of(RunSpec.read(directory.config)), read_only=True)
    trained = read_state(programs, checkpoints, spec.num_seeds)
    if trained is None:
        raise InputError(f"directory {directory.path} holds no good checkpoint; go on with train --resume")
    return spec, programs, programs.place(_seeds(spec)), trained


def _seeds(spec: RunSpec) -> np.ndarray:
    return np.arange(spec.first_seed, spec.first_seed + spec.num_seeds)


def _optimum(programs: Programs, elements: Blocks, *, at_once: bool) -> Optimum | None:
    """The optimum that all seeds share, checked; None if it takes long and is wanted ``at_once``, before training."""
    problem = programs.work.problem
    if at_once and problem.optimum_takes_long:
        return None
    return claimed(programs, elements, [problem.optimum()])[0]


def _finish(
    spec: RunSpec,
    programs: Programs,
    elements: Blocks,
    directory: RunDirectory,
    trained: Trained,
    seconds: dict[str, float],
    optimum: Optimum | None,
    timings: Timings,
) -> dict[str, Any]:
    started, problem = time.perf_counter(), programs.work.problem
    found = conclude(programs, trained.state, elements, [optimum] * spec.num_seeds)
    wrong: str | None = None
    try:
        optimum = optimum or _optimum(programs, elements, at_once=False)
    except WrongOptimumError as error:  # told when all is written
        wrong = str(error)
    _report_divergence(found.final.diverged_at, _seeds(spec), directory)
    rose_at = programs.best(trained.state, spec.num_seeds).rose_at  # of all processes, so that all must ask for it

    def write() -> dict[str, Any]:
        updates = updates_of(spec, programs.work.num_updates, trained.update, trained.stopped, rose_at)
        result = result_of(spec, problem, optimum, found, directory.metrics, seconds, updates)
        result["num_devices"] = programs.num_devices
        seconds["evaluate"] = time.perf_counter() - started
        result["timings"] = timings
        timings.update(work=trained.seconds)
        names = [{"seed": entry["seed"]} for entry in result["seeds"]]
        write_policies(directory.policies, programs.work.solver, names, found.final.policy)
        directory.write_result(result)
        started_pages = time.perf_counter()
        write_report(directory, result)
        timings.update(pages=time.perf_counter() - started_pages)
        directory.write_result(result)
        return result

    result = writer_only(write) or {}
    wrong = wrong or writer_only(lambda: refuted(problem, optimum, result["seeds"], directory.metrics))
    if wrong is not None:
        raise WrongOptimumError(f"{wrong}; all that was computed is in {directory.path}")
    return result


def check_same(directory: RunDirectory, config: dict[str, Any]) -> None:
    """Raise `InputError` if ``directory`` holds a run that was set up otherwise than ``config``."""
    if not directory.config.exists():
        return
    differing = sorted(_differences(RunSpec.read(directory.config), json.loads(to_json(config))))
    others = [one for one in differing if not one.startswith("game_digest")]  # of which some are in the digest too
    if differing and not others:
        raise InputError(
            f"--resume: {directory.path} holds a run of another game called {config['game']!r}, or of this one under another "
            "version of JAX"
        )
    if others:
        raise InputError(f"--resume: {directory.path} holds a run with other settings: {', '.join(others)}")


def _report_divergence(diverged_at: Any, seeds: np.ndarray, directory: RunDirectory) -> None:
    """A warning if some seeds diverged, an error if all did."""
    bad = diverged_at >= 0
    if not bad.any():
        return
    named = ", ".join(f"seed {seed} at update {update}" for seed, update in zip(seeds[bad], diverged_at[bad], strict=True))
    what = f"training met a loss or weight that is not finite: {named}"
    if bad.all():
        raise NonFiniteError(f"{what}; what was logged before stays in {directory.path}")
    warnings.warn(f"{what}; from there on nothing of it was changed, and the others went on", RuntimeWarning, stacklevel=2)


ELSEWHERE = {"argument", "payoff_file", "python_file", "action_names"}  # where a game's file lies, and its words, do not matter


def identity_of(config: dict[str, Any]) -> str:
    """A digest of what a run is, as its ``config.json`` says."""
    kept = {key: value for key, value in json.loads(to_json(config)).items() if key not in ELSEWHERE}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def _differences(a: Any, b: Any, path: str = "") -> list[str]:
    if isinstance(a, dict) and isinstance(b, dict):
        keys = (set(a) | set(b)) - (ELSEWHERE if not path else set())
        return [d for key in keys for d in _differences(a.get(key), b.get(key), f"{path}.{key}" if path else key)]
    if a == b:
        return []
    return [path if isinstance(a, list) else f"{path} (was {a}, now {b})"]
