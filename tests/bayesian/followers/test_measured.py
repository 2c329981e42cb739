"""Gaps recorded on the way and the early end: each claim against a separate run without them."""

import jax
import numpy as np
import pytest

import stackjax as sx
from tests.bayesian.followers.test_equilibrate import random_game
from tests.bayesian.followers.test_kernels import batch_of_games
from tests.oracles import regret

RULES = {
    "native": (sx.followers.multiplicative_weights(0.2), "native"),
    "regret-matching": (sx.followers.regret_matching(), "scan"),
}


def gap_of(game, response, b):
    """The gap of a batch element's empirical play, by enumeration."""
    play = np.asarray(
        sx.followers.empirical_play(response.play_counts[..., b], tuple(table[..., b] for table in response.strategies))
    )
    return regret.bcce_gap(game.type_prior, game.follower_payoffs[..., b], play)


@pytest.mark.parametrize("rule", RULES)
def test_recorded_gaps_are_those_of_shorter_runs(rule):
    game, key, (dynamics, kernel) = batch_of_games((2, 2), (2, 3), batch=3), jax.random.key(0), RULES[rule]
    response = sx.followers.equilibrate(key, game, dynamics, 250, gap_every=100, kernel=kernel)
    np.testing.assert_array_equal(response.gaps.rounds, [100, 200, 250])
    np.testing.assert_array_equal(response.num_rounds, [250, 250, 250])
    for place, num_rounds in enumerate([100, 200, 250]):
        shorter = sx.followers.equilibrate(key, game, dynamics, num_rounds, count_plays=True, kernel=kernel)
        for b in range(3):
            assert response.gaps.bcce_gap[place, b] == pytest.approx(gap_of(game, shorter, b), abs=1e-5)
    for ours, theirs in zip(response.strategies, shorter.strategies, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize("rule", RULES)
def test_each_game_stops_when_its_gap_is_small_enough_and_stays_so(rule):
    game, key, (dynamics, kernel) = batch_of_games((2, 2), (2, 3), batch=8), jax.random.key(0), RULES[rule]
    tolerance = 0.03
    response = jax.jit(
        lambda key: sx.followers.equilibrate(key, game, dynamics, 100_000, gap_every=50, tolerance=tolerance, kernel=kernel)
    )(key)
    run = np.asarray(response.num_rounds)
    assert run.max() < 100_000
    assert len(set(run)) > 1
    everything = sx.followers.equilibrate(key, game, dynamics, int(run.max()), gap_every=50, kernel=kernel)
    for b in range(8):
        first = int(np.argmax(np.asarray(everything.gaps.bcce_gap)[:, b] <= tolerance))
        assert run[b] == 50 * (first + 1)
        alone = sx.followers.equilibrate(key, game, dynamics, int(run[b]), count_plays=True, kernel=kernel)
        np.testing.assert_array_equal(response.play_counts[..., b], alone.play_counts[..., b])
        assert int(response.play_counts[..., b].sum()) == run[b]
        np.testing.assert_array_equal(response.strategies[0][..., b], alone.strategies[0][..., b])
        assert gap_of(game, response, b) <= tolerance + 1e-6
        assert response.gaps.bcce_gap[-1, b] == pytest.approx(gap_of(game, response, b), abs=1e-5)


def test_rounds_run_out_when_the_tolerance_is_not_met():
    game = random_game(0, (2, 2), (2, 3))
    response = sx.followers.equilibrate(jax.random.key(0), game, sx.followers.best_response(), 30, gap_every=20, tolerance=0.0)
    assert response.num_rounds == 30
    assert response.gaps.bcce_gap[-1] > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"gap_every": 0}, "gap_every=0"),
        ({"gap_every": 51}, "gap_every=51 must be at most num_rounds=50"),
        ({"tolerance": 0.1}, "tolerance=0.1 must be None unless gap_every"),
        ({"gap_every": 5, "tolerance": -1.0}, "tolerance=-1.0"),
        ({"gap_every": 5, "num_snapshots": 2}, "num_snapshots=2 must be 0"),
    ],
)
def test_bad_options_are_named(arguments, message):
    with pytest.raises(sx.InputError, match=message):
        sx.followers.equilibrate(
            jax.random.key(0), random_game(0, (1,), (2,)), sx.followers.multiplicative_weights(), 50, **arguments
        )
