"""What PPO's grid keeps from the best number is said."""

import pytest

import stackjax as sx
from stackjax import PPOConfig
from stackjax.bayesian.problem import BayesianProblem
from stackjax.solvers.ppo.solver import ppo_caveat
from tests.runs.commands import QUICK, run


@pytest.mark.long
def test_a_result_from_a_grid_says_so(tmp_path, capsys):
    assert run("train", "maintain-randomized", *QUICK, "--out", tmp_path / "run") == 0
    assert "Best on the grid: PPO chooses each number from 21 points" in capsys.readouterr().out
    assert "Best on the grid" in (tmp_path / "run/report.html").read_text(encoding="utf-8")


def test_a_grid_is_a_caveat_of_boxes_alone():
    problem = lambda name: BayesianProblem(sx.StackelbergPOMDP(sx.make(name), num_rounds=2))
    assert ppo_caveat(problem("maintain-randomized"), PPOConfig())
    assert ppo_caveat(problem("maintain-randomized"), PPOConfig(box_policy="gaussian")) == ""
    assert ppo_caveat(problem("maintain"), PPOConfig()) == ""
