"""The cores of a CPU as JAX devices. To be called before anything else touches JAX, and therefore a file of its own."""

import contextlib
import os

__all__ = ["num_cores", "use_every_core"]


def use_every_core() -> None:
    """One JAX device per core of a CPU, so that whole runs go side by side, one on each: nothing is faster.

    Without effect once JAX has begun to compute, or where ``XLA_FLAGS`` sets the number of devices.
    """
    import jax

    if "xla_force_host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
        with contextlib.suppress(RuntimeError):
            jax.config.update("jax_num_cpu_devices", num_cores())


def num_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
