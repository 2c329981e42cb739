"""A payoff far below the others is never taken, and must not be what ties, gaps and learning are measured by."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.bayesian.family import FAMILY, POMDPConfig
from stackjax.bayesian.followers.config import FollowersConfig
from stackjax.bayesian.games.penalties import without_penalties
from stackjax.compute.conclusion import enough
from stackjax.compute.programs import Reached
from stackjax.markov.optimum import solve_markov
from stackjax.problem import Optimum, Solver
from stackjax.settings import Kinded


@pytest.mark.parametrize(
    ("losses", "largest"),
    [
        ([], 0.0),
        ([0.0], 0.0),
        ([1.0, 51.0], 1.0),
        ([0.5, 1e12], 0.5),
        ([5.0, 10.0, 15.0], 15.0),
        ([1.0, 50.0, 50.0, 51.0], 1.0),
        ([0.01, 50.0, 50.0, 51.0, 52.0], 52.0),  # one small loss among many is a near-tie, not the measure of all
        ([1.0, 2.0, 100.0, 1e6], 2.0),
    ],
)
def test_what_competes_lies_before_a_jump(losses, largest):
    assert without_penalties(np.array(losses)) == largest


def test_random_games_have_no_penalties():
    """So that what is known of them stays as it is: of 500 games of 3 x 3 and more, with uniform or normal payoffs."""
    rng = np.random.default_rng(0)
    for draw in (rng.random, rng.standard_normal):
        for _ in range(250):
            shape = (*rng.integers(3, 7, size=2), 2)
            game = sx.matrix_game(draw(tuple(shape)))
            assert game.payoff_floor == -np.inf
            assert game.payoff_scale == np.ptp(game.payoff_table[..., 1])


RULES = ["multiplicative-weights", "regret-matching", "best-response", "exp3", "q-learning"]


def problem_of(payoffs, kind="multiplicative-weights", **options):
    settings = {"pomdp": POMDPConfig(num_rounds=200, evaluation_rounds=2000), "followers": FollowersConfig.of(kind)()}
    assert issubclass(FollowersConfig, Kinded)
    return FAMILY.build(sx.matrix_game(payoffs, **options), settings)


def judged(problem, row):
    return jax.device_get(jax.jit(lambda made: problem.judge(jax.random.key(0), made, 4))(jnp.array([row])))


@pytest.mark.parametrize("kind", [RULES[0], *(pytest.param(kind, marks=pytest.mark.long) for kind in RULES[1:])])
@pytest.mark.parametrize("penalty", [-1e12, pytest.param(-1e3, marks=pytest.mark.long)])
def test_followers_learn_beside_a_penalty(penalty, kind):
    """In row A column B pays half more; in row B it costs the earth. The leader gets 0 and 1, never the 10."""
    problem = problem_of([[[10, 1], [0, 1.5]], [[1, 0], [1, penalty]]], kind)
    assert problem.settled_gap == pytest.approx(0.01)
    assert judged(problem, 0).payoff == pytest.approx(0.0, abs=1e-6)
    assert judged(problem, 1).payoff == pytest.approx(1.0, abs=1e-6)
    assert problem.optimum().value == 1.0


def test_two_followers_learn_beside_a_penalty():
    """A penalty for both if they meet in the second column; else the second follower has half to gain there."""
    row = [[[5, 1, 1], [2, 1, 1.5]], [[0, 0.5, 0], [0, -1e12, -1e12]]]
    problem = problem_of([row, row])
    found = judged(problem, 0)
    assert found.payoff == pytest.approx(2.0)
    assert found.gap <= problem.settled_gap == pytest.approx(0.02 * problem.env.game.payoff_scale)
    assert problem.env.game.payoff_scale == pytest.approx(0.5)


def test_a_gap_of_all_that_is_at_stake_is_not_settled():
    """A cell of -50 that nobody plays: 2 % of 51 would be all of the 1 that there is to lose."""
    problem = problem_of([[[1, 1], [2, 0], [0, -50]], [[1, 1], [2, 0], [0, -50]]])
    assert problem.settled_gap == pytest.approx(0.02)


def test_a_leaders_penalty_does_not_make_all_optimal():
    problem = problem_of([[[1, 1], [-1e12, 0]], [[3, 1], [3, 0]]])
    assert problem.payoff_range == (1.0, 3.0)
    spec = type("Spec", (), {"stop_at_optimum": True, "patience": 0})
    why = enough(spec, problem, Solver(None, None, None), [Optimum(3.0, "enumeration")])
    nothing = np.zeros(1)
    assert why(Reached(np.array([1.0]), nothing, nothing), 10) == ""
    assert why(Reached(np.array([3.0]), nothing, nothing), 10) == "optimum"


@pytest.mark.parametrize("penalty", [-1e9, -1e12])
@pytest.mark.parametrize(("horizon", "strong", "timed"), [(1, 1.0, 1.0), (10, 100.0, 90.0)])
def test_iterated_games_tell_ties_beside_a_penalty(penalty, horizon, strong, timed):
    """A follower that knows the time deviates in the last step, for a half: no tie, whatever the penalty."""
    table = [[[10, 1], [0, 1.5]], [[1, 0], [1, penalty]]]
    game = sx.markov.IteratedGame(table, horizon=horizon)
    found = solve_markov(game)
    assert (found.value, found.weak_value) == (strong, strong)
    assert solve_markov(game, knows_time=True).value == timed


def test_a_game_of_ones_own_may_have_a_floor():
    class Penal(sx.OneShotGame):
        name, type_prior, num_actions, leader_actions = "penal", np.ones(1), (2,), sx.Discrete(2)
        payoff_scale, leader_payoff_range = 0.5, (0.0, 10.0)

        def observation(self, actions):
            return jnp.ones(1)

        def outcome_payoffs(self, types, actions, leader_action):
            table = jnp.array([[[10, 1], [0, 1.5]], [[1, 0], [1, -1e12]]])
            return table[leader_action, actions[0]]

    with pytest.raises(sx.InputError, match="where penalties make it so large, set payoff_floor"):
        sx.testing.check_game(Penal())
    Penal.payoff_floor = -50.0
    sx.testing.check_game(Penal())
    Penal.payoff_floor = np.inf
    with pytest.raises(sx.InputError, match="payoff_floor=inf must be a number, or -inf for none"):
        sx.testing.check_game(Penal())
