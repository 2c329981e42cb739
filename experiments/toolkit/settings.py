"""The command line of every experiment."""

import dataclasses
import pathlib
import sys
from collections.abc import Callable
from typing import TypeVar

import tyro

import stackjax as sx

__all__ = ["Settings", "run"]

T = TypeVar("T")
HERE = pathlib.Path(__file__).resolve().parent.parent
QUICK_SEEDS = 3


@dataclasses.dataclass(frozen=True)
class Settings:
    """How many seeds, and where things go."""

    seeds: int = 10
    """Seeds 0, 1, ...; each is an independent training run."""
    out: pathlib.Path = HERE / "results"
    """Where the results go, as JSON and PNG."""
    runs: pathlib.Path = pathlib.Path("runs/experiments")
    """Where training runs go. A finished run of the same code and settings is not trained again."""
    fresh: bool = False
    """Train again all the same."""
    quick: bool = False
    """The short version: three seeds, fewer games and less training. It shows that all works; its numbers are no results."""

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise sx.InputError(f"seeds={self.seeds} must be at least 1")
        if self.quick:
            object.__setattr__(self, "seeds", min(self.seeds, QUICK_SEEDS))

    def few(self, full: T, quick: T) -> T:
        """``full``, or ``quick`` in the short version."""
        return quick if self.quick else full


def run(experiment: Callable[[Settings], object]) -> None:
    """Run ``experiment`` with settings from the command line; a user's mistake is one line and exit code 2."""
    try:
        experiment(tyro.cli(Settings, description=sys.modules[experiment.__module__].__doc__))
    except sx.InputError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except OSError as error:
        print(f"error: {error.strerror}: {error.filename}", file=sys.stderr)
        raise SystemExit(2) from None
