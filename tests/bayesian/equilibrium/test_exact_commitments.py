"""Exact commitments where a linear programme's own tolerance would decide."""

import numpy as np
import pytest

import stackjax as sx
from stackjax.bayesian.equilibrium.matrix_commitments import best_mixed_commitment
from tests.oracles.commitments import games_with_a_column_nearly_mixed, mixed_value
from tests.siblings import first


@pytest.mark.parametrize(
    ("margin", "strong", "weak"), [(1e-9, 1.0, 1.0), (0.0, 1.0, 0.0), (-1e-9, 0.0, 0.0), (-1e-8, 0.0, 0.0), (-9e-8, 0.0, 0.0)]
)
def test_a_column_that_barely_misses_is_no_reply(margin, strong, weak):
    """The third column, which alone pays the leader, is a best reply to the even mix or, by less than HiGHS sees, to none."""
    leader, follower = np.array([[0, 0, 1.0], [0, 0, 1.0]]), np.array([[0, 1, 0.5 + margin], [1, 0, 0.5 + margin]])
    solution = sx.solve(sx.matrix_game(np.stack([leader, follower], axis=-1), randomized=True))
    assert (solution.value, solution.weak_value) == (strong, weak)


@pytest.mark.parametrize(("ties", "count"), first(1, [("weak", 100), ("weak", 300), ("strong", 300)]))
def test_thin_games_have_their_exact_value(ties, count):
    """Against vertices in fractions, up to the programmes' tolerance; what cannot be told is refused, and that is rare."""
    refused, games = 0, list(games_with_a_column_nearly_mixed(seed=0, count=count))
    for leader, follower in games:
        try:
            found = best_mixed_commitment(leader, follower, ties).value
        except ArithmeticError:
            refused += 1
            continue
        assert found == pytest.approx(mixed_value(leader, follower, ties), abs=1e-6 * (np.ptp(leader) or 1.0))
    assert refused < len(games) / 20


@pytest.mark.parametrize("penalty", [-1e3, -1e6, -1e9])
@pytest.mark.parametrize("randomized", [False, True])
def test_a_penalty_makes_no_tie_among_several_followers(penalty, randomized):
    """Follower 1's third action beats its second by 0.0005, whatever its first would cost: the leader gets 1, never 5."""
    payoffs = np.zeros((1, 3, 2, 3))
    payoffs[0, :, :, 0] = np.array([0.0, 5.0, 1.0])[:, None]
    payoffs[0, :, :, 1] = np.array([penalty, 1.0, 1.0005])[:, None]
    payoffs[0, :, 1, 2] = 1.0
    game = sx.matrix_game(payoffs, randomized=randomized)
    try:
        value = sx.solve(game).value
    except ArithmeticError:  # beyond what the linear programme sees: said, not guessed
        assert penalty < -1e3
    else:
        assert value == pytest.approx(1.0)


@pytest.mark.parametrize("stake", [1e3, 1e6, 1e9, 1e12])
def test_a_stake_in_another_row_does_not_drown_a_gain(stake):
    """Column A is a best reply only where the first row has at most half: worth 1/2, however much the third would change."""
    try:
        found = best_mixed_commitment([[1, 0], [0, 0], [0, 0]], [[0, 1], [0, -1], [0, stake]]).value
    except ArithmeticError:  # beyond what the linear programme sees: said, not guessed
        assert stake > 1e6
    else:
        assert found == pytest.approx(0.5)
