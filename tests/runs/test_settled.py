"""The best commitment of a run is one against which followers settle, if there is any."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.bayesian.problem import BayesianProblem
from stackjax.compute.state import score_run, start_run
from stackjax.problem import Judged, Problem, Solver
from stackjax.reports.display import best_seed, unsettled_in_words
from stackjax.specs.run import RunSpec
from stackjax.specs.sources import find_game
from stackjax.work import Work
from tests.runs.commands import PLAIN, result_of, run

# The row player of rock-paper-scissors is a follower who never settles; row 1 is worth less to the leader, and settles.
CYCLE = np.array([[0, 1, -1], [-1, 0, 1], [1, -1, 0]])
PRISON = np.array([[2, 0, 0], [3, 1, 1], [3, 1, 1]])


def game():
    """Row 0 leaves the followers a cycle and pays the leader 1 wherever they are; row 1 a dominant action, and 0.5."""
    row_0 = np.stack([np.ones((3, 3)), CYCLE, -CYCLE], axis=-1)
    row_1 = np.stack([np.full((3, 3), 0.5), PRISON, PRISON.T], axis=-1)
    return sx.matrix_game(np.stack([row_0, row_1]), name="cycle")


def scored(env, order, settled_share):
    """What is kept after scoring commitments to the rows of ``order``, one after another."""
    return scores(BayesianProblem(env, settled_share=settled_share), order)[0]


def scores(problem, order):
    """The best commitment after all of ``order``, and what each score tells."""
    nothing = {"episodes": jnp.zeros(()), "total_return": jnp.zeros(()), "is_finite": jnp.bool_(True)}
    solver = Solver(
        lambda key: jnp.zeros(1, jnp.int32), lambda row: (row, nothing), lambda row: row
    )  # settles on what it is told
    work = Work(problem, solver, 1)
    state = start_run(work, jnp.int32(0))
    score, seen = jax.jit(lambda state: score_run(work, state, jnp.int32(0))), []
    for update, row in enumerate(order):
        state, logged = score(state._replace(solver=jnp.full(1, row, jnp.int32), update=jnp.int32(update)))
        seen.append(logged)
    return state.best, seen


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 1, 0)])
def test_a_settled_commitment_is_kept_whatever_pays_more(order):
    env = sx.StackelbergPOMDP(game(), num_rounds=200)
    best = scored(env, order, settled_share=0.01)
    assert (float(best.leader_payoff), bool(best.is_settled)) == (0.5, True)
    anything = scored(env, order, settled_share=5.0)
    assert float(anything.leader_payoff) == 1.0


def test_without_any_the_highest_payoff_is_kept_and_said_to_be_unsettled():
    env = sx.StackelbergPOMDP(game(), num_rounds=200)
    best = scored(env, (0, 0), settled_share=0.01)
    assert (float(best.leader_payoff), bool(best.is_settled)) == (1.0, False)
    assert best.gap > 0.1


def test_payoffs_of_draws_count_by_the_lower_ends_of_their_intervals():
    """Commitment k pays 1 + k, give or take twice as much: the first is the surest, and the one that is kept."""

    class Drawn(NamedTuple):
        half_width: jax.Array

    class Draws(Problem):
        worth = optimum = describe = evaluation_method = None  # not asked for
        payoff_range, settled_gap = (-9.0, 9.0), 0.1

        def judge(self, key, commitment, num_groups):
            payoff = 1.0 + commitment[0].astype(jnp.float32)
            return Judged(payoff, jnp.float32(0.0), Drawn(2.0 * payoff))

    best, seen = scores(Draws(), (2, 0, 1))
    assert int(best.commitment[0]) == 0
    assert float(best.leader_payoff) == -1.0
    assert [(float(each.payoff), float(each.half_width)) for each in seen] == [(3.0, 6.0), (1.0, 2.0), (2.0, 4.0)]
    assert [float(each.best_payoff) for each in seen] == [-3.0, -1.0, -1.0]


@pytest.mark.long
def test_the_table_says_what_has_not_settled(tmp_path, capsys):
    path = tmp_path / "cycle.json"
    path.write_text('{"payoffs": ' + str(game().payoff_table[:1].tolist()) + "}", encoding="utf-8")
    assert run("train", path, *PLAIN, "--out", tmp_path / "run") == 0
    printed = capsys.readouterr().out
    assert "(not settled)" in printed
    assert "Not settled: the gap is above 0.04" in printed
    assert "Not settled" in (tmp_path / "run/report.html").read_text(encoding="utf-8")
    result = result_of(tmp_path / "run")
    assert not any(seed["settled"] for seed in result["seeds"])
    assert unsettled_in_words(result)


def test_a_payoff_scale_of_numpy_is_a_number_in_the_result():
    spec = RunSpec(find_game("bertrand-platform"), {}, {}, sx.PPOConfig())
    limit = spec.build_problem().settled_gap
    assert type(limit) is float
    assert type(limit >= 0.0) is bool  # which JSON can hold


def test_the_best_seed_is_a_settled_one():
    seeds = [
        {"seed": 0, "settled": False, "leader_payoff": 1.0, "bcce_gap": 0.5},
        {"seed": 1, "settled": True, "leader_payoff": 0.2, "bcce_gap": 0.0},
        {"seed": 2, "settled": True, "leader_payoff": 0.3, "bcce_gap": 0.01},
    ]
    assert best_seed({"seeds": seeds, "gap_name": "bcce_gap"})["seed"] == 2
    assert best_seed({"seeds": seeds[:1], "gap_name": "bcce_gap"})["seed"] == 0
    wide = [seeds[1], {**seeds[2], "half_width": 0.2}]  # 0.1 to 0.5
    assert best_seed({"seeds": wide, "gap_name": "bcce_gap"})["seed"] == 1
