"""Checkpoints of a run's state, a file each: whole or absent, sealed with a digest, the last two and the best kept.

A file is a line of JSON about it, and then the bytes of its arrays.
"""

import errno
import hashlib
import json
import math
import pathlib
import shutil
import warnings
from typing import Any, BinaryIO, NamedTuple

import jax
import numpy as np

from stackjax.disk.files import write_whole
from stackjax.types import PyTree

__all__ = ["Checkpoints", "Restored"]

SCHEMA_VERSION = 6
NUM_LATEST = 2
LONGEST_LINE = 2**24  # bytes of what is said about a state


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
    run's, is told from a good one whatever happened to its file.
    """

    def __init__(
        self, directory: pathlib.Path, identity: str, *, made_by: dict[str, str] | None = None, read_only: bool = False
    ) -> None:
        self._directory, self._identity, self._read_only = directory, identity, read_only
        self._made_by = made_by or {}
        if not read_only:
            directory.mkdir(parents=True, exist_ok=True)
            for leftover in directory.glob(".*"):  # of a write that a kill cut short
                leftover.unlink()

    def save(self, state: PyTree, update: int, seconds: float, greedy_payoff: float | None) -> None:
        """Save ``state`` (NumPy arrays) as it stands after ``update`` updates, unless that is there already.

        Args:
          greedy_payoff: what tells the best; None for a state that was not scored.

        Raises:
          OSError: it could not be written; the earlier ones are as they were.
        """
        if update in self._updates():
            return
        leaves = jax.tree.leaves(state)
        is_scored = greedy_payoff is not None and math.isfinite(greedy_payoff)
        about: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "update": update, "seconds": seconds}
        about.update(identity=self._identity, made_by=self._made_by, greedy_payoff=greedy_payoff if is_scored else None)
        about["arrays"] = [_kind(leaf) for leaf in leaves]
        parts = [np.ascontiguousarray(leaf).reshape(-1).view(np.uint8).data for leaf in leaves]
        about["digest"] = _digest(parts, about)

        def write(stream: BinaryIO) -> None:
            stream.write(json.dumps(about).encode() + b"\n")
            for part in parts:
                stream.write(part)

        write_whole(self._directory / str(update), write)
        payoffs = {kept: self._payoff(kept) for kept in self._updates()}
        best = max(payoffs, key=lambda kept: payoffs[kept])
        stay = {*sorted(payoffs)[-NUM_LATEST:], *([best] if math.isfinite(payoffs[best]) else [])}
        for dropped in payoffs.keys() - stay:
            (self._directory / str(dropped)).unlink()

    def restore(self, like: PyTree) -> Restored | None:
        """The newest good checkpoint, with the structure of ``like`` (shapes), or None; newer ones are named and put aside."""
        for update in sorted(self._updates(), reverse=True):
            place = self._directory / str(update)
            try:
                return self._read(place, update, like)
            except Exception as error:
                is_passing = isinstance(error, OSError) and error.errno not in (None, errno.ENOENT, errno.ENOTDIR)
                if is_passing or isinstance(error, MemoryError):  # trouble of the machine's, not of this checkpoint's
                    raise
                first_line = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
                warnings.warn(f"checkpoint {place} is passed over: {first_line}", RuntimeWarning, stacklevel=2)
                if self._read_only:
                    continue
                aside = self._directory.with_name(f"{self._directory.name}.rejected")
                aside.mkdir(exist_ok=True)
                if (aside / place.name).is_dir():
                    shutil.rmtree(aside / place.name)
                place.replace(aside / place.name)  # its place will be needed
        return None

    def _updates(self) -> list[int]:
        if not self._directory.is_dir():
            return []
        return [int(path.name) for path in self._directory.iterdir() if path.name.isdigit()]

    def _payoff(self, update: int) -> float:
        """What tells the best, of one that was scored and can be read; else -inf."""
        try:
            with (self._directory / str(update)).open("rb") as stream:
                return float(_about(stream)["greedy_payoff"])
        except (OSError, ValueError, TypeError, KeyError):
            return -math.inf

    def _read(self, place: pathlib.Path, update: int, like: PyTree) -> Restored:
        if place.is_dir():
            raise ValueError("it was written by an earlier version")
        shapes, structure = jax.tree.flatten(like)
        with place.open("rb") as stream:
            about = _about(stream)
            if about.get("schema_version") != SCHEMA_VERSION:
                raise ValueError(
                    f"it has schema_version {about.get('schema_version')}, but this version reads {SCHEMA_VERSION}"
                )
            if about.get("identity") != self._identity:
                raise ValueError("it is of a run with other settings")
            if about.get("arrays") != [_kind(leaf) for leaf in shapes]:
                raise ValueError("its arrays have other shapes")
            sizes = [math.prod(leaf.shape) * np.dtype(leaf.dtype).itemsize for leaf in shapes]
            read = [stream.read(size) for size in sizes]
            is_whole = [len(part) for part in read] == sizes and not stream.read(1)
        digest = about.pop("digest", None)
        if not is_whole or about.get("update") != update or digest != _digest(read, about):
            raise ValueError("its content is not what was written")
        leaves = [
            np.frombuffer(bytearray(part), leaf.dtype).reshape(leaf.shape) for part, leaf in zip(read, shapes, strict=True)
        ]
        return Restored(jax.tree.unflatten(structure, leaves), update, about["seconds"], about["made_by"])


def _about(stream: BinaryIO) -> dict[str, Any]:
    """The first line; raises `ValueError` if it is no JSON object."""
    about = json.loads(stream.readline(LONGEST_LINE))
    if not isinstance(about, dict):
        raise ValueError("it does not say what it is")
    return about


def _kind(leaf: Any) -> list[Any]:
    return [np.dtype(leaf.dtype).name, *leaf.shape]


def _digest(parts: list[Any], about: dict[str, Any]) -> str:
    """Of every array's bytes, and of what is said about them, their types and shapes among it."""
    sha = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for part in parts:
        sha.update(part)
    return sha.hexdigest()
