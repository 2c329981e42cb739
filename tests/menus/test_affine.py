"""Affine maximisers: nobody gains by lying, nothing is sold twice, one bidder faces a menu, and learning beats Myerson."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackjax.errors import InputError
from stackjax.menus.affine import AffineConfig, AffineMaximizer, auction, average_revenue, item_wise_myerson, learn_affine

BIDDERS, ITEMS = 2, 2


def random_maximizer(seed, bidders=BIDDERS, options=6):
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.ones(bidders + 1), (options, ITEMS))[..., :bidders].swapaxes(1, 2)
    allocations = np.concatenate([np.zeros((1, bidders, ITEMS)), shares])
    return AffineMaximizer(allocations, rng.uniform(0.5, 2, bidders), np.concatenate([[0.0], rng.uniform(-1, 0.3, options)]))


def utilities(maximizer, values, bids):
    found = auction(maximizer, bids)
    return (maximizer.allocations[found.option] * values).sum(axis=2) - found.payments


@pytest.fixture(scope="module")
def learned():
    return learn_affine(jax.random.key(0), BIDDERS, ITEMS, AffineConfig(num_updates=1500))


@pytest.mark.parametrize("kind", ["random", "learned"])
def test_nobody_gains_by_a_misreport(kind, learned):
    maximizer = learned if kind == "learned" else random_maximizer(0)
    rng, count = np.random.default_rng(1), 100_000
    values = rng.uniform(0, 1, (count, BIDDERS, ITEMS))
    honest = utilities(maximizer, values, values)
    assert honest.min() >= -1e-12
    for i in range(BIDDERS):
        bids = values.copy()
        bids[:, i] = rng.uniform(0, 1, (count, ITEMS))
        assert (utilities(maximizer, values, bids)[:, i] - honest[:, i]).max() <= 1e-12
    assert maximizer.allocations.sum(axis=1).max() <= 1.0 + 1e-6


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_payments_are_those_of_the_definition(seed):
    maximizer, rng = random_maximizer(seed, bidders=3), np.random.default_rng(seed)
    values = rng.uniform(0, 1, (5, 3, ITEMS))
    found = auction(maximizer, values)
    for b, value in enumerate(values):
        score = lambda k, without=None, value=value: (
            sum(
                maximizer.weights[i] * sum(maximizer.allocations[k, i, j] * value[i, j] for j in range(ITEMS))
                for i in range(3)
                if i != without
            )
            + maximizer.boosts[k]
        )
        options = range(len(maximizer.boosts))
        best = max(options, key=score)
        assert found.option[b] == best
        for i in range(3):
            paid = (max(score(k, i) for k in options) - score(best, i)) / maximizer.weights[i]
            assert found.payments[b, i] == pytest.approx(paid)


def test_one_bidder_faces_a_menu():
    maximizer = random_maximizer(3, bidders=1)
    values = np.random.default_rng(0).uniform(0, 1, (500, 1, ITEMS))
    found = auction(maximizer, values)
    prices = (maximizer.boosts.max() - maximizer.boosts) / maximizer.weights[0]
    np.testing.assert_allclose(found.payments[:, 0], prices[found.option])
    gains = values[:, 0] @ maximizer.allocations[:, 0].T - prices
    np.testing.assert_array_equal(found.option, gains.argmax(axis=1))


def test_learning_beats_the_best_auction_of_each_item(learned):
    revenue, half_width = average_revenue(learned)
    assert item_wise_myerson(BIDDERS, ITEMS) == pytest.approx(5 / 6)
    assert 0.855 < revenue < 0.8972  # no mechanism earns more than that
    assert half_width < 1e-3


def test_myerson_is_what_virtual_values_say():
    values = np.random.default_rng(0).uniform(0, 1, (200_000, 3))
    assert item_wise_myerson(3, 1) == pytest.approx(np.maximum(2 * values.max(axis=1) - 1, 0).mean(), abs=3e-3)
    assert [round(item_wise_myerson(n, 1), 6) for n in (1, 2)] == [0.25, 0.416667]


def test_mistakes_name_what_is_allowed():
    with pytest.raises(InputError, match="num_options=0"):
        AffineConfig(num_options=0)
    with pytest.raises(InputError, match="num_bidders=0"):
        learn_affine(jax.random.key(0), 0, 2)
