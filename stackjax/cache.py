"""Where this user's compiled things are kept between runs: the CPU kernel, and the programs that XLA compiles."""

import contextlib
import functools
import hashlib
import os
import pathlib
import platform
import stat
import tempfile
from collections.abc import Iterator

__all__ = ["cache_folder", "keep_compiled_programs", "processor", "programs_kept"]

LARGEST = 1 << 30  # bytes of compiled programs; those not used for longest go first
SHORTEST = 0.2  # seconds of compiling, below which a program is not kept


def keep_compiled_programs() -> None:
    """Have JAX keep what it compiles for this processor, unless the user has told it where to, or not to.

    To be told otherwise: ``JAX_COMPILATION_CACHE_DIR``, ``JAX_ENABLE_COMPILATION_CACHE=0``.
    """
    import jax
    import jaxlib

    setting = lambda name: getattr(jax.config, name)
    if setting("jax_compilation_cache_dir") is not None or not setting("jax_enable_compilation_cache"):
        return
    name = hashlib.sha256("\0".join([jaxlib.__version__, processor()]).encode()).hexdigest()[:16]
    folder = cache_folder() / f"programs-{name}"
    _drop_halves(folder)
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", SHORTEST)
    jax.config.update("jax_compilation_cache_max_size", LARGEST)


@contextlib.contextmanager
def programs_kept() -> Iterator[None]:
    """`keep_compiled_programs` while it lasts: what JAX is told comes back afterwards."""
    import jax
    from jax.experimental.compilation_cache import compilation_cache

    names = "jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs", "jax_compilation_cache_max_size"
    before = {name: getattr(jax.config, name) for name in names}
    keep_compiled_programs()
    is_ours = getattr(jax.config, names[0]) != before[names[0]]
    if is_ours:  # JAX looks for the folder once, and then stays with what it found
        compilation_cache.reset_cache()
    try:
        yield
    finally:
        if is_ours:
            for name, value in before.items():
                jax.config.update(name, value)
            compilation_cache.reset_cache()


def _drop_halves(folder: pathlib.Path) -> None:
    """Remove programs of which a killed process left a half: JAX would keep nothing more beside them, and say nothing."""
    import filelock

    try:
        with filelock.FileLock(folder / ".lockfile", timeout=1):  # JAX's own, so that nobody is in the middle of writing
            names = {path.name for path in folder.iterdir()}
            for whole, half in (("-cache", "-atime"), ("-atime", "-cache")):
                for name in names:
                    if name.endswith(whole) and name.removesuffix(whole) + half not in names:
                        (folder / name).unlink()
    except (OSError, filelock.Timeout):  # there is none yet, or it is in use
        return


def cache_folder() -> pathlib.Path:
    """A folder that this user alone can write to, as what lies in it is loaded into this process; else one of this process."""
    try:
        folder = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "stackjax"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
        is_own = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
        if is_own:
            folder.chmod(0o700)
            if status.st_mode & 0o022:  # others may have put in what is there, with a seal that fits
                for left in [*folder.glob("hedge-*"), *folder.glob("programs-*/*")]:
                    left.unlink()
        usable = is_own and os.access(folder, os.W_OK)
    except (OSError, RuntimeError, AttributeError):  # RuntimeError: nobody's home; AttributeError: no users
        usable = False
    return folder if usable else pathlib.Path(_process_folder().name)


@functools.cache
def _process_folder() -> tempfile.TemporaryDirectory:
    """For this process alone, where the cache cannot be written; it goes when the process ends."""
    return tempfile.TemporaryDirectory(prefix="stackjax-")


def processor() -> str:
    """What compiled code depends on, as far as this system tells: caches may be shared by unlike machines."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return "".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))
