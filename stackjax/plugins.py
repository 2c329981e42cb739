"""Third-party packages that bring games, solvers and families. Free of JAX; a package is loaded with the registry."""

import importlib.metadata
import types
import warnings

__all__ = ["GROUP", "load"]

GROUP = "stackjax.plugins"  # of entry points
_LOADED: set[str] = set()  # of this process, so that no plugin registers anything twice


def load() -> None:
    """Load every installed plugin that is not loaded yet.

    An entry point of the group ``stackjax.plugins`` names a module, whose import registers what it brings, or a callable
    ``module:function``, which is called without arguments and registers it. A plugin that raises gives one `RuntimeWarning`;
    what it has registered by then stays.
    """
    if GROUP in _LOADED:  # also while a plugin registers something, which asks for the registry
        return
    _LOADED.add(GROUP)
    for point in sorted(importlib.metadata.entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        if point.value in _LOADED:  # one package may be found at two places of the path
            continue
        _LOADED.add(point.value)
        try:
            found = point.load()
            if not isinstance(found, types.ModuleType):
                found()
        except (Exception, SystemExit) as error:
            package = f" of {point.dist.name}" if point.dist is not None else ""
            words = " ".join(f"{type(error).__name__}: {error}".split())
            message = f"plugin {point.name!r} ({point.value}){package} failed to load and is left out: {words}"
            warnings.warn(message, RuntimeWarning, stacklevel=2)
