"""What is asked of a user whose environment lacks another library."""

from stackjax.errors import InputError

__all__ = ["missing"]


def missing(what: str, package: str, install: str) -> InputError:
    """That ``what`` needs ``package``, which one gets by ``pip install INSTALL``."""
    return InputError(f"{what} needs {package}, which is not installed: pip install '{install}'")
