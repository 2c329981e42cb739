"""Which cases of a parametrized test always run: its siblings run in ``make test-all``."""

from collections.abc import Iterable
from typing import Any

import pytest

__all__ = ["first"]


def first(count: int, cases: Iterable[Any]) -> list[Any]:
    """The first ``count`` cases as they are, the others marked as long; a tuple is several arguments."""
    cases = list(cases)
    values = lambda case: case if isinstance(case, tuple) else (case,)
    return [*cases[:count], *(pytest.param(*values(case), marks=pytest.mark.long) for case in cases[count:])]
