"""``policies.npz``: what a solver exports of every element's best commitment, to be read by `stackjax.policy` without JAX."""

import io
import json
import pathlib
import zipfile
from typing import Any

import numpy as np

from stackjax.disk.files import write_bytes
from stackjax.errors import InputError
from stackjax.problem import Solver
from stackjax.types import PyTree

__all__ = ["read_arrays", "write_arrays", "write_policies"]


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
    write_arrays(path, {"policy_head": np.asarray(json.dumps(head)), **columns, **arrays})


def write_arrays(path: pathlib.Path, arrays: dict[str, np.ndarray]) -> None:
    """Write ``arrays``, or leave no file if there are none."""
    if not arrays:
        path.unlink(missing_ok=True)
        return
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # type: ignore[arg-type]
    write_bytes(path, stream.getvalue())


def read_arrays(path: pathlib.Path) -> dict[str, np.ndarray]:
    """What `write_arrays` wrote; raises `InputError` for a file that cannot be read."""
    if not path.is_file():
        return {}
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} cannot be read ({error}); delete it, and it is made again") from error
