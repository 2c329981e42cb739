"""What must happen before anything else touches JAX: joining other processes."""

import dataclasses
import os
import re

from stackjax.errors import InputError

__all__ = ["Processes", "join", "num_cores"]

JOINING_SECONDS = 300
NOTICING_SECONDS = 30  # after which the others know that a process is gone


@dataclasses.dataclass(frozen=True)
class Processes:
    """Several processes, perhaps on several machines, that train together."""

    distributed: bool = False
    """Be one of several processes. SLURM, Open MPI and TPUs say which one, how many there are and where the first is;
    elsewhere the next three settings do."""
    coordinator: str | None = None
    """HOST:PORT at which the first process listens."""
    num_processes: int | None = None
    """How many processes there are."""
    process_id: int | None = None
    """Which of them this is, from 0; process 0 writes the files."""


def num_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def join(processes: Processes) -> None:
    """Become one of several processes, if that is asked for. To be called before anything that computes is imported.

    Raises:
      InputError: the flags are incomplete, nothing tells where the others are, or they cannot be reached.
    """
    flags = {name: getattr(processes, name) for name in ("coordinator", "num_processes", "process_id")}
    given = [name for name, value in flags.items() if value is not None]
    if not processes.distributed:
        if given:
            raise InputError(f"--{given[0].replace('_', '-')} is for --distributed, which is not given")
        return
    if given and len(given) < len(flags):
        missing = ", ".join(f"--{name.replace('_', '-')}" for name in flags if name not in given)
        raise InputError(f"--distributed needs {missing} too, or none of them where they can be found out")
    if given and not re.fullmatch(r".+:\d+", processes.coordinator or ""):
        raise InputError(f"coordinator={processes.coordinator} must be HOST:PORT")
    if given and not 0 <= flags["process_id"] < flags["num_processes"]:
        raise InputError(
            f"process_id={flags['process_id']} must be at least 0 and below num_processes={flags['num_processes']}"
        )
    import jax

    try:
        jax.distributed.initialize(
            processes.coordinator,
            processes.num_processes,
            processes.process_id,
            initialization_timeout=JOINING_SECONDS,
            heartbeat_timeout_seconds=NOTICING_SECONDS,
        )
    except (ValueError, RuntimeError) as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"--distributed: the other processes cannot be joined: {said}") from error
