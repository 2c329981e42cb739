"""What the commands have in common: settings from arguments, the run in a directory, and one line for what is wrong."""

import dataclasses
import pathlib
import sys
from typing import TYPE_CHECKING, Annotated, Any

from stackjax.cli.complaints import complaint, unknown_option
from stackjax.cli.options import options_of, read
from stackjax.errors import InputError
from stackjax.families import GameSource
from stackjax.specs.sources import find_game

if TYPE_CHECKING:
    from stackjax.disk.directory import RunDirectory

__all__ = ["fail", "game_argument", "parse", "run_at"]


def fail(message: str, code: int) -> int:
    """One line on standard error; returns ``code``."""
    print(f"stackjax: error: {' '.join(message.split())}", file=sys.stderr)
    return code


def game_argument(arguments: list[str], command: str) -> tuple[GameSource, list[str]]:
    if arguments[:1] in (["-h"], ["--help"]):
        files = "a payoff file (.json, .npz, .nfg, .efg)"
        kinds = f"a name from 'stackjax list', {files}, openspiel:NAME, iterated:FILE, or FILE.py[:NAME]"
        print(f"usage: stackjax {command} GAME ...\n\nGAME: {kinds}\n\nstackjax {command} GAME --help shows all settings")
        raise SystemExit(0)
    if not arguments or arguments[0].startswith("-"):
        raise InputError(f"{command} needs a game first: stackjax {command} GAME ...; see 'stackjax list'")
    return find_game(arguments[0]), arguments[1:]


def run_at(path: pathlib.Path | str) -> "RunDirectory":
    """The run in a directory; raises `InputError` where there is none."""
    from stackjax.disk.directory import RunDirectory

    directory = RunDirectory(path).open_existing()
    if directory.is_sweep:
        raise InputError(f"directory {directory.path} holds a sweep; stackjax sweep ... --resume writes its report again")
    return directory


def parse(settings: type, arguments: list[str], program: str, last: type | None = None) -> Any:
    """An object of the dataclass ``settings``, read by tyro, which also shows ``--help``.

    Args:
      program: the command as typed, ``stackjax train GAME``.
      last: a dataclass whose options have no prefix, and are the last that ``--help`` tells of; what is read is called
        as it is, ``processes`` of ``Processes``.

    Raises:
      InputError: an option is not known, which is told before tyro is loaded, or a value does not fit.
    """
    known = dict(options_of(settings)) | dict(options_of(last) if last else {})
    if not any(argument in ("-h", "--help") or argument.startswith("--tyro-") for argument in arguments):
        problem = unknown_option(known, arguments, program)
        if problem:
            raise InputError(problem)
    if last:
        from tyro.conf import OmitArgPrefixes

        field = (last.__name__.lower(), Annotated[last, OmitArgPrefixes], dataclasses.field(default_factory=last))
        settings = dataclasses.make_dataclass("Settings", [field], bases=(settings,), frozen=True, kw_only=True)
    return read(settings, arguments, program, lambda reason: complaint(reason, known, arguments, program.split()[1]))
