"""Optima of the extensive family as problems claim them, as commitments are improved by them, and in words."""

import json

import numpy as np
import pytest

import stackjax as sx
from stackjax.claims import refutation, verified
from stackjax.cli import main
from stackjax.extensive import ExtensiveFollowers, ExtensiveProblem
from stackjax.extensive.games import small
from stackjax.extensive.games.kuhn import kuhn
from stackjax.extensive.games.leduc import leduc
from stackjax.extensive.optimum.solve import solve_extensive, takes_long
from stackjax.problem import Optimum
from tests.oracles.extensive import random_node

ONE_ROUND = {"rounds": 1, "values": (1.0, 3.0)}


def problem_of(game, ties="for"):
    return ExtensiveProblem(game, ExtensiveFollowers(ties=ties))


@pytest.mark.parametrize("ties", ["for", "against"])
@pytest.mark.parametrize(
    "make", [lambda: kuhn(rake=0.1), lambda: small.haggle(**ONE_ROUND), small.signalling, lambda: small.inspection(periods=3)]
)
def test_what_is_claimed_is_attained_where_a_run_judges_it(make, ties):
    problem = problem_of(make(), ties)
    claim = problem.optimum()
    assert claim.method == "lp"
    assert verified(problem, claim) == claim
    found = solve_extensive(problem.game)
    assert claim.value == (found.value if ties == "for" else found.weak_value)


def test_even_ties_have_a_bound_where_ties_matter():
    assert problem_of(small.haggle(**ONE_ROUND), "even").optimum() == Optimum(1.5, "upper-bound")
    assert problem_of(kuhn(), "even").optimum().method == "lp"


def test_a_leader_that_does_not_mix_and_one_with_several_followers():
    plain = problem_of(small.inspection(randomized=False))
    claim = plain.optimum()
    assert (claim.method, claim.commitment.shape) == ("enumeration", (plain.commitments.num_nodes,))
    assert verified(plain, claim) == claim
    unknown = ExtensiveProblem(kuhn(), ExtensiveFollowers("softmax", temperature=0.1))
    assert unknown.optimum() is None
    assert "err" in unknown.why_unknown
    assert unknown.improve is None
    assert plain.improve is None


def test_what_takes_long_is_asked_for_in_the_end():
    assert not takes_long(leduc())
    assert takes_long(leduc(rake=0.1))
    assert not takes_long(kuhn(rake=0.1))
    assert takes_long(kuhn(players=3))
    assert takes_long(leduc(randomized=False))


def matching(history):
    """The follower, who does not see, wants to differ from T and to match B; the leader wants it to go left."""
    if len(history) < 2:
        return sx.extensive.Decision(len(history), len(history), ("TB", "LR")[len(history)])
    goes_left, is_top = history[1] == "L", history[0] == "T"
    return sx.extensive.Terminal((float(is_top) if goes_left else -1.0, 9e3 + float(goes_left != is_top)))


def test_commitments_that_use_ties_to_be_above_the_optimum_refute_nothing():
    """So far from 0 float32 tells payoffs apart badly: 0.02 less is a tie, but no best reply."""
    problem = problem_of(sx.extensive.game("matching", players=("a", "b"), node=matching))
    claim = problem.optimum()
    assert claim.value == pytest.approx(0.5, abs=1e-7)
    (words,) = problem.describe(None, np.array([[[0.51, 0.49]]]), ["one"])
    assert (words["leader_payoff"], words["exploitability"]) == (pytest.approx(0.51), pytest.approx(0.02))
    assert refutation(problem, claim, [words]) is None


@pytest.mark.parametrize("ties", ["for", "against", "even"])
@pytest.mark.parametrize("seed", range(3))
def test_improved_commitments_are_never_worse(seed, ties):
    game = sx.extensive.game("random", players=("a", "b"), node=random_node(seed + 20))
    problem = problem_of(game, ties)
    rng = np.random.default_rng(seed)
    start = rng.dirichlet(np.ones(game.treeplexes[0].num_actions), game.treeplexes[0].num_sets).astype(np.float32)
    paid = lambda made: problem.certificate(None, np.asarray(made, np.float64)).leader_payoff
    better = np.asarray(problem.improve(start, 4_096), np.float32)
    assert paid(better) >= paid(start) - 1e-9
    again = np.asarray(problem.improve(better, 4_096), np.float32)
    assert paid(again) >= paid(better) - 1e-9
    if ties == "for":
        assert paid(better) >= solve_extensive(game).value - 0.2 * np.ptp(game.payoff_ranges[0])


def test_solve_says_what_ties_are_worth(capfd):
    game = ["haggle", "--game.rounds", "1", "--game.values", "1", "3"]
    assert main(["solve", *game]) == 0
    words = capfd.readouterr().out
    assert words.startswith("haggle: 1.5 (lp); with ties against the leader 1\n  the start: price 3\n")
    assert "the first value if buyer, value 3 price 3, does buy when wait pays it as much" in words
    assert main(["solve", *game, "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert (told["value"], told["weak_value"], told["weak_closed"]) == (pytest.approx(1.5), pytest.approx(1.0), True)
    assert np.shape(told["commitment"]) == (1, 3)
    assert main(["solve", "haggle", "--followers.ties", "against", *game[1:]]) == 0
    assert capfd.readouterr().out.startswith("haggle: 1 (lp)\n")


def test_solve_says_what_is_a_bound(capfd):
    assert main(["solve", "haggle"]) == 0
    words = capfd.readouterr().out
    assert words.startswith("haggle: 1.333333333 (lp)\nwith ties against the leader a commitment pays 0.83333")
    assert main(["solve", "kuhn", "--game.players", "3"]) == 1
    assert "joint plans, more than the 50000" in capfd.readouterr().err
