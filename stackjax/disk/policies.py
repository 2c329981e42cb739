"""``policies.npz``: what a solver exports of every element's best commitment, to be read by `stackjax.policy` without JAX."""

import io
import json
import pathlib
from typing import Any

import numpy as np

from stackjax.disk.files import write_bytes
from stackjax.problem import Solver
from stackjax.types import PyTree

__all__ = ["write_policies"]


def write_policies(path: pathlib.Path, solver: Solver, names: list[dict[str, Any]], policies: PyTree) -> None:
    """Write the policies ``[S, ...]`` of ``names``, as ``policy_kernel_k [S, ...]``, ``policy_bias_k`` and ``policy_head``.

    A solver that has no policy beside the commitment leaves no file, and none of an earlier run.
    """
    if solver.export is None:
        path.unlink(missing_ok=True)
        return
    layers, head = solver.export(policies)
    columns = {key: np.array([name[key] for name in names]) for key in names[0]}
    arrays = {f"policy_{name}": array for name, array in layers.items()}
    stream = io.BytesIO()
    np.savez(stream, policy_head=np.asarray(json.dumps(head)), **columns, **arrays)  # type: ignore[arg-type]
    write_bytes(path, stream.getvalue())
