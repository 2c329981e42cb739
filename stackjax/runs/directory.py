"""A run's directory: what lies where, and whose it is."""

import pathlib
import shutil
from typing import Any

from stackjax.errors import InputError
from stackjax.runs.files import to_json, write_text

__all__ = ["RunDirectory"]


class RunDirectory:
    """``config.json``, ``metrics.jsonl``, ``checkpoints/``, ``result.json`` and ``report.html`` under one path."""

    def __init__(self, path: pathlib.Path | str) -> None:
        self.path = pathlib.Path(path).resolve()
        self.config = self.path / "config.json"
        self.metrics = self.path / "metrics.jsonl"
        self.checkpoints = self.path / "checkpoints"
        self.result = self.path / "result.json"
        self.report = self.path / "report.html"

    def open_existing(self) -> "RunDirectory":
        """Raise `InputError` unless a run lies here."""
        if not self.config.is_file():
            raise InputError(f"directory {self.path} holds no run (no config.json)")
        return self

    def prepare(self, *, resume: bool, overwrite: bool) -> None:
        """Make the directory ready for a run.

        Raises:
          InputError: it holds a run and neither ``resume`` nor ``overwrite`` is set, holds other files, is not a
            directory, or cannot be written.
        """
        if resume and overwrite:
            raise InputError("--resume and --overwrite contradict each other; give one of them")
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"output path {self.path} exists and is not a directory")
        if self.config.exists() and not (resume or overwrite):
            raise InputError(f"output directory {self.path} already holds a run; use --resume, --overwrite or another --out")
        if self.path.is_dir() and not self.config.exists() and any(self.path.iterdir()):
            raise InputError(f"output directory {self.path} is not empty and holds no run; use another --out")
        try:
            if overwrite:
                self._remove_run()
            self.checkpoints.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"output directory {self.path} cannot be written: {error.strerror}") from error

    def write_config(self, config: dict[str, Any]) -> None:
        write_text(self.config, to_json(config, indent=2) + "\n")

    def write_result(self, result: dict[str, Any]) -> None:
        write_text(self.result, to_json(result, indent=2) + "\n")

    def _remove_run(self) -> None:
        for file in (self.config, self.metrics, self.result, self.report):
            file.unlink(missing_ok=True)
        shutil.rmtree(self.checkpoints, ignore_errors=True)
