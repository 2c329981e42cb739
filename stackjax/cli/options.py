"""Options as they are typed: told apart before their settings are known, and read by tyro once they are."""

import contextlib
import dataclasses
import re
from collections.abc import Callable, Iterator
from typing import Any, cast

from stackjax.errors import InputError

__all__ = ["OPTION", "cut", "options_of", "read", "split_options", "value_of"]

OPTION = re.compile(r"-(?!(?:inf|infinity|nan)$)-*[a-z]", re.IGNORECASE)  # as tyro tells them from numbers


def split_options(arguments: list[str]) -> list[tuple[str, list[str]]]:
    """Every option with the values that follow it; first, as ``""``, what comes before any."""
    found: list[tuple[str, list[str]]] = [("", [])]
    for argument in arguments:
        if OPTION.match(argument):
            name, equals, value = argument.partition("=")
            found.append((name.replace("_", "-"), [value] if equals else []))
        else:
            found[-1][1].append(argument)
    return found


def value_of(option: str, arguments: list[str]) -> str | None:
    """What ``arguments`` say of an option, the last time; None if they leave it out."""
    values = dict(split_options(arguments)).get(option)
    return None if values is None else "".join(values[:1])


def cut(option: str, arguments: list[str], lacking: InputError) -> tuple[str | None, list[str]]:
    """The value of an option, None if it is left out, and the other arguments; raises ``lacking`` where it has no value."""
    if option not in arguments:
        return None, arguments
    place = arguments.index(option)
    if len(arguments) < place + 2:
        raise lacking
    return arguments[place + 1], arguments[:place] + arguments[place + 2 :]


def options_of(settings: type, prefix: str = "--") -> Iterator[tuple[str, dataclasses.Field[Any]]]:
    """The options of a dataclass as they are typed, ``--ppo.num-envs``; a place is called as in the help, ``FILE``."""
    for field in dataclasses.fields(settings):
        name, kind = f"{prefix}{field.name.replace('_', '-')}", field.type
        plain = getattr(kind, "__origin__", kind)
        if dataclasses.is_dataclass(plain):  # one that is annotated has options without a prefix
            yield from options_of(cast("type", plain), f"{name}." if plain is kind else prefix)
        else:
            yield next((note.metavar for note in getattr(kind, "__metadata__", ()) if hasattr(note, "metavar")), name), field


def read(kind: Any, arguments: list[str], program: str | None = None, say: Callable[[Any], str] = str) -> Any:
    """What tyro makes of ``arguments``; raises `InputError` with what ``say`` makes of tyro's reason for refusing them."""
    import tyro

    def refuse(reason: Any) -> None:
        raise InputError(say(reason))

    hook = getattr(getattr(tyro, "_errors", None), "on_parse_error", None)  # not public: without it tyro speaks in boxes
    with hook(refuse) if hook else contextlib.nullcontext():
        return tyro.cli(kind, args=arguments, prog=program)
