"""What is wrong with a command's options, in one line that names the option first. tyro says it in boxes."""

import dataclasses
import pathlib
import re
import types
import typing
from collections.abc import Callable
from typing import Any, NamedTuple, cast

from stackjax.errors import nearest, or_words
from stackjax.solvers.registry import registered_solvers

__all__ = ["as_typed", "complaint", "split_options"]

ONE: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    str: "a word",
    pathlib.Path: "a path",
    bool: "True or False",
    types.NoneType: "None",
}
COUNTS = {1: "one", 2: "two", 3: "three"}
SEVERAL = {int: "whole numbers", float: "numbers", str: "words"}


class _Option(NamedTuple):
    """``name`` as one types it, ``--ppo.num-envs``, or as the help shows it where it has no dashes, ``FILE``."""

    name: str
    kind: Any
    is_required: bool


def complaint(settings: type, arguments: list[str], program: str) -> str | None:
    """The first thing wrong with ``arguments`` for the dataclass ``settings``, or None where that is not for us to say.

    Args:
      program: the command as typed, ``stackjax train GAME``.
    """
    command, options = program.split()[1], _options(settings)
    places = [option.name for option in options if not option.name.startswith("-")]
    kinds = {option.name: option.kind for option in options if option.name.startswith("-")}
    (_, free), *given = split_options(arguments)
    for typed, values in given:
        is_known = typed in kinds or kinds.get(_positive(typed)) is bool
        if not is_known:
            sections = [f"--{field.name}" for field in dataclasses.fields(settings)]
            is_ours = any(name.rpartition(".")[2] == typed.rpartition(".")[2].lstrip("-") for name in kinds)
            near = or_words(_near(typed, [*kinds, *([] if is_ours else _of_other_solvers(kinds))], sections))
            return f"option {typed} is not known.{near or f' See {program} --help'}"
        if places:  # these may stand after the one value of an option
            values, free = values[:1], free + values[1:]
        problem = _problem(typed, kinds.get(typed, bool), values)
        if problem:
            return problem
    if len(free) > len(places):
        return f"{free[len(places)]} is not expected there; {command} takes {' and '.join(places) or 'options only'}"
    missing = [option.name for option in options if option.is_required and option.name not in {typed for typed, _ in given}]
    missing = [f"{name} DIR" if name == "--out" else name for name in missing if name not in places[: len(free)]]
    return f"{command} needs {' and '.join(missing)}" if missing else None


def _of_other_solvers(kinds: dict[str, Any]) -> list[str]:
    """The options of solvers that were not chosen, of a command that takes ``--solver``."""
    others = [option.name for entry in registered_solvers() for option in _options(entry.config, f"--{entry.name}.")]
    return [name for name in others if name not in kinds] if "--solver" in kinds else []


def as_typed(message: str, arguments: list[str]) -> str:
    """``message`` with the setting that it begins with as the option that ``arguments`` give it by."""
    for typed, _ in split_options(arguments)[1:]:
        section, _, name = typed.rpartition(".")
        field = name.lstrip("-").replace("-", "_")
        if message.startswith(f"{field}="):
            return f"{typed} {message.removeprefix(f'{field}=')}"
        if message.startswith(f"{field} is not an option of "):
            said, _, meant = message.partition(" Did you mean ")
            options = or_words([f"{section}.{name.replace('_', '-')}" for name in re.findall(r"'(\w+)'", meant)])
            return f"{typed}{said.removeprefix(field)}{options}"
    return message


def split_options(arguments: list[str]) -> list[tuple[str, list[str]]]:
    """Every option with the values that follow it; first, as ``""``, what comes before any."""
    found: list[tuple[str, list[str]]] = [("", [])]
    for argument in arguments:
        if argument.startswith("-") and not _reads(float, argument):
            name, equals, value = argument.partition("=")
            found.append((name.replace("_", "-"), [value] if equals else []))
        else:
            found[-1][1].append(argument)
    return found


def _options(settings: type, prefix: str = "--") -> list[_Option]:
    found = []
    for field in dataclasses.fields(settings):
        name, kind = f"{prefix}{field.name.replace('_', '-')}", field.type
        if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            found += _options(kind, f"{name}.")
            continue
        merged = getattr(kind, "__origin__", None)
        if dataclasses.is_dataclass(merged):  # whose options have no prefix
            found += _options(cast("type", merged), prefix)
            continue
        is_required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        names = [note.metavar for note in getattr(kind, "__metadata__", ()) if hasattr(note, "metavar")]  # of a place
        found.append(_Option(names[0] if names else name, kind, is_required))
    return found


def _positive(name: str) -> str:
    """``--followers.memory`` of ``--followers.no-memory``."""
    section, dot, field = name.removeprefix("--").rpartition(".")
    return f"--{section}{dot}{field.removeprefix('no-')}"


def _near(typed: str, known: list[str], sections: list[str]) -> list[str]:
    """What may be meant: the same name in another section, or one like it in this section, or in any if there is no such."""
    section, _, field = typed.lstrip("-").rpartition(".")
    field_of: Callable[[str], str] = lambda name: name.lstrip("-").rpartition(".")[2]
    own = [name for name in known if name.startswith(f"--{section}.")] if section else []
    close = nearest(field, map(field_of, own))
    found = [name for name in known if field_of(name) == field] or [name for name in own if field_of(name) in close]
    if found or f"--{section}" in sections:
        return found
    close = nearest(field, {field_of(name) for name in known})
    return [name for name in known if field_of(name) in close]


def _problem(name: str, kind: Any, values: list[str]) -> str | None:
    """What is wrong with an option's values."""
    if kind is bool:
        return f"{values[0]} is not expected there; {name} takes no value" if values else None
    if _fits(kind, values):
        return None
    if not values:
        return f"{name} needs a value: {_words(kind)}"
    if _fits(kind, values[:1]) and not _fits(kind, 2 * values[:1]):
        return f"{values[1]} is not expected there; {name} takes one value"
    return f"{name} {' '.join(values)} must be {_words(kind)}"


def _fits(kind: Any, values: list[str]) -> bool:
    parts = typing.get_args(kind)
    if _is_union(kind):
        return any(_fits(part, values) for part in parts)
    if typing.get_origin(kind) is typing.Literal:
        return len(values) == 1 and values[0] in map(str, parts)
    if typing.get_origin(kind) is tuple:
        each = [parts[0]] * len(values) if parts[1:] == (...,) else list(parts)
        return len(values) == len(each) and all(_fits(part, [value]) for part, value in zip(each, values, strict=True))
    return kind not in ONE or (len(values) == 1 and _reads(kind, values[0]))


def _reads(kind: Any, value: str) -> bool:
    if kind in (bool, types.NoneType):
        return value in ("True", "False") if kind is bool else value == "None"
    try:
        kind(value)
    except ValueError:
        return False
    return True


def _words(kind: Any) -> str:
    parts = typing.get_args(kind)
    if _is_union(kind):
        return " or ".join(map(_words, parts))
    if typing.get_origin(kind) is typing.Literal:
        return f"one of {', '.join(map(str, parts))}"
    if typing.get_origin(kind) is tuple:
        several = SEVERAL.get(parts[0], "values")
        return several if parts[1:] == (...,) else f"{COUNTS.get(len(parts), len(parts))} {several}"
    return ONE.get(kind, str(getattr(kind, "__name__", kind)))


def _is_union(kind: Any) -> bool:
    return typing.get_origin(kind) in (typing.Union, types.UnionType)
