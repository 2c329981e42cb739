"""A run keeps what its game came to: whoever has the folder can audit it, and a game that has changed is not taken for it."""

import jax
import numpy as np

from stackjax.disk.directory import RunDirectory
from stackjax.disk.policies import read_arrays, write_arrays
from stackjax.errors import InputError
from stackjax.problem import Problem
from stackjax.specs.run import RunSpec
from stackjax.specs.sources import digest_of

__all__ = ["check_tables", "write_tables"]

SAME = 1e-5  # of the largest number of a table: what machines may differ by


def write_tables(directory: RunDirectory, spec: RunSpec, problem: Problem) -> None:
    """Write ``game.npz`` for a game that is somebody's code: its tables, or a digest of its program where it has none."""
    write_arrays(directory.game, _tables(spec, problem) if spec.source.is_code else {})


def check_tables(directory: RunDirectory, spec: RunSpec, problem: Problem) -> None:
    """Raise `InputError` if ``problem`` has another game than the run in ``directory``, as far as that kept it."""
    stored = read_arrays(directory.game)
    if not stored:
        return
    found = _tables(spec, problem)
    if "digest" in stored and "jax" in found and stored["jax"] != found["jax"]:
        return  # programs of other versions of JAX are written otherwise
    for name in sorted(stored.keys() | found.keys()):
        was, now = stored.get(name), found.get(name)
        if was is None or now is None or not _is_same(was, now):
            raise InputError(
                f"{spec.source.argument or problem.name} is another game than the run in {directory.path} was trained on: its "
                f"{name.replace('_', ' ')} differs from game.npz there; bring back what it was made of, or train again"
            )


def _tables(spec: RunSpec, problem: Problem) -> dict[str, np.ndarray]:
    tables = spec.family.tables(problem)
    return tables or {"digest": np.asarray(digest_of(problem)), "jax": np.asarray(jax.__version__)}


def _is_same(was: np.ndarray, now: np.ndarray) -> bool:
    if was.shape != now.shape or was.dtype.kind != now.dtype.kind:
        return False
    if was.dtype.kind != "f" or not was.size:
        return bool((was == now).all())
    return bool((np.abs(was - now) <= SAME * np.abs(was).max()).all())
