"""One follower in closed form: quantal, suqr and best response beside their formulas, at every type at once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stackjax as sx
from tests.oracles import quantal as oracle

KEY = jax.random.key(0)
answer_to = jax.jit(
    lambda payoffs, rationality: sx.followers.equilibrate(
        KEY, sx.followers.InducedGame(PRIOR, payoffs, payoffs[0]), sx.followers.quantal(rationality), 3, count_plays=True
    )
)
PRIOR = np.array([0.7, 0.0, 1e-9, 0.3 - 1e-9])  # one type never comes up, one hardly ever


def game_of(rng, batch=(), scale=1.0):
    payoffs = scale * rng.normal(size=(1, 4, 3, *batch))
    return sx.followers.induced_game(PRIOR, payoffs, rng.normal(size=(4, 3, *batch)))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.0, 50.0), st.sampled_from([1e-3, 1.0, 1e4]))
def test_quantal_is_its_formula_at_every_type(seed, rationality, scale):
    game = game_of(np.random.default_rng(seed), scale=scale)
    payoffs = np.asarray(game.follower_payoffs, np.float32)
    response = answer_to(payoffs, jnp.float32(rationality / scale))
    expected = oracle.answer(payoffs[0], np.float32(rationality / scale))
    np.testing.assert_allclose(response.strategies[0], expected, rtol=3e-4, atol=1e-7)
    np.testing.assert_allclose(response.play_counts, 3 * PRIOR[:, None] * expected, rtol=3e-4, atol=1e-6)
    assert (response.num_rounds == 0).all()


def test_quantal_in_double_precision(x64):
    game = game_of(np.random.default_rng(1), batch=(2,))
    found = sx.followers.equilibrate(KEY, game, sx.followers.quantal(1.7), 1).strategies[0]
    assert found.dtype == jnp.float64
    for b in range(2):
        np.testing.assert_allclose(found[..., b], oracle.answer(game.follower_payoffs[0, ..., b], 1.7), rtol=1e-12)


@pytest.mark.parametrize("rationality", [0.0, 1e30, 1e300])
def test_the_ends_of_rationality_are_uniform_and_best_play(rationality):
    payoffs = np.array([[[1.0, 3.0, 3.0], [-1e6, -2e6, 0.0]]])
    game = sx.followers.induced_game([0.5, 0.5], payoffs)
    (found,) = sx.followers.equilibrate(KEY, game, sx.followers.quantal(rationality), 1).strategies
    uniform = np.full((2, 3), 1 / 3)
    expected = uniform if rationality == 0 else [oracle.best_shares(row) for row in payoffs[0]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_game_units_count_whatever_the_scale_and_the_floor():
    game = game_of(np.random.default_rng(2))
    options = {"payoff_scale": 100.0, "payoff_floor": 0.0}
    plain = sx.followers.equilibrate(KEY, game, sx.followers.quantal(2.0), 5).strategies[0]
    np.testing.assert_array_equal(
        sx.followers.equilibrate(KEY, game, sx.followers.quantal(2.0), 5, **options).strategies[0], plain
    )


def test_best_response_is_exact_where_a_type_hardly_comes_up():
    game = game_of(np.random.default_rng(3))
    tied = np.array(game.follower_payoffs)
    tied[0, 2] = [1.0, 1.0, -1.0]
    (found,) = sx.followers.equilibrate(KEY, game._replace(follower_payoffs=tied), sx.followers.best_response(), 1).strategies
    np.testing.assert_array_equal(found, [oracle.best_shares(row) for row in tied[0]])


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31))
def test_suqr_is_its_formula(seed):
    rng = np.random.default_rng(seed)
    features = rng.uniform(-3, 3, size=(4, 5, 3))
    weights = tuple(rng.normal(size=3).tolist())
    game = sx.followers.induced_game(PRIOR, np.zeros((1, 4, 5)), features=features)
    (found,) = sx.followers.equilibrate(KEY, game, sx.followers.suqr(weights), 1).strategies
    np.testing.assert_allclose(found, [oracle.subjective(rows, weights) for rows in features], rtol=2e-5)


def test_gaps_are_those_of_the_answer_and_snapshots_meet_type_after_type():
    game = game_of(np.random.default_rng(4))
    rule = sx.followers.quantal(1.0)
    response = sx.followers.equilibrate(KEY, game, rule, 20, gap_every=8, tolerance=0.0)
    play = oracle.answer(np.asarray(game.follower_payoffs[0]), 1.0)
    np.testing.assert_array_equal(response.gaps.rounds, [8, 16, 20])
    expected = oracle.regret(PRIOR, play, np.asarray(game.follower_payoffs[0]))
    np.testing.assert_allclose(response.gaps.bcce_gap, expected, rtol=1e-4)
    seen = sx.followers.equilibrate(KEY, game, rule, 6, num_snapshots=6).snapshots
    for t in range(6):
        before = np.where(np.arange(4)[:, None] < t, play, 1 / 3)
        np.testing.assert_allclose(seen.strategies[0][t], before, rtol=1e-5)
    np.testing.assert_array_equal(seen.draws.types[0], [0, 1, 2, 3, 0, 1])


def test_random_numbers_go_on_as_after_rounds():
    game = game_of(np.random.default_rng(5))
    learned = sx.followers.equilibrate(KEY, game, sx.followers.multiplicative_weights(), 7)
    for rule, options in ((sx.followers.quantal(), {}), (sx.followers.best_response(), {"num_snapshots": 3})):
        at_once = sx.followers.equilibrate(KEY, game, rule, 7, **options)
        np.testing.assert_array_equal(at_once.streams, learned.streams)


def test_several_best_responders_still_learn_by_rounds():
    rng = np.random.default_rng(6)
    game = sx.followers.induced_game(np.ones((1, 1)), rng.random((2, 1, 1, 2, 2)))
    assert int(sx.followers.equilibrate(KEY, game, sx.followers.best_response(), 5).num_rounds) == 5


COVERED = sx.followers.induced_game([1.0], np.zeros((1, 1, 2)))


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda: sx.followers.quantal(-0.1), "rationality=-0.1 must be a finite number of at least 0"),
        (lambda: sx.followers.quantal(float("inf")), "rationality=inf must be a finite number"),
        (lambda: sx.followers.quantal("much"), "rationality='much' must be a finite number"),
        (lambda: sx.followers.FollowersConfig("quantal", rationality=-1.0), "rationality=-1.0 must be"),
        (lambda: sx.followers.suqr((1.0, 2.0)), "must be three finite numbers"),
        (lambda: sx.followers.suqr((1.0, 2.0, float("nan"))), "must be three finite numbers"),
        (lambda: sx.followers.suqr("abc"), "weights='abc' must be an array of numbers"),
        (lambda: sx.followers.FollowersConfig("suqr").build(), "suqr followers need weights"),
        (lambda: sx.followers.FollowersConfig("suqr", weights=(1.0,)), "weights=.* must be three numbers"),
        (lambda: sx.followers.FollowersConfig("suqr", weights=(1.0, 2.0, "a")), "weights='a' must be three finite numbers"),
        (lambda: sx.followers.equilibrate(KEY, COVERED, sx.followers.suqr((1, 1, 1)), 1), "says nothing of coverage"),
        (
            lambda: sx.followers.equilibrate(
                KEY, sx.followers.induced_game(np.ones((1, 1)), np.zeros((2, 1, 1, 2, 2))), sx.followers.quantal(), 1
            ),
            "quantal followers answer one at a time, but there are 2",
        ),
        (
            lambda: sx.followers.equilibrate(KEY, COVERED, sx.followers.quantal(), 1, kernel="native"),
            "kernel='native' cannot run these rounds",
        ),
        (
            lambda: sx.followers.induced_game([1.0], np.zeros((1, 1, 2)), features=np.zeros((1, 2, 2))),
            r"features has shape \(1, 2, 2\)",
        ),
        (
            lambda: sx.followers.induced_game([1.0], np.zeros((1, 1, 2)), features=np.full((1, 2, 3), np.nan)),
            "features holds NaN",
        ),
    ],
)
def test_mistakes_are_named(mistake, message):
    with pytest.raises(sx.InputError, match=message):
        mistake()
