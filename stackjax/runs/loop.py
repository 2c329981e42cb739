"""Training a batch into a directory: advance, score, log, checkpoint, and go on from where it was stopped."""

import contextlib
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from stackjax.compute.devices import agree, is_writer, largest, writer_only
from stackjax.compute.programs import Blocks, Programs, Reached
from stackjax.compute.state import Logged
from stackjax.disk import metrics
from stackjax.disk.checkpoint import Checkpoints
from stackjax.disk.directory import RunDirectory
from stackjax.disk.loggers import Logger
from stackjax.reports.display import Progress
from stackjax.runs.stopping import Stopped, StopRequest
from stackjax.types import PyTree

__all__ = ["Trained", "made_by", "read_state", "train_batch"]

NUM_LOGS = 40
CHECKPOINT_SECONDS = 10.0
SLICE_SECONDS = 5.0  # how long the devices work before anybody looks whether to stop or to save


class Trained(NamedTuple):
    """A state (block by block), the updates behind it, the seconds that they took, and why it stopped early, see `enough`."""

    state: Blocks
    update: int
    seconds: float
    stopped: str = ""


def train_batch(
    programs: Programs,
    elements: Blocks,
    names: list[dict[str, Any]],
    directory: RunDirectory,
    identity: str,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    on_progress: Callable[[Progress], None] | None = None,
    request: StopRequest | None = None,
    enough: Callable[[Reached, int], str] = lambda reached, update: "",
    logger: Logger | None = None,
) -> Trained:
    """Train every element to the end, from the newest good checkpoint in ``directory`` if there is one of this ``identity``.

    Elements that diverge are frozen; when all have, training ends early. So it does when the best commitments are good enough.

    Args:
      names: what tells the elements apart in ``metrics.jsonl``, for example ``{"seed": 3}``; further elements are padding.
      request: one that is already listened to; after the last update, it is for whoever listens to it to obey.
      enough: why to stop at an update before the last, see `stackjax.compute.conclusion`.
      logger: where metrics go beside ``metrics.jsonl``.

    Raises:
      Stopped: a signal asked for it before the last update; the state was saved.
      OSError: a file could not be written; what was written before is intact.
    """
    num_updates = programs.work.num_updates
    stretch = -(-num_updates // NUM_LOGS)
    with contextlib.nullcontext(request) if request is not None else StopRequest() as request:
        machine = made_by(programs.work.problem.kernel)
        record = _Record(directory, identity, names, machine, programs.work.problem.gap_name, logger)
        found = read_state(programs, record.checkpoints, len(names), machine)
        state, done, earlier, _ = found or Trained(programs.init(elements), 0, 0.0)
        writer_only(record.go_on_from, done)
        first_update, started, saved_at, most = done, time.perf_counter(), earlier, 1
        seconds = lambda: earlier + time.perf_counter() - started
        why = enough(programs.best(state, len(names)), done) if done else ""
        is_over = agree(why != "")
        slice_seconds = min(SLICE_SECONDS, max(checkpoint_seconds, 0.1))
        try:
            if done == 0:  # what is committed to before anything is learned
                state, seen = programs.score(state, elements)
                writer_only(record.log, 0, seen, seconds())
            while done < num_updates and not is_over:
                boundary = min((done // stretch + 1) * stretch, num_updates)
                count, before = int(agree(min(boundary - done, most))), time.perf_counter()
                state = programs.advance(state, elements, count)
                done, most = done + count, max(1, int(slice_seconds * count / (time.perf_counter() - before)))
                if done == boundary:
                    state, seen = programs.score(state, elements)
                    is_over = bool((seen.diverged_at[: len(names)] >= 0).all())
                    if not is_over:
                        so_far = seen.best_payoff, seen.best_gap, seen.rose_at
                        why = enough(Reached(*(np.asarray(x)[: len(names)] for x in so_far)), done)
                        is_over = why != ""
                    writer_only(record.log, done, seen, seconds())
                is_due = done == num_updates or is_over or seconds() - saved_at >= checkpoint_seconds
                signal_number = largest(request.signal)
                if agree(is_due) or signal_number:
                    packed, saved_at = programs.pack(state, len(names)), seconds()
                    writer_only(record.save, packed, done, seconds(), done == boundary)
                if signal_number and done < num_updates and not is_over:
                    raise Stopped(signal_number)
                if on_progress is not None and is_writer() and done == boundary:
                    rate = (done - first_update) / (seconds() - earlier)
                    on_progress(record.progress(seen, done, num_updates, seconds(), rate))
        finally:
            record.close()
    return Trained(state, done, seconds(), why if done < num_updates else "")


def made_by(kernel: str) -> dict[str, str]:
    """What the bits of a run depend on beside its settings."""
    device = jax.devices()[0]
    return {
        "jax": jax.__version__,
        "jaxlib": jax.lib.__version__,
        "device": f"{device.platform}: {device.device_kind}",
        "kernel": kernel,
    }


def read_state(
    programs: Programs, checkpoints: Checkpoints | None, count: int, goes_on_with: dict[str, str] | None = None
) -> Trained | None:
    """The newest good checkpoint's state of ``count`` elements, or None; only the writer has ``checkpoints``.

    Warns if the run ``goes_on_with`` something else than what computed it so far.
    """
    shapes = programs.packed_shapes(count)
    found = writer_only(lambda: checkpoints.restore(shapes) if checkpoints is not None else None)
    if found is not None and goes_on_with is not None:
        was = {name: found.made_by.get(name) for name in goes_on_with}
        other = [f"{name} {was[name]}, now {value}" for name, value in goes_on_with.items() if was[name] != value]
        if other:
            message = f"resumed under other software or another device ({'; '.join(other)}): results will not be bit-identical"
            warnings.warn(message, RuntimeWarning, stacklevel=2)
    update, seconds = agree(
        (np.int32(-1 if found is None else found.update), np.float32(0.0 if found is None else found.seconds))
    )
    if update < 0:
        return None
    packed: PyTree = found.state if found else jax.tree.map(lambda s: np.zeros(s.shape, s.dtype), shapes)
    return Trained(programs.unpack(agree(packed)), int(update), float(seconds))


class _Record:
    """What the writer leaves on disk while a batch trains; other processes hold one and leave it alone."""

    def __init__(
        self,
        directory: RunDirectory,
        identity: str,
        names: list[dict[str, Any]],
        machine: dict[str, str],
        gap_name: str,
        logger: Logger | None,
    ) -> None:
        self._logger = logger
        self.checkpoints = writer_only(lambda: Checkpoints(directory.checkpoints, identity, made_by=machine))
        self._metrics, self._names, self._gap_name = directory.metrics, names, gap_name
        self._counts = metrics.Counts(np.zeros(len(names)), np.zeros(len(names)))
        self._payoff: float | None = None

    def go_on_from(self, update: int) -> None:
        metrics.truncate(self._metrics, update if update > 0 else -1)
        self._counts = metrics.Counts.resumed(self._metrics, self._names)
        if self._logger is not None:
            self._logger.go_on_from(metrics.stream(self._metrics))

    def log(self, update: int, seen: Logged, seconds: float) -> None:
        seen = jax.tree.map(lambda leaf: leaf[: len(self._names)], seen)
        self._counts = self._counts.after(seen)
        self._payoff = float(seen.payoff.mean())
        rows = metrics.rows(update, self._names, self._counts, seen, seconds, self._gap_name)
        metrics.append(self._metrics, rows)
        if self._logger is not None:
            self._logger.log(rows)

    def save(self, packed: PyTree, update: int, seconds: float, is_scored: bool) -> None:
        assert self.checkpoints is not None
        self.checkpoints.save(packed, update, seconds, self._payoff if is_scored else None)

    def close(self) -> None:
        if self._logger is not None:
            self._logger.close()

    def progress(self, seen: Logged, update: int, num_updates: int, seconds: float, rate: float) -> Progress:
        size = len(self._names)
        payoff, gap = float(seen.best_payoff[:size].mean()), float(seen.best_gap[:size].max())
        episodes = self._counts.episodes.sum() / seconds
        return Progress(update, num_updates, payoff, gap, episodes, (num_updates - update) / rate)
