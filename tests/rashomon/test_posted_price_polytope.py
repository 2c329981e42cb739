"""The oracle of posted-price-pi with two messages: its rows are the inequalities, its figures the specification's."""

import numpy as np
import pytest

from tests.oracles import posted_price_polytope as polytope


def test_rows_are_the_inequalities():
    drawn = np.random.default_rng(0).uniform(polytope.LOWEST, polytope.HIGHEST, (4000, 4))
    by_rows = (drawn @ polytope.ROWS.T <= polytope.LIMITS).all(axis=1)
    assert (by_rows == [polytope.is_inside(prices) for prices in drawn]).all()
    assert 100 < by_rows.sum() < 3900


@pytest.mark.parametrize(
    ("weights", "least", "most"),
    [((1, 0), 0.20, 0.65), ((0, 1), 0.0, 0.40), ((1, 1), 0.20, 1.05)],
    ids=["follower 1", "follower 2", "both"],
)
def test_what_followers_may_be_paid(weights, least, most):
    value, prices = polytope.extreme(weights)
    assert value == pytest.approx(most, abs=1e-9)
    assert polytope.is_inside(prices, 1e-9)
    assert np.dot(weights, polytope.utilities(prices)) == pytest.approx(value, abs=1e-9)
    assert -polytope.extreme(-np.array(weights))[0] == pytest.approx(least, abs=1e-9)


def test_revenue_least_follower_and_equality():
    ends = [polytope.revenue(polytope.extreme(weights)[1]) for weights in ((1, 1), (-1, -1))]
    assert ends == pytest.approx([0.05, 0.90], abs=1e-9)
    assert polytope.least_follower() == pytest.approx(0.40, abs=1e-9)
    assert polytope.extreme((1, 0), equal=True)[0] == pytest.approx(0.40, abs=1e-9)
    assert -polytope.extreme((-1, 0), equal=True)[0] == pytest.approx(0.20, abs=1e-9)
