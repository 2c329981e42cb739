"""What the commands have in common: reading arguments, and saying in one line what is wrong with them."""

import contextlib
import io
import pathlib
import re
import sys
from typing import TYPE_CHECKING, Any

from stackjax.cli.complaints import complaint
from stackjax.errors import InputError
from stackjax.families import GameSource
from stackjax.specs.sources import find_game

if TYPE_CHECKING:
    from stackjax.disk.directory import RunDirectory

__all__ = ["fail", "game_argument", "no_arguments", "parse", "run_at"]


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


def no_arguments(command: str, arguments: list[str], about: str) -> None:
    """Print ``about`` for ``--help``, and raise `InputError` for anything else."""
    if arguments[:1] in (["-h"], ["--help"]):
        print(f"usage: stackjax {command}\n\n{about}")
        raise SystemExit(0)
    if arguments:
        raise InputError(f"{command} takes nothing, not {' '.join(arguments)}")


def run_at(path: pathlib.Path | str) -> "RunDirectory":
    """The run in a directory; raises `InputError` where there is none."""
    from stackjax.disk.directory import RunDirectory

    directory = RunDirectory(path).open_existing()
    if directory.is_sweep:
        raise InputError(f"directory {directory.path} holds a sweep; stackjax sweep ... --resume writes its report again")
    return directory


def parse(settings: type, arguments: list[str], program: str) -> Any:
    """Parse with tyro; its boxed error messages become one line and an `InputError`."""
    import tyro

    boxed = io.StringIO()
    try:
        with contextlib.redirect_stderr(boxed):
            return tyro.cli(settings, args=arguments, prog=program)
    except SystemExit as stop:
        if stop.code in (0, None):
            raise
        text = re.sub(r"\x1b\[[0-9;]*m|[│╭╮╰╯─┌┐└┘]|-{5,}", " ", boxed.getvalue())
        words = " ".join(re.split(r"For full helptext|Argument helptext:", text)[0].split())
        words = re.sub(r"^.*?Error parsing [\w.-]+: ", "", words)  # ours, from a settings' own check
        words = re.sub(r"^Fixed argument cannot accept a value Argument ", "", words)
        raise InputError(complaint(settings, arguments, program) or words or "the arguments could not be read") from None
