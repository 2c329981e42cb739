"""Commands as a user runs them, in this process and in others."""

import fcntl
import json
import os
import pathlib
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from stackjax.cli import main
from stackjax.solvers.ppo.train import Trainer

__all__ = [
    "PLAIN",
    "QUICK",
    "WHOLE",
    "free_port",
    "made_once",
    "metrics_of",
    "poison",
    "result_of",
    "run",
    "start",
    "together",
    "wait_for_file",
]

SMALL = ["--pomdp.num-rounds", "20", "--seeds", "2", "--polish", "0"]
WHOLE = ["--no-stop-at-optimum"]  # for what counts updates
QUICK = ["--ppo.num-updates", "4", "--ppo.num-envs", "16", *SMALL]
PLAIN = [
    "--search.num-updates",
    "4",
    "--search.population",
    "16",
    *SMALL,
]  # where any solver will do: this one compiles fastest


def run(*arguments):
    """The exit code of a command; tyro's help leaves by SystemExit."""
    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as stop:
        return stop.code


def start(*arguments: Any, devices: int | None = None, flags: str = "") -> subprocess.Popen:
    """``stackjax ARGUMENTS``, with so many virtual CPU devices and further flags of XLA."""
    environment = dict(os.environ)
    environment["XLA_FLAGS"] = "--xla_backend_optimization_level=1"  # what these run takes a while
    if devices is not None:
        environment["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices} {flags}"
    command = [sys.executable, "-m", "stackjax.cli", *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def together(*arguments: Any, devices: int = 4, processes: int = 2, flags: str = "") -> list[subprocess.Popen]:
    """The same command in several processes that know of each other."""
    others = ["--distributed", "--coordinator", f"127.0.0.1:{free_port()}", "--num-processes", processes, "--process-id"]
    return [start(*arguments, *others, place, devices=devices, flags=flags) for place in range(processes)]


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[pathlib.Path], None]) -> pathlib.Path:
    """A directory that ``make`` fills, shared by the workers of one test session."""
    base = factory.getbasetemp()
    place = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with place.with_name(f"{name}.lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            make(place)
    return place


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_file(path: pathlib.Path, process: subprocess.Popen, seconds: float = 300.0) -> None:
    """Until the process has written something to ``path``."""
    end = time.monotonic() + seconds
    while not (path.exists() and path.stat().st_size):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end, f"no {path} after {seconds} s"
        time.sleep(0.05)


def result_of(directory: pathlib.Path) -> dict[str, Any]:
    """``result.json`` but for how long it took."""
    result = json.loads((directory / "result.json").read_text(encoding="utf-8"))
    return {key: value for key, value in result.items() if key not in ("wall_seconds", "timings", "num_devices")}


def metrics_of(directory: pathlib.Path) -> list[dict[str, Any]]:
    """``metrics.jsonl`` but for when it was written."""
    lines = (directory / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [{key: value for key, value in json.loads(line).items() if key != "seconds"} for line in lines]


def poison(monkeypatch, first_update, seeds):
    """Weights turn to NaN at ``first_update`` for the ``seeds``."""
    update, key_data = Trainer.update, jax.random.key_data
    keys = []
    for seed in seeds:
        key = jax.random.key(seed)
        for _ in range(first_update):  # init and each update split a key in three and keep the last
            key = jax.random.split(key, 3)[2]
        keys.append(key_data(key))

    def poisoned(self, state):
        after, seen = update(self, state)
        bad = (key_data(state.key)[None] == jnp.stack(keys)).all(axis=-1).any()
        params = jax.tree.map(lambda leaf: jnp.where(bad, jnp.nan, leaf), after.params)
        return after._replace(params=params), seen._replace(is_finite=seen.is_finite & ~bad)

    monkeypatch.setattr(Trainer, "update", poisoned)
