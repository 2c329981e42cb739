"""Regions of problems of every family that has them: inside of one its payoffs are those that the problem itself tells."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

import stackjax as sx
from stackjax.bayesian.games.security.game import security_game
from stackjax.bayesian.linear.regions import MOST_REGIONS
from stackjax.bayesian.problem import BayesianProblem
from stackjax.markov import MarkovFollowers, MarkovProblem
from stackjax.markov.contracts.game import ContractGame
from stackjax.markov.contracts.process import PrincipalAgentMDP, random_tree
from stackjax.menus.allocations import BoxAllocations
from stackjax.menus.config import MenuConfig
from stackjax.menus.game import MenuGame
from stackjax.menus.laws import finite, uniform_box
from stackjax.menus.persuasion_game import persuasion
from stackjax.menus.persuasion_problem import PersuasionProblem
from stackjax.menus.problem import MenuProblem
from stackjax.rashomon.programmes import best

COUNT = 40  # commitments at a time
WIDE = 1e-3  # a margin that float32 tells


def answered_best(game):
    return BayesianProblem(sx.StackelbergPOMDP(game, sx.followers.best_response(), num_rounds=1))


def matrix():
    return answered_best(sx.matrix_game(np.random.default_rng(3).normal(size=(3, 4, 2)), randomized=True))


def typed_matrix():
    rng = np.random.default_rng(4)
    prior = np.insert(rng.dirichlet(np.ones(2)), 1, 0.0)  # a type that never comes up
    return answered_best(sx.matrix_game(rng.normal(size=(3, 3, 3, 2)), prior=prior, randomized=True))


def guards():
    rng = np.random.default_rng(5)
    defender, attacker = (np.stack([rng.uniform(1, 10, (2, 4)), rng.uniform(-10, -1, (2, 4))]) for _ in range(2))
    return security_game(defender, attacker[::-1], guards=2, prior=[0.3, 0.7])


def looping_contracts():
    costs, gains = np.array([[0.0, -0.3], [0.0, -0.5]]), np.array([[0.0, 1.0], [0.2, 0.4]])
    chances, loop = np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([[0, 1], [1, 0]])
    return ContractGame(PrincipalAgentMDP(costs, gains, chances, loop), 3)


def few_types():
    """Goods that cost something, and a type that never comes up."""
    atoms = np.array([[0.3, 0.9], [0.8, 0.4], [0.1, 0.1], [1.0, 1.0]])
    goods, law = BoxAllocations(np.zeros(2), np.ones(2)), finite(atoms, np.array([0.4, 0.35, 0.0, 0.25]))
    return MenuProblem(MenuGame("few", law, goods, np.zeros((1, 2)), np.array([0.1, 0.05])), MenuConfig(5, 4096))


PROBLEMS = {
    "matrix": matrix,
    "matrix with types": typed_matrix,
    "security": lambda: answered_best(guards()),
    "contracts": lambda: MarkovProblem(ContractGame(random_tree(0, 2), 2), MarkovFollowers("exact", knows_time=False)),
    "contracts, timed": lambda: MarkovProblem(looping_contracts(), MarkovFollowers("exact", knows_time=True)),
    "persuasion": lambda: PersuasionProblem(persuasion("random", 3, 3, draw=1, num_signals=2)),
    "menu": few_types,
}


def inside(region, rng, count):
    """``count`` points in the middle of a region, none where there is nothing in the middle."""
    found = []
    bounds, sums = np.column_stack([region.low, region.high]), {}
    if len(region.totals):
        sums = {"A_eq": region.equal, "b_eq": region.totals}
    for slopes in rng.normal(size=(2 * len(region.low), len(region.low))):
        one = scipy.optimize.linprog(slopes, region.at_most, region.limits, **sums, bounds=bounds, method="highs")
        if one.status == 2:
            return np.zeros((0, len(region.low)))
        assert one.status == 0
        found.append(one.x)
    points = rng.dirichlet(np.ones(len(found)), count) @ np.array(found)
    rows = np.abs(region.at_most).max(axis=1) > 1e-12
    slack = (region.limits - points @ region.at_most.T)[:, rows]
    return points[(slack > WIDE).all(axis=1)]


@functools.cache
def problem_of(name):
    problem = PROBLEMS[name]()
    return problem, problem.regions(), jax.jit(lambda made: problem.worth(jax.random.key(0), made, lasting=len(made)))


def told(name, commitments):
    """What the problem says that the leader and its follower are paid, ``[M]`` and ``[M, 1]``."""
    problem, _, worth = problem_of(name)
    made = jnp.asarray(np.asarray(commitments), jnp.result_type(float))
    if name != "menu":
        found = worth(made)
        return np.asarray(found.payoff, np.float64), np.asarray(found.followers, np.float64)
    judged = jax.jit(jax.vmap(lambda one: problem.judge(jax.random.key(0), one, 1)))(made)
    played = problem.played(judged, np.asarray(made))
    return np.asarray(judged.payoff, np.float64), np.array([one.utilities @ one.weights for one in played])


@pytest.mark.parametrize("name", PROBLEMS)
def test_inside_of_a_region_payoffs_are_its_own(name):
    rng, regions = np.random.default_rng(0), problem_of(name)[1]
    parts = [(region, points) for region in regions if len(points := inside(region, rng, 6))]
    assert len(parts) >= (1 if name == "menu" else 3)
    pairs = [(region, x) for region, points in parts for x in points]
    pairs = [pairs[k] for k in np.linspace(0, len(pairs) - 1, COUNT).astype(int)]
    payoff, followers = told(name, [region.commitment(x) for region, x in pairs])
    ours = [region.leader @ x + region.leader_constant for region, x in pairs]
    theirs = [region.followers @ x + region.followers_constant for region, x in pairs]
    np.testing.assert_allclose(payoff, ours, atol=2e-5)
    np.testing.assert_allclose(followers, theirs, atol=2e-5)


INVERSE = {  # the x [n] of a commitment
    "contracts": lambda made: made[:-1].ravel(),
    "contracts, timed": lambda made: made[:-1].ravel(),
    "persuasion": lambda made: (made / made.sum(axis=1, keepdims=True)).ravel(),
}


@pytest.mark.parametrize("name", [name for name in PROBLEMS if name != "menu"])
def test_every_commitment_lies_in_the_region_of_its_answer(name):
    (problem, regions, _), close = problem_of(name), 1e-5
    drawn = np.asarray(problem.commitments.draw(jax.random.key(1), COUNT), np.float64)
    payoff, followers = told(name, drawn)
    for one, leader, follower in zip(drawn, payoff, followers, strict=True):
        x = INVERSE.get(name, lambda made: made[0])(one)
        holds = [region for region in regions if (region.at_most @ x <= region.limits + close).all()]
        paid = [(part.leader @ x + part.leader_constant, *(part.followers @ x + part.followers_constant)) for part in holds]
        assert max(paid, default=None) is not None
        assert min(np.abs(np.array(paid) - [leader, *follower]).max(axis=1)) <= 2e-5


def test_every_menu_is_a_direct_mechanism_in_the_region():
    problem, (region,), _ = problem_of("menu")
    law = problem.game.law
    drawn = np.asarray(problem.commitments.draw(jax.random.key(2), COUNT), np.float64)
    payoff, followers = told("menu", drawn)
    for one, leader, follower in zip(drawn, payoff, followers, strict=True):
        menu = np.vstack([one, np.zeros(3)])  # nothing is free
        types = law.atoms[law.weights > 0]
        options = menu[(types @ menu[:, :2].T - menu[:, 2]).argmax(axis=1)]
        x = (options / [1.0, 1.0, problem.game.scale]).ravel()
        assert (region.at_most @ x <= region.limits + 1e-6).all()
        assert ((x >= region.low - 1e-6) & (x <= region.high + 1e-6)).all()
        assert region.leader @ x == pytest.approx(leader, abs=1e-5)
        assert region.followers @ x == pytest.approx(follower, abs=1e-5)


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_best_of_all_regions_is_the_optimum(name):
    problem, regions, _ = problem_of(name)
    assert best(regions) == pytest.approx(problem.optimum().value, abs=1e-5)


def test_there_are_none_where_answers_are_not_best_or_too_many_or_mechanisms_not_convex():
    rng = np.random.default_rng(0)
    errs = BayesianProblem(sx.StackelbergPOMDP(guards(), sx.followers.quantal(rationality=2.0), num_rounds=1))
    assert errs.regions() is None
    assert answered_best(sx.matrix_game(rng.normal(size=(3, 4, 2)))).regions() is None  # the leader does not mix
    payoffs = np.broadcast_to(np.eye(9), (5, 9, 9))[..., None] * np.ones(2)  # each of 9 columns is best somewhere, for 5 types
    assert MOST_REGIONS < 9**5
    assert answered_best(sx.matrix_game(payoffs, prior=np.full(5, 0.2), randomized=True)).regions() is None
    assert MarkovProblem(looping_contracts(), MarkovFollowers("softmax")).regions() is None
    long = ContractGame(looping_contracts().process, 20)
    assert MarkovProblem(long, MarkovFollowers("exact", knows_time=True)).regions() is None
    assert PersuasionProblem(persuasion("random", 3, 3, num_signals=8)).regions() is None
    square, zero = BoxAllocations(np.zeros(2), np.ones(2)), np.zeros(2)
    two = finite(np.eye(2), np.full(2, 0.5))
    assert MenuProblem(MenuGame("free", two, square, np.full((1, 2), 2.0), zero), MenuConfig(4, 64)).regions() is None
    assert MenuProblem(MenuGame("short", two, square, zero[None], zero), MenuConfig(1, 64)).regions() is None
    assert MenuProblem(MenuGame("smooth", uniform_box((0.0,) * 2, (1.0,) * 2), square, zero[None], zero)).regions() is None
