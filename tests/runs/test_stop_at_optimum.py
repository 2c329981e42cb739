"""A run ends once every seed has reached an optimum that is known, says so, and goes on and is evaluated like any other."""

import numpy as np
import pytest

import stackjax as sx
from stackjax.compute.conclusion import is_enough
from stackjax.problem import Optimum
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
    assert result_of(tmp_path / "whole")["updates"] == {"done": 40, "asked": 40}
    settings = sx.SearchConfig(num_updates=8, population=16)
    found = sx.train("iterated", search=settings, followers=sx.markov.MarkovFollowers("softmax"), seeds=1, progress=False)
    assert found.best.optimum is None
    assert found.result["updates"] == {"done": 8, "asked": 8}


@pytest.mark.parametrize(
    ("payoffs", "gaps", "expected"),
    [
        ([20.0, 20.0], [0.0, 0.0], True),
        ([20.0, 19.9], [0.0, 0.0], False),  # one seed is not there yet
        ([20.0, 20.0], [0.0, 9.0], False),  # one seed's followers have not settled
    ],
)
def test_all_seeds_must_be_there_and_settled(payoffs, gaps, expected):
    spec = RunSpec(find_game("maintain"), {}, {}, sx.SearchConfig())
    problem = spec.build_problem()
    assert is_enough(spec, problem, [Optimum(20.0, "lp")] * 2)(np.array(payoffs), np.array(gaps)) is expected
    assert not is_enough(spec, problem, [None] * 2)(np.array(payoffs), np.array(gaps))
