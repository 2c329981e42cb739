"""The directory of a run or of a sweep: what lies where, and whose it is."""

import contextlib
import json
import pathlib
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from typing import IO, Any

from stackjax.disk.files import to_json, write_text
from stackjax.errors import InputError
from stackjax.specs.sources import check_same_file

__all__ = ["RunDirectory", "SweepDirectory"]

LOCK = ".lock"
CHECKPOINTS = ("checkpoints", "checkpoints.rejected")
OWN = {  # of runs and of sweeps: either may replace the other
    *("config.json", "metrics.jsonl", "policies.npz", "followers.npz", "game.npz", "result.json", "report.html", LOCK),
    *("table.csv", "surface.png", "chunks", "tensorboard", "wandb", *CHECKPOINTS),
}
# What a config.json holds that a run, a sweep or a chunk of a sweep wrote.
SCHEMAS = (
    {"schema_version", "game", "game_options", "solver", "first_seed", "num_seeds"},
    {"schema_version", "sweep", "order", "first"},
    {"schema_version", "group", "configurations", "values"},
)


def _holds_something(entry: pathlib.Path) -> bool:
    return any(entry.iterdir()) if entry.is_dir() else entry.stat().st_size > 0


class RunDirectory:
    """``config.json``, ``metrics.jsonl``, ``checkpoints/``, ``policies.npz``, ``result.json`` and ``report.html``."""

    def __init__(self, path: pathlib.Path | str) -> None:
        self._given = pathlib.Path(path).absolute()
        self.path = self._given.resolve()
        self.config = self.path / "config.json"
        self.metrics = self.path / "metrics.jsonl"
        self.checkpoints = self.path / "checkpoints"
        self.policies = self.path / "policies.npz"
        self.followers = self.path / "followers.npz"
        self.game = self.path / "game.npz"
        self.result = self.path / "result.json"
        self.report = self.path / "report.html"
        self._lock: IO[str] | None = None
        self._made: list[pathlib.Path] = []  # directories that are there only because the lock is

    def open_existing(self) -> "RunDirectory":
        """Raise `InputError` unless a run lies here."""
        if not self.config.is_file():
            raise InputError(f"directory {self.path} holds no run (no config.json)")
        if not self.holds_ours:
            raise InputError(f"{self.config} is not a run's config.json")
        return self

    def check_game_file(self) -> None:
        """Raise `InputError` if the game is a Python file that was changed since: what the run left is not about it."""
        described = self._described()
        described = described.get("first", described)  # a sweep's first run
        file, digest = described.get("python_file"), described.get("python_file_sha256")
        if isinstance(file, str) and file.endswith(".py") and isinstance(digest, str) and pathlib.Path(file).is_file():
            check_same_file(pathlib.Path(file), digest)

    def hold(self) -> None:
        """Keep others from writing here until `release`, or until this process is gone.

        Raises:
          InputError: another process holds it, or it cannot be written.
        """
        try:
            self._hold()
        except OSError as error:
            raise InputError(f"directory {self.path} cannot be written: {error.strerror or error}") from error

    def take(self, resume: bool, overwrite: bool) -> None:
        """Hold the directory until `release`, if a run may go here; what it holds stays as it is.

        It is made if it is not there, and gone again after `release` if nothing came of it. It may hold a run only with
        ``resume`` or ``overwrite``, and must hold nothing else: what a kill left behind (our own names and their temporary
        files) does not count.

        Raises:
          InputError: no run may go here, or another process holds it.
        """
        parent = self.check_usable(resume, overwrite)
        if resume and not self.config.exists():
            message = f"--resume: {self.path} holds no run yet, so this one starts from the beginning"
            warnings.warn(message, RuntimeWarning, stacklevel=2)
        try:
            with tempfile.TemporaryFile(dir=parent):
                pass
            self._made = [place for place in (self.path, *self.path.parents) if not place.exists()]
            self.path.mkdir(parents=True, exist_ok=True)
            self._hold()
        except OSError as error:
            raise InputError(f"output directory {self.path} cannot be written: {error.strerror or error} ({parent})") from error
        self.check_usable(resume, overwrite)  # somebody may have come and gone before it was ours

    def check_usable(self, resume: bool, overwrite: bool) -> pathlib.Path:
        """Raise `InputError` unless a run may go here; the nearest directory that is there already."""
        if resume and overwrite:
            raise InputError("--resume and --overwrite contradict each other; give one of them")
        try:
            str(self.path).encode()
        except UnicodeEncodeError:  # which checkpoints cannot be written to
            raise InputError(f"output directory {self.path!s} has a name that is not UTF-8; use another --out") from None
        broken = [place for place in (self._given, *self._given.parents) if place.is_symlink() and not place.exists()]
        if broken:
            raise InputError(f"output directory {self._given}: {broken[0]} is a link to a place that is missing")
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"output path {self.path} exists and is not a directory")
        if self.config.exists() and not self.holds_ours:
            raise InputError(f"output directory {self.path} holds a config.json that is no run's; use another --out")
        if self.config.exists() and not (resume or overwrite):
            raise InputError(f"output directory {self.path} already holds a run; use --resume, --overwrite or another --out")
        entries = list(self.path.iterdir()) if self.path.is_dir() else []
        is_ours = lambda name: name in OWN or any(name.startswith(f".{own}.") for own in OWN)
        foreign = [entry.name for entry in entries if not is_ours(entry.name)]
        if foreign and not self.config.exists():
            raise InputError(f"output directory {self.path} is not empty and holds no run ({foreign[0]}); use another --out")
        left = [entry.name for entry in entries if entry.name in OWN and entry.name != LOCK and _holds_something(entry)]
        if left and not self.config.exists():
            raise InputError(
                f"output directory {self.path} holds {left[0]} but no config.json that tells whose it is; use another --out"
            )
        return next(p for p in (self.path, *self.path.parents) if p.exists())

    def prepare(self, config: dict[str, Any], overwrite: bool) -> None:
        """Make the directory hold ``config`` and, with ``overwrite``, nothing of an earlier run; holds it until `release`."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._hold()
            self._made = []
            if overwrite or not self.config.exists():
                for name in OWN - {LOCK, self.config.name}:
                    place = self.path / name
                    if place.is_dir() and not place.is_symlink():
                        shutil.rmtree(place)
                    else:
                        place.unlink(missing_ok=True)
            for leftover in (path for name in OWN for path in self.path.glob(f".{name}.*")):
                leftover.unlink()  # of a write that a kill cut short
            write_text(self.config, to_json(config, indent=2) + "\n")
        except OSError as error:
            raise InputError(f"output directory {self.path} cannot be written: {error.strerror or error}") from error

    @property
    def is_sweep(self) -> bool:
        """Whether a sweep lies here."""
        return "sweep" in self._described()

    @property
    def holds_ours(self) -> bool:
        """Whether ``config.json`` is one that a run or a sweep wrote, of this version or another."""
        return any(keys <= self._described().keys() for keys in SCHEMAS)

    def _described(self) -> dict[str, Any]:
        """The content of ``config.json``, or nothing if there is none that can be read."""
        try:
            content = json.loads(self.config.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def drop_checkpoints(self) -> None:
        """Give back the room that the checkpoints of a finished run take."""
        for name in CHECKPOINTS:
            shutil.rmtree(self.path / name, ignore_errors=True)

    def release(self) -> None:
        """Let others write here."""
        if self._made and self._lock is not None:  # nothing came of it
            (self.path / LOCK).unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                for place in self._made:
                    place.rmdir()
        self._made = []
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _hold(self) -> None:
        """Keep others from writing here until `release`, or until this process is gone."""
        try:
            import fcntl
        except ImportError:  # not a POSIX system
            return
        self._lock = self._lock or (self.path / LOCK).open("a", encoding="utf-8")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            raise InputError(f"output directory {self.path} is in use by another process") from None
        except OSError:  # a file system without locks
            pass

    def read_result(self) -> dict[str, Any]:
        """The content of ``result.json``; raises `InputError` if the run has none yet, or it is damaged."""
        try:
            result = json.loads(self.result.read_text(encoding="utf-8"))
        except OSError as error:
            raise InputError(f"directory {self.path} holds no finished run (no result.json)") from error
        except ValueError as error:
            raise self.damaged_result("no JSON") from error
        if not isinstance(result, dict) or not (result.get("seeds") or result.get("best")):
            raise self.damaged_result("no seeds")
        return result

    def damaged_result(self, problem: object) -> InputError:
        """That ``result.json`` cannot be used, for whoever finds out why."""
        again = "sweep --resume" if self.is_sweep else "evaluate"  # which reads the old one, if there is one
        return InputError(f"{self.result} is damaged ({problem}); remove it and write it again with stackjax {again}")

    @contextlib.contextmanager
    def damage_told(self) -> Iterator[None]:
        """Inside, what ``result.json`` lacks is told as damage of it."""
        try:
            yield
        except InputError:
            raise
        except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
            raise self.damaged_result(f"{type(error).__name__}: {error}") from error

    def write_result(self, result: dict[str, Any]) -> None:
        write_text(self.result, to_json(result, indent=2) + "\n")


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

    def read_elements(self) -> list[dict[str, Any]]:
        """The entries of all elements, to look at: nothing changes; raises `InputError` if some cannot be read."""
        found = []
        for path in sorted(self.chunks.glob("*/result.json")):
            try:
                found += json.loads(path.read_text(encoding="utf-8"))["elements"]
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise InputError(f"{path} cannot be read ({error}); stackjax sweep --resume makes it again") from error
        return found

    def seconds(self) -> dict[str, float]:
        """What finished chunks took."""
        times = [result["wall_seconds"] for result in self._results()]
        return {name: sum(time[name] for time in times) for name in ("train", "evaluate")}
