"""gymnax's base class and spaces, without waiting for seaborn.

gymnax imports every environment it has, and one of them draws with seaborn, which imports pandas and scipy.stats: more than
a second of every start.
"""

import importlib
import os
import sys
from types import ModuleType
from typing import Any

__all__ = ["environment", "spaces"]


class _WhenUsed(ModuleType):
    """Stands in for a module until somebody asks for something of it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self.__name__), name)


def _import() -> tuple[Any, Any]:
    """gymnax's modules; with them comes matplotlib, which a backend that is not installed must not stop."""
    hidden: dict[str, str] = {}
    try:
        importlib.import_module("gymnax.environments")
    except Exception:
        for name in [name for name in sys.modules if name.partition(".")[0] in ("gymnax", "matplotlib")]:
            del sys.modules[name]  # half of it is there
        hidden = {name: os.environ.pop(name) for name in ("MPLBACKEND", "MATPLOTLIBRC") if name in os.environ}
        if not hidden:
            raise
    try:
        names = ("gymnax.environments.environment", "gymnax.environments.spaces")
        base, kinds = (importlib.import_module(name) for name in names)
    finally:
        os.environ.update(hidden)
    return base, kinds


_stand_in = _WhenUsed("seaborn")
sys.modules.setdefault("seaborn", _stand_in)
try:
    environment, spaces = _import()
finally:
    if sys.modules["seaborn"] is _stand_in:
        del sys.modules["seaborn"]
