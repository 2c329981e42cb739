"""A run ends once every seed has reached an optimum that is known, says so, and goes on and is evaluated like any other."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.bayesian.equilibrium.optimum import solve
from stackjax.compute.conclusion import enough
from stackjax.compute.programs import Reached
from stackjax.disk.files import to_json
from stackjax.problem import Optimum, Solver
from stackjax.reports.display import rising_in_words
from stackjax.reports.results import updates_of
from stackjax.specs.run import RunSpec
from stackjax.specs.sources import find_game
from tests.runs.commands import metrics_of, result_of, run

MANY = ["--game.num-messages", 2, "--search.num-updates", 40, "--search.population", 16, "--pomdp.num-rounds", 50, "--seeds", 2]


def test_a_run_stops_at_the_optimum(tmp_path, capsys):
    out, command = tmp_path / "run", ["train", "allocation", *MANY]
    assert run(*command, "--out", out) == 0
    assert "of 40: every seed has reached the optimum" in capsys.readouterr().out
    result = result_of(out)
    done = result["updates"]["done"]
    assert done < result["updates"]["asked"] == 40
    assert [seed["optimality_gap"] for seed in result["seeds"]] == pytest.approx([0.0, 0.0], abs=1e-6)
    assert [seed["leader_decisions"] for seed in result["seeds"]] == [None, None]  # search does not count them
    assert [seed["learned"] for seed in result["seeds"]] == [None, None]  # nothing is left to polish
    assert {row["update"] for row in metrics_of(out)} <= set(range(done + 1))
    assert "every seed has reached the optimum" in (out / "report.html").read_text(encoding="utf-8")
    assert run("evaluate", out) == 0
    assert result_of(out) == result

    (out / "result.json").unlink()  # as if killed before it was written
    assert run(*command, "--out", out, "--resume") == 0
    assert result_of(out) == result
    assert run(*command, "--no-stop-at-optimum", "--out", out, "--resume") == 2
    assert "stop_at_optimum (was True, now False)" in capsys.readouterr().err


@pytest.mark.long
def test_without_a_known_optimum_or_when_told_so_it_goes_on(tmp_path):
    assert run("train", "allocation", *MANY, "--no-stop-at-optimum", "--out", tmp_path / "whole") == 0
    assert result_of(tmp_path / "whole")["updates"]["done"] == 40
    settings = sx.SearchConfig(num_updates=8, population=16)
    found = sx.train("iterated", search=settings, followers=sx.markov.MarkovFollowers("softmax"), seeds=1, progress=False)
    assert found.best.optimum is None
    assert found.result["updates"]["done"] == 8


SPEC = RunSpec(find_game("maintain"), {}, {}, sx.DirectConfig())
LP, BOUND = Optimum(20.0, "lp"), Optimum(30.0, "upper-bound")


@pytest.mark.parametrize(
    ("payoffs", "gaps", "rose_at", "update", "optimum", "expected"),
    [
        ([20.0, 20.0], [0.0, 0.0], [10, 10], 10, LP, "optimum"),
        ([20.0, 19.9], [0.0, 0.0], [10, 10], 20, LP, ""),  # one seed is not there yet
        ([20.0, 20.0], [0.0, 9.0], [10, 10], 20, LP, ""),  # one seed's followers have not settled
        ([20.0, 19.9], [0.0, 0.0], [10, 10], 300, LP, ""),  # it is known that there is more
        ([20.0, 19.9], [0.0, 0.0], [10, 30], 230, None, "flat"),
        ([20.0, 19.9], [0.0, 0.0], [10, 31], 230, None, ""),
        ([20.0, 19.9], [0.0, 0.0], [10, 30], 230, BOUND, "flat"),
    ],
)
def test_why_a_run_stops(payoffs, gaps, rose_at, update, optimum, expected):
    problem = SPEC.build_problem()
    reached, solver = Reached(*map(np.array, (payoffs, gaps, rose_at))), Solver(None, None, None)
    assert enough(SPEC, problem, solver, [optimum] * 2)(reached, update) == expected
    assert enough(replace(SPEC, stop_at_optimum=False), problem, solver, [optimum] * 2)(reached, update) == ""
    if expected == "flat":
        assert enough(replace(SPEC, patience=0), problem, solver, [optimum] * 2)(reached, update) == ""


def test_a_run_of_before_there_was_patience_is_read(tmp_path):
    content = SPEC.to_dict(SPEC.build_problem())
    assert content.pop("patience") == 200
    (tmp_path / "config.json").write_text(to_json(content), encoding="utf-8")
    assert RunSpec.from_file(tmp_path / "config.json").patience == 0


def test_what_was_all_tried_is_over():
    reached, solver = Reached(*np.zeros((3, 2))), Solver(None, None, None, tries_all=10)
    why = enough(SPEC, SPEC.build_problem(), solver, [None] * 2)
    assert [why(reached, update) for update in (9, 10)] == ["", "tried"]


FLAT = ["--game.randomized", "--game.horizon", 2, "--followers.kind", "softmax", "--solver", "direct", "--seeds", 2]


@pytest.mark.long
def test_a_run_that_finds_no_better_stops(tmp_path, capsys):
    """What a follower that errs leaves to be had is not known; it is found soon."""
    command = ["train", "iterated", *FLAT, "--direct.population", 32, "--patience", 20]
    assert run(*command, "--out", tmp_path / "run") == 0
    result = result_of(tmp_path / "run")
    assert result["updates"]["stopped"] == "flat"
    assert result["updates"]["done"] < 400
    assert "no seed has found better for 20 updates (--patience 0 goes on)" in " ".join(capsys.readouterr().out.split())
    assert "--patience 20" in result["command"]
    assert run("evaluate", tmp_path / "run") == 0
    assert result_of(tmp_path / "run")["updates"] == result["updates"]


def test_a_run_that_still_rises_says_so():
    result = {"solver": "ppo", "updates": updates_of(SPEC, 400, 400, "", np.array([361, 20])), "seeds": []}
    result["seeds"] = [{"seed": seed, "optimality_gap": None} for seed in (0, 1)]
    assert "Still rising: seed 0 was better in the last tenth" in rising_in_words(result)
    assert "--ppo.num-updates 800" in rising_in_words(result)
    result["seeds"][0]["optimality_gap"] = 0.0
    assert rising_in_words(result) == ""
    assert updates_of(SPEC, 400, 100, "flat", np.array([99, 98]))["still_rising"] == []
    assert updates_of(replace(SPEC, solver=sx.OwnConfig()), 400, 400, "", np.array([399, 20]))["still_rising"] == []


def taxes(seed):
    """64 taxes, which the leader is paid for by a sum, and by how many of two followers, with types, come."""
    rng = np.random.default_rng(seed)
    worth = jnp.asarray(rng.random((2, 2, 64)), jnp.float32)  # [follower, type, tax]
    paid = jnp.asarray(rng.random(64), jnp.float32)

    class Taxes(sx.OneShotGame):
        name, type_prior, num_actions = "taxes", np.full((2, 2), 0.25), (2, 2)
        leader_actions, leader_payoff_range = sx.Discrete(64), (0.0, 2.0)

        def observation(self, actions):
            return jnp.ones(1)

        def outcome_payoffs(self, types, actions, leader_action):
            comes = actions.astype(jnp.float32)
            own = jnp.stack([comes[i] * (worth[i, types[i], leader_action] - 0.5) for i in range(2)])
            return jnp.concatenate([comes.sum(keepdims=True) * paid[leader_action], own])

    return Taxes()


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.long), pytest.param(2, marks=pytest.mark.long)])
def test_few_commitments_are_all_tried(seed):
    """Beside the enumeration against exact replies; nobody told the run what the optimum is."""
    game = taxes(seed)
    best = solve(game)
    found = sx.train(game, seeds=2, solver="direct", progress=False)
    assert found.result["updates"]["done"] == 10
    assert [one.certificate.leader_payoff for one in found.seeds] == pytest.approx([best.value] * 2, abs=1e-5)
