import numpy as np
import pytest

import stackjax as sx
from stackjax.equilibrium.optimum import best_mixed_commitment, best_pure_commitment


@pytest.mark.parametrize(
    ("leader", "follower", "value"),
    [
        ([[2, 4], [1, 3]], [[1, 0], [0, 1]], 3.5),
        ([[2, 0, 0], [1, 0, 0]], [[0, 2, 5], [0, -1, -4]], 4 / 3),
    ],
)
def test_published_games(leader, follower, value):
    """After Conitzer and Sandholm (2006): committing to a mix pays more than committing to a row."""
    payoffs = np.stack([leader, follower], axis=-1)
    assert sx.solve(sx.matrix_game(payoffs, randomized=True)).value == pytest.approx(value)
    assert sx.solve(sx.matrix_game(payoffs)).value <= value


@pytest.mark.parametrize("seed", range(20))
def test_two_row_games_agree_with_a_grid(seed):
    rng = np.random.default_rng(seed)
    leader, follower = rng.normal(size=(2, 2, 4))
    value, mix = best_mixed_commitment(leader, follower)
    grid = np.linspace(0, 1, 20_001)
    mixes = np.stack([grid, 1 - grid], axis=1)
    replies = (mixes @ follower).argmax(axis=1)
    best = ((mixes @ leader)[np.arange(len(grid)), replies]).max()
    assert value >= best - 1e-9
    assert value == pytest.approx(best, abs=2e-3)
    assert mix.sum() == pytest.approx(1.0)
    assert value >= best_pure_commitment(leader, follower)[0] - 1e-9


def test_known_optima():
    expected = {"escape": 30, "maintain": 20, "maintain-randomized": 27.5, "matrix-design": 1, "matrix-design-payments": 10}
    for name, value in expected.items():
        assert sx.solve(sx.make(name)).value == value
    for m in (1, 2, 3):
        assert sx.solve(sx.make("allocation", num_messages=m)).value == pytest.approx(m / 3)
    # The closed form of randomized Maintain is what the linear programmes find.
    maintain = sx.make("maintain")
    assert sx.solve(sx.matrix_game(maintain.payoff_table, randomized=True)).value == pytest.approx(27.5)
    assert sx.solve(sx.matrix_game(maintain.payoff_table)) == sx.Optimum(20.0, "enumeration")


def test_posted_prices_without_messages():
    assert sx.solve(sx.make("posted-price-pi", num_messages=1)).value == pytest.approx(-0.15)
    for n, value in {3: -1 / 18, 4: -1 / 24, 5: -1 / 20, 6: -2 / 45}.items():
        assert sx.solve(sx.make("posted-price-uniform", num_types=n, num_messages=1)).value == pytest.approx(value)


def test_unknown_optimum_is_none():
    game = sx.matrix_game(np.random.default_rng(0).random((2, 2, 2, 3)))
    assert sx.solve(game) is None
