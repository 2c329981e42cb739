"""The second objective that a user asks for, which may be to come near to another run. Free of JAX."""

import pathlib

from stackjax.errors import InputError, require_number
from stackjax.specs.choice import Choice

__all__ = ["choice_of"]


def choice_of(second: str | None, slack: float = 0.0) -> Choice | None:
    """The choice that ``second`` means, one of `stackjax.specs.choice.NAMES` or ``nearest:RUN``; None for none.

    Raises:
      InputError: there is no such objective, no finished run in RUN, or a ``slack`` without a second objective.
    """
    require_number("slack", slack, lambda slack: slack >= 0, "at least 0")
    if second is None:
        if slack:
            raise InputError(f"slack={slack} is what a second objective may cost the leader; name one with second")
        return None
    name, colon, run = second.partition(":")
    if name != "nearest" or not colon:
        if second == "nearest":
            raise InputError("second='nearest' needs the directory of a run: nearest:RUN")
        return Choice(second, slack)
    from stackjax.disk.directory import RunDirectory
    from stackjax.reports.display import best_seed

    directory = RunDirectory(pathlib.Path(run)).open_existing()
    if directory.is_sweep:
        raise InputError(f"second={second!r}: directory {directory.path} holds a sweep; give one run")
    with directory.damage_told():
        return Choice("nearest", slack, best_seed(directory.read_result())["commitment"]["actions"])
