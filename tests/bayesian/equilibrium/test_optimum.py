import itertools

import jax
import nashpy
import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import stackjax as sx
from stackjax.bayesian.equilibrium.matrix_commitments import best_mixed_commitment, best_pure_commitment
from stackjax.bayesian.equilibrium.optimum import enumerate_commitments
from stackjax.bayesian.equilibrium.replies import replies
from tests.siblings import first


@pytest.mark.parametrize(
    ("leader", "follower", "value", "mix"),
    [
        ([[2, 4], [1, 3]], [[1, 0], [0, 1]], 3.5, [1 / 2, 1 / 2]),
        ([[2, 0, 0], [1, 0, 0]], [[0, 2, 5], [0, -1, -4]], 4 / 3, [1 / 3, 2 / 3]),
        ([[3, 9], [9, 1]], [[0, 0], [1, 8]], 9, [1, 0]),
    ],
)
def test_published_games(leader, follower, value, mix):
    """After Conitzer and Sandholm (2006): a mix pays more than a row. The third game has a dominated column."""
    payoffs = np.stack([leader, follower], axis=-1)
    solution = sx.solve(sx.matrix_game(payoffs, randomized=True))
    assert solution.value == pytest.approx(value)
    assert solution.weak_value == pytest.approx(value)
    np.testing.assert_allclose(solution.commitment, mix, atol=1e-6)
    assert sx.solve(sx.matrix_game(payoffs)).value <= value


def weak_on_grid(leader, follower, mixes):
    """Against a follower that, among its best replies (to 1e-9), picks the worst for the leader."""
    paid, worth = mixes @ follower, mixes @ leader
    tied = paid >= paid.max(axis=1, keepdims=True) - 1e-9
    return np.where(tied, worth, np.inf).min(axis=1).max()


@pytest.mark.parametrize("seed", range(20))
def test_two_row_games_agree_with_a_grid(seed):
    """Half of the games have payoffs in {0, 1, 2}: tied, degenerate, with columns twice the same."""
    rng = np.random.default_rng(seed)
    leader, follower = rng.normal(size=(2, 2, 4)) if seed % 2 else rng.integers(3, size=(2, 2, 4)).astype(float)
    strong, weak = best_mixed_commitment(leader, follower), best_mixed_commitment(leader, follower, "weak")
    grid = np.linspace(0, 1, 20_001)
    mixes = np.stack([grid, 1 - grid], axis=1)
    paid = mixes @ follower
    tied = paid >= paid.max(axis=1, keepdims=True) - 1e-9
    best = np.where(tied, mixes @ leader, -np.inf).max()
    assert best - 1e-9 <= strong.value <= best + 2e-3
    assert weak_on_grid(leader, follower, mixes) - 1e-9 <= weak.value <= weak_on_grid(leader, follower, mixes) + 2e-3
    assert strong.mix.sum() == pytest.approx(1.0)
    assert best_pure_commitment(leader, follower).value <= strong.value + 1e-9
    assert best_pure_commitment(leader, follower, "weak").value <= weak.value + 1e-9
    assert weak.value <= strong.value + 1e-9


def test_a_tie_that_no_mix_can_break_separates_strong_from_weak():
    """The follower is always indifferent: the strong leader gets its best column, the weak one its best worst case."""
    leader, follower = np.array([[3.0, 0.0], [0.0, 1.0]]), np.zeros((2, 2))
    assert best_mixed_commitment(leader, follower).value == pytest.approx(3.0)
    assert best_mixed_commitment(leader, follower, "weak").value == pytest.approx(0.75)
    assert best_pure_commitment(leader, follower, "weak").value == 0.0
    # A column that is a best reply at a single mix alone counts for the strong leader, not for the weak one.
    leader, follower = np.array([[0.0, 5.0, 0.0], [0.0, 5.0, 0.0]]), np.array([[2.0, 1.0, 0.0], [0.0, 1.0, 2.0]])
    assert best_mixed_commitment(leader, follower).value == pytest.approx(5.0)
    assert best_mixed_commitment(leader, follower, "weak").value == pytest.approx(0.0)


def test_rounding_and_penalties_do_not_decide():
    """Columns equal but for rounding are tied everywhere; one huge penalty does not drown the other payoffs."""
    nearly = np.array([[0.3, 0.1 + 0.2, 0.0], [0.1 + 0.2, 0.3, 0.0]])
    assert best_mixed_commitment([[1, 2, 0], [3, 4, 0]], nearly).value == pytest.approx(4.0)
    assert best_mixed_commitment([[1, 2, 0], [3, 4, 0]], nearly, "weak").value == pytest.approx(3.0)
    assert best_pure_commitment([[5, 0, 0]], nearly[:1]).value == 5.0
    assert best_pure_commitment([[5, 0, 0]], nearly[:1], "weak").value == 0.0
    for penalty in (-1e3, -1e7, -1e10):
        for ties in ("strong", "weak"):
            found = best_mixed_commitment([[5, 0, 0]] * 2, [[0, 1, penalty]] * 2, ties)
            assert (found.value, found.reply) == (0.0, 1)


def test_ties_are_judged_among_the_payoffs_that_compete():
    """One huge penalty elsewhere in the row makes no tie of 1 and 1.0005; the leader gets 1, with or without a mix."""
    game = [[[0, -1e9], [5, 1], [1, 1.0005]]]
    for randomized in (False, True):
        solution = sx.solve(sx.matrix_game(game, randomized=randomized))
        assert (solution.value, solution.weak_value, solution.reply) == (1.0, 1.0, 2)
    assert best_mixed_commitment([[0, 5], [0, 0]], [[1.0005, 1], [1e9, 0]]).value == pytest.approx(0.0, abs=1e-6)
    prior, followers = np.ones(1), np.array([[[-1e9, 1.0, 1.0005]]])
    found = replies(sx.followers.induced_game(prior, followers, np.array([[0.0, 5.0, 1.0]])))
    assert (found.best, found.worst) == (1.0, 1.0)


@pytest.mark.parametrize(("margin", "weak"), [(1e-9, 1.0), (0.0, 0.0), (-1e-9, 0.0), (1e-13, 1.0)])
def test_thin_regions_are_decided_exactly(margin, weak):
    """The third column is a strictly best reply to the even mix alone, by a margin that a linear programme cannot see."""
    leader, follower = np.array([[0, 0, 1.0], [0, 0, 1.0]]), np.array([[0, 1, 0.5 + margin], [1, 0, 0.5 + margin]])
    assert best_mixed_commitment(leader, follower, "weak").value == weak


def test_what_is_too_close_to_tell_is_not_guessed():
    """Best by 1e-9 near an irrational mix: either the truth, 1, or None, never 0."""
    root = 2**0.5 - 1
    follower = np.array([[0.0, 1.0, root + 1e-9], [root / (1 - root), 0.0, root + 1e-9]])
    leader = np.array([[0, 0, 1.0], [0, 0, 1.0]])
    solution = sx.solve(sx.matrix_game(np.stack([leader, follower], axis=-1), randomized=True))
    assert solution.weak_value in (None, pytest.approx(1.0))


@pytest.mark.long
def test_ordinary_games_are_always_solved():
    """Small whole numbers with many ties, mixed with real ones: no column is too close to tell."""
    rng = np.random.default_rng(0)
    for number in range(300):
        rows, columns = rng.integers(1, 5, size=2)
        leader, follower = rng.integers(-2, 3, size=(2, rows, columns)).astype(float)
        if number % 2:
            follower = np.where(rng.random(follower.shape) < 0.3, rng.normal(size=follower.shape), follower)
        strong, weak = best_mixed_commitment(leader, follower), best_mixed_commitment(leader, follower, "weak")
        assert weak.value <= strong.value + 1e-6


magnitudes = st.builds(lambda sign, power: sign * 10.0**power, st.sampled_from([-1, 0, 1]), st.floats(-9, 9))
payoffs = st.one_of(st.integers(-2, 2).map(float), magnitudes)


@pytest.mark.long
@settings(max_examples=150, deadline=None)
@given(data=st.data(), rows=st.integers(1, 3), columns=st.integers(1, 4), repeats=st.booleans())
def test_a_mix_is_worth_a_row_and_good_luck_is_worth_bad(data, rows, columns, repeats):
    """pure <= mixed and weak <= strong, for payoffs from 1e-9 to 1e9, up to the programmes' tolerance."""
    table = data.draw(arrays(float, (2, rows, columns), elements=payoffs))
    if repeats and columns > 1:
        table[1, :, 1] = table[1, :, 0]
    leader, follower = table
    slack = 1e-6 * np.ptp(leader)
    strong, weak = best_pure_commitment(leader, follower).value, best_pure_commitment(leader, follower, "weak").value
    assert weak <= strong
    values = {}
    for ties in ("strong", "weak"):
        try:
            values[ties] = best_mixed_commitment(leader, follower, ties).value
        except ArithmeticError:  # too far apart, or too close, for the programmes: said, not guessed
            continue
    assert strong <= values.get("strong", np.inf) + slack
    assert weak <= values.get("weak", np.inf) + slack
    assert values.get("weak", -np.inf) <= values.get("strong", np.inf) + slack


@pytest.mark.parametrize("games", first(1, [range(60), range(60, 200)]))
def test_never_below_any_nash_equilibrium(games):
    """Random games, a quarter of them degenerate, against nashpy's vertex enumeration."""
    equilibria = 0
    for number in games:
        rng = np.random.default_rng(number)
        shape = tuple(rng.integers(2, 5, size=2))
        leader, follower = (rng.integers(-3, 4, size=shape) if number % 4 == 0 else rng.normal(size=shape) for _ in range(2))
        value = best_mixed_commitment(leader, follower).value
        for row_mix, column_mix in nashpy.Game(leader, follower).vertex_enumeration():
            assert value >= row_mix @ leader @ column_mix - 1e-7
            equilibria += 1
    assert equilibria >= len(games)


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_values_scale_with_payoffs(scale):
    rng = np.random.default_rng(3)
    leader, follower = rng.normal(size=(2, 4, 4))
    for ties in ("strong", "weak"):
        plain, scaled = (best_mixed_commitment(factor * leader + factor, factor * follower, ties) for factor in (1.0, scale))
        assert scaled.value == pytest.approx(scale * plain.value, rel=1e-6)


def test_known_optima():
    expected = {"escape": 30, "maintain": 20, "maintain-randomized": 27.5, "matrix-design": 1, "matrix-design-payments": 10}
    for name, value in expected.items():
        assert sx.solve(sx.make(name)).value == value
    for m in (1, 2, 3):
        assert sx.solve(sx.make("allocation", num_messages=m)).value == pytest.approx(m / 3)
    # The closed form of randomized Maintain is what the linear programmes find; no mix reaches it without a tie, but any less.
    maintain = sx.make("maintain")
    solution = sx.solve(sx.matrix_game(maintain.payoff_table, randomized=True))
    assert (solution.value, solution.weak_value, solution.method) == (pytest.approx(27.5), pytest.approx(27.5), "lp")
    np.testing.assert_allclose(solution.commitment, [0.25, 0.75, 0], atol=1e-6)
    solution = sx.solve(sx.matrix_game(maintain.payoff_table))
    assert (solution.value, solution.method, solution.reply) == (20.0, "enumeration", 0)


@pytest.mark.parametrize("num_messages", [1, 2, 3])
def test_enumeration_finds_the_closed_form_of_allocation(num_messages):
    game = sx.make("allocation", num_messages=num_messages)
    solution = enumerate_commitments(game)
    assert solution.value == pytest.approx(game.optimum().value)
    assert len(set(solution.commitment)) == num_messages


def test_enumeration_with_several_followers():
    """Matrix design: above τ = 1 row A is dominant and column B its best reply, so even the worst equilibrium pays 1."""
    solution = enumerate_commitments(sx.make("matrix-design"))
    assert solution.value == pytest.approx(1.0)
    assert solution.weak_value == pytest.approx(1.0)
    assert solution.commitment[0] > 1


def pure_nash_payoffs(followers, leader):
    """The leader's payoff at every pure Nash equilibrium of a game without types."""
    for actions in itertools.product(*(range(a) for a in leader.shape)):
        gains = [
            followers[(i, *actions[:i], b, *actions[i + 1 :])] - followers[(i, *actions)]
            for i in range(len(followers))
            for b in range(leader.shape[i])
        ]
        if max(gains) <= 0:
            yield leader[actions]


@pytest.mark.parametrize("seed", range(5))
def test_replies_hold_every_equilibrium_and_what_no_regret_learners_reach(seed):
    rng = np.random.default_rng(seed)
    followers, leader = rng.normal(size=(3, 2, 3, 2)), rng.normal(size=(2, 3, 2))
    game = sx.followers.induced_game(
        np.ones((1, 1, 1)), followers.reshape(3, 1, 1, 1, 2, 3, 2), leader.reshape(1, 1, 1, 2, 3, 2)
    )
    found = replies(game)
    assert leader.min() - 1e-9 <= found.worst <= found.best <= leader.max() + 1e-9
    for payoff in pure_nash_payoffs(followers, leader):
        assert found.worst - 1e-7 <= payoff <= found.best + 1e-7
    assert (found.best, -found.worst) == pytest.approx(
        [coarse_correlated_maximum(followers, s * leader) for s in (1, -1)], abs=1e-6
    )


def coarse_correlated_maximum(followers, objective):
    plays = list(itertools.product(*(range(a) for a in objective.shape)))
    rows = [
        [followers[(i, *play[:i], b, *play[i + 1 :])] - followers[(i, *play)] for play in plays]
        for i in range(len(followers))
        for b in range(objective.shape[i])
    ]
    found = scipy.optimize.linprog(
        -objective.ravel(), A_ub=rows, b_ub=np.zeros(len(rows)), A_eq=np.ones((1, len(plays))), b_eq=[1], method="highs"
    )
    return -found.fun


@pytest.mark.long
def test_learners_with_types_end_within_the_replies():
    rng = np.random.default_rng(1)
    prior = np.array([[0.4, 0.1], [0.2, 0.3]])
    game = sx.followers.induced_game(prior, rng.random((2, 2, 2, 2, 2)), rng.random((2, 2, 2, 2)))
    found = replies(game)
    response = sx.followers.equilibrate(
        jax.random.key(0), game, sx.followers.multiplicative_weights(0.02), 100_000, count_plays=True
    )
    certificate = sx.certify(game, sx.followers.empirical_play(response.play_counts, response.strategies))
    assert certificate.bcce_gap < 0.01
    assert found.worst - 0.02 <= certificate.leader_payoff <= found.best + 0.02


def test_several_followers_in_matrix_games():
    table = np.random.default_rng(0).random((2, 2, 2, 3))
    fixed, mixing = sx.solve(sx.matrix_game(table)), sx.solve(sx.matrix_game(table, randomized=True))
    assert fixed.method == "enumeration"
    assert mixing.method == "upper-bound"
    assert fixed.weak_value <= fixed.value <= mixing.value + 1e-9
    assert fixed.commitment.sum() == 1


def test_posted_prices_without_messages():
    assert sx.solve(sx.make("posted-price-pi", num_messages=1)).value == pytest.approx(-0.15)
    for n, value in {3: -1 / 18, 4: -1 / 24, 5: -1 / 20, 6: -2 / 45}.items():
        assert sx.solve(sx.make("posted-price-uniform", num_types=n, num_messages=1)).value == pytest.approx(value)


def test_what_cannot_be_enumerated_is_said():
    with pytest.raises(sx.UnsolvedError, match="not known: leader_actions is a Box"):
        enumerate_commitments(sx.make("posted-price-pi"))

    class Long(type(sx.make("allocation"))):
        def optimum(self):
            return None

    for num_messages in (9, 400):  # 9^400 is beyond floating point
        with pytest.raises(
            sx.UnsolvedError, match=rf"too large to solve: it has 9\^{num_messages} commitments, more than the 10000"
        ):
            sx.solve(Long(num_messages=num_messages, num_items=9))
    with pytest.raises(sx.UnsolvedError, match="32768 joint plays, more than the 20000"):
        sx.solve(sx.matrix_game(np.random.default_rng(0).random((32, 32, 32, 3)), randomized=True))
    with pytest.raises(sx.UnsolvedError, match="profiles of follower strategies, more than"):
        sx.solve(sx.matrix_game(np.random.default_rng(0).random((2, 200, 200, 3))))
    assert sx.solve(Long(num_messages=2, num_items=3)).value == pytest.approx(2 / 3)
