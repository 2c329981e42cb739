"""Functions that were made by a call, and are pickled as that call: other processes make them again."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple, ParamSpec, TypeVar

from stackjax.errors import require_known

__all__ = ["pickled_as_made"]

P = ParamSpec("P")
R = TypeVar("R")


class _Call(NamedTuple):
    factory: Callable[..., Any]
    arguments: tuple[Any, ...]
    options: dict[str, Any]


class _Made:
    """The function at ``path`` of what a call returns."""

    def __init__(self, function: Callable[..., Any], call: _Call, path: tuple[str, ...]) -> None:
        functools.update_wrapper(self, function)
        self._function, self._call, self._path = function, call, path

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self._function(*arguments, **options)

    def __reduce__(self) -> Any:
        return _again, (*self._call, self._path)


def pickled_as_made(factory: Callable[P, R]) -> Callable[P, R]:
    """Let functions in what ``factory`` returns, a `NamedTuple` or a dataclass, be pickled as the call that made them."""
    known = inspect.signature(factory).parameters

    @functools.wraps(factory)
    def make(*arguments: P.args, **options: P.kwargs) -> R:
        require_known(factory.__name__, options, known)
        found: Any = factory(*arguments, **options)
        return _with_recipes(found, _Call(make, arguments, options), (), {})

    return make


def _with_recipes(value: Any, call: _Call, path: tuple[str, ...], known: dict[int, _Made]) -> Any:
    """``value`` with a recipe for every function that a module does not hold; one function has one, wherever it stands."""
    names = getattr(value, "_fields", None) or getattr(value, "__dataclass_fields__", ())
    if names and not isinstance(value, type):
        return type(value)(**{name: _with_recipes(getattr(value, name), call, (*path, name), known) for name in names})
    if inspect.isfunction(value) and "<locals>" in value.__qualname__:
        return known.setdefault(id(value), _Made(value, call, path))
    return value


def _again(factory: Callable[..., Any], arguments: tuple[Any, ...], options: dict[str, Any], path: tuple[str, ...]) -> Any:
    found = factory(*arguments, **options)
    for name in path:
        found = getattr(found, name)
    return found
