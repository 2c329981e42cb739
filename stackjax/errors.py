"""The one exception that means "the input is wrong", free of heavy imports."""

import difflib
from collections.abc import Iterable

__all__ = ["InputError", "near_matches"]


class InputError(ValueError):
    """A user's input is wrong; the message names the argument, the value and what is allowed.

    The command line turns it into one line and exit code 2.
    """


def near_matches(name: str, known: Iterable[str]) -> str:
    """``" Did you mean 'a' or 'b'?"``, or an empty string when nothing known is near."""
    matches = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    return f" Did you mean {' or '.join(repr(match) for match in matches)}?" if matches else ""
