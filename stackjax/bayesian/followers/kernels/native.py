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
import warnings

import jax
import jaxlib
import numpy as np

from stackjax.bayesian.followers.base import FollowerDynamics
from stackjax.bayesian.followers.kernels.build import CompilerError, build, is_whole, seal_of
from stackjax.bayesian.followers.kernels.packing import Packed, Rounds, packed_rounds, why_not_fused
from stackjax.bayesian.games.induced import InducedGame
from stackjax.cache import cache_folder, processor
from stackjax.sharing import num_devices, shared_kernel
from stackjax.types import Array

__all__ = ["native_rounds", "why_not_native"]

SOURCE, HEADER = (pathlib.Path(__file__).with_name(name) for name in ("hedge_cpu.cc", "lanes.h"))
TARGET = "stackjax_hedge"
MOST_FOLLOWERS, MOST_ACTIONS, MOST_TYPE_PROFILES, MOST_ROWS = 16, 64, 1024, 1 << 18  # as the source's arrays allow


def why_not_native(game: InducedGame, dynamics: FollowerDynamics) -> str | None:
    """Why the CPU kernel cannot run these rounds, in words, or None if it can. Builds it if need be."""
    problem = why_not_fused(dynamics)
    if problem is not None:
        return problem
    if jax.default_backend() != "cpu":
        return f"it is for CPUs, and JAX's default backend is {jax.default_backend()}"
    if num_devices() > 1 and not jaxlib.__version__.startswith("0.10."):
        return "later versions of XLA than 0.10 crash when they compile it for devices that share episodes"
    rows = game.num_followers * math.prod(game.table_shape)
    profiles = math.prod(game.num_types)
    if game.num_followers > MOST_FOLLOWERS or max(game.num_actions) > MOST_ACTIONS:
        return f"it takes at most {MOST_FOLLOWERS} followers and {MOST_ACTIONS} actions"
    if profiles > MOST_TYPE_PROFILES or rows > MOST_ROWS or profiles * max(game.num_types) >= 1 << 16:
        return f"it takes at most {MOST_TYPE_PROFILES} type profiles and {MOST_ROWS} payoffs a game"
    return _build_problem()


def native_rounds(game: InducedGame, dynamics: FollowerDynamics, tables: tuple[Array, ...]) -> Rounds:
    """Rounds by the CPU kernel; see `packed_rounds`."""
    sizes = {"num_types": np.array(game.num_types, np.int64), "num_actions": np.array(game.num_actions, np.int64)}

    def run_packed(packed: Packed, num_rounds: int) -> tuple[Array, Array, Array, Array]:
        def call(*packed: Array) -> tuple[Array, Array, Array, Array]:
            results = [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in packed[:4]]
            kernel = jax.ffi.ffi_call(TARGET, results, vmap_method="broadcast_all")
            log_weights, residue, words, counts = kernel(*packed, num_rounds=np.int64(num_rounds), **sizes)
            return log_weights, residue, words, counts

        return shared_kernel(call, packed.words.shape[1])(*packed)

    return packed_rounds(game, dynamics, tables, run_packed)


@functools.cache
def _build_problem() -> str | None:
    """Build, load and register the kernel; returns what went wrong, or None. Warns if the slower scan has to take over."""
    if os.environ.get("STACKJAX_NATIVE", "1") == "0":
        return "STACKJAX_NATIVE=0 turns it off"
    problem = None
    compiler = shutil.which(os.environ.get("CXX", "c++")) or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        problem = "no C++ compiler (c++, g++, clang++ or $CXX) was found"
    else:
        try:
            library = _loaded(compiler)
            jax.ffi.register_ffi_target(TARGET, jax.ffi.pycapsule(library.stackjax_hedge), platform="cpu")
        except (CompilerError, OSError, AttributeError, RuntimeError, subprocess.SubprocessError) as error:
            problem = f"{compiler} could not build it: {error}"
    if problem is not None:
        message = f"followers learn in a scan, 6 to 27 times slower than in the CPU kernel: {problem}"
        warnings.warn(message, RuntimeWarning, stacklevel=2)
    return problem


def _loaded(compiler: str) -> ctypes.CDLL:
    """The library, from the cache or built; one that is not as it was built, or does not load, is built once more."""
    library = cache_folder() / _name(compiler)
    for is_last in (False, True):
        if not is_whole(library):
            build(library, [compiler, *_flags(), f"-I{jax.ffi.include_dir()}", str(SOURCE)])
        try:
            return ctypes.CDLL(str(library))
        except OSError:
            if is_last:
                raise
            seal_of(library).unlink(missing_ok=True)
    raise AssertionError


def _flags() -> list[str]:
    flags = ["-std=c++17", "-O3", "-ffp-contract=fast", "-fno-math-errno", "-shared", "-fPIC", "-w"]
    if platform.machine().lower() in ("x86_64", "amd64"):
        flags += ["-march=native", "-mprefer-vector-width=512"]
    return flags


def _name(compiler: str) -> str:
    """A name that tells everything the library depends on, so that one built for something else is never loaded."""
    version = subprocess.run([compiler, "--version"], check=True, capture_output=True, timeout=20).stdout.decode(
        errors="replace"
    )
    libc = " ".join(platform.libc_ver())
    sources = SOURCE.read_text(encoding="utf-8"), HEADER.read_text(encoding="utf-8")
    identity = [*sources, jax.__version__, jaxlib.__version__, compiler, version, libc, *_flags(), processor()]
    return f"hedge-{hashlib.sha256(chr(0).join(identity).encode()).hexdigest()[:16]}.so"
