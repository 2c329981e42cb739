"""Persuasion as a problem: worth against fractions, the linear programme against what solvers find, ties, and mistakes."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stackjax as sx
from stackjax.claims import verified
from stackjax.errors import InputError
from stackjax.menus.persuasion import Persuasion, best_signals
from stackjax.menus.persuasion_game import TEXTBOOK, PersuasionGame, persuasion
from stackjax.menus.persuasion_problem import PersuasionProblem
from tests.oracles import persuasion as oracle
from tests.runs.commands import result_of, run
from tests.siblings import first

KEY = jax.random.key(0)
SMALL = {"progress": False, "polish": 0, "seeds": 2}
QUICK = ["--direct.num-updates", 40, "--direct.population", 64, "--seeds", 2]


def random_problem(draw, states=3, actions=3, signals=None):
    return PersuasionProblem(persuasion("random", states, actions, draw=draw, num_signals=signals))


def whole_problem(draw):
    """Payoffs are small whole numbers, so that everything ties; chances of states are quarters and eighths."""
    rng = np.random.default_rng(draw)
    states, actions = (int(number) for number in rng.integers(1, 4, 2))
    prior = {1: [1.0], 2: [0.25, 0.75], 3: [0.25, 0.125, 0.625]}[states]
    whole = lambda *shape: rng.integers(-1, 2, shape).astype(float)
    return PersuasionProblem(PersuasionGame(Persuasion(np.array(prior), whole(1, states, actions), whole(states, actions))))


def described(problem, commitment):
    judged = jax.tree.map(lambda leaf: leaf[None], problem.judge(KEY, jnp.asarray(commitment), 8))
    return problem.describe(judged, np.asarray(commitment)[None], ["it"])[0]


def by_hand(problem, commitment):
    own = problem.game.problem
    return oracle.payoffs(own.prior, own.senders[0], own.receiver, commitment)


@settings(max_examples=25, deadline=None)
@given(draw=st.integers(0, 10_000))
def test_what_signals_come_to_is_what_they_do_in_fractions(draw):
    problem = random_problem(draw, states=4, signals=2)
    commitments = np.asarray(problem.commitments.draw(jax.random.key(draw), 3))
    found = problem.worth(KEY, jnp.asarray(commitments))
    own = problem.game.problem
    for k, commitment in enumerate(commitments):
        best, worst, receiver = by_hand(problem, commitment)
        words = described(problem, commitment)
        assert words["leader_payoff"] == pytest.approx(best, abs=1e-12)
        assert words["weak_payoff"] == pytest.approx(worst, abs=1e-12)
        assert words["follower_payoffs"] == pytest.approx([receiver], abs=1e-12)
        if float(found.risk[k]) == 0.0:  # else float32 does not tell what the receiver does
            assert float(found.payoff[k]) == pytest.approx(best, abs=2e-6)
            tied = oracle.answers(own.prior, own.receiver, commitment)
            assert all(int(act) in acts for act, acts in zip(found.answer[k], tied, strict=True))


def test_ties_go_to_the_sender_and_are_told_in_full():
    """Dyadic chances, which float32 holds: at one half of guilt the judge does not care."""
    game = PersuasionGame(Persuasion(np.array([0.75, 0.25]), np.array([[[0.0, 1.0]] * 2]), np.eye(2)))
    problem = PersuasionProblem(game)
    tie = np.array([[2 / 3, 1 / 3], [0.0, 1.0]])
    third = np.array([[2.0, 1.0], [0.0, 1.0]])  # weights, whose shares need no rounding
    words = described(problem, (third / 4).astype(np.float32))
    assert (words["leader_payoff"], words["weak_payoff"]) == (pytest.approx(0.5), 0.0)
    assert by_hand(problem, third)[:2] == (0.5, 0.0)
    found = problem.worth(KEY, jnp.asarray(tie[None], jnp.float32))
    assert float(found.payoff[0]) == pytest.approx(0.5, abs=1e-6)
    assert float(found.risk[0]) == pytest.approx(0.5, abs=1e-6)


def test_indifference_that_nothing_breaks_is_no_risk():
    receiver = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])  # the first two actions are one to it
    game = PersuasionGame(Persuasion(np.array([0.5, 0.5]), np.array([[[0.0, 1.0, 0.5]] * 2]), receiver))
    problem = PersuasionProblem(game)
    found = problem.worth(KEY, problem.commitments.draw(KEY, 16))
    assert (np.asarray(found.risk) == 0.0).all()
    assert not (np.asarray(found.answer) == 0).any()
    assert verified(problem, problem.optimum()).value == pytest.approx(1.0)


@pytest.mark.parametrize("draw", range(3))
def test_slopes_are_those_of_small_changes_and_slacks_say_what_is_best(draw):
    problem = random_problem(draw)
    commitment = problem.commitments.draw(jax.random.key(draw), 1)[0]
    worth = problem.worth(KEY, commitment[None])
    with jax.enable_x64(True):
        made, answer = jnp.asarray(np.asarray(commitment), jnp.float64), worth.answer[0]
        here, slopes = problem.nearby(made, answer)
        assert float(here.payoff) == pytest.approx(by_hand(problem, commitment)[0], abs=1e-9)
        assert float(here.slack.min()) >= 0.0
        other = (np.asarray(answer) + 1) % 3
        assert float(problem.nearby(made, jnp.asarray(other))[0].slack.min()) < 0.0
        for place in np.ndindex(made.shape):
            ahead, back = (problem.nearby(made.at[place].add(step), answer)[0] for step in (1e-5, -1e-5))
            assert float(slopes.payoff[place]) == pytest.approx(float(ahead.payoff - back.payoff) / 2e-5, abs=1e-7)
            np.testing.assert_allclose(slopes.slack[(slice(None), *place)], (ahead.slack - back.slack) / 2e-5, atol=1e-7)


def test_a_receiver_that_is_softened_less_and_less_ends_where_it_answers_best():
    problem = random_problem(0)
    commitments = problem.commitments.draw(KEY, 8)
    exact = problem.worth(KEY, commitments).payoff
    errors = [
        float(jnp.abs(jax.vmap(lambda made, s=s: problem.differentiable.payoff(KEY, made, s))(commitments) - exact).max())
        for s in (1e1, 1e3, 1e5)
    ]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-4


@pytest.mark.parametrize(("name", "value"), [("prosecutor", 0.6), ("letters", 2 / 3), ("investment", 0.775)])
def test_the_textbooks_values(name, value):
    problem = PersuasionProblem(persuasion(name))
    found = verified(problem, problem.optimum())
    assert (found.value, found.method) == (pytest.approx(value, abs=1e-9), "lp")
    assert described(problem, np.asarray(found.commitment, np.float32))["leader_payoff"] == pytest.approx(value, abs=1e-5)


SIZES = [(16, 6, 5), (17, 3, 3), *((draw, 2 + draw % 4, 2 + draw % 3) for draw in range(40))]  # the first two change steeply


@pytest.mark.parametrize(("draw", "states", "actions"), first(6, SIZES))
def test_the_programmes_value_is_attained_and_no_signals_earn_more(draw, states, actions):
    problem = random_problem(draw, states, actions)
    found = verified(problem, problem.optimum())
    assert found.method == "lp"
    assert found.value == pytest.approx(best_signals(problem.game.problem)[0])
    tried = np.asarray(problem.commitments.draw(jax.random.key(draw), 64))
    tried = np.where(np.random.default_rng(draw).random(tried.shape) < 0.4, 0.0, tried)  # some say for certain
    assert max(by_hand(problem, commitment)[0] for commitment in tried) <= found.value + 1e-9


@pytest.mark.parametrize("draw", first(10, range(60)))
def test_where_everything_ties_the_claim_still_holds(draw):
    problem = whole_problem(draw)
    found = verified(problem, problem.optimum())
    assert found.value == pytest.approx(best_signals(problem.game.problem)[0])
    if found.method == "lp":
        made = np.asarray(found.commitment, np.float32)
        assert described(problem, made)["leader_payoff"] == pytest.approx(found.value, abs=2e-5)
    tried = np.asarray(problem.commitments.draw(KEY, 64)).round()
    assert max(by_hand(problem, commitment)[0] for commitment in tried) <= found.value + 1e-9


def test_with_fewer_signals_than_it_takes_the_value_is_a_bound():
    aligned = Persuasion(np.full(3, 1 / 3), np.eye(3)[None], np.eye(3))
    problem = PersuasionProblem(PersuasionGame(aligned, num_signals=2))
    found = verified(problem, problem.optimum())
    assert (found.method, found.value) == ("upper-bound", pytest.approx(1.0))
    best = sx.train(PersuasionGame(aligned, num_signals=2), direct=sx.DirectConfig(num_updates=60, population=64), **SMALL).best
    assert best.certificate.leader_payoff == pytest.approx(2 / 3, abs=1e-5)


@pytest.mark.parametrize("draw", first(1, range(4)))
def test_direct_finds_what_the_programme_says(draw):
    settings = sx.DirectConfig(num_updates=150, population=128)
    seeds = sx.train("persuasion", instance="random", draw=draw, direct=settings, **SMALL).result["seeds"]
    assert max(seed["leader_payoff"] for seed in seeds) == pytest.approx(seeds[0]["optimum"], abs=2e-4)


@pytest.mark.long
@pytest.mark.parametrize("solver", [sx.GradientConfig(num_updates=300), sx.SearchConfig(), sx.PPOConfig(num_updates=60)])
def test_other_solvers_persuade_too(solver):
    name = type(solver).__name__.removesuffix("Config").lower()
    run = sx.train("persuasion", solver=name, seeds=2, progress=False, **{name: solver})
    assert run.best.certificate.leader_payoff == pytest.approx(0.6, abs=1e-3)


@pytest.mark.long
def test_persuasion_through_the_command_line(tmp_path, capsys):
    """Two games, solved, trained, judged again, reported, exported, and voted on by the one receiver."""
    for instance in ("prosecutor", "investment"):
        place = tmp_path / instance
        assert run("train", "persuasion", "--game.instance", instance, *QUICK, "--out", place) == 0
        seeds = result_of(place)["seeds"]
        for command in (["evaluate", place], ["report", place], ["export", place, tmp_path / f"{instance}.json"]):
            assert run(*command) == 0
        assert [entry["leader_payoff"] for entry in result_of(place)["seeds"]] == [entry["leader_payoff"] for entry in seeds]
        assert seeds[0]["optimum_method"] == "lp"
        assert seeds[0]["regret"] == 0.0
        capsys.readouterr()
        assert run("solve", "persuasion", "--game.instance", instance, "--json") == 0
        value = json.loads(capsys.readouterr().out)["value"]
        assert max(entry["leader_payoff"] for entry in seeds) == pytest.approx(value, abs=1e-3)
    assert run("vote", tmp_path / "prosecutor", tmp_path / "investment", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["winner"] == "prosecutor"  # the judge is right 7 times in 10, the firm gains nothing
    assert told["utilities"][0] == pytest.approx([0.7, 0.0], abs=1e-3)


def test_several_senders_are_solved_by_learning(capsys):
    assert run("solve", "persuasion", "--game.instance", "trial", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["payoffs"] == pytest.approx([0.3, 0.7], abs=1e-6)
    assert max(found["gain"]) <= 1e-6
    assert run("solve", "persuasion", "--game.instance", "trial") == 0
    told = capsys.readouterr().out
    assert "persuasion trial: signals of 2 senders, learned; by others none gains more than" in told
    assert "sender 2 has 0.7" in told


def test_a_game_of_ones_own_is_a_few_numbers(tmp_path):
    path = tmp_path / "exam.py"
    path.write_text(
        """
import numpy as np
import stackjax as sx


def exam(weak: float = 0.75) -> sx.menus.PersuasionGame:
    wishes = sx.menus.Persuasion([weak, 1 - weak], [[[0, 1], [0, 1]]], [[0, -1], [0, 1]])
    return sx.menus.PersuasionGame(wishes, "exam", ("weak", "good"), ("reject", "admit"))


sx.register("exam", exam, summary="grades students")
""",
        encoding="utf-8",
    )
    assert run("train", path, "--game.weak", 0.75, *QUICK, "--out", tmp_path / "run") == 0
    result = result_of(tmp_path / "run")
    assert (result["game"], result["family"]) == ("exam", "persuasion")
    assert max(seed["leader_payoff"] for seed in result["seeds"]) == pytest.approx(0.5, abs=1e-3)
    assert any("admit" in line for line in result["seeds"][0]["follower_play"])
    with np.load(tmp_path / "run/game.npz") as tables:
        assert tables["prior"].tolist() == [0.75, 0.25]


def test_the_textbooks_are_written_right():
    for name in TEXTBOOK:
        game = persuasion(name)
        assert game.problem.prior.sum() == pytest.approx(1.0)
        assert game.num_signals == 2
        assert len(game.problem.senders) == (2 if name == "trial" else 1)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: persuasion("judge"), "instance=judge must be one of prosecutor, letters"),
        (lambda: persuasion("letters", draw=1), "draw=1 is for instance=random; instance=letters has its own numbers"),
        (lambda: persuasion("random", num_states=0), "num_states=0 must be a whole number of at least 1"),
        (lambda: persuasion("random", num_states=65), "num_states=65 must be at most 64"),
        (lambda: persuasion("random", num_actions=17), "num_actions=17 must be at most 16"),
        (lambda: persuasion("random", num_senders=5), "num_senders=5 must be at most 4"),
        (lambda: persuasion("random", draw=-1), "draw=-1 must be a whole number of at least 0"),
        (lambda: persuasion("prosecutor", num_signals=65), "num_signals=65 must be at most 64"),
        (
            lambda: PersuasionGame(Persuasion([1.0], [[[1.0]]], [[1.0]]), states=("a", "b")),
            "must be 1 names, one for each state",
        ),
        (lambda: PersuasionGame(Persuasion([1.0], [[[1.0]]], [[1.0]]), actions=("a", "b")), "one for each action"),
        (lambda: PersuasionGame(Persuasion([0.5], [[[1.0]]], [[1.0]])), "must be at least 0 and sum to 1"),
        (lambda: PersuasionGame(None), "problem=None must be a Persuasion"),
        (lambda: PersuasionProblem(persuasion("trial")), "has 2 senders, and a leader is one of them alone"),
        (lambda: sx.train("persuasion", instance="trial"), "has 2 senders"),
    ],
)
def test_mistakes_name_what_is_allowed(make, said):
    with pytest.raises(InputError, match=said):
        make()


def test_mistakes_at_the_command_line_are_one_line(tmp_path, capsys):
    for arguments, said in [
        (["train", "persuasion", "--game.instance", "trial", "--out", tmp_path / "run"], "has 2 senders"),
        (["train", "persuasion", "--game.draw", "1", "--out", tmp_path / "run"], "--game.draw 1 is for instance=random"),
        (
            ["solve", "persuasion", "--game.instance", "random", "--game.num-senders", "4"],
            "plans of the receiver are too many to certify",
        ),
    ]:
        assert run(*arguments) == 2
        told = capsys.readouterr()
        assert said in told.err
        assert told.err.count("\n") == 1
