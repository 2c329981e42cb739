"""The one exception that means "the input is wrong", free of heavy imports."""

import difflib
import math
import numbers
import re
from collections.abc import Callable, Iterable
from typing import Any

__all__ = [
    "InputError",
    "UnsolvedError",
    "near_matches",
    "nearest",
    "or_words",
    "require",
    "require_count",
    "require_is",
    "require_key",
    "require_number",
    "require_positive",
]


class InputError(ValueError):
    """A user's input is wrong; the message names the argument, the value and what is allowed.

    The command line turns it into one line and exit code 2.
    """


class UnsolvedError(InputError):
    """The leader's exact optimum cannot be had; the message says whether it is not known or too large to compute, and why."""


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """Of ``known``, those that ``name`` are the initials of, or else up to three that are spelt like it."""
    known = list(known)
    initials = lambda long: "".join(word[:1] for word in re.split("[-_]", long))
    return [long for long in known if len(name) > 1 and initials(long) == name] or difflib.get_close_matches(
        name, known, n=3, cutoff=0.5
    )


def or_words(matches: list[str]) -> str:
    """``" Did you mean 'a' or 'b'?"``, or an empty string."""
    return f" Did you mean {' or '.join(map(repr, matches))}?" if matches else ""


def near_matches(name: str, known: Iterable[str]) -> str:
    """``" Did you mean 'a' or 'b'?"``, or an empty string when nothing known is near."""
    return or_words(nearest(name, known))


def require(name: str, value: object, holds: bool, allowed: str) -> None:
    """Raise `InputError` naming the setting, its value and what is allowed, unless ``holds``."""
    if not holds:
        raise InputError(f"{name}={value} must be {allowed}")


def require_is(name: str, value: Any, kind: type | tuple[type, ...], allowed: str) -> None:
    """Raise `InputError` unless ``value`` is a ``kind``."""
    if not isinstance(value, kind):
        shown = repr(value) if len(repr(value)) < 60 else f"(a {type(value).__name__})"
        raise InputError(f"{name}={shown} must be {allowed}")


def require_count(name: str, value: Any, least: int = 1) -> None:
    """Raise `InputError` unless ``value`` is a whole number of at least ``least``."""
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    require(name, value, whole and value >= least, f"a whole number of at least {least}")


def require_number(name: str, value: Any, holds: Callable[[float], bool], allowed: str) -> None:
    """Raise `InputError` if ``value`` is no number, or a concrete one that is not finite or does not hold; traced ones pass."""
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        require(name, value, math.isfinite(value) and holds(float(value)), allowed)
    elif isinstance(value, bool) or not hasattr(value, "dtype"):  # arrays and tracers have one
        raise InputError(f"{name}={value!r} must be {allowed}")


def require_key(key: Any) -> None:
    """Raise `InputError` unless ``key`` is a random key of JAX, or words that seed one."""
    if not hasattr(key, "dtype") or not ("key" in str(key.dtype) or str(key.dtype) == "uint32"):
        raise InputError(f"key={key!r} must be a random key, for example jax.random.key(0)")


def require_positive(name: str, value: Any) -> None:
    """Raise `InputError` if ``value`` is a concrete number that is not positive and finite; traced values pass."""
    require_number(name, value, lambda number: number > 0, "a positive finite number")
