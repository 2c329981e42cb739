"""gymnax's base class and spaces, without waiting for seaborn.

gymnax imports every environment it has, and one of them draws with seaborn, which imports pandas and scipy.stats: more than
a second of every start.
"""

import importlib
import sys
from types import ModuleType
from typing import Any

__all__ = ["environment", "spaces"]


class _WhenUsed(ModuleType):
    """Stands in for a module until somebody asks for something of it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self.__name__), name)


_stand_in = _WhenUsed("seaborn")
sys.modules.setdefault("seaborn", _stand_in)
try:
    from gymnax.environments import environment, spaces
finally:
    if sys.modules["seaborn"] is _stand_in:
        del sys.modules["seaborn"]
