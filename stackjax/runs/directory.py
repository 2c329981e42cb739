"""A run's directory: what lies where, and whose it is."""

import json
import os
import pathlib
import shutil
from typing import Any

from stackjax.errors import InputError
from stackjax.runs.files import to_json, write_text

__all__ = ["RunDirectory"]


class RunDirectory:
    """``config.json``, ``metrics.jsonl``, ``checkpoints/``, ``policies.npz``, ``result.json`` and ``report.html``."""

    def __init__(self, path: pathlib.Path | str) -> None:
        self._given = pathlib.Path(path).absolute()
        self.path = self._given.resolve()
        self.config = self.path / "config.json"
        self.metrics = self.path / "metrics.jsonl"
        self.checkpoints = self.path / "checkpoints"
        self.policies = self.path / "policies.npz"
        self.result = self.path / "result.json"
        self.report = self.path / "report.html"

    def open_existing(self) -> "RunDirectory":
        """Raise `InputError` unless a run lies here."""
        if not self.config.is_file():
            raise InputError(f"directory {self.path} holds no run (no config.json)")
        return self

    def check_usable(self, *, resume: bool, overwrite: bool) -> None:
        """Raise `InputError` unless a run may go here; changes nothing.

        The directory may hold a run only with ``resume`` or ``overwrite``, and must hold nothing else: what a kill left
        behind (our own names and their temporary files) does not count.
        """
        if resume and overwrite:
            raise InputError("--resume and --overwrite contradict each other; give one of them")
        broken = [place for place in (self._given, *self._given.parents) if place.is_symlink() and not place.exists()]
        if broken:
            raise InputError(f"output directory {self._given}: {broken[0]} is a link to a place that is missing")
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"output path {self.path} exists and is not a directory")
        if self.config.exists() and not (resume or overwrite):
            raise InputError(f"output directory {self.path} already holds a run; use --resume, --overwrite or another --out")
        ours = {file.name for file in (*self._files, *self._folders)}
        entries = self.path.iterdir() if self.path.is_dir() else []
        foreign = [e.name for e in entries if e.name not in ours and not any(e.name.startswith(f".{name}.") for name in ours)]
        if foreign and not self.config.exists():
            raise InputError(f"output directory {self.path} is not empty and holds no run ({foreign[0]}); use another --out")
        parent = next(p for p in (self.path, *self.path.parents) if p.exists())
        if not os.access(parent, os.W_OK):
            raise InputError(f"output directory {self.path} cannot be written: no permission in {parent}")

    def prepare(self, config: dict[str, Any], overwrite: bool) -> None:
        """Make the directory hold ``config`` and, with ``overwrite``, nothing of an earlier run."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if overwrite or not self.config.exists():
                for file in self._files:
                    if file != self.config:
                        file.unlink(missing_ok=True)
                for folder in self._folders:
                    if folder.exists():
                        shutil.rmtree(folder)
            write_text(self.config, to_json(config, indent=2) + "\n")
            self._folders[0].mkdir(exist_ok=True)
        except OSError as error:
            raise InputError(f"output directory {self.path} cannot be written: {error.strerror or error}") from error

    @property
    def _files(self) -> tuple[pathlib.Path, ...]:
        return self.config, self.metrics, self.policies, self.result, self.report

    @property
    def _folders(self) -> tuple[pathlib.Path, ...]:
        """The first of them is always there."""
        return self.checkpoints, self.checkpoints.with_name(f"{self.checkpoints.name}.rejected")

    def drop_checkpoints(self) -> None:
        """Give back the room that the checkpoints of a finished run take."""
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)

    def read_result(self) -> dict[str, Any]:
        """The content of ``result.json``; raises `InputError` if the run has none yet."""
        try:
            result = json.loads(self.result.read_text())
        except (OSError, ValueError) as error:
            raise InputError(f"directory {self.path} holds no finished run (no result.json)") from error
        if not isinstance(result, dict) or not (result.get("seeds") or result.get("best")):
            raise InputError(f"{self.result} is not a run's result; write it again with stackjax evaluate")
        return result

    def write_result(self, result: dict[str, Any]) -> None:
        write_text(self.result, to_json(result, indent=2) + "\n")
