"""What is asked of a user whose environment lacks another library."""

import importlib
from typing import Any

from stackjax.errors import InputError

__all__ = ["needed"]


def needed(module: str, what: str, install: str, package: str | None = None) -> Any:
    """``module``; raise `InputError` that ``what`` needs its ``package``, which one gets by ``pip install INSTALL``."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(f"{what} needs {package or module}, which is not installed: pip install '{install}'") from error
