"""The command line of every experiment."""

import dataclasses
import pathlib
import sys
from collections.abc import Callable
from typing import TypeVar

import tyro

import stackjax as sx

__all__ = ["HERE", "RESULTS", "Settings", "run"]

T = TypeVar("T")
HERE = pathlib.Path(__file__).resolve().parent.parent
RESULTS = HERE / "results"
QUICK_SEEDS = 2


@dataclasses.dataclass(frozen=True)
class Settings:
    """How many seeds, and where things go."""

    seeds: int = 10
    """Seeds 0, 1, ...; each is an independent training run. At most two in the short version."""
    out: pathlib.Path | None = None
    """Where the results go, as JSON and PNG; by default experiments/results, of the short version runs/reproduce-quick."""
    runs: pathlib.Path | None = None
    """Where training runs go; by default runs/experiments, of the short version runs/reproduce-quick. A finished run of the
    same code and settings is not trained again, and one that was stopped goes on."""
    fresh: bool = False
    """Train again all the same."""
    quick: bool = False
    """The short version: two seeds, fewer games and less training. It shows that all works; its numbers are no results."""

    def resolved(self) -> "Settings":
        """With every default in its place; raises `InputError` for a value that cannot be."""
        if self.seeds < 1:
            raise sx.InputError(f"seeds={self.seeds} must be at least 1")
        place = HERE.parent / "runs" / "reproduce-quick"
        return dataclasses.replace(
            self,
            seeds=self.few(self.seeds, min(self.seeds, QUICK_SEEDS)),
            out=self.out or self.few(RESULTS, place / "results"),
            runs=self.runs or self.few(HERE.parent / "runs" / "experiments", place / "runs"),
        )

    def few(self, full: T, quick: T) -> T:
        """``full``, or ``quick`` in the short version."""
        return quick if self.quick else full


def run(experiment: Callable[[Settings], object]) -> None:
    """Run ``experiment`` with settings from the command line; a user's mistake is one line and exit code 2."""
    try:
        experiment(tyro.cli(Settings, description=sys.modules[experiment.__module__].__doc__).resolved())
    except sx.InputError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except OSError as error:
        if error.filename is None:
            raise
        print(f"error: {error.strerror}: {error.filename}", file=sys.stderr)
        raise SystemExit(2) from None
