"""The one exception that means "the input is wrong", free of heavy imports."""

import difflib
import functools
import math
import numbers
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "InputError",
    "UnsolvedError",
    "count_in_words",
    "names_its_options",
    "near_matches",
    "nearest",
    "or_words",
    "require",
    "require_array",
    "require_count",
    "require_is",
    "require_key",
    "require_known",
    "require_number",
    "require_positive",
]


T = TypeVar("T")
CUTOFF = 0.7  # of likeness, below which a name is not suggested
ALSO_CALLED = {  # what others call settings
    "lr": ("learning_rate",),
    "lrate": ("learning_rate",),
    "alpha": ("learning_rate",),
    "eta": ("step_size",),
    "gamma": ("discount",),
    "eps": ("exploration", "clip_epsilon"),
    "epsilon": ("exploration", "clip_epsilon"),
    "tau": ("temperature",),
    "T": ("num_rounds",),
    "n_envs": ("num_envs",),
    "iterations": ("num_updates",),
    "steps": ("num_updates", "num_steps"),
    "epochs": ("num_epochs",),
    "ent_coef": ("entropy_coefficient",),
    "vf_coef": ("value_coefficient",),
    "clip_range": ("clip_epsilon",),
    "clip_eps": ("clip_epsilon",),
    "max_gradient_norm": ("max_grad_norm",),
    "pop_size": ("population",),
    "hedge": ("multiplicative_weights",),
    "mwu": ("multiplicative_weights",),
}


class InputError(ValueError):
    """A user's input is wrong; the message names the argument, the value and what is allowed.

    The command line turns it into one line and exit code 2.
    """


class UnsolvedError(InputError):
    """The leader's exact optimum cannot be had; the message says whether it is not known or too large to compute, and why."""


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """Of ``known``, what ``name`` stands for, what has it as its initials or as a word, or up to three alike."""
    known = list(known)
    words = {long: re.split("[-_]", long) for long in known}
    meant = [long for long in known if long.replace("-", "_") in ALSO_CALLED.get(name.replace("-", "_"), ())]
    short = [long for long in known if len(name) > 1 and "".join(word[:1] for word in words[long]) == name]
    part = [long for long in known if len(name) > 3 and name in words[long]]
    slip = [long for long in known if len(long) == len(name) and sum(a != b for a, b in zip(long, name, strict=True)) == 1]
    close = [] if meant or short else difflib.get_close_matches(name, known, n=3, cutoff=CUTOFF)
    return list(dict.fromkeys([*meant, *short, *close, *slip, *part]))[:3]


def or_words(matches: list[str]) -> str:
    """``" Did you mean 'a' or 'b'?"``, or an empty string."""
    return f" Did you mean {' or '.join(map(repr, matches))}?" if matches else ""


def near_matches(name: str, known: Iterable[str]) -> str:
    """``" Did you mean 'a' or 'b'?"``, or an empty string when nothing known is near."""
    return or_words(nearest(name, known))


def require_known(what: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise `InputError` for a keyword in ``given`` that ``what`` does not take."""
    known = list(known)
    for name in given:
        if name not in known:
            raise InputError(f"{what} has no option {name!r}.{near_matches(name, known)}")


def names_its_options(settings: type[T]) -> type[T]:
    """A dataclass that raises `InputError` for a keyword that it does not have, and names the one that may be meant."""
    plain: Any = settings.__init__

    @functools.wraps(plain)
    def init(self: Any, *values: Any, **options: Any) -> None:
        require_known(settings.__name__, options, settings.__dataclass_fields__)  # type: ignore[attr-defined]
        plain(self, *values, **options)

    settings.__init__ = init  # type: ignore[method-assign]
    return settings


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
