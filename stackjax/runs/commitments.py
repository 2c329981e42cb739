"""The commitments that a finished run has learned, for those who judge them anew."""

from typing import Any

import numpy as np

from stackjax.acting import Policy
from stackjax.disk.directory import RunDirectory
from stackjax.errors import InputError
from stackjax.problem import Problem

__all__ = ["commitments_in"]


def commitments_in(directory: RunDirectory, result: dict[str, Any], problem: Problem) -> np.ndarray:
    """``[S, O, ...]``, one of each seed.

    Raises:
      InputError: ``result`` does not hold the whole of them, or they are none of the problem's.
    """
    if isinstance(problem.commitments, Policy):
        raise InputError(
            f"{problem.name!r} is too large for a table, so that {directory.result} does not hold the whole commitment; judge "
            "it as it was trained, with stackjax evaluate DIR and no settings"
        )
    space = problem.commitments.actions
    made = np.asarray([entry["commitment"]["actions"] for entry in result["seeds"]], np.asarray(space.zeros()).dtype)
    shape = (len(made), problem.commitments.num_nodes, *space.shape)
    if made.shape != shape:
        raise InputError(f"{directory.result} holds commitments of shape {made.shape}, but the game's are {shape}")
    wrong = space.outside(made)
    if wrong is not None:
        raise InputError(f"{directory.result} holds the leader action {wrong}, but it must be {space.allowed()}")
    return made
