"""Checkpoints of a run's state, by orbax: whole or absent, sealed with a digest, the last two and the best kept."""

import errno
import hashlib
import logging
import math
import pathlib
import shutil
import tempfile
import warnings
from typing import Any, NamedTuple

import jax
import numpy as np

from stackjax.types import PyTree

__all__ = ["Checkpoints", "Restored"]

SCHEMA_VERSION = 4
NUM_LATEST, NUM_BEST = 2, 1


class Restored(NamedTuple):
    """A state as NumPy arrays, the updates and the wall time that went into it, and what computed it."""

    state: PyTree
    update: int
    seconds: float
    made_by: dict[str, str]


class Checkpoints:
    """The checkpoints under one directory, each named by the number of updates behind it. For one process alone.

    With ``read_only`` nothing there is changed, so that a run may be looked at while it trains.

    Every checkpoint carries a digest of all it holds and of ``identity`` (what the run is), so that a damaged one, or another
    run's, is told from a good one whatever happened to its files. Orbax is loaded here, where it is first needed.
    """

    def __init__(
        self, directory: pathlib.Path, identity: str, *, made_by: dict[str, str] | None = None, read_only: bool = False
    ) -> None:
        import orbax.checkpoint as ocp
        from orbax.checkpoint.checkpoint_managers import AnyPreservationPolicy, BestN, LatestN

        logging.getLogger("absl").setLevel(logging.ERROR)  # orbax tells at length what this class says in a line
        self._ocp, self._directory, self._identity, self._read_only = ocp, directory, identity, read_only
        self._made_by = made_by or {}
        payoff = lambda metrics: metrics["greedy_payoff"]
        several = jax.process_count() > 1
        options = ocp.CheckpointManagerOptions(
            preservation_policy=AnyPreservationPolicy(
                [LatestN(n=NUM_LATEST), BestN(get_metric_fn=payoff, n=NUM_BEST, keep_checkpoints_without_metrics=False)]
            ),
            enable_async_checkpointing=False,
            cleanup_tmp_directories=not read_only,
            read_only=read_only,
            create=not (several or read_only),
            multiprocessing_options=ocp.options.MultiprocessingOptions(
                primary_host=jax.process_index(), active_processes={jax.process_index()} if several else None
            ),
        )
        if not read_only:
            directory.mkdir(parents=True, exist_ok=True)
        self._manager = ocp.CheckpointManager(self._plain(directory), options=options)

    def _plain(self, directory: pathlib.Path) -> pathlib.Path:
        """``directory`` by a path without brackets, stars and question marks: orbax takes its own for a pattern."""
        if not set(str(directory)) & set("[]*?"):
            return directory
        self._link = tempfile.TemporaryDirectory(prefix="stackjax-")  # goes with this object
        link = pathlib.Path(self._link.name) / "checkpoints"
        link.symlink_to(directory.absolute(), target_is_directory=True)
        return link

    def save(self, state: PyTree, update: int, seconds: float, greedy_payoff: float | None) -> None:
        """Save ``state`` (NumPy arrays) as it stands after ``update`` updates, unless that is there already.

        Args:
          greedy_payoff: what tells the best; None for a state that was not scored.

        Raises:
          OSError: it could not be written; the earlier ones are as they were.
        """
        if update in self._manager.all_steps():
            return
        about: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "update": update, "seconds": seconds}
        about.update(identity=self._identity, made_by=self._made_by)
        about["digest"] = _digest(state, about)
        content = self._ocp.args.Composite(state=self._ocp.args.PyTreeSave(state), about=self._ocp.args.JsonSave(about))
        is_scored = greedy_payoff is not None and math.isfinite(greedy_payoff)
        metrics = {"greedy_payoff": greedy_payoff} if is_scored else None
        try:
            self._manager.save(update, args=content, metrics=metrics, force=True)
        except OSError:
            raise
        except Exception as error:  # tensorstore's own kinds
            raise OSError(f"checkpoint {self._directory / str(update)} cannot be written: {_first_line(error)}") from error

    def restore(self, like: PyTree) -> Restored | None:
        """The newest good checkpoint, with the structure of ``like`` (shapes), or None; newer ones are named and put aside."""
        for update in sorted(self._manager.all_steps(), reverse=True):
            try:
                return self._read(update, like)
            except Exception as error:
                is_passing = isinstance(error, OSError) and error.errno not in (None, errno.ENOENT, errno.ENOTDIR, errno.EISDIR)
                if is_passing or isinstance(error, MemoryError):  # trouble of the machine's, not of this checkpoint's
                    raise
                place = self._directory / str(update)
                warnings.warn(f"checkpoint {place} is passed over: {_first_line(error)}", RuntimeWarning, stacklevel=2)
                if self._read_only:
                    continue
                aside = self._directory.with_name(f"{self._directory.name}.rejected")
                aside.mkdir(exist_ok=True)
                shutil.rmtree(aside / place.name, ignore_errors=True)
                shutil.move(place, aside / place.name)  # its place will be needed
                self._manager.reload()
        return None

    def _read(self, update: int, like: PyTree) -> Restored:
        args = self._ocp.args
        about: dict[str, Any] = self._manager.restore(update, args=args.Composite(about=args.JsonRestore()))["about"]
        if about.get("schema_version") != SCHEMA_VERSION:
            raise ValueError(f"it has schema_version {about.get('schema_version')}, but this version reads {SCHEMA_VERSION}")
        if about.get("identity") != self._identity:
            raise ValueError("it is of a run with other settings")
        empty = jax.tree.map(lambda leaf: np.empty(leaf.shape, leaf.dtype), like)
        as_arrays = jax.tree.map(lambda _: self._ocp.RestoreArgs(restore_type=np.ndarray), like)
        content = args.Composite(state=args.PyTreeRestore(empty, restore_args=as_arrays))
        state = self._manager.restore(update, args=content)["state"]
        kinds = lambda tree: [(leaf.shape, np.dtype(leaf.dtype)) for leaf in jax.tree.leaves(tree)]
        if kinds(state) != kinds(like):
            raise ValueError("its arrays have other shapes")
        digest = about.pop("digest", None)
        if about.get("update") != update or digest != _digest(state, about):
            raise ValueError("its content is not what was written")
        return Restored(state, update, about["seconds"], about["made_by"])

    def close(self) -> None:
        self._manager.close()


def _digest(state: PyTree, about: dict[str, Any]) -> str:
    """Of every array's type, shape and bytes, and of what is said about them."""
    sha = hashlib.sha256(repr(sorted((key, value) for key, value in about.items() if key != "digest")).encode())
    for leaf in jax.tree.leaves(state):
        array = np.ascontiguousarray(leaf)
        sha.update(f"{array.dtype.str}{array.shape}".encode())
        sha.update(array.data)
    return sha.hexdigest()


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
