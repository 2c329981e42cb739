"""What the commands have in common: reading arguments, and saying in one line what is wrong with them."""

import contextlib
import dataclasses
import io
import re
import sys
from typing import TYPE_CHECKING, Any

from stackjax.errors import InputError, near_matches
from stackjax.runs.spec import GameSource, find_game

if TYPE_CHECKING:
    from stackjax.runs.directory import RunDirectory

__all__ = ["fail", "game_argument", "parse", "run_argument"]


def fail(message: str, code: int) -> int:
    """One line on standard error; returns ``code``."""
    print(f"stackjax: error: {' '.join(message.split())}", file=sys.stderr)
    return code


def game_argument(arguments: list[str], command: str) -> tuple[GameSource, list[str]]:
    if arguments[:1] in (["-h"], ["--help"]):
        kinds = "a name from 'stackjax list', a payoff file (.json, .npz, .nfg), openspiel:NAME, or FILE.py[:NAME]"
        print(f"usage: stackjax {command} GAME ...\n\nGAME: {kinds}")
        raise SystemExit(0)
    if not arguments or arguments[0].startswith("-"):
        raise InputError(f"{command} needs a game first: stackjax {command} GAME ...; see 'stackjax list'")
    return find_game(arguments[0]), arguments[1:]


def run_argument(arguments: list[str], command: str, help_text: str) -> "RunDirectory":
    from stackjax.runs.directory import RunDirectory

    if arguments[:1] in (["-h"], ["--help"]):
        print(f"usage: stackjax {command} DIR\n\n{help_text}")
        raise SystemExit(0)
    if len(arguments) != 1 or arguments[0].startswith("-"):
        raise InputError(f"{command} takes one directory, not {' '.join(arguments) or 'none'}")
    directory = RunDirectory(arguments[0]).open_existing()
    if directory.is_sweep:
        raise InputError(f"directory {directory.path} holds a sweep; stackjax sweep ... --resume writes its report again")
    return directory


def parse(settings: type, arguments: list[str], program: str) -> Any:
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
        words = re.sub(r"Value error Error parsing [\w.-]+: ", "", words)  # ours, from a settings' own check
        raise InputError(_in_words(words, settings, program) or "the arguments could not be read") from None


def _in_words(words: str, settings: type, program: str) -> str:
    """tyro's complaint as one sentence that begins with the option."""
    if found := re.search(r"invalid choice '(.*)' for argument '(--[\w.-]+)'\. Expected one of \((.*?),?\)", words):
        value, option, allowed = found.groups()
        return f"{option} {value} must be one of {allowed.replace(chr(39), '')}"
    if found := re.search(r"Missing value for argument '(--[\w.-]+)'", words):
        return f"{found[1]} needs a value"
    if found := re.match(r"Unrecognized options: ([^\s,]+)", words):
        option = found[1].partition("=")[0]
        if not option.startswith("-"):
            return f"{option} is not expected there; {program} takes options only, as in --out DIR"
        return f"option {option} is not known.{near_matches(option, _options(settings))}"
    if re.match(r"Missing from .*?: --out", words):
        return f"{program} needs --out DIR, the directory for what it leaves"
    if found := re.search(r"^(.*) Argument helptext: (--[\w.-]+) ({None}\|{INT INT}|\[INT \[INT ...\]\]|\S+)", words):
        said, option, allowed = found.groups()
        value = re.search(r"\[((?:'[^']*'(?:, )?)*)\]|: '(.*)'$", said)
        given = "" if value is None else (value[1] or value[2] or "").replace("'", "").replace(",", "")
        kinds = {"INT": "a whole number", "FLOAT": "a number", "{None}|INT": "a whole number or None", "PATH": "a path"}
        kinds |= {
            "{None}|{INT INT}": "two whole numbers",
            "[INT [INT ...]]": "whole numbers",
            "{None}|FLOAT": "a number or None",
        }
        return f"{option} {given} must be {kinds.get(allowed, allowed)}"
    return words


def _options(settings: type, prefix: str = "--") -> list[str]:
    """The options of a settings' dataclass as one types them."""
    found = []
    for field in dataclasses.fields(settings):
        name = f"{prefix}{field.name.replace('_', '-')}"
        is_section = isinstance(field.type, type) and dataclasses.is_dataclass(field.type)
        found += _options(field.type, f"{name}.") if is_section else [name]  # type: ignore[arg-type]
    return found
