"""The last step of a run improves what was learned near it, says by how much, and is left out when there is nothing to gain."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.solvers.polish import polished
from stackjax.specs.run import RunSpec
from stackjax.specs.sources import GivenGame, find_game
from tests.runs.commands import result_of, run

SHORT = ["--search.num-updates", 1, "--search.population", 1, "--pomdp.num-rounds", 200, "--seeds", 2]


@pytest.fixture(scope="module")
def mixed():
    """A game whose optimum mixes two rows, (1/2, 1/2) for 3.5, and its problem."""
    game = sx.matrix_game([[[2, 1], [4, 0]], [[1, 0], [3, 1]]], randomized=True, name="mixed")
    return game, RunSpec(GivenGame.of(game), {}, {"pomdp": sx.POMDPConfig(num_rounds=200)}, sx.SearchConfig()).build_problem()


@pytest.mark.long
def test_a_commitment_is_improved_nearby(mixed):
    _, problem = mixed
    start = problem.commitments.draw(jax.random.key(3), 1)[0].at[0].set(jnp.array([0.3, 0.9]))
    found = jax.jit(lambda start: polished(problem, jax.random.key(0), start, 512))(start)
    judge = jax.jit(lambda one: problem.judge(jax.random.key(1), one, 8))
    before, after = judge(start), judge(found)
    assert before.payoff < 3.4
    assert after.payoff == pytest.approx(3.5, abs=1e-2)
    assert after.gap <= problem.settled_gap


@pytest.mark.long
def test_it_starts_from_the_commitment(mixed):
    """The one commitment that so few evaluations recheck, and so the one that they trust."""
    _, problem = mixed
    start = problem.commitments.draw(jax.random.key(3), 1)[0]
    np.testing.assert_array_equal(polished(problem, jax.random.key(0), start, 4), start)


@pytest.mark.long
def test_a_sweep_polishes_if_told_to(tmp_path):
    """In chunks whose memory counts it; the result of a configuration is the polished one."""
    command = ["sweep", "allocation", *SHORT, "--game.num-messages", 3, "--sweep.followers.step-size", 0.05, 0.1]
    assert run(*command, "--polish", 64, "--out", tmp_path / "sweep") == 0
    found = [json.loads(path.read_text(encoding="utf-8")) for path in (tmp_path / "sweep/chunks").glob("*/result.json")]
    entries = [entry for result in found for entry in result["elements"]]
    assert len(entries) == 4
    assert all(entry["leader_payoff"] >= entry["learned"]["leader_payoff"] for entry in entries)


@pytest.mark.long
def test_a_result_tells_what_was_learned_from_what_polishing_added(tmp_path, capsys):
    out, command = tmp_path / "run", ["train", "allocation", *SHORT, "--game.num-messages", 3]
    assert run(*command, "--polish", 512, "--out", out) == 0
    assert "Polishing changed what seed" in capsys.readouterr().out
    result = result_of(out)
    gained = [seed["leader_payoff"] - seed["learned"]["leader_payoff"] for seed in result["seeds"]]
    assert min(gained) >= 0.0 < max(gained)
    for seed in result["seeds"]:
        assert np.shape(seed["learned"]["actions"]) == np.shape(seed["commitment"]["actions"])
    assert run("evaluate", out) == 0
    assert result_of(out)["seeds"] == result["seeds"]
    capsys.readouterr()
    assert run(*command, "--polish", 0, "--out", tmp_path / "plain") == 0
    plain = result_of(tmp_path / "plain")
    assert [seed["learned"] for seed in plain["seeds"]] == [None, None]
    assert json.loads((tmp_path / "plain" / "config.json").read_text(encoding="utf-8"))["polish"] == 0
    assert json.loads((out / "config.json").read_text(encoding="utf-8"))["polish"] == 512
    assert RunSpec(find_game("allocation"), {}, {}, sx.SearchConfig()).polish == 4096
    expected = [seed["learned"]["leader_payoff"] for seed in result["seeds"]]
    assert [seed["leader_payoff"] for seed in plain["seeds"]] == pytest.approx(expected)
    assert "Polishing" not in capsys.readouterr().out


@pytest.mark.long
def test_what_polishing_finds_must_please_fresh_followers(mixed, monkeypatch):
    game, _ = mixed
    worst = lambda problem, key, commitment, num_evaluations: jnp.zeros_like(commitment).at[0, 1].set(1.0)
    monkeypatch.setattr("stackjax.compute.state.polished", worst)
    found = sx.train(game, search=sx.SearchConfig(num_updates=2, population=64), seeds=2, progress=False)
    for seed in found.result["seeds"]:
        assert seed["commitment"]["actions"] == seed["learned"]["actions"]


@pytest.mark.parametrize("value", [-1, 20_000_000])
def test_a_number_of_evaluations_that_cannot_be(tmp_path, capsys, value):
    assert run("train", "maintain", "--polish", value, "--out", tmp_path / "run") == 2
    assert f"--polish {value}" in capsys.readouterr().err
