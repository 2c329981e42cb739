"""Games that a user's Python file registers. A file is run once, and again when it has changed."""

import contextlib
import dataclasses
import hashlib
import importlib
import importlib.util
import pathlib
import sys
import traceback
import types
from collections.abc import Iterator
from typing import Any

from stackjax import registry
from stackjax.errors import InputError

__all__ = ["build_game", "load_games"]


@dataclasses.dataclass
class _Loaded:
    """``helpers`` are modules that lie beside the file; ``sources`` is what it and they were when they were read."""

    names: list[str] = dataclasses.field(default_factory=list)
    sources: dict[pathlib.Path, bytes] = dataclasses.field(default_factory=dict)
    helpers: dict[str, types.ModuleType] = dataclasses.field(default_factory=dict)

    @property
    def is_as_it_was(self) -> bool:
        return all(path.is_file() and path.read_bytes() == source for path, source in self.sources.items())


_LOADED: dict[pathlib.Path, _Loaded] = {}


def load_games(path: pathlib.Path) -> list[str]:
    """The names that the file at ``path`` registers.

    Raises:
      InputError: there is no such file, or it cannot be run; names the line. Nothing of the attempt stays.
    """
    if not path.is_file():
        raise InputError(f"game file {path} does not exist or is not a file")
    loaded = _LOADED.get(path)
    if loaded is not None and loaded.is_as_it_was:
        return loaded.names
    registry.forget(_LOADED.pop(path).names if loaded else ())
    place = hashlib.sha256(str(path).encode()).hexdigest()[:12]  # files of the same name may lie in different places
    spec = importlib.util.spec_from_file_location(f"stackjax_user_game_{path.stem}_{place}", path)
    assert spec is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    before = {known.name for known in registry.registered_games()}
    new_names = lambda: [known.name for known in registry.registered_games() if known.name not in before]
    fresh = _Loaded(sources={path: path.read_bytes()})
    try:
        with _beside(path.parent, fresh):
            # Not by the loader, which takes an edit within the same second for the file that it has compiled before.
            exec(compile(fresh.sources[path], path, "exec", dont_inherit=True), module.__dict__)
    except BaseException as error:
        del sys.modules[spec.name]
        registry.forget(new_names())
        if not isinstance(error, (Exception, SystemExit)):
            raise
        line = _line(error, path)
        where = "" if line is None else f" (line {line})"
        raise InputError(f"game file {path} failed to load: {_in_words(error)}{where}") from error
    fresh.names = new_names()
    _LOADED[path] = fresh
    return fresh.names


@contextlib.contextmanager
def _beside(folder: pathlib.Path, loaded: _Loaded) -> Iterator[None]:
    """While entered, modules in ``folder`` can be imported; they are kept in ``loaded``, and are nobody else's.

    Game files in different folders may have helpers of the same name, and one that has changed is read again.
    """
    hidden = {name: module for name, module in sys.modules.items() if _hides(module) and _is_at(folder, name, module) is False}
    for name in hidden:
        del sys.modules[name]
    before = set(sys.modules)
    sys.modules.update(loaded.helpers)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = writes
        sys.path.remove(str(folder))
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] not in before and _is_at(folder, name, module):
                loaded.helpers[name] = sys.modules.pop(name)
                if module.__file__ is not None:
                    loaded.sources.setdefault(pathlib.Path(module.__file__), pathlib.Path(module.__file__).read_bytes())
        sys.modules.update(hidden)


def _is_at(folder: pathlib.Path, name: str, module: types.ModuleType) -> bool | None:
    """Whether a module that is called as one in ``folder`` is that one; None for other names."""
    first = name.partition(".")[0]
    if not (folder / f"{first}.py").is_file() and not (folder / first / "__init__.py").is_file():
        return None
    return folder in pathlib.Path(getattr(module, "__file__", None) or "").parents


def _hides(module: types.ModuleType) -> bool:
    """Whether one of the same name beside a game file goes before ``module``: not if it is installed."""
    file, name = getattr(module, "__file__", None), getattr(module, "__name__", "").partition(".")[0]
    is_installed = {"site-packages", "dist-packages"} & set(pathlib.Path(file or "").parts)
    return not is_installed and name not in sys.stdlib_module_names and name not in ("stackjax", "__main__")


def build_game(name: str, path: pathlib.Path, options: dict[str, Any]) -> Any:
    """The game that the file at ``path`` registered as ``name``.

    Raises:
      InputError: it has no such option, or its factory raised something or returned no game; names the line.
    """
    try:
        with _beside(path.parent, _LOADED.get(path, _Loaded())):
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
    if isinstance(error, FileNotFoundError) and error.filename and not pathlib.Path(error.filename).is_absolute():
        text += f"; for a file beside the game's, write pathlib.Path(__file__).with_name({error.filename!r})"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
