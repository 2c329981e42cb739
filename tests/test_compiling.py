"""What is asked of XLA, and random numbers that are drawn in a row because that compiles sooner."""

from types import SimpleNamespace

import jax
import jaxlib
import numpy as np
import pytest

import stackjax as sx
from stackjax.arrays import drawn
from stackjax.compiler import compiler_options
from stackjax.compute import programs
from stackjax.reports.display import LiveProgress
from stackjax.solvers import direct
from stackjax.solvers.elite import judged_once
from stackjax.solvers.registry import solver_entry
from stackjax.specs.run import RunSpec
from stackjax.specs.sources import GivenGame

LEVEL = "xla_backend_optimization_level"


def test_the_user_has_the_last_word_on_what_runs_for_long(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "")
    assert compiler_options(runs_once=False) == {LEVEL: "2"}
    assert compiler_options(runs_once=True)[LEVEL] == "0"
    monkeypatch.setenv("XLA_FLAGS", f"--{LEVEL}=3")
    assert compiler_options(runs_once=False) == {}
    assert compiler_options(runs_once=True)[LEVEL] == "0"
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert compiler_options(runs_once=True) == compiler_options(runs_once=False) == {}


@pytest.mark.parametrize(("solver", "light"), [("direct", {"advance", "score", "evaluate"}), ("ppo", {"score", "evaluate"})])
def test_fusion_emitters_are_left_out_where_a_kernel_does_the_work_and_no_network_learns(monkeypatch, solver, light):
    spec = RunSpec(GivenGame.of(sx.make("posted-price-pi")), {}, {}, solver_entry(solver).config())
    problem, asked = spec.build_problem(), {}
    monkeypatch.setattr(programs, "compiler_options", lambda **options: asked.update(options))
    found = set()
    for name in ("advance", "score", "evaluate"):
        programs._compiled(name, SimpleNamespace(compile=lambda compiler_options: None), spec.work(problem))
        found |= {name} if asked["is_light"] else set()
    assert found == (light if problem.kernel == "native" else set())
    if jax.default_backend() == "cpu" and jaxlib.__version__.startswith("0.10."):
        monkeypatch.setenv("XLA_FLAGS", "")
        assert compiler_options(runs_once=False, is_light=True) == {LEVEL: "2", "xla_cpu_use_fusion_emitters": False}


@pytest.mark.parametrize(
    ("game", "solver", "has_network"),
    [
        *(
            ("iterated", "ppo", True),
            ("maintain", "ppo", True),
            *(pytest.param("copies", solver, True, marks=pytest.mark.long) for solver in ("policy", "es")),
        ),
        *(("maintain-randomized", "direct", False), ("maintain", "direct", False), ("maintain", "search", False)),
    ],
)
def test_solvers_say_whether_networks_learn(game, solver, has_network):
    spec = RunSpec(GivenGame.of(sx.make(game)), {}, {}, solver_entry(solver).config())
    assert spec.build_solver(spec.build_problem()).has_network == has_network


def test_what_a_sweep_leaves_as_it_was_is_not_made_again():
    spec = RunSpec(GivenGame.of(sx.make("maintain")), {}, {}, sx.PPOConfig())
    problem = spec.build_problem()
    assert spec.problem_with(problem, {"ppo.learning_rate": 0.1}) is problem
    other = spec.problem_with(problem, {"followers.step_size": 0.3})
    assert (other.env.dynamics.fused.step_size, problem.env.dynamics.fused.step_size) == (0.3, 0.1)
    assert other.env.tree is problem.env.tree


@pytest.mark.parametrize("draw", [jax.random.uniform, jax.random.normal, jax.random.exponential])
def test_numbers_drawn_in_a_row_are_the_same(draw):
    key, shape = jax.random.key(3), (4, 3, 5)
    np.testing.assert_allclose(drawn(draw, key, shape), draw(key, shape), rtol=1e-6)


@pytest.mark.long
def test_an_update_is_traced_once_for_all_programs_of_a_run(monkeypatch):
    traced, told = [], []
    monkeypatch.setattr(direct, "judged_once", lambda *given: traced.append(1) or judged_once(*given))
    monkeypatch.setattr(LiveProgress, "stage", lambda self, words: told.append(words))
    run = sx.train("maintain-randomized", seeds=2, progress=False)
    assert len(traced) == 1
    assert told[0] == "preparing the game"
    assert told[-1] == "compiled 4 of 4 programs"
    assert list(run.result["timings"]) == ["imports", "tracing", "lowering", "compiling", "work", "pages"]
    assert min(run.result["timings"].values()) > 0
