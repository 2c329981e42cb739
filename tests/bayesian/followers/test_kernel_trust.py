"""The kernel's cache and entry trust nothing that they were not themselves sure of, and what they refuse is said in words."""

import hashlib
import os
import pathlib
import subprocess
import sys

import jax
import jax.numpy as jnp
import pytest

import stackjax as sx
from stackjax import cache
from stackjax.bayesian.followers import equilibrate as equilibrate_module
from stackjax.bayesian.followers.equilibrate import kernel_for
from stackjax.bayesian.followers.kernels import build, native
from tests.bayesian.followers.test_kernels import batch_of_games, call_kernel

GAME = batch_of_games((2, 2), (2, 2), batch=3)


@pytest.mark.long
def test_a_seal_that_is_no_text_is_a_broken_seal(own_cache):
    compiler = native.shutil.which("c++")
    library = cache.cache_folder() / native._name(compiler)
    library.write_bytes(b"no library")
    library.with_suffix(".sha256").write_bytes(b"\xff\xfe")
    assert native._loaded(compiler).stackjax_hedge
    assert library.read_bytes().startswith(b"\x7fELF")


def test_a_slow_compiler_is_waited_for_once(own_cache, monkeypatch, tmp_path):
    """It goes on in the background; a run that starts meanwhile does not wait, and one that comes after it has the kernel."""
    compiler, real = tmp_path / "slow", native.shutil.which("c++")
    lines = f'[ "$1" = --version ] || while [ ! -e {tmp_path}/go ]; do sleep 0.05; done', f'exec {real} -O0 "$@"'
    compiler.write_text("\n".join(["#!/bin/sh", *lines]), encoding="utf-8")
    compiler.chmod(0o755)
    monkeypatch.setattr(build, "PATIENCE", 1.0)
    monkeypatch.setattr(native, "_flags", lambda: ["-std=c++17", "-shared", "-fPIC", "-w"])
    for _ in range(2):
        with pytest.raises(build.CompilerError, match="goes on in the background"):
            native._loaded(str(compiler))
    (tmp_path / "go").touch()
    monkeypatch.setattr(build, "PATIENCE", 60.0)
    assert native._loaded(str(compiler)).stackjax_hedge


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_what_others_could_put_into_the_cache_is_not_loaded(own_cache, mode):
    """Its seal proves nothing: whoever could write the library could write the seal."""
    compiler = native.shutil.which("c++")
    own_cache.mkdir()
    library = own_cache / native._name(compiler)
    library.write_bytes(b"planted")
    library.with_suffix(".sha256").write_text(hashlib.sha256(b"planted").hexdigest(), encoding="utf-8")
    program = own_cache / "programs-0" / "jit_advance-cache"
    program.parent.mkdir()
    program.write_bytes(b"planted")
    own_cache.chmod(mode)
    assert cache.cache_folder() == own_cache
    assert own_cache.stat().st_mode & 0o777 == 0o700
    assert not library.exists()
    assert not program.exists()
    library.write_bytes(b"our own")
    cache.cache_folder()
    assert library.exists()


def test_a_folder_where_a_library_should_be_is_not_used(own_cache):
    (own_cache / "hedge-0.so").mkdir(parents=True)
    own_cache.chmod(0o777)
    assert cache.cache_folder() == pathlib.Path(cache._process_folder().name)


def test_a_name_tells_the_version_of_the_ffi_headers(monkeypatch):
    """They come with jaxlib, which may be newer than jax."""
    compiler = native.shutil.which("c++")
    before = native._name(compiler)
    monkeypatch.setattr("jaxlib.__version__", "0.0.1")
    assert native._name(compiler) != before


def test_the_kernel_refuses_types_that_its_division_gets_wrong():
    """From 2^16 on, (type profiles) * (types of one follower) has types of -1, and would read and write out of bounds."""
    assert native._build_problem() is None
    with pytest.raises(jax.errors.JaxRuntimeError, match="below 2\\^16"):
        call_kernel((1024,), (2,), logs=(2048, 5), residue=(2048, 5), payoffs=(2048, 5), bounds=(1024, 1))
    call_kernel((1, 255), (2, 2), logs=(512, 5), residue=(512, 5), payoffs=(2040, 5), bounds=(255, 1))


TRANSFORMS = {
    "grad": jax.grad,
    "jit of grad": lambda share: jax.jit(jax.grad(share)),
    "vmap of grad": lambda share: lambda step: jax.vmap(jax.grad(share))(jnp.stack([step, 2 * step])),
    "jvp": lambda share: lambda step: jax.jvp(share, (step,), (step,)),
}


@pytest.mark.parametrize("kernel", ["auto", "native"])
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_the_fused_kernel_is_not_differentiated(kernel, transform):
    def share(step):
        response = sx.followers.equilibrate(
            jax.random.key(0), GAME, sx.followers.multiplicative_weights(step), 3, kernel=kernel
        )
        return response.strategies[0][0, 0].sum()

    with pytest.raises(sx.InputError, match="cannot be differentiated; take kernel='scan'"):
        TRANSFORMS[transform](share)(jnp.float32(0.1))


@pytest.mark.parametrize(
    ("environment", "rule", "expected"),
    [
        ({}, sx.followers.multiplicative_weights(), "native"),
        ({}, sx.followers.exp3(), "scan"),
        ({"STACKJAX_NATIVE": "0"}, sx.followers.multiplicative_weights(), "scan"),
        pytest.param(
            {"PATH": "", "CXX": "nothing"},
            sx.followers.multiplicative_weights(),
            "scan",
            marks=pytest.mark.filterwarnings("ignore:followers learn in a scan:RuntimeWarning"),
        ),
    ],
)
def test_the_kernel_that_is_told_is_the_one_that_runs(request, monkeypatch, environment, rule, expected):
    if environment:
        request.getfixturevalue("own_cache")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    ran = []
    monkeypatch.setattr(equilibrate_module, "native_rounds", lambda *a: ran.append("native") or native.native_rounds(*a))
    kernel, reason = kernel_for(GAME, rule)
    sx.followers.equilibrate(jax.random.key(0), GAME, rule, 2)
    assert (kernel, ran) == (expected, ["native"] * (expected == "native"))
    assert (reason is None) == (expected == "native")


@pytest.mark.parametrize(("said", "is_kept"), [({}, True), ({"JAX_ENABLE_COMPILATION_CACHE": "0"}, False)])
def test_compiled_programs_are_kept_in_the_users_folder_unless_told_otherwise(said, is_kept, tmp_path):
    code = (
        "import jax\nfrom stackjax import cache\ncache.SHORTEST = 0.0\ncache.keep_compiled_programs()\n"
        "print(jax.jit(lambda x: x * 2 + 1)(3.0))"
    )
    environment = {
        key: value for key, value in os.environ.items() if "COMPILATION_CACHE" not in key and "PERSISTENT" not in key
    }
    environment |= {"XDG_CACHE_HOME": str(tmp_path), **said}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    kept = set(tmp_path.glob("stackjax/programs-*/*-cache"))
    assert bool(kept) == is_kept
    if is_kept:  # a process that is killed leaves a half, next to which JAX would keep nothing more
        next(tmp_path.glob("stackjax/programs-*/*-atime")).unlink()
        other = code.replace("+ 1", "- 1")
        subprocess.run([sys.executable, "-c", other], env=environment, check=True)
        after = set(tmp_path.glob("stackjax/programs-*/*-cache"))
        assert after - kept
        assert kept - after
