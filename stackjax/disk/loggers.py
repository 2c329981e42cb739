"""Metrics as they come for the viewers that people have: TensorBoard and Weights & Biases, one series for each seed."""

import importlib.util
import math
import os
import pathlib
import secrets
import shutil
from collections.abc import Iterator
from typing import Any, Literal, Protocol, get_args

from stackjax.errors import InputError, require

__all__ = ["LogKind", "Logger", "check_logger", "open_logger"]

LogKind = Literal["tensorboard", "wandb"]
PACKAGES = {"tensorboard": "tensorboardX", "wandb": "wandb"}  # what each needs, an extra of the same name
NAMES = ("update", "seed", "seconds")  # no measures


class Logger(Protocol):
    """Where rows of ``metrics.jsonl`` go too."""

    def go_on_from(self, rows: Iterator[dict[str, Any]]) -> None:
        """Begin, with what was logged before a run was stopped; nothing is doubled."""

    def log(self, rows: list[dict[str, Any]]) -> None: ...
    def close(self) -> None: ...


def check_logger(kind: str | None) -> None:
    """Raise `InputError` unless there is such a logger and its package is installed; None is no logger."""
    if kind is None:
        return
    require("log", kind, kind in get_args(LogKind), f"one of {', '.join(get_args(LogKind))}")
    if importlib.util.find_spec(PACKAGES[kind]) is None:
        raise InputError(f"log={kind} needs the package {PACKAGES[kind]}: pip install 'stackjax[{kind}]'")


def open_logger(kind: str | None, path: pathlib.Path, identity: str, config: dict[str, Any]) -> Logger | None:
    """A logger of the run in ``path``, or None.

    Args:
      identity: a digest of what the run is.
      config: all its settings.

    Raises:
      InputError: see `check_logger`.
    """
    check_logger(kind)
    if kind == "tensorboard":
        return _TensorBoard(path / "tensorboard")
    return _WandB(path, identity, config) if kind == "wandb" else None


def _measures(row: dict[str, Any]) -> dict[str, float]:
    """The numbers of a row; what a solver does not measure is not there."""
    numbers = {name: value for name, value in row.items() if name not in NAMES and isinstance(value, (int, float))}
    return {name: value for name, value in numbers.items() if math.isfinite(value)}


class _TensorBoard:
    """Event files in a folder for each seed; a resumed run writes them again from ``metrics.jsonl``."""

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path
        self._writers: dict[int, Any] = {}

    def go_on_from(self, rows: Iterator[dict[str, Any]]) -> None:
        shutil.rmtree(self._path, ignore_errors=True)
        self.log(list(rows))

    def log(self, rows: list[dict[str, Any]]) -> None:
        from tensorboardX import SummaryWriter

        for row in rows:
            if row["seed"] not in self._writers:
                self._writers[row["seed"]] = SummaryWriter(str(self._path / f"seed-{row['seed']}"), write_to_disk=True)
            for name, value in _measures(row).items():
                self._writers[row["seed"]].add_scalar(name, value, row["update"])
        for writer in self._writers.values():
            writer.flush()

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()


class _WandB:
    """A W&B run for each seed, all of a group; a resumed run goes on with the same ones."""

    def __init__(self, path: pathlib.Path, identity: str, config: dict[str, Any]) -> None:
        self._path, self._identity, self._config = path, identity, config
        self._token = self._kept_token()
        self._runs: dict[int, Any] = {}
        self._last: dict[int, int] = {}

    def _kept_token(self) -> str:
        """What tells this directory's runs from others of the same settings, kept for when it is resumed."""
        place = self._path / "wandb" / "group"
        if not place.is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(secrets.token_hex(4))
        return place.read_text()

    def go_on_from(self, rows: Iterator[dict[str, Any]]) -> None:
        for row in rows:
            self._last[row["seed"]] = row["update"]

    def log(self, rows: list[dict[str, Any]]) -> None:
        import wandb

        for row in rows:
            seed = row["seed"]
            if row["update"] <= self._last.get(seed, -1):
                continue
            if seed not in self._runs:
                self._runs[seed] = wandb.init(
                    project=os.environ.get("WANDB_PROJECT", "stackjax"),
                    group=f"{self._identity[:8]}-{self._token}",
                    name=f"{self._path.name}, seed {seed}",
                    id=f"{self._identity[:8]}-{self._token}-{seed}",
                    config={**self._config, "seed": seed},
                    dir=str(self._path),
                    resume="allow",
                    reinit="create_new",
                )
            self._runs[seed].log(_measures(row), step=row["update"])

    def close(self) -> None:
        for run in self._runs.values():
            run.finish()
