"""``stackjax sweep``."""

import dataclasses
import sys
import time
from typing import Any

from stackjax.cli.arguments import game_argument, parse
from stackjax.cli.complaints import words_for
from stackjax.cli.options import OPTION, read, split_options
from stackjax.cli.train import RunSettings, run_spec, settings_type, solver_asked_for, to_the_end
from stackjax.compute.startup import Processes
from stackjax.disk.directory import SweepDirectory
from stackjax.errors import InputError
from stackjax.settings import Kinded
from stackjax.specs.sweep import Axis, SweepSpec, read_axis

__all__ = ["sweep_command"]

FEW = 1000  # configurations, which are looked at in less time than JAX takes to load

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
    if {"-h", "--help"} & set(rest):
        print(HELP)
    kind, fixed = settings_type(source, SweepSettings, rest), _fixed(rest)
    settings = parse(kind, fixed, f"stackjax sweep {arguments[0]}", Processes)
    base = run_spec(source, settings)
    own = {**base.settings, base.solver_entry.name: base.solver}
    kinds = {"game": source.options, **{section: type(values) for section, values in own.items()}}
    axes = tuple(
        _axis(option.removeprefix("--sweep."), tokens, kinds, fixed)
        for option, tokens in split_options(rest)
        if option.startswith("--sweep.")
    )
    directory = SweepDirectory(settings.out)
    directory.check_usable(settings.resume, settings.overwrite)
    sweep = SweepSpec(base if solver_asked_for(rest) else base.fitting(), axes)
    if len(sweep.configurations) <= FEW:
        sweep.groups()  # which is told before JAX is loaded if one is not possible

    def train(**how: Any) -> None:
        from stackjax.compute.devices import is_writer
        from stackjax.runs.sweep import run_sweep

        result = run_sweep(sweep, directory, memory_gib=settings.memory_gib, on_progress=_Lines().show, **how)
        if is_writer():
            _print_result(result)
            print(f"table: {directory.table}\nreport: {directory.report}")

    return to_the_end(settings, train)


def _print_result(result: dict[str, Any]) -> None:
    from stackjax.reports.display import took
    from stackjax.reports.sweep_report import configuration_in_words

    best = result["best"]
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
    print(took(result))


def _fixed(arguments: list[str]) -> list[str]:
    """``arguments`` without the ``--sweep.NAME`` options and their values."""
    others, is_fixed = list[str](), True
    for argument in arguments:
        is_fixed = not argument.startswith("--sweep.") if OPTION.match(argument) else is_fixed
        others += [argument] if is_fixed else []
    return others


def _axis(name: str, tokens: list[str], kinds: dict[str, type], fixed: list[str]) -> Axis:
    def read_value(setting: str, token: str) -> Any:
        section, _, field = setting.partition(".")
        kind = next(own.type for own in dataclasses.fields(kinds[section]) if own.name == field)
        if field == "kind" and issubclass(kinds[section], Kinded):
            return kinds[section].of(token).kind  # type: ignore[attr-defined]
        try:
            return read(kind, [token.capitalize()] if kind is bool else token.split(","))
        except InputError:
            several = "; separate values by spaces" if "," in token else ""
            raise InputError(f"--sweep.{name} {token} must be {words_for(kind)}{several}") from None

    axis = read_axis(name, tokens, kinds, read_value)
    section, _, field = name.partition(".")
    for option in (f"--{section}.{field}", f"--{section}.no-{field}"):
        if option in dict(split_options(fixed)):
            raise InputError(f"{option} is both fixed and swept; give one of {option} and --sweep.{name}")
    return axis


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
