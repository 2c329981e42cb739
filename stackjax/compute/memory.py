"""How much memory there is, and how large a batch may be to stay within a budget."""

import contextlib
import ctypes
import gc
import math
import os
import pathlib
import resource
from collections.abc import Callable

import jax

from stackjax.compute.devices import agree, largest
from stackjax.compute.programs import NAMES, Programs
from stackjax.errors import InputError
from stackjax.solvers.polish import POPULATION

__all__ = ["GIB", "Budget", "fit_programs", "tidy_memory"]

GIB = 2.0**30
HOST_BYTES = 150_000  # of an element's metrics and results in this process, outside of JAX
COMPILER_BYTES = 1_600_000_000  # what compiling takes: measured at 1.2 GiB, and more where much was compiled before
PROGRAM_BYTES = 350_000_000  # what stays of it
SAVING_BYTES = 100_000_000  # what saving takes for itself
COPIES = 5  # of a batch's state that may be alive at once: itself, a checkpoint, and what is made in saving it (measured)


class Budget:
    """Bytes that a sweep may take: of this process on CPUs, of each device elsewhere. The same on every process.

    Args:
      memory_gib: what the user gave, or None for three quarters of what is free.
    """

    def __init__(self, memory_gib: float | None) -> None:
        self.is_shared = jax.default_backend() == "cpu"  # by all devices here, and by this process itself
        resident = _resident_bytes() if self.is_shared else 0.0
        wanted = 0.75 * _free_bytes() + resident if memory_gib is None else memory_gib * GIB
        total, resident = (float(value) for value in agree([wanted, resident]))
        self.total, self.fixed = total, resident + PROGRAM_BYTES * self.is_shared
        self._compiling = resident + COMPILER_BYTES if self.is_shared else 0.0

    def look_again(self) -> None:
        """What this process holds now that programs are compiled, beside the batches to come."""
        if self.is_shared:
            self.fixed = float(agree(_resident_bytes())) + SAVING_BYTES

    def needed(self, size: int, multiple: int, state_bytes: float, program_bytes: float = 0.0) -> float:
        """Bytes for batches of ``size`` elements dealt out to ``multiple`` places, of ``state_bytes`` each.

        Args:
          program_bytes: of all that is worked on at once, as the compiler counts them.
        """
        whole = state_bytes * size
        gathered = 2 * whole if jax.process_count() > 1 else 0.0  # for a checkpoint, which passes through devices
        if not self.is_shared:
            return COPIES * whole / multiple + gathered + program_bytes
        return max(self._compiling, self.fixed + COPIES * whole + gathered + program_bytes + HOST_BYTES * size)

    def check(self, programs: Programs, multiple: int) -> int:
        """The bytes of an element's state; raise `InputError` unless the smallest batch, of ``multiple`` elements, fits.

        That is told from the state's size; nothing is compiled for it.
        """
        self.check_tables(programs)
        needed = self.needed(multiple, multiple, programs.state_bytes)
        if needed > self.total:
            raise InputError(
                f"memory_gib={self.total / GIB:.3g} is too little: {multiple} runs at a time need {needed / GIB:.3g} GiB"
            )
        return programs.state_bytes

    def check_tables(self, programs: Programs) -> None:
        """Raise `InputError` unless followers' answers to every commitment that is tried at once fit, for each run."""
        work, runs = programs.work, programs.runs_in_memory
        at_once = max(work.solver.commitments_at_once, POPULATION if work.polish else 0)
        size = (work.problem.bytes_per_commitment * at_once + work.solver.own_bytes) * runs
        if size > self.total:
            raise InputError(
                f"{work.problem.name!r} needs {size / GIB:.3g} GiB, but {self.total / GIB:.3g} are there: {at_once} tables "
                f"at once, {runs:g} runs at a time; {work.to_save_memory}"
            )


def fit_programs(build: Callable[[int], Programs], wanted: int, multiple: int, budget: Budget, state_bytes: int) -> Programs:
    """Compiled programs for ``wanted`` elements, or for as many fewer as the ``budget`` asks for.

    The size is first worked out from the size of an element's state, which is known exactly, then checked against what the
    compiler says the programs take; if that is too much, they are compiled again for fewer.

    Args:
      build: the number of elements to programs that are not yet compiled.
      multiple: elements come in multiples of this, one for each device along ``runs``.
      state_bytes: of an element, see `Budget.check`.

    Raises:
      InputError: not even ``multiple`` elements fit.
    """
    size = math.ceil(wanted / multiple) * multiple
    while size > multiple and budget.needed(size, multiple, state_bytes) > budget.total:
        size = max(multiple, math.floor(0.9 * size / multiple) * multiple)
    while True:
        size = _even(size, largest(build(size).side_by_side), multiple)
        tidy_memory()
        programs = build(size)
        programs.compile((*NAMES, "polish") if programs.work.polish else NAMES)
        budget.look_again()
        needed = budget.needed(size, multiple, state_bytes, largest(programs.bytes_needed() >> 20) * 2.0**20)
        if needed <= budget.total:
            return programs
        if size <= multiple:
            raise InputError(
                f"memory_gib={budget.total / GIB:.3g} is too little: {size} runs at a time need {needed / GIB:.3g} GiB"
            )
        share = max(0.0, budget.total - budget.fixed) / (needed - budget.fixed)
        size = max(multiple, math.floor(min(0.95 * share, 0.9) * size / multiple) * multiple)
        del programs


def _even(size: int, side_by_side: int, least: int) -> int:
    """A chunk that leaves no core idle in its last round, where there are several rounds; not below ``least``."""
    rounded = size // side_by_side * side_by_side
    return rounded if rounded >= least else size


def _free_bytes() -> float:
    """What is free: of the first device, or of this machine or container."""
    device = jax.local_devices()[0]
    if device.platform != "cpu":
        stats = device.memory_stats() or {}
        return stats.get("bytes_limit", 8 * GIB) - stats.get("bytes_in_use", 0)
    try:
        lines = pathlib.Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        free = next(int(line.split()[1]) * 1024.0 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2
    try:  # a container's own limit
        group = pathlib.Path("/sys/fs/cgroup")
        free = min(
            free,
            int((group / "memory.max").read_text(encoding="utf-8"))
            - int((group / "memory.current").read_text(encoding="utf-8")),
        )
    except (OSError, ValueError):
        pass
    return free


def tidy_memory() -> None:
    """Give back what this process holds for nothing, so that the next batch does not add to it."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def _resident_bytes() -> float:
    tidy_memory()
    try:
        return float(pathlib.Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]) * resource.getpagesize()
    except OSError:
        return 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
