"""Rationality and weights from past attacks: the likeliest, their intervals, and what says too little."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stackjax as sx
from tests.oracles import quantal as oracle

TRUE_WEIGHTS = (-5.0, 0.4, 0.2)


def attacks_of(rng, count, rationality, scale=10.0):
    payoffs = scale * rng.uniform(-1, 1, size=(count, 4))
    return np.array([rng.choice(4, p=oracle.chances(row, rationality)) for row in payoffs]), payoffs


def suqr_attacks(rng, count):
    coverages, rewards, penalties = rng.random((count, 5)), rng.uniform(1, 10, 5), rng.uniform(-10, -1, 5)
    chosen = [
        rng.choice(5, p=oracle.subjective(np.stack([row, rewards, penalties], axis=1), TRUE_WEIGHTS)) for row in coverages
    ]
    return np.array(chosen), coverages, rewards, penalties


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([1e-3, 10.0, 1e5]))
def test_no_other_rationality_is_likelier_and_the_interval_ends_where_it_says(seed, scale):
    rng = np.random.default_rng(seed)
    attacks, payoffs = attacks_of(rng, 30, 5.0 / scale, scale)
    found = sx.followers.fit_rationality(attacks, payoffs)
    height = oracle.log_likelihood(attacks, payoffs, found.rationality)
    assert found.log_likelihood == pytest.approx(height, rel=1e-9)
    for other in found.rationality * np.array([0.5, 0.999, 1.001, 2.0]):
        assert oracle.log_likelihood(attacks, payoffs, other) <= height + 1e-9
    for end in (found.low, found.high):
        if end > 0:
            assert 2 * (height - oracle.log_likelihood(attacks, payoffs, end)) == pytest.approx(3.841458820694124, rel=1e-6)
    assert found.low <= found.rationality <= found.high
    assert found.num_attacks == 30


def test_those_who_err_on_purpose_have_no_rationality():
    payoffs = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 1.0]])
    found = sx.followers.fit_rationality([1, 0, 1], payoffs)
    assert (found.rationality, found.low) == (0.0, 0.0)
    assert found.high > 0
    assert found.log_likelihood == pytest.approx(-3 * np.log(2))


def test_the_likeliest_weights_have_no_slope():
    rng = np.random.default_rng(0)
    data = suqr_attacks(rng, 60)
    found = sx.followers.fit_suqr(*data)
    assert found.log_likelihood == pytest.approx(oracle.suqr_log_likelihood(*data, found.weights), rel=1e-9)
    for place in range(3):
        for step in (-1e-3, 1e-3):
            other = found.weights + step * np.eye(3)[place]
            assert oracle.suqr_log_likelihood(*data, other) < found.log_likelihood
    curvature = oracle_curvature(data, found.weights)
    width = 1.959963984540054 * np.sqrt(np.diag(np.linalg.inv(curvature)))
    np.testing.assert_allclose(found.high - found.weights, width, rtol=1e-3)
    np.testing.assert_allclose(found.weights - found.low, width, rtol=1e-3)
    rows = np.broadcast_to(data[2], data[1].shape), np.broadcast_to(data[3], data[1].shape)
    np.testing.assert_allclose(sx.followers.fit_suqr(*data[:2], *rows).weights, found.weights, rtol=1e-9)


def oracle_curvature(data, weights, step=1e-3):
    """Minus the second derivatives of the log-likelihood, by differences."""
    value = lambda shift: oracle.suqr_log_likelihood(*data, weights + step * shift)
    one = np.eye(3)
    mixed = lambda i, j: value(one[i] + one[j]) - value(one[i] - one[j]) - value(one[j] - one[i]) + value(-one[i] - one[j])
    return -np.array([[mixed(i, j) / (4 * step**2) for j in range(3)] for i in range(3)])


@pytest.mark.long
def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    rng, held, weights_held = np.random.default_rng(1), 0, np.zeros(3)
    for _ in range(200):
        found = sx.followers.fit_rationality(*attacks_of(rng, 40, 0.3))
        held += found.low <= 0.3 <= found.high
        fitted = sx.followers.fit_suqr(*suqr_attacks(rng, 150))
        weights_held += (fitted.low <= TRUE_WEIGHTS) & (fitted.high >= TRUE_WEIGHTS)
    assert held >= 180  # 190 expected, with a deviation of 3
    assert (weights_held >= 180).all()


def test_attacks_are_read_from_a_file_and_fitted(tmp_path):
    path = tmp_path / "attacks.csv"
    path.write_text("\ufeffattacked, gate, pier\n pier,0.6,0.2\n\ngate,0.5,1\n", encoding="utf-8")
    found = sx.followers.load_attacks(path)
    np.testing.assert_array_equal(found.attacks, [1, 0])
    np.testing.assert_array_equal(found.coverages, [[0.6, 0.2], [0.5, 1.0]])
    assert found.targets == ("gate", "pier")
    rewards, penalties = np.array([3.0, 5.0]), np.array([-2.0, -4.0])
    paid = found.coverages * penalties + (1 - found.coverages) * rewards
    with pytest.raises(sx.InputError, match="infinite"):  # both took what paid more
        sx.followers.fit_rationality(found.attacks, paid)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must begin with a header"),
        ("target,gate\n", "must begin with a header"),
        ("attacked,gate,gate\n", "each once"),
        ("attacked,gate,pier\n", "a header but no attacks"),
        ("attacked,gate,pier\ngate,0.5\n", "line 2 has 2 columns, but the header has 3"),
        ("attacked,gate,pier\nGate,0.5,0.5\n", "line 2: the header names no target 'Gate'. Did you mean 'gate'"),
        ("attacked,gate,pier\ngate,0.5,half\n", "line 2: the coverage of 'pier' is 'half'"),
        ("attacked,gate,pier\ngate,0.5,1.5\n", "'1.5', but must be a number from 0 to 1"),
        ("attacked,gate,pier\ngate,nan,0.5\n", "the coverage of 'gate' is 'nan'"),
    ],
)
def test_a_file_that_holds_no_attacks_is_refused(tmp_path, text, message):
    path = tmp_path / "attacks.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(sx.InputError, match=message):
        sx.followers.load_attacks(path)


PAYOFFS = np.array([[1.0, 0.0, 0.5], [0.0, 2.0, 1.0]])
COVERAGES = np.random.default_rng(2).random((8, 4))
REWARDS, PENALTIES = np.array([1.0, 2.0, 4.0, 3.0]), np.array([-1.0, -5.0, -2.0, -2.0])
SOME = [0, 1, 2, 3, 0, 1, 2, 3]
rationality, suqr = sx.followers.fit_rationality, sx.followers.fit_suqr


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda: sx.followers.load_attacks("no/such.csv"), "attacks no/such.csv cannot be read"),
        (lambda: rationality([0, 3], PAYOFFS), "attacks holds 3, but must hold whole numbers from 0 to 2"),
        (lambda: rationality([0, 0.5], PAYOFFS), "attacks holds 0.5"),
        (lambda: rationality([0], PAYOFFS), r"attacks has shape \(1,\), but must be \(2,\)"),
        (lambda: rationality([0, 1], PAYOFFS * np.nan), "payoffs holds NaN"),
        (lambda: rationality([], np.zeros((0, 3))), r"payoffs has shape \(0, 3\)"),
        (lambda: rationality([0, 1], "abc"), "payoffs='abc' must be an array of numbers"),
        (lambda: rationality([0, 1], np.ones((2, 3))), "every action pays the same"),
        (lambda: rationality([0, 1], PAYOFFS), "rationality is infinite; with 95 % confidence it is at least"),
        (lambda: suqr(SOME, COVERAGES + 1, REWARDS, PENALTIES), "coverages holds .* but must be from 0 to 1"),
        (lambda: suqr([], np.zeros((0, 4)), REWARDS, PENALTIES), r"coverages has shape \(0, 4\)"),
        (lambda: suqr(SOME, COVERAGES, REWARDS[:3], PENALTIES), r"rewards has shape \(3,\), but must be \(4,\) or \(8, 4\)"),
        (lambda: suqr(SOME, COVERAGES, REWARDS, PENALTIES * np.inf), "penalties holds NaN or infinity"),
        (lambda: suqr(SOME, COVERAGES, np.ones(4), PENALTIES), "do not tell the three weights apart"),
        (lambda: suqr(SOME, COVERAGES, REWARDS, 2 * REWARDS + 1), "do not tell the three weights apart"),
        (lambda: suqr(COVERAGES.argmin(axis=1), COVERAGES, REWARDS, PENALTIES), "attacks: weights in proportion to"),
    ],
)
def test_data_that_says_too_little_is_refused(mistake, message):
    with pytest.raises(sx.InputError, match=message):
        mistake()


def test_the_lower_bound_of_an_infinite_rationality_is_where_the_likelihood_has_fallen():
    with pytest.raises(sx.InputError) as error:
        rationality([0, 1, 0, 1] * 3, np.tile(PAYOFFS, (6, 1)))
    bound = float(str(error.value).rpartition(" ")[2])
    at = oracle.log_likelihood([0, 1, 0, 1] * 3, np.tile(PAYOFFS, (6, 1)), bound)
    assert 2 * (0.0 - at) == pytest.approx(3.841458820694124, rel=1e-3)


def test_fitting_takes_no_jax():
    code = "import sys, stackjax.bayesian.followers.fitting; assert 'jax' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
