"""How much memory there is, and how large a batch may be to stay within a budget."""

import math
import os
import pathlib
import resource
import sys
from collections.abc import Callable

import jax

from stackjax.errors import InputError
from stackjax.runs.programs import Programs

__all__ = ["default_budget", "fit_programs", "resident_bytes"]

GIB = 2.0**30
HOST_BYTES = 150_000  # of an element's metrics and results in this process, outside of JAX
COMPILER_BYTES = 300_000_000  # what compiling may take and give back; measured at about half of it
COPIES = 4  # of a batch's state that may be alive at once: the state, the programs' buffers, a checkpoint and its serialisation


def default_budget() -> float:
    """Bytes that a sweep may take where the user says nothing: three quarters of what is free, on each device."""
    device = jax.local_devices()[0]
    if device.platform != "cpu":
        stats = device.memory_stats() or {}
        return 0.75 * stats.get("bytes_limit", 8 * GIB)
    try:
        lines = pathlib.Path("/proc/meminfo").read_text().splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    return 0.75 * free + resident_bytes()


def resident_bytes() -> float:
    """The most memory that this process has held so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak if sys.platform == "darwin" else 1024 * peak)


def fit_programs(build: Callable[[int], Programs], wanted: int, least: int, budget: float) -> Programs:
    """Compiled programs for ``wanted`` elements, or for as many fewer as the ``budget`` in bytes asks for.

    The size is first worked out from the size of an element's state, which is known exactly, then checked against what the
    compiler says the programs take; if that is too much, they are compiled anew for fewer.

    Args:
      build: the number of elements to programs that are not yet compiled.
      least: elements come in multiples of this, one for each device along ``runs``.

    Raises:
      InputError: not even ``least`` elements fit.
    """
    on_cpu = jax.default_backend() == "cpu"  # where all devices, and this process, share one memory
    fixed = resident_bytes() + COMPILER_BYTES if on_cpu else 0.0
    by_state = COPIES * build(least).state_bytes / least + HOST_BYTES if on_cpu else COPIES * build(least).state_bytes
    size = _rounded(min(wanted, (budget - fixed) / by_state), least, wanted)
    if least * by_state > budget - fixed:
        raise InputError(
            f"memory_gib={budget / GIB:.3g} is too little: {least} at a time need {(fixed + least * by_state) / GIB:.3g} GiB"
        )
    while True:
        programs = build(size)
        programs.compile()
        each = (programs.bytes_needed() + programs.state_bytes / least) * (len(programs.mesh.devices.flat) if on_cpu else 1)
        needed = fixed + each + (HOST_BYTES * size if on_cpu else 0)
        if needed <= budget:
            return programs
        if size == least:
            raise InputError(f"memory_gib={budget / GIB:.3g} is too little: {least} at a time need {needed / GIB:.3g} GiB")
        size = _rounded(size * max(0.0, budget - fixed) / (needed - fixed) * 0.95, least, size - least)


def _rounded(size: float, multiple: int, most: int) -> int:
    return max(multiple, min(math.floor(size / multiple), math.ceil(most / multiple)) * multiple)
