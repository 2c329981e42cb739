"""``stackjax train``."""

import dataclasses
import os
import pathlib
import sys
from collections.abc import Callable
from typing import Annotated, Any, Literal

from stackjax import registry
from stackjax.cache import keep_compiled_programs
from stackjax.cli.arguments import fail, game_argument, parse
from stackjax.compute.startup import Processes, join
from stackjax.disk.directory import RunDirectory
from stackjax.errors import InputError
from stackjax.families import GameSource
from stackjax.settings import Kinded
from stackjax.solvers.registry import registered_solvers, solver_entry
from stackjax.specs.config_files import arguments_of
from stackjax.specs.run import RunSpec
from stackjax.specs.sources import family_of

__all__ = [
    "RunSettings",
    "asks_for_solver",
    "kind_asked_for",
    "run_spec",
    "settings_type",
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


def settings_type(source: GameSource, base: type, arguments: list[str]) -> type:
    """``base`` with the settings of a run: ``game``, those of the game's family, and the solver's, such as ``ppo``.

    Of settings in kinds they are those of the kind, and of solvers those of the solver, that ``arguments`` ask for.
    """
    name, config = _solver(family_of(source).solver, arguments)
    of_family = {section: kind_asked_for(section, kind, arguments) for section, kind in family_of(source).sections.items()}
    fields: list[tuple[str, Any, Any]] = [
        (section, kind, dataclasses.field(default_factory=kind))
        for section, kind in {"game": source.options, **of_family, name: config}.items()
    ]
    if issubclass(base, RunSettings):  # the last that --help tells of
        from tyro.conf import OmitArgPrefixes

        fields.append(("processes", Annotated[Processes, OmitArgPrefixes], dataclasses.field(default_factory=Processes)))
    return dataclasses.make_dataclass("Settings", fields, bases=(base,), frozen=True, kw_only=True)


def _value_of(option: str, arguments: list[str], default: str) -> str:
    """What ``arguments`` say of an option, the last time."""
    found = default
    for place, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name == option:
            found = value if equals else (arguments[place + 1 :] or [""])[0]
    return found


def _solver(default: str, arguments: list[str]) -> tuple[str, type]:
    """The solver that ``--solver`` names and its settings; raises `InputError` for options of other solvers.

    If it names none, then the first whose options are given, or the default.
    """
    sections = [argument.removeprefix("--sweep.").removeprefix("--").partition(".")[0] for argument in arguments]
    names = {entry.name for entry in registered_solvers()}
    implied = next((section for section in sections if section in names), default)
    chosen = solver_entry(_value_of("--solver", arguments, implied))
    for entry in registered_solvers():
        for argument in arguments:
            if entry.name != chosen.name and argument.startswith((f"--{entry.name}.", f"--sweep.{entry.name}.")):
                raise InputError(
                    f"{argument.partition('=')[0]} belongs to --solver {entry.name}, but the solver is {chosen.name}"
                )
    return chosen.name, chosen.config


def asks_for_solver(arguments: list[str]) -> bool:
    """Whether ``arguments`` name a solver, or give one settings."""
    sections = {argument.removeprefix("--sweep.").removeprefix("--").partition(".")[0] for argument in arguments}
    is_named = any(argument.partition("=")[0] == "--solver" for argument in arguments)
    return is_named or any(entry.name in sections for entry in registered_solvers())


def kind_asked_for(section: str, settings: type, arguments: list[str], default: str | None = None) -> type:
    """``settings``, of those in kinds the one that ``--SECTION.kind`` names; raises `InputError` for options of other kinds."""
    if not issubclass(settings, Kinded):
        return settings
    chosen = settings.of(_value_of(f"--{section}.kind", arguments, default or settings.kind))
    names = [argument.partition("=")[0] for argument in arguments if argument.startswith(f"--{section}.")]
    chosen.check_options([name.removeprefix(f"--{section}.").removeprefix("no-").replace("-", "_") for name in names])
    return chosen


def run_spec(source: GameSource, settings: Any) -> RunSpec:
    """The run that parsed settings describe."""
    options = dataclasses.asdict(settings.game)
    solver = getattr(settings, solver_of(settings))
    sections = {name: getattr(settings, name) for name in family_of(source).sections}
    stops = getattr(settings, "stop_at_optimum", False)
    patience = getattr(settings, "patience", 0)
    return RunSpec(source, options, sections, solver, settings.seed, settings.seeds, stops, settings.polish, patience)


def solver_of(settings: Any) -> str:
    """The name of the solver whose settings ``settings`` hold."""
    return next(entry.name for entry in registered_solvers() if hasattr(settings, entry.name))


def to_the_end(train: Callable[[], Any]) -> int:
    """Run ``train``; the exit code, and one line, for whatever ends it early."""
    import jax

    from stackjax.compute.devices import LostProcessError
    from stackjax.runs.session import NonFiniteError
    from stackjax.runs.stopping import Stopped

    try:
        train()
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
    if "--config" not in arguments:
        return arguments
    place = arguments.index("--config")
    if len(arguments) < place + 2:
        raise InputError("--config needs a file: a run's config.json, or settings in YAML or JSON")
    path, rest = pathlib.Path(arguments[place + 1]), arguments[:place] + arguments[place + 2 :]
    game = rest.pop(0) if rest and not rest[0].startswith("-") else None
    solvers = [entry.name for entry in registered_solvers()]
    sections = [name for family in registry.families().values() for name in family.sections]
    single = [field.name for kind in (TrainSettings, Processes) for field in dataclasses.fields(kind)]
    left_out = ["solver", *solvers] if asks_for_solver(rest) else []
    chosen, given = arguments_of(path, game, ["game", *dict.fromkeys(sections), *solvers, *single], left_out)
    return [chosen, *given, *rest]


def train_command(arguments: list[str]) -> int:
    arguments = _with_config(arguments)
    source, rest = game_argument(arguments, "train")
    settings = parse(settings_type(source, TrainSettings, rest), rest, f"stackjax train {arguments[0]}")
    spec = run_spec(source, settings)
    RunDirectory(settings.out).check_usable(settings.resume, settings.overwrite)
    if not asks_for_solver(rest):
        spec = spec.fitting()
    join(settings.processes)
    keep_compiled_programs()
    from stackjax.compute.devices import is_writer
    from stackjax.reports.display import LiveProgress, print_result
    from stackjax.runs.session import run_training

    directory = RunDirectory(settings.out)

    def train() -> None:
        with LiveProgress(spec.solver.num_updates, silent=not is_writer()) as progress:
            result = run_training(
                spec,
                directory,
                resume=settings.resume,
                overwrite=settings.overwrite,
                mesh=settings.mesh,
                checkpoint_seconds=settings.checkpoint_seconds,
                on_progress=progress.show,
                log=settings.log,
            )
        if is_writer():
            print_result(result, directory)

    return to_the_end(train)
