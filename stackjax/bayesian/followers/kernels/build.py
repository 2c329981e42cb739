"""The CPU kernel is compiled in a process of its own, which goes on where the run that started it has waited long enough.

Free of all but the standard library and filelock, as it is run as a script too: ``python build.py LIBRARY COMPILER ARGUMENT
...``. Beside a library lie its lock, its seal, when somebody began to build it, and why that failed.
"""

import contextlib
import hashlib
import pathlib
import subprocess
import sys
import tempfile
import time

import filelock

__all__ = ["CompilerError", "build", "is_whole", "seal_of"]

PATIENCE = 60.0  # seconds, from when it began, that runs wait for a compiler, which takes five or so
MOST_SECONDS = 3600.0  # that it may take
GLANCE = 0.1  # seconds between looks


class CompilerError(Exception):
    """There is no kernel, or none yet; says why."""


def seal_of(library: pathlib.Path) -> pathlib.Path:
    """Where the SHA-256 of ``library`` stands: one that was cut short could end this process when loaded."""
    return library.with_suffix(".sha256")


def is_whole(library: pathlib.Path) -> bool:
    """Whether ``library`` is there as it was built."""
    try:
        return hashlib.sha256(library.read_bytes()).hexdigest().encode() == seal_of(library).read_bytes()
    except OSError:
        return False


def build(library: pathlib.Path, command: list[str]) -> None:
    """Have ``library`` compiled by ``command`` (all but ``-o``), unless another run has begun to.

    Raises:
      CompilerError: the compiler fails, or takes more than a minute; it then goes on in the background, and runs that start
        meanwhile do not wait for it.
    """
    if _is_free(library):
        script, none = [sys.executable, __file__, str(library), *command], subprocess.DEVNULL
        worker = subprocess.Popen(script, stdin=none, stdout=none, stderr=none, start_new_session=True)
        is_over, began = lambda: worker.poll() is not None, time.time()
    else:
        is_over, started = lambda: _is_free(library), _beside(library, "began")
        began = started.stat().st_mtime if started.exists() else time.time()
    while not is_over():
        if time.time() > began + PATIENCE:
            raise CompilerError(f"it takes more than {PATIENCE:.0f} s; it goes on in the background, for the runs to come")
        time.sleep(GLANCE)
    if not is_whole(library):
        failure = _beside(library, "failure")
        raise CompilerError(failure.read_text(encoding="utf-8") if failure.exists() else "it was stopped")


def _beside(library: pathlib.Path, what: str) -> pathlib.Path:
    return library.with_suffix(f".{what}")


def _is_free(library: pathlib.Path) -> bool:
    """Whether nobody builds ``library`` now."""
    with contextlib.suppress(filelock.Timeout), filelock.FileLock(_beside(library, "lock"), timeout=0):
        return True
    return False


def _compile(library: pathlib.Path, command: list[str]) -> None:
    """Built aside and moved, so that nobody loads half of it."""
    with filelock.FileLock(_beside(library, "lock")), tempfile.TemporaryDirectory(dir=library.parent) as workshop:
        if is_whole(library):
            return
        _beside(library, "failure").unlink(missing_ok=True)
        _beside(library, "began").touch()
        fresh, seal = pathlib.Path(workshop) / library.name, seal_of(library)
        try:
            done = subprocess.run([*command, "-o", str(fresh)], capture_output=True, timeout=MOST_SECONDS, check=False)
            if done.returncode:
                said = done.stderr.decode(errors="replace").strip().splitlines()
                raise CompilerError(said[-1] if said else f"it ended with code {done.returncode}")
            fresh_seal = pathlib.Path(workshop) / seal.name
            fresh_seal.write_text(hashlib.sha256(fresh.read_bytes()).hexdigest(), encoding="utf-8")
            seal.unlink(missing_ok=True)
            fresh.replace(library)
            fresh_seal.replace(seal)
        except (CompilerError, OSError, subprocess.SubprocessError) as error:
            _beside(library, "failure").write_text(str(error), encoding="utf-8")


if __name__ == "__main__":
    _compile(pathlib.Path(sys.argv[1]), sys.argv[2:])
