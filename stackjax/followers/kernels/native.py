"""The CPU kernel: built with the machine's C++ compiler at first use, kept in the user's cache, called through `jax.ffi`.

Without a compiler (or with ``STACKJAX_NATIVE=0``) everything still works, in a scan. To build when first used keeps the package
free of binaries and lets the compiler use all that the processor has.
"""

import ctypes
import functools
import hashlib
import math
import os
import pathlib
import platform
import shutil
import subprocess
import tempfile

import jax
import numpy as np

from stackjax.followers.base import FollowerDynamics
from stackjax.followers.kernels.packing import Packed, Rounds, packed_rounds, why_not_fused
from stackjax.games.base import InducedGame
from stackjax.types import Array

__all__ = ["native_rounds", "why_not_native"]

SOURCE = pathlib.Path(__file__).with_name("hedge_cpu.cc")
TARGET = "stackjax_hedge"
MOST_FOLLOWERS, MOST_ACTIONS, MOST_TYPE_PROFILES, MOST_ROWS = 16, 64, 1024, 1 << 18  # as the source's arrays allow


def why_not_native(game: InducedGame, dynamics: FollowerDynamics) -> str | None:
    """Why the CPU kernel cannot run these rounds, in words, or None if it can. Builds it if need be."""
    problem = why_not_fused(dynamics)
    if problem is not None:
        return problem
    if jax.default_backend() != "cpu":
        return f"it is for CPUs, and JAX's default backend is {jax.default_backend()}"
    rows = game.num_followers * math.prod(game.table_shape)
    profiles = math.prod(game.num_types)
    if game.num_followers > MOST_FOLLOWERS or max(game.num_actions) > MOST_ACTIONS:
        return f"it takes at most {MOST_FOLLOWERS} followers and {MOST_ACTIONS} actions"
    if profiles > MOST_TYPE_PROFILES or rows > MOST_ROWS or profiles * max(game.num_types) >= 1 << 16:
        return f"it takes at most {MOST_TYPE_PROFILES} type profiles and {MOST_ROWS} payoffs a game"
    return _build_problem()


def native_rounds(game: InducedGame, dynamics: FollowerDynamics, tables: tuple[Array, ...]) -> Rounds:
    """Rounds by the CPU kernel; see `packed_rounds`."""

    def run_packed(packed: Packed, num_rounds: int) -> tuple[Array, Array, Array, Array]:
        results = [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in packed[:4]]
        call = jax.ffi.ffi_call(TARGET, results, vmap_method="broadcast_all")
        sizes = {"num_types": np.array(game.num_types, np.int64), "num_actions": np.array(game.num_actions, np.int64)}
        log_weights, residue, words, counts = call(*packed, num_rounds=np.int64(num_rounds), **sizes)
        return log_weights, residue, words, counts

    return packed_rounds(game, dynamics, tables, run_packed)


@functools.cache
def _build_problem() -> str | None:
    """Build, load and register the kernel; returns what went wrong, or None."""
    if os.environ.get("STACKJAX_NATIVE", "1") == "0":
        return "STACKJAX_NATIVE=0 turns it off"
    compiler = shutil.which(os.environ.get("CXX", "c++")) or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        return "no C++ compiler (c++, g++, clang++ or $CXX) was found"
    try:
        library = ctypes.CDLL(str(_built(compiler)))
        jax.ffi.register_ffi_target(TARGET, jax.ffi.pycapsule(library.stackjax_hedge), platform="cpu")
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().splitlines()
        return f"{compiler} could not build it: {said[-1] if said else error}"
    except Exception as error:  # whatever it is, the scan still works, and whoever asks for the kernel is told
        return f"{compiler} could not build it: {error}"
    return None


def _built(compiler: str) -> pathlib.Path:
    """The compiled library, from the cache if it is there; the name tells everything it depends on."""
    flags = ["-std=c++17", "-O3", "-ffp-contract=fast", "-fno-math-errno", "-shared", "-fPIC", "-w"]
    if platform.machine().lower() in ("x86_64", "amd64"):
        flags += ["-march=native", "-mprefer-vector-width=512"]
    identity = [SOURCE.read_text(), jax.__version__, compiler, *flags, _processor()]
    name = f"hedge-{hashlib.sha256(chr(0).join(identity).encode()).hexdigest()[:16]}.so"
    try:
        folder = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "stackjax"
        folder.mkdir(parents=True, exist_ok=True)
        usable = os.access(folder, os.W_OK)
    except (OSError, RuntimeError):  # RuntimeError: nobody's home
        usable = False
    if not usable:
        folder = pathlib.Path(_process_folder().name)
    library = folder / name
    if not library.exists():
        with tempfile.TemporaryDirectory(dir=folder) as workshop:  # built aside and moved, so that nobody loads half of it
            fresh = pathlib.Path(workshop) / name
            command = [compiler, *flags, f"-I{jax.ffi.include_dir()}", str(SOURCE), "-o", str(fresh)]
            subprocess.run(command, check=True, capture_output=True, timeout=300)
            fresh.replace(library)
    return library


@functools.cache
def _process_folder() -> tempfile.TemporaryDirectory:
    """For this process alone, where the cache cannot be written; it goes when the process ends."""
    return tempfile.TemporaryDirectory(prefix="stackjax-")


def _processor() -> str:
    """What ``-march=native`` depends on, as far as this system tells: caches may be shared by unlike machines."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return "".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))
