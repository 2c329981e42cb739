"""The worst that followers may answer: chosen commitments against all, and against a grid, by enumeration."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.bayesian.answers import worst_pure
from stackjax.bayesian.equilibrium.replies import exact_games, worst_payoff
from stackjax.bayesian.games.induced import InducedGame
from stackjax.rashomon.explore import answered
from stackjax.rashomon.selection import chosen
from stackjax.specs.run import RunSpec
from stackjax.specs.sources import GivenGame


def problem_of(game):
    return RunSpec(GivenGame.of(game), {}, {}, sx.DirectConfig()).build_problem()


def worst_of(problem, commitments):
    """By a linear programme each, in float64."""
    return np.array([worst_payoff(game) for game in exact_games(problem.env.game, problem.env.tree, commitments)])


@pytest.mark.parametrize("seed", [3, *(pytest.param(seed, marks=pytest.mark.long) for seed in (0, 1, 4, 7, 9, 15, 20))])
def test_of_few_commitments_the_one_with_the_best_worst_reply_is_chosen(seed):
    """Two followers, twelve rows; the best may cost the leader half a unit."""
    problem = problem_of(sx.matrix_game(np.random.default_rng(seed).normal(size=(12, 3, 3, 3))))
    rows = np.arange(12, dtype=np.int32)[:, None]
    payoffs, gaps = answered(problem, jax.random.key(0), rows)
    payoffs = np.where(gaps <= problem.settled_gap, payoffs, -np.inf)
    floor, worst = payoffs.max() - 0.5, worst_of(problem, rows)
    start = jnp.asarray(rows[payoffs.argmax()])
    found = jax.jit(lambda key: chosen(problem, key, start, jnp.float32(floor), "robust"))(jax.random.key(1))
    assert worst[int(found[0])] == pytest.approx(worst[payoffs >= floor - 1e-6].max(), abs=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_the_worst_pure_answer_is_that_of_a_trial_of_all(seed):
    """Two followers, one of them with two types; answers from which nobody gains, by plain loops."""
    rng = np.random.default_rng(seed)
    prior, paid = rng.dirichlet(np.ones(2)).reshape(2, 1), rng.integers(0, 4, size=(3, 2, 1, 2, 2)).astype(float)
    worst = np.inf
    for answer in itertools.product(range(2), repeat=3):  # of the first follower's types, of the second follower
        expected = lambda who, answer: sum(prior[k, 0] * paid[who, k, 0, answer[k], answer[2]] for k in range(2))
        first, second = (expected(who, answer) for who in (1, 2))
        others = [[*answer[:place], 1 - answer[place], *answer[place + 1 :]] for place in range(3)]
        gains = [expected(1, others[0]) - first, expected(1, others[1]) - first, expected(2, others[2]) - second]
        if max(gains) <= 1e-9:
            worst = min(worst, expected(0, answer))
    game = InducedGame(prior, jnp.asarray(paid[1:], jnp.float32), jnp.asarray(paid[0], jnp.float32))
    assert float(worst_pure(game, 1e-5)) == pytest.approx(worst, abs=1e-5)


@pytest.mark.long
def test_posted_prices_have_a_worst_reply_as_good_as_any_of_a_grid():
    problem, made = problem_of(sx.make("posted-price-pi", num_messages=1)), []
    prices = np.arange(0.0, 2.51, 0.125)
    for first, pair in itertools.product(np.eye(2), itertools.product(prices, prices)):
        made.append([[*first, pair[0]], [*first[::-1], pair[1]]])
    grid = np.array(made, np.float32)
    payoffs, _ = answered(problem, jax.random.key(0), grid)
    worst, start = worst_of(problem, grid), jnp.asarray(grid[payoffs.argmax()])
    for slack in (0.0, 0.3):
        floor = jnp.float32(-0.15 - slack)
        found = jax.jit(lambda key, floor=floor: chosen(problem, key, start, floor, "robust"))(jax.random.key(2))
        best = worst[payoffs >= floor - 1e-6].max()
        assert worst_of(problem, np.asarray(found)[None])[0] >= best - 1e-6
