"""The one exception that means "the input is wrong", free of heavy imports."""

import difflib
import math
import numbers
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "InputError",
    "UnsolvedError",
    "count_in_words",
    "near_matches",
    "nearest",
    "or_words",
    "require",
    "require_array",
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


def count_in_words(count: int) -> str:
    """A whole number, or about how large it is if nobody would read it."""
    return str(count) if count < 10**15 else f"about 10^{int(count.bit_length() * math.log10(2))}"


def require(name: str, value: object, holds: bool, allowed: str) -> None:
    """Raise `InputError` naming the setting, its value and what is allowed, unless ``holds``."""
    if not holds:
        raise InputError(f"{name}={value} must be {allowed}")


def require_is(name: str, value: Any, kind: type | tuple[type, ...], allowed: str) -> None:
    """Raise `InputError` unless ``value`` is a ``kind``."""
    if not isinstance(value, kind):
        raise InputError(f"{name}={_shown(value)} must be {allowed}")


def require_count(name: str, value: Any, least: int = 1, most: int | None = None) -> None:
    """Raise `InputError` unless ``value`` is a whole number of at least ``least``, and at most ``most`` if that is given."""
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    shown = repr(value) if isinstance(value, str) else value
    require(name, shown, whole and value >= least, f"a whole number of at least {least}")
    require(name, shown, most is None or value <= most, f"at most {most}")


def require_number(name: str, value: Any, holds: Callable[[float], bool], allowed: str) -> None:
    """Raise `InputError` unless ``value`` is a real number, or an array of them, and each is finite and holds.

    Of a traced value only the dtype is known, and looked at.
    """
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        require(name, value, math.isfinite(value) and holds(float(value)), allowed)
        return
    is_real = str(getattr(value, "dtype", "")).startswith(("float", "bfloat", "int", "uint"))
    if not is_real or not all(math.isfinite(number) and holds(number) for number in _known_numbers(value)):
        raise InputError(f"{name}={_shown(value)} must be {allowed}")


def require_array(name: str, value: Any) -> "np.ndarray":
    """``value`` as a NumPy array; raise `InputError` unless it holds real numbers alone, in nested lists of one shape."""
    import numpy as np

    try:
        array = np.asarray(value)
        if array.dtype.kind not in "bUSc":
            return array if array.dtype.kind in "fiu" else array.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        pass
    raise InputError(f"{name}={_shown(value)} must be an array of numbers")


def require_key(key: Any) -> None:
    """Raise `InputError` unless ``key`` is one random key of JAX, or the uint32 words of one."""
    dtype, shape = str(getattr(key, "dtype", "")), getattr(key, "shape", None)
    is_key = shape == () if dtype.startswith("key<") else dtype == "uint32" and shape in ((2,), (4,))  # by the generator
    if not is_key:
        raise InputError(f"key={_shown(key)} must be a random key, for example jax.random.key(0); vmap over several")


def require_positive(name: str, value: Any) -> None:
    """Raise `InputError` if ``value`` is a concrete number that is not positive and finite; traced values pass."""
    require_number(name, value, lambda number: number > 0, "a positive finite number")


def _shown(value: Any) -> str:
    """``value`` in one short line."""
    shown = " ".join(repr(value).split())
    return shown if len(shown) < 60 else f"(a {type(value).__name__})"


def _known_numbers(array: Any) -> list[float]:
    """What a concrete array holds; nothing for a traced one, or a mere shape."""
    import jax  # in here, because this module is imported by what must start quickly
    import numpy as np

    is_known = isinstance(array, (np.ndarray, jax.Array)) and not isinstance(array, jax.core.Tracer)
    return np.asarray(array, float).ravel().tolist() if is_known else []
