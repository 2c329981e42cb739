"""The command line: ``stackjax list | train | evaluate | report | export | solve``. Free of JAX until a command needs it."""

import contextlib
import dataclasses
import io
import json
import pathlib
import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

from stackjax.errors import InputError, near_matches
from stackjax.followers.config import FollowersConfig
from stackjax.games import registry
from stackjax.ppo.config import PPOConfig
from stackjax.runs.spec import GameSource, POMDPConfig, RunSpec, find_game

if TYPE_CHECKING:
    from stackjax.runs.directory import RunDirectory

__all__ = ["main"]

USAGE = """\
stackjax learns how to lead: the commitment that pays best once followers have learned to answer it.

usage:
  stackjax list [--json]            the games, their options and known optima
  stackjax train GAME --out DIR     train leaders, ten seeds at once
  stackjax evaluate DIR             evaluate a run's commitments again
  stackjax report DIR               write a run's report.html again
  stackjax export DIR FILE          a run's commitment and follower play in a file of its own, .json or .npz
  stackjax solve GAME [--json]      the leader's exact optimum, where it is known or can be computed

GAME is a name from the list, a payoff file (.json, .npz, Gambit's .nfg), openspiel:NAME, or FILE.py[:NAME].
stackjax train GAME --help shows every setting: --game.*, --pomdp.*, --followers.*, --ppo.*
"""


@dataclasses.dataclass(frozen=True)
class TrainSettings:
    """Where a run goes and how many seeds it trains."""

    out: pathlib.Path
    """Directory for the run: config, metrics, checkpoints, result and report."""
    seeds: int = 10
    """Seeds trained at once, one program for all."""
    seed: int = 0
    """The first seed; the others follow."""
    resume: bool = False
    """Go on with the run in the directory from its latest checkpoint."""
    overwrite: bool = False
    """Replace the run in the directory."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, 2 for wrong input, 1 when training diverged, 130 when interrupted."""
    arguments = sys.argv[1:] if arguments is None else arguments
    commands: dict[str, Callable[[list[str]], int]] = {
        "list": _list,
        "train": _train,
        "evaluate": _evaluate,
        "report": _report,
        "export": _export,
        "solve": _solve,
    }
    try:
        if not arguments or arguments[0] in ("-h", "--help"):
            print(USAGE, end="")
            return 0
        if arguments[0] == "--version":
            import stackjax

            print(stackjax.__version__)
            return 0
        if arguments[0] not in commands:
            raise InputError(
                f"command {arguments[0]!r} must be one of {', '.join(commands)}.{near_matches(arguments[0], commands)}"
            )
        return commands[arguments[0]](arguments[1:])
    except InputError as error:
        return _fail(str(error), 2)
    except OSError as error:
        return _fail(f"{error.strerror}: {error.filename}" if error.strerror else str(error), 2)
    except KeyboardInterrupt:
        return _fail("interrupted" + ("; go on with --resume" if arguments[:1] == ["train"] else ""), 130)


def _fail(message: str, code: int) -> int:
    print(f"stackjax: error: {' '.join(message.split())}", file=sys.stderr)
    return code


def _list(arguments: list[str]) -> int:
    @dataclasses.dataclass(frozen=True)
    class ListSettings:
        """The games, their options and known optima."""

        json: bool = False
        """Machine-readable."""

    settings = _parse(ListSettings, arguments, "stackjax list")
    entries = registry.registered_games()
    if settings.json:
        games = [
            {
                "name": game.name,
                "summary": game.summary,
                "optimum": game.optimum,
                "options": {field.name: field.default for field in dataclasses.fields(game.options)},
            }
            for game in entries
        ]
        print(json.dumps(games, indent=2))
        return 0
    from rich.console import Console
    from rich.table import Table

    table = Table("game", "optimum", "what the leader does", "options", box=None, pad_edge=False)
    for game in entries:
        options = [f"{field.name.replace('_', '-')}={field.default}" for field in dataclasses.fields(game.options)]
        table.add_row(game.name, game.optimum, game.summary, "\n".join(options))
    console = Console()
    console.print(table)
    console.print("\nOptions are given as --game.OPTION VALUE; payoffs are in game units.", highlight=False)
    return 0


def _train(arguments: list[str]) -> int:
    source, rest = _game_argument(arguments, "train")
    settings_type = dataclasses.make_dataclass(
        "Settings",
        [
            ("game", source.options, dataclasses.field(default_factory=source.options)),
            ("pomdp", POMDPConfig, dataclasses.field(default_factory=POMDPConfig)),
            ("followers", FollowersConfig, dataclasses.field(default_factory=FollowersConfig)),
            ("ppo", PPOConfig, dataclasses.field(default_factory=PPOConfig)),
        ],
        bases=(TrainSettings,),
        frozen=True,
        kw_only=True,
    )
    settings = _parse(settings_type, rest, f"stackjax train {arguments[0]}")
    spec = RunSpec(
        source,
        dataclasses.asdict(settings.game),
        settings.pomdp,
        settings.followers,
        settings.ppo,
        settings.seed,
        settings.seeds,
    )
    from stackjax.runs.cores import use_every_core

    use_every_core()
    from stackjax.runs.directory import RunDirectory
    from stackjax.runs.display import LiveProgress, print_result
    from stackjax.runs.session import NonFiniteError, run_training
    from stackjax.runs.stopping import Stopped

    directory = RunDirectory(settings.out)
    try:
        with LiveProgress(spec.ppo.num_updates) as progress:
            result = run_training(
                spec, directory, resume=settings.resume, overwrite=settings.overwrite, on_progress=progress.show
            )
    except NonFiniteError as error:
        return _fail(str(error), 1)
    except Stopped as stop:
        return _fail(f"stopped by {stop}, all of it saved; go on with --resume", 128 + stop.signal)
    print_result(result, directory)
    return 0


def _evaluate(arguments: list[str]) -> int:
    directory = _run_argument(
        arguments, "evaluate", "Evaluate a run's commitments again; rewrites result.json and report.html."
    )
    from stackjax.runs.display import print_result
    from stackjax.runs.session import run_evaluation

    print_result(run_evaluation(directory), directory)
    return 0


def _report(arguments: list[str]) -> int:
    directory = _run_argument(arguments, "report", "Write report.html again from a run's result.json and metrics.jsonl.")
    from stackjax.runs.report import write_report

    write_report(directory, directory.read_result())
    print(directory.report)
    return 0


def _export(arguments: list[str]) -> int:
    import tyro

    @dataclasses.dataclass(frozen=True)
    class ExportSettings:
        """Write one seed's commitment and the followers' play to a file, to be read without stackjax."""

        directory: Annotated[pathlib.Path, tyro.conf.Positional, tyro.conf.arg(metavar="DIR")]
        """A run."""
        file: Annotated[pathlib.Path, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")]
        """Where to: .json or .npz."""
        seed: int | None = None
        """Which seed; by default the one with the highest payoff."""

    settings = _parse(ExportSettings, arguments, "stackjax export")
    from stackjax.runs.directory import RunDirectory
    from stackjax.runs.export import export_commitment

    seed = export_commitment(RunDirectory(settings.directory).open_existing(), settings.file, settings.seed)
    print(f"{settings.file} (seed {seed})")
    return 0


def _run_argument(arguments: list[str], command: str, help_text: str) -> "RunDirectory":
    from stackjax.runs.directory import RunDirectory

    if arguments[:1] in (["-h"], ["--help"]):
        print(f"usage: stackjax {command} DIR\n\n{help_text}")
        raise SystemExit(0)
    if len(arguments) != 1 or arguments[0].startswith("-"):
        raise InputError(f"{command} takes one directory, not {' '.join(arguments) or 'none'}")
    return RunDirectory(arguments[0]).open_existing()


def _solve(arguments: list[str]) -> int:
    source, rest = _game_argument(arguments, "solve")
    settings_type = dataclasses.make_dataclass(
        "Settings",
        [("game", source.options, dataclasses.field(default_factory=source.options)), ("json", bool, False)],
        frozen=True,
    )
    settings = _parse(settings_type, rest, f"stackjax solve {arguments[0]}")
    game = source.build(dataclasses.asdict(settings.game))
    from stackjax.equilibrium.optimum import describe_commitment, solve

    try:
        optimum = solve(game)
    except ArithmeticError as error:
        return _fail(f"{game.name} could not be solved: {error}", 1)
    if settings.json:
        found = {} if optimum is None else optimum._asdict()
        if found.get("commitment") is not None:
            found["commitment"] = found["commitment"].tolist()
        print(json.dumps({"game": game.name, **found}))
    elif optimum is None:
        print(
            f"{game.name}: the leader's optimum is not known, and its commitments are too many, or not finite, to try them all"
        )
    else:
        weak = "" if optimum.weak_value is None else f"; with ties or equilibria against the leader {optimum.weak_value:.10g}"
        print(f"{game.name}: {optimum.value:.10g} ({optimum.method}){weak}")
        for line in describe_commitment(game, optimum):
            print(f"  {line}")
    return 0


def _game_argument(arguments: list[str], command: str) -> tuple[GameSource, list[str]]:
    if arguments[:1] in (["-h"], ["--help"]):
        kinds = "a name from 'stackjax list', a payoff file (.json, .npz, .nfg), openspiel:NAME, or FILE.py[:NAME]"
        print(f"usage: stackjax {command} GAME ...\n\nGAME: {kinds}")
        raise SystemExit(0)
    if not arguments or arguments[0].startswith("-"):
        raise InputError(f"{command} needs a game first: stackjax {command} GAME ...; see 'stackjax list'")
    return find_game(arguments[0]), arguments[1:]


def _parse(settings: type, arguments: list[str], program: str) -> Any:
    """Parse with tyro; its boxed error messages become one line and an `InputError`."""
    import tyro

    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return tyro.cli(settings, args=arguments, prog=program)
    except SystemExit as stop:
        if stop.code in (0, None):
            raise
        text = re.sub(r"\x1b\[[0-9;]*m|[│╭╮╰╯─┌┐└┘]|-{5,}", " ", complaint.getvalue())
        words = " ".join(re.split(r"For full helptext", text)[0].split())
        for title in ("Unrecognized options", "Required options", "Parsing error"):
            words = words.removeprefix(f"{title} ")
        raise InputError(words or "the arguments could not be read") from None


if __name__ == "__main__":
    sys.exit(main())
