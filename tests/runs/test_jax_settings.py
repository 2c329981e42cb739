"""JAX as people set it up: what runs can do with is honoured, what they cannot is told in a line that names the variable."""

import concurrent.futures
import multiprocessing
import re
import types

import jax
import pytest

import stackjax as sx
from stackjax.cli import jax_start
from stackjax.cli.jax_start import check_xla_flags, why_jax_fails
from stackjax.compiler import check_jax
from tests.runs.commands import PLAIN, result_of
from tests.runs.test_environments import child


def long(*values):
    return pytest.param(*values, marks=pytest.mark.long)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"JAX_PLATFORMS": "cuda"}, "JAX_PLATFORMS=cuda cannot be used: .*here there is cpu"),
        long({"JAX_PLATFORMS": "cpuu"}, "JAX_PLATFORMS=cpuu cannot be used: .*known backends"),
        ({"XLA_FLAGS": "--xla_foo=1"}, "XLA does not know --xla_foo=1"),
        long({"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=maybe"}, "XLA cannot read --xla_cpu_multi_thread_eigen=maybe"),
        long({"JAX_ENABLE_X64": "perhaps"}, "JAX_ENABLE_X64=perhaps cannot be used: "),
        long({"JAX_DEFAULT_PRNG_IMPL": "dice"}, "JAX_DEFAULT_PRNG_IMPL=dice cannot be used: "),
        long(
            {"JAX_TRANSFER_GUARD": "disallow"},
            "JAX_TRANSFER_GUARD=disallow cannot be used, as a run gives arrays to the device",
        ),
        ({"JAX_DISABLE_JIT": "1"}, "JAX_DISABLE_JIT=True cannot be used, as a run is compiled beforehand"),
        long({"JAX_DEBUG_INFS": "1"}, "JAX_DEBUG_INFS=True cannot be used, as followers' weights"),
    ],
)
def test_jax_that_cannot_start_is_told_in_a_line(tmp_path, settings, said):
    code, output, errors = child("train", "maintain", "--out", tmp_path / "run", *PLAIN, **settings)
    assert (code, output) == (2, "")
    assert errors.count("stackjax: error: ") == 1
    assert re.search(said, errors.strip().splitlines()[-1])
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("stderr", "said"),
    [("Unknown flag in XLA_FLAGS: --xla_foo=1\n", "does not know --xla_foo=1"), ("bad XLA_FLAGS", "cannot read --xla_foo=1")],
)
def test_what_xla_says_of_its_flags(monkeypatch, tmp_path, stderr, said):
    monkeypatch.setenv("XLA_FLAGS", "--xla_foo=1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    answers = [types.SimpleNamespace(returncode=code, stderr=stderr) for code in (0, 1)]
    monkeypatch.setattr(jax_start, "_python", lambda code, environment: answers.pop())
    with pytest.raises(sx.InputError, match=f"XLA_FLAGS: XLA {said}; correct it or leave it unset"):
        check_xla_flags()
    check_xla_flags()
    check_xla_flags()  # what XLA takes is remembered
    assert not answers


GUARDS = [f"jax_transfer_guard{way}" for way in ("", "_host_to_device", "_device_to_device", "_device_to_host")]
ALLOWED = {"jax_disable_jit": False, "jax_debug_infs": False, **dict.fromkeys(GUARDS)}


@pytest.mark.parametrize("name", ["jax_disable_jit", "jax_debug_infs", "jax_transfer_guard_host_to_device"])
def test_from_python_too(monkeypatch, name):
    value = "disallow" if "guard" in name else True
    monkeypatch.setattr(jax, "config", types.SimpleNamespace(**{**ALLOWED, name: value}))
    with pytest.raises(sx.InputError, match=f"{name.upper()}={value} cannot be used"):
        check_jax()


@pytest.mark.long
def test_solving_says_so_too(tmp_path):
    code, _, errors = child("solve", "maintain", JAX_TRANSFER_GUARD="disallow")
    assert code == 2
    assert errors.startswith("stackjax: error: JAX_TRANSFER_GUARD: ")
    assert "Traceback" not in errors


def test_other_errors_are_not_blamed_on_jax():
    for error in (ValueError("a"), RuntimeError("b"), AssertionError("c")):
        assert why_jax_fails(error) is None


STRICT = {
    "JAX_NUMPY_DTYPE_PROMOTION": "strict",
    "JAX_NUMPY_RANK_PROMOTION": "raise",
    "JAX_DEBUG_NANS": "1",
    "JAX_DEFAULT_PRNG_IMPL": "rbg",
    "JAX_THREEFRY_PARTITIONABLE": "0",
}


@pytest.mark.long
@pytest.mark.parametrize("settings", [STRICT, pytest.param({"JAX_CHECK_TRACER_LEAKS": "1"}, marks=pytest.mark.long)])
def test_strict_settings_are_honoured(tmp_path, settings):
    code, _, errors = child("train", "maintain", "--out", tmp_path, *PLAIN, **settings)
    assert (code, "error" in errors) == (0, False)
    assert result_of(tmp_path)["seeds"][0]["leader_payoff"] >= 5.0


def trained(seed):
    config = sx.SearchConfig(num_updates=2, population=8)
    pomdp = sx.POMDPConfig(num_rounds=20, evaluation_rounds=40)
    run = sx.train("maintain", seeds=1, seed=seed, search=config, pomdp=pomdp, polish=0, progress=False)
    return run.best.certificate.leader_payoff


@pytest.mark.long
def test_runs_in_threads_and_in_processes_that_are_spawned():
    here = [trained(seed) for seed in (0, 1)]
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        assert list(threads.map(trained, (0, 1))) == here
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, spawn) as processes:
        assert processes.submit(trained, 0).result() == here[0]
