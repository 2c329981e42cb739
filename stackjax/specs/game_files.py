"""Games that a user's Python file registers. A file is run once, and again when it has changed."""

import hashlib
import importlib.util
import pathlib
import sys
import traceback
from typing import Any, NamedTuple

from stackjax import registry
from stackjax.errors import InputError

__all__ = ["build_game", "load_games"]


class _Loaded(NamedTuple):
    source: bytes
    names: list[str]


_LOADED: dict[pathlib.Path, _Loaded] = {}


def load_games(path: pathlib.Path) -> list[str]:
    """The names that the file at ``path`` registers.

    Raises:
      InputError: there is no such file, or it cannot be run; names the line. Nothing of the attempt stays.
    """
    if not path.is_file():
        raise InputError(f"game file {path} does not exist or is not a file")
    source, loaded = path.read_bytes(), _LOADED.get(path)
    if loaded is not None and loaded.source == source:
        return loaded.names
    registry.forget(_LOADED.pop(path).names if loaded else ())
    place = hashlib.sha256(str(path).encode()).hexdigest()[:12]  # files of the same name may lie in different places
    spec = importlib.util.spec_from_file_location(f"stackjax_user_game_{path.stem}_{place}", path)
    assert spec is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    before = {known.name for known in registry.registered_games()}
    new_names = lambda: [known.name for known in registry.registered_games() if known.name not in before]
    try:
        # Not by the loader, which takes an edit within the same second for the file that it has compiled before.
        exec(compile(source, path, "exec", dont_inherit=True), module.__dict__)
    except BaseException as error:
        del sys.modules[spec.name]
        registry.forget(new_names())
        if not isinstance(error, (Exception, SystemExit)):
            raise
        line = _line(error, path)
        where = "" if line is None else f" (line {line})"
        raise InputError(f"game file {path} failed to load: {_in_words(error)}{where}") from error
    _LOADED[path] = _Loaded(source, new_names())
    return _LOADED[path].names


def build_game(name: str, path: pathlib.Path, options: dict[str, Any]) -> Any:
    """The game that the file at ``path`` registered as ``name``.

    Raises:
      InputError: it has no such option, or its factory raised something or returned no game; names the line.
    """
    try:
        return registry.make(name, **options)
    except Exception as error:
        line = _line(error, path)
        if line is None and isinstance(error, InputError):
            raise
        # What is not raised in the file itself, such as for a method that is missing, is told by where the factory is defined.
        where = registry.definition(registry.entry(name).factory) if line is None else f" ({path}:{line})"
        raise InputError(f"game {name!r} cannot be made: {_in_words(error)}{where}") from error


def _line(error: BaseException, path: pathlib.Path) -> int | None:
    """The line of the file that ``error`` comes from."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return lines[-1] if lines else None


def _in_words(error: BaseException) -> str:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    if isinstance(error, InputError):  # says all by itself
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
