"""What is wrong with a command's options, in one line: what tyro refuses in our words, and names that may be meant."""

import dataclasses
import pathlib
import re
import types
import typing
from collections.abc import Collection, Iterable
from typing import Any

from stackjax.cli.options import options_of, split_options
from stackjax.errors import nearest, or_words
from stackjax.solvers.registry import registered_solvers

__all__ = ["as_typed", "complaint", "unknown_option", "words_for"]

ONE: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    str: "a word",
    pathlib.Path: "a path",
    bool: "True or False",
    types.NoneType: "None",
}
COUNTS = {1: "one", 2: "two", 3: "three"}
Options = dict[str, "dataclasses.Field[Any]"]  # by name, as `options_of` has them


def as_typed(message: str, arguments: list[str]) -> str:
    """``message`` with the setting that it begins with as the option that ``arguments`` give it by."""
    for typed, _ in split_options(arguments)[1:]:
        setting = _parts(typed)[1].replace("-", "_")
        if message.startswith(f"{setting}="):
            return f"{typed} {message.removeprefix(f'{setting}=')}"
    return message


def unknown_option(known: Options, arguments: list[str], program: str) -> str | None:
    """What to say of the first option in ``arguments`` that is not known; None if there is none.

    Args:
      program: the command as typed, ``stackjax train GAME``.
    """
    typed = next((option for option, _ in split_options(arguments)[1:] if _kind(option, known) is None), None)
    if typed is None:
        return None
    solvers = registered_solvers() if "--solver" in known else []
    others = [name for solver in solvers for name, _ in options_of(solver.config, f"--{solver.name}.")]
    sections = {"game", *(_parts(name)[0] for name in known)} - {""}
    near = _near(typed, known, sections) or _near(typed, others, sections)
    return f"option {typed} is not known.{or_words(near) or f' See {program} --help'}"


def complaint(refused: Any, known: Options, arguments: list[str], command: str) -> str:
    """What is wrong with ``arguments``, whose options are all known.

    Args:
      refused: what tyro says of it, a `ParseErrorEvent`.
    """
    argument, given = getattr(refused, "argument", None), split_options(arguments)
    if argument is not None:
        name, count = argument.lowered.name_or_flags[0], argument.lowered.nargs
        values = dict(given)[name][: count if isinstance(count, int) else None]
        words = words_for(known[name].type if name in known else argument.field.type)
        return f"{name} {' '.join(values)} must be {words}" if values else f"{name} needs a value: {words}"
    strays = [*getattr(refused, "tokens", ()), *getattr(refused, "unrecognized_tokens", ())]
    if strays:
        places = " and ".join(name for name in known if not name.startswith("-"))
        kinds = {option: _kind(option, known) for option, values in given[1:] if strays[0] in values}
        takes = [f"{name} takes {'no value' if kind is bool else words_for(kind)}" for name, kind in kinds.items()]
        told = takes[-1] if takes and not places else f"{command} takes {places or 'options only'}"
        return f"{strays[0]} is not expected there; {told}"
    lacking = [entry.arg.lowered for entry in getattr(refused, "missing_arguments", ())]
    names = [one.name_or_flags[0] if one.name_or_flags[0] in known else one.metavar for one in lacking]
    if names:
        return f"{command} needs {' and '.join(names).replace('--out', '--out DIR')}"
    return str(getattr(refused, "message", "the arguments could not be read"))


def _kind(typed: str, known: Options) -> Any:
    """What an option takes: `bool` for a flag, `Any` where it lies within one that is known; None if it is not known."""
    positive = re.sub(r"(^--|\.)no-([^.]+)$", r"\1\2", typed)
    if typed in known:
        return known[typed].type
    if positive in known and known[positive].type is bool:
        return bool
    return Any if any(typed.startswith(f"{name}.") for name in known) else None


def _parts(option: str) -> tuple[str, str]:
    """The section and the name of an option."""
    section, _, name = option.lstrip("-").rpartition(".")
    return section, name


def _near(typed: str, known: Iterable[str], sections: Collection[str]) -> list[str]:
    """What may be meant: the same name in another section, or one like it in this section, or in any if there is no such."""
    section, name = _parts(typed)
    same = [option for option in known if _parts(option)[1] == name]
    alike = [option for option in known if _parts(option)[0] == section or section not in sections]
    close = nearest(name, {_parts(option)[1]: None for option in alike})
    return same or [option for option in alike if _parts(option)[1] in close]


def words_for(kind: Any) -> str:
    """The values that a setting of the type ``kind`` may have."""
    parts = typing.get_args(kind)
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return " or ".join(map(words_for, parts))
    if typing.get_origin(kind) is typing.Literal:
        return f"one of {', '.join(map(str, parts))}"
    if typing.get_origin(kind) is tuple:
        several = f"{ONE.get(parts[0], 'a value').removeprefix('a ')}s"
        return several if parts[1:] == (...,) else f"{COUNTS.get(len(parts), len(parts))} {several}"
    return ONE.get(kind, str(getattr(kind, "__name__", kind)))
