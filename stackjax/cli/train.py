"""``stackjax train``."""

import dataclasses
import os
import pathlib
import sys
from collections.abc import Callable
from typing import Any, Literal

from stackjax import registry
from stackjax.cache import keep_compiled_programs
from stackjax.cli.arguments import fail, game_argument, parse
from stackjax.cli.options import cut, split_options, value_of
from stackjax.compute.startup import Processes, join
from stackjax.disk.directory import RunDirectory
from stackjax.errors import InputError
from stackjax.families import GameSource
from stackjax.runs.choice import choice_of
from stackjax.settings import Kinded
from stackjax.solvers.registry import registered_solvers, solver_entry
from stackjax.specs.config_files import arguments_of
from stackjax.specs.run import RunSpec
from stackjax.specs.sources import family_of

__all__ = [
    "RunSettings",
    "run_spec",
    "section_fields",
    "settings_type",
    "solver_asked_for",
    "solver_of",
    "to_the_end",
    "train_command",
]


@dataclasses.dataclass(frozen=True)
class RunSettings:
    """Where results go, how many seeds are trained, and on which devices."""

    solver: str | None = None
    """What looks for a good commitment: direct, ppo, gradient, search, or another that is registered; its settings are
    --NAME.*. By default the one whose settings are given; if none are, direct, and gradient for menus."""
    out: pathlib.Path = dataclasses.field(kw_only=True)
    """Directory for config, metrics, checkpoints, result and report."""
    seeds: int = 10
    """Seeds trained at once, one program for all."""
    seed: int = 0
    """The first seed; the others follow."""
    resume: bool = False
    """Go on with what is in the directory from its newest good checkpoint."""
    overwrite: bool = False
    """Replace what is in the directory."""
    checkpoint_seconds: float = 10.0
    """Seconds between checkpoints, at most what a kill can cost."""
    mesh: tuple[int, int] | None = None
    """Devices that seeds are spread over, and devices that share the episodes of each; by default as many as are of use (of a
    CPU one, on which every core takes another seed)."""
    log: Literal["tensorboard", "wandb"] | None = None
    """A viewer that metrics go to as they come, one series a seed; its package is an extra of stackjax."""
    polish: int | None = 0
    """Evaluations that improve each best commitment in its neighbourhood once training is over; 0 for none. They are left out
    where training has reached the optimum. The result tells what was learned from what they added."""


@dataclasses.dataclass(frozen=True)
class TrainSettings(RunSettings):
    """Where results go, how many seeds are trained, on which devices, and how it ends."""

    timings: bool = False
    """Show at the end where the seconds went: imports (CPU seconds), tracing, lowering, compiling, work and pages."""
    stop_at_optimum: bool = True
    """End once every seed has reached the optimum, where it is known; else after --patience."""
    patience: int | None = None
    """Where no optimum is known: updates for which no seed's best payoff has risen, after which training ends; 0 to go on. By
    default 100 with direct, and 0 with others. With --no-stop-at-optimum all updates are made."""
    polish: int | None = None
    """Evaluations that improve each seed's best commitment in its neighbourhood once training is over; 0 for none. By default
    4096, and none after direct, which ends with such a search itself, nor of policies of games that are too large for a table.
    They are left out where training has reached the optimum.
    The result tells what was learned from what they added."""
    second: str | None = None
    """A second objective, by which to choose among commitments that pay the leader as much: followers (the sum of their
    payoffs), least-follower, equality, revenue, robust (the worst that followers may answer), simplicity (few different
    numbers) or nearest:RUN (to the commitment of another run)."""
    slack: float = 0.0
    """What --second may cost the leader, in units of the game's payoffs."""


def settings_type(source: GameSource, base: type, arguments: list[str]) -> type:
    """``base`` with the settings of a run: ``game``, those of the game's family, and the solver's, such as ``ppo``.

    Of settings in kinds they are those of the kind, and of solvers those of the solver, that ``arguments`` ask for.
    """
    family = family_of(source)
    solver = solver_entry(solver_asked_for(arguments) or family.solver)
    sections = {"game": source.options, **family.sections, solver.name: solver.config}
    fields = section_fields(sections, arguments, family.defaults())
    return dataclasses.make_dataclass("Settings", fields, bases=(base,), frozen=True, kw_only=True)


def section_fields(sections: dict[str, type], arguments: list[str], own: dict[str, Any] | None = None) -> list[Any]:
    """Fields of a dataclass for settings by section; of those in kinds, for the kind that ``--SECTION.kind`` names.

    Args:
      own: settings that are the defaults, unless ``arguments`` ask for another kind.

    Raises:
      InputError: there is no such kind, or an option is of other kinds.
    """
    fields = []
    for section, settings in sections.items():
        usual: Any = (own or {}).get(section, settings)
        kind: Any = settings
        if issubclass(settings, Kinded):
            kind = settings.of(value_of(f"--{section}.kind", arguments) or usual.kind)
            for option, _ in split_options(arguments):
                prefix, _, name = option.rpartition(".")
                if prefix in (f"--{section}", f"--sweep.{section}"):
                    kind.check_options([name.removeprefix("no-").replace("-", "_")], prefix)
        factory = (lambda usual=usual: usual) if isinstance(usual, kind) else kind
        fields.append((section, kind, dataclasses.field(default_factory=factory)))
    return fields


def solver_asked_for(arguments: list[str]) -> str | None:
    """The solver that ``--solver`` names, or else the first that is given settings; None if there is neither.

    Raises:
      InputError: there is no such solver, or an option is of another.
    """
    options = [option for option, _ in split_options(arguments)[1:]]
    sections = [option.removeprefix("--sweep.").removeprefix("--").partition(".")[0] for option in options]
    known = [entry.name for entry in registered_solvers()]
    named = value_of("--solver", arguments)
    chosen = named if named is not None else next((section for section in sections if section in known), None)
    if chosen is not None:
        solver_entry(chosen)
        for option, section in zip(options, sections, strict=True):
            if section in known and section != chosen:
                raise InputError(f"{option} belongs to --solver {section}, but the solver is {chosen}")
    return chosen


def run_spec(source: GameSource, settings: Any) -> RunSpec:
    """The run that parsed settings describe."""
    options = dataclasses.asdict(settings.game)
    solver = getattr(settings, solver_of(settings))
    sections = {name: getattr(settings, name) for name in family_of(source).sections}
    stops = getattr(settings, "stop_at_optimum", False)
    patience = getattr(settings, "patience", 0)
    choice = choice_of(getattr(settings, "second", None), getattr(settings, "slack", 0.0))
    return RunSpec(source, options, sections, solver, settings.seed, settings.seeds, stops, settings.polish, patience, choice)


def solver_of(settings: Any) -> str:
    """The name of the solver whose settings ``settings`` hold."""
    return next(entry.name for entry in registered_solvers() if hasattr(settings, entry.name))


def to_the_end(settings: RunSettings, train: Callable[..., None]) -> int:
    """Call ``train`` with how to train; the exit code, and one line, for whatever ends it early."""
    if sys.stderr.isatty():
        print("importing JAX ...", end="\r", file=sys.stderr, flush=True)
    join(settings.processes)  # type: ignore[attr-defined]
    keep_compiled_programs()
    import jax

    from stackjax.compute.devices import LostProcessError
    from stackjax.runs.session import NonFiniteError
    from stackjax.runs.stopping import Stopped

    try:
        train(**{name: getattr(settings, name) for name in ("resume", "overwrite", "mesh", "checkpoint_seconds", "log")})
    except NonFiniteError as error:
        return fail(str(error), 1)
    except Stopped as stop:
        return fail(f"stopped by {stop}; what was learned is saved, go on with --resume", 128 + stop.signal)
    except LostProcessError as error:
        code = fail(f"another process was lost; start all of them again with --resume: {error}", 1)
    except jax.errors.JaxRuntimeError as error:
        reason = str(error).strip().splitlines()[0][:200]
        code = fail(f"the device could not go on; what was saved before is intact: {reason}", 1)
    else:
        return 0
    if jax.process_count() > 1:
        sys.stderr.flush()
        os._exit(code)  # the usual way out would wait for the others
    return code


def _with_config(arguments: list[str]) -> list[str]:
    """``arguments`` with those of the file that ``--config`` names before them, so that they have the last word."""
    lacking = InputError("--config needs a file: a run's config.json, or settings in YAML or JSON")
    path, rest = cut("--config", arguments, lacking)
    if path is None:
        return arguments
    game = rest.pop(0) if rest and not rest[0].startswith("-") else None
    solvers = [entry.name for entry in registered_solvers()]
    sections = [name for family in registry.families().values() for name in family.sections]
    single = [field.name for kind in (TrainSettings, Processes) for field in dataclasses.fields(kind)]
    left_out = ["solver", *solvers] if solver_asked_for(rest) else []
    chosen, given = arguments_of(pathlib.Path(path), game, ["game", *dict.fromkeys(sections), *solvers, *single], left_out)
    return [chosen, *given, *rest]


def train_command(arguments: list[str]) -> int:
    arguments = _with_config(arguments)
    source, rest = game_argument(arguments, "train")
    settings = parse(settings_type(source, TrainSettings, rest), rest, f"stackjax train {arguments[0]}", Processes)
    spec = run_spec(source, settings)
    directory = RunDirectory(settings.out)
    directory.check_usable(settings.resume, settings.overwrite)
    spec = spec if solver_asked_for(rest) else spec.fitting()

    def train(**how: Any) -> None:
        from stackjax.compute.devices import is_writer
        from stackjax.reports.display import LiveProgress, print_result
        from stackjax.runs.session import run_training

        with LiveProgress(silent=not is_writer()) as progress:
            result = run_training(spec, directory, on_progress=progress.show, on_stage=progress.stage, **how)
        if is_writer():
            print_result(result, directory, timings=settings.timings)

    return to_the_end(settings, train)
