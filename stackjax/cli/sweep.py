"""``stackjax sweep``."""

import dataclasses
import sys
import time
from typing import Any

from stackjax.cache import keep_compiled_programs
from stackjax.cli.arguments import game_argument, parse
from stackjax.cli.complaints import split_options
from stackjax.cli.train import RunSettings, asks_for_solver, run_spec, settings_type, solver_of, to_the_end
from stackjax.compute.startup import join
from stackjax.disk.directory import RunDirectory
from stackjax.errors import InputError
from stackjax.settings import Kinded
from stackjax.specs.sources import family_of
from stackjax.specs.sweep import Axis, SweepSpec, read_axis

__all__ = ["sweep_command"]

HELP = """\
usage: stackjax sweep GAME --sweep.SETTING VALUE VALUE ... [--sweep.SETTING log LOW HIGH COUNT] ... [settings] --out DIR

Trains every combination of the swept settings' values, each on all seeds. Real numbers of --followers and --ppo are swept in
one program; whatever else differs (widths, rounds, the game's options) makes groups, each compiled once. A value with several
parts is joined by commas: --sweep.ppo.hidden-sizes 32,32 64,64. All other settings are those of stackjax train:
"""


@dataclasses.dataclass(frozen=True)
class SweepSettings(RunSettings):
    """Where a sweep goes, how many seeds each configuration gets, and what it may take."""

    memory_gib: float | None = None
    """Memory that the sweep may take, of this process on CPUs and of each device elsewhere; by default three quarters of what
    is free. Batches are chunked to stay within it."""


def sweep_command(arguments: list[str]) -> int:
    source, rest = game_argument(arguments, "sweep")
    swept, others = _split(rest)
    kind = settings_type(source, SweepSettings, [*others, *(f"--sweep.{name}" for name, _ in swept)])
    if {"-h", "--help"} & set(rest):
        print(HELP)
    settings = parse(kind, others, f"stackjax sweep {arguments[0]}")
    axes = tuple(
        _axis(kind, ["game", *family_of(source).sections, solver_of(settings)], name, tokens) for name, tokens in swept
    )
    fixed = {name for name, _ in split_options(others)}
    for name, _ in swept:
        section, _, field = name.replace("_", "-").partition(".")
        for flag in {f"--{section}.{field}", f"--{section}.no-{field}"} & fixed:
            raise InputError(f"{flag} is both fixed and swept; give one of {flag} and --sweep.{name}")
    base = run_spec(source, settings)
    RunDirectory(settings.out).check_usable(settings.resume, settings.overwrite)
    sweep = SweepSpec(base if asks_for_solver(rest) else base.fitting(), axes)
    join(settings.processes)
    keep_compiled_programs()
    from stackjax.compute.devices import is_writer
    from stackjax.disk.sweep_directory import SweepDirectory
    from stackjax.runs.sweep import run_sweep

    directory = SweepDirectory(settings.out)

    def train() -> None:
        result = run_sweep(
            sweep,
            directory,
            resume=settings.resume,
            overwrite=settings.overwrite,
            mesh=settings.mesh,
            checkpoint_seconds=settings.checkpoint_seconds,
            memory_gib=settings.memory_gib,
            log=settings.log,
            on_progress=_Lines().show,
        )
        if is_writer():
            _print_result(result)
            print(f"table: {directory.table}\nreport: {directory.report}")

    return to_the_end(train)


def _print_result(result: dict[str, Any]) -> None:
    from stackjax.reports.sweep_report import configuration_in_words

    best, seconds = result["best"], result["wall_seconds"]
    low, high = best["interval"]
    print(f"best of {len(result['configurations'])} configurations: {configuration_in_words(best['settings'])}")
    print(f"  leader payoff {best['leader_payoff']:.4g} [{low:.4g}, {high:.4g}], mean of {result['num_seeds']} seeds")
    print(
        f"  {result['num_within_interval_of_best']} configurations are within that interval or above: judge it on other seeds"
    )
    if best["num_unsettled"]:
        print(f"  followers have not settled on {best['num_unsettled']} of its seeds; the table says on which")
    if result["num_diverged"]:
        print(f"{result['num_diverged']} runs diverged; the table says which and when")
    print(f"compile {seconds['compile']:.1f} s, train {seconds['train']:.1f} s, evaluate {seconds['evaluate']:.1f} s")


def _split(arguments: list[str]) -> tuple[list[tuple[str, list[str]]], list[str]]:
    """``--sweep.NAME`` options with the values that follow them, and all other arguments."""
    swept: list[tuple[str, list[str]]] = []
    others: list[str] = []
    into: list[str] = others
    for argument in arguments:
        if argument == "-h":
            others.append(argument)
        elif argument.startswith("--sweep."):
            name, equals, value = argument.removeprefix("--sweep.").partition("=")
            into = [value] if equals else []
            swept.append((name, into))
        elif argument.startswith("--"):
            into = others
            others.append(argument)
        else:
            into.append(argument)
    return swept, others


def _axis(kind: type, names: list[str], name: str, tokens: list[str]) -> Axis:
    types: dict[str, Any] = {field.name: field.type for field in dataclasses.fields(kind)}
    sections = {section: types[section] for section in names}

    def read_value(setting: str, token: str) -> Any:
        section, _, field = setting.partition(".")
        if isinstance(getattr(sections[section](), field), bool):
            if token.lower() not in ("true", "false"):
                raise InputError(f"--sweep.{name}: {token!r} must be true or false")
            return token.lower() == "true"
        if field == "kind" and issubclass(sections[section], Kinded):
            return sections[section].of(token).kind
        flag = f"--{section}.{field.replace('_', '-')}"
        try:
            parsed = parse(kind, ["--out", ".", "--solver", names[-1], flag, *token.split(",")], "stackjax sweep")
        except InputError as error:
            said = str(error).removeprefix(f"{flag} ")
            where = f"--sweep.{name}" if said != str(error) else f"--sweep.{name} {token}:"
            several = "; separate values by spaces" if "," in token else ""
            raise InputError(f"{where} {said}{several}") from error
        return getattr(getattr(parsed, section), field)

    return read_axis(name, tokens, sections, read_value)


class _Lines:
    """Where the sweep is, a line now and then."""

    INTERVAL = 5.0

    def __init__(self) -> None:
        self._last = -self.INTERVAL

    def show(self, seen: Any) -> None:
        now, chunk = time.monotonic(), seen.chunk
        if chunk is not None and now - self._last < self.INTERVAL and chunk.update < chunk.num_updates:
            return
        self._last = now
        line = f"{seen.num_done}/{seen.num_elements} runs done; next {seen.chunk_size}: "
        if chunk is None:
            line += "compiling ..."
        else:
            line += f"update {chunk.update}/{chunk.num_updates}, {chunk.episodes_per_second:,.0f} episodes/s"
            line += f", {chunk.seconds_left:.0f} s left"
        print(line, file=sys.stderr, flush=True)
