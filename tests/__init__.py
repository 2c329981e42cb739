"""Set up before anything imports JAX: what XLA compiles is kept and shared, and each worker has a core of its own."""

import hashlib
import os
import pathlib

from tests.quick_flags import quick_flags

if "JAX_COMPILATION_CACHE_DIR" not in os.environ:  # workers, commands that tests start, and later runs share what is compiled
    processor = pathlib.Path("/proc/cpuinfo")  # what is compiled for one need not run on another
    lines = (
        {line for line in processor.read_text(encoding="utf-8").splitlines() if line.startswith(("model name", "flags"))}
        if processor.exists()
        else {}
    )
    name = hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()[:12]
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(pathlib.Path(__file__).parents[1] / ".cache" / f"xla-{name}")
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.01"  # even one operation takes longer than to read it

os.environ.setdefault("XLA_FLAGS", quick_flags())  # what trains says otherwise

worker = os.environ.get("PYTEST_XDIST_WORKER", "")
if worker and hasattr(os, "sched_setaffinity"):  # a core each: XLA's threads would only get into each other's way
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[int(worker.removeprefix("gw")) % len(cores)]})
