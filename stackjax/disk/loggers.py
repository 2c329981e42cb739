"""Metrics as they come for the viewers that people have: TensorBoard and Weights & Biases.

There is one series for each seed, in a sweep for each configuration and seed.
"""

import importlib.util
import math
import os
import pathlib
import secrets
import shutil
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Protocol, get_args

from stackjax.errors import InputError, require

__all__ = ["LogKind", "Logger", "check_logger", "open_logger"]

LogKind = Literal["tensorboard", "wandb"]
PACKAGES = {"tensorboard": "tensorboardX", "wandb": "wandb"}  # what each needs, an extra of the same name
SERIES = ("configuration", "seed")  # what tells series apart, as far as rows have it
NAMES = (*SERIES, "update", "seconds")  # no measures


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


def open_logger(
    kind: str | None,
    path: pathlib.Path,
    identity: str,
    config: dict[str, Any],
    configurations: Mapping[int, dict[str, Any]] | None = None,
) -> Logger | None:
    """A logger of the run or sweep in ``path``, or None.

    Args:
      identity: a digest of what it is.
      config: all settings.
      configurations: of a sweep, what each configuration has instead.

    Raises:
      InputError: see `check_logger`.
    """
    check_logger(kind)
    if kind == "tensorboard":
        return _TensorBoard(path / "tensorboard")
    return _WandB(path, identity, config, configurations or {}) if kind == "wandb" else None


def _series(row: dict[str, Any]) -> dict[str, int]:
    return {name: row[name] for name in SERIES if name in row}


def _measures(row: dict[str, Any]) -> dict[str, float]:
    """The numbers of a row; what a solver does not measure is not there."""
    numbers = {name: value for name, value in row.items() if name not in NAMES and isinstance(value, (int, float))}
    return {name: value for name, value in numbers.items() if math.isfinite(value)}


class _TensorBoard:
    """Event files in a folder for each series; whoever resumes writes them again from ``metrics.jsonl``."""

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path
        self._writers: dict[str, Any] = {}

    def go_on_from(self, rows: Iterator[dict[str, Any]]) -> None:
        self.log(list(rows))

    def log(self, rows: list[dict[str, Any]]) -> None:
        from tensorboardX import SummaryWriter

        for row in rows:
            series = "-".join(f"{name}-{value}" for name, value in _series(row).items())
            if series not in self._writers:
                shutil.rmtree(self._path / series, ignore_errors=True)
                self._writers[series] = SummaryWriter(str(self._path / series), write_to_disk=True)
            for name, value in _measures(row).items():
                self._writers[series].add_scalar(name, value, row["update"])
        for writer in self._writers.values():
            writer.flush()

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()


class _WandB:
    """A W&B run for each series, all of a group; whoever resumes goes on with the same ones."""

    def __init__(
        self, path: pathlib.Path, identity: str, config: dict[str, Any], configurations: Mapping[int, dict[str, Any]]
    ) -> None:
        self._path, self._identity, self._config, self._configurations = path, identity, config, configurations
        self._token = self._kept_token()
        self._runs: dict[tuple[int, ...], Any] = {}
        self._last: dict[tuple[int, ...], int] = {}

    def _kept_token(self) -> str:
        """What tells this directory's runs from others of the same settings, kept for when it is resumed."""
        place = self._path / "wandb" / "group"
        if not place.is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(secrets.token_hex(4), encoding="utf-8")
        return place.read_text(encoding="utf-8")

    def go_on_from(self, rows: Iterator[dict[str, Any]]) -> None:
        for row in rows:
            self._last[tuple(_series(row).values())] = row["update"]

    def log(self, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            series = _series(row)
            key = tuple(series.values())
            if row["update"] <= self._last.get(key, -1):
                continue
            if key not in self._runs:
                self._runs[key] = self._begun(series)
            self._runs[key].log(_measures(row), step=row["update"])

    def _begun(self, series: dict[str, int]) -> Any:
        import wandb

        group = f"{self._identity[:8]}-{self._token}"
        return wandb.init(
            project=os.environ.get("WANDB_PROJECT", "stackjax"),
            group=group,
            name=", ".join([self._path.name, *(f"{name} {value}" for name, value in series.items())]),
            id="-".join([group, *map(str, series.values())]),
            config={**self._config, **self._configurations.get(series.get("configuration", -1), {}), **series},
            dir=str(self._path),
            resume="allow",
            reinit="create_new",
        )

    def close(self) -> None:
        for run in self._runs.values():
            run.finish()
