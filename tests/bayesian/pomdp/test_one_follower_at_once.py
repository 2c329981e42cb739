"""A follower in closed form on every path: tables, decision by decision, and by samples."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.acting import Leader
from stackjax.bayesian.problem import BayesianProblem
from stackjax.bayesian.sampled.judge import certify_by_samples
from stackjax.bayesian.sampled.problem import SampledProblem
from tests.bayesian.pomdp.test_paths_agree import check_paths
from tests.conftest import GAMES
from tests.oracles import quantal as oracle
from tests.siblings import first
from tests.small_security import Guards


@pytest.mark.parametrize(
    ("game", "rule"),
    first(2, [("allocation", "quantal"), ("maintain-randomized", "best_response"), ("maintain-randomized", "quantal")]),
)
def test_step_by_step_the_answer_is_the_same(game, rule):
    check_paths(GAMES[game](), getattr(sx.followers, rule)(), "mixed")


def test_one_that_errs_draws_when_the_leader_is_paid_whatever_is_asked():
    game = sx.make("allocation")
    for asked in ("argmax", "mixed", "empirical"):
        assert sx.StackelbergPOMDP(game, sx.followers.quantal(), reward_play=asked).reward_play == "mixed"
    best = sx.followers.best_response()
    plays = {asked: sx.StackelbergPOMDP(game, best, reward_play=asked).reward_play for asked in ("argmax", "empirical")}
    assert plays == {"argmax": "argmax", "empirical": "mixed"}  # who answers at once has no past play
    env = sx.StackelbergPOMDP(game, sx.followers.quantal(), reward_play="argmax")
    assert env.with_dynamics(sx.followers.exp3()).reward_play == "argmax"


def test_all_three_plays_are_certified_exactly():
    env = sx.StackelbergPOMDP(Guards(4, 2, 3), sx.followers.quantal(0.5), num_rounds=2)
    coverage = np.array([0.9, 0.6, 0.2, 0.3], np.float32)
    found = sx.evaluate_commitment(jax.random.key(0), env, coverage[None], 2)
    attacker, defender = env.game.payoffs_at(coverage)
    play = oracle.answer(attacker, 0.5)
    np.testing.assert_allclose(found.strategies[0], np.stack([play, play]), rtol=1e-5)
    for certificate in (found.mixed, found.empirical):
        np.testing.assert_allclose(
            certificate.leader_payoff, oracle.leader_payoff(env.game.type_prior, play, defender), rtol=1e-5
        )
        np.testing.assert_allclose(certificate.bcce_gap, oracle.regret(env.game.type_prior, play, attacker), rtol=1e-5)


def test_suqr_goes_by_what_a_commitment_covers():
    game, weights = Guards(4, 2, 3), (-6.0, 0.5, 0.3)
    env = sx.StackelbergPOMDP(game, sx.followers.suqr(weights), num_rounds=2)
    coverage = np.array([0.9, 0.6, 0.2, 0.3], np.float32)
    found = sx.evaluate_commitment(jax.random.key(0), env, coverage[None], 1)
    features = np.stack([np.tile(coverage, (3, 1)), game.uncovered, game.covered], axis=-1)
    play = np.stack([oracle.subjective(rows, weights) for rows in features])
    np.testing.assert_allclose(found.strategies[0][0], play, rtol=1e-5)


def test_by_samples_the_strategies_are_the_exact_ones():
    """Each of the types is met once in as many rounds."""
    game = sx.make("allocation", num_messages=2, num_items=5)
    problem = SampledProblem.of(game, sx.followers.quantal(3.0), num_rounds=5, judged_rounds=5)
    leader = Leader(lambda seen, _: (seen[0] > 0.5).astype(jnp.int32) * 3, lambda action: action, 0)
    found = certify_by_samples(problem.setting, leader, jax.random.key(0), 2, 16)
    pays = (np.array([3, 0])[None] == np.arange(5)[:, None]).astype(float)  # [want, message]
    expected = oracle.answer(pays, 3.0)
    for strategies in np.asarray(found.strategies):
        np.testing.assert_allclose(strategies[0], expected, rtol=1e-5)
    assert problem.settled_gap == np.inf


def reset(dynamics, game, num_rounds):
    return sx.StackelbergPOMDP(game, dynamics, num_rounds=num_rounds).reset(jax.random.key(0))


class Bare(Guards):
    def features(self, leader_action):
        return None


class Misshapen(Guards):
    def features(self, leader_action):
        return super().features(leader_action)[:, :, :2]


SUQR = sx.followers.suqr((-1.0, 1.0, 1.0))


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda: sx.StackelbergPOMDP(sx.make("posted-price-pi"), sx.followers.quantal()), "quantal followers answer one at a"),
        (lambda: sx.StackelbergPOMDP(Bare(3, 1, 1), SUQR), "suqr: game 'guards' has no coverage"),
        (lambda: sx.StackelbergPOMDP(sx.make("allocation"), SUQR), "suqr: game 'allocation' has no coverage"),
        (
            lambda: sx.StackelbergPOMDP(Misshapen(3, 1, 1), SUQR),
            r"features must be of shape \(1, 3, 3\), but is of \(1, 3, 2\)",
        ),
        (lambda: reset(SUQR, Guards(3, 1, 1), 5), "suqr followers go by what a whole commitment covers"),
        (lambda: reset(sx.followers.quantal(), Guards(3, 1, 4), 3), "num_rounds=3 must be at least 4"),
        (
            lambda: BayesianProblem(sx.StackelbergPOMDP(Guards(3, 1, 1), sx.followers.quantal()), ties="against"),
            "ties='against': followers that err",
        ),
        (
            lambda: SampledProblem.of(sx.make("allocation", num_messages=2, num_items=9), sx.followers.quantal(), num_rounds=8),
            "num_rounds=8 must be at least 9",
        ),
    ],
)
def test_what_does_not_fit_is_refused(mistake, message):
    with pytest.raises(sx.InputError, match=message):
        mistake()
