"""A sweep's directory: that of a run, with a table of all runs and the chunks that hold them."""

import json
import pathlib
import shutil
import warnings
from collections.abc import Iterator
from typing import Any

from stackjax.disk.directory import RunDirectory

__all__ = ["SweepDirectory"]


class SweepDirectory(RunDirectory):
    """``config.json``, ``table.csv``, ``result.json``, ``surface.png`` and ``report.html``; ``chunks/`` holds the runs."""

    def __init__(self, path: pathlib.Path | str) -> None:
        super().__init__(path)
        self.table = self.path / "table.csv"
        self.picture = self.path / "surface.png"
        self.chunks = self.path / "chunks"

    def _results(self) -> Iterator[dict[str, Any]]:
        for path in sorted(self.chunks.glob("*/result.json")):
            try:
                yield json.loads(path.read_text(encoding="utf-8"))
            except ValueError:
                warnings.warn(f"{path} cannot be read, and is made again", RuntimeWarning, stacklevel=2)
                path.unlink()

    def tidy(self) -> None:
        """Drop what only a kill, or another chunking, left behind."""
        for chunk in self.chunks.iterdir():
            if (chunk / "result.json").exists():
                RunDirectory(chunk).drop_checkpoints()
            else:
                shutil.rmtree(chunk)

    def finished(self) -> list[dict[str, Any]]:
        """The entries of all finished elements, by configuration and seed."""
        found = [entry for result in self._results() for entry in result["elements"]]
        return sorted(found, key=lambda entry: (entry["configuration"], entry["seed"]))

    def seconds(self) -> dict[str, float]:
        """What finished chunks took."""
        times = [result["wall_seconds"] for result in self._results()]
        return {name: sum(time[name] for time in times) for name in ("train", "evaluate")}
