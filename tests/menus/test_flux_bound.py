"""The bound by fluxes is the oracle's programme, and no strategy-proof auction earns more."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import qmc

from stackjax.errors import InputError
from stackjax.menus import AffineMaximizer, auction, best_fluxes, flux_bound
from stackjax.menus.auctions.flux_bound import _admissible
from stackjax.menus.auctions.problem import AffineAuction
from tests.oracles.auctions import flux_programme, flux_surplus
from tests.siblings import first

ZERO, ONE = np.zeros((2, 2)), np.ones((2, 2))
DRAWS = qmc.Sobol(4, rng=np.random.default_rng(0)).random_base2(11).reshape(-1, 2, 2)
NOTHING = np.zeros((2, 2))
GIVEN = [np.array(owner)[None] == np.arange(2)[:, None] for owner in itertools.product((0, 1, 2), repeat=2)]
ALL_WAYS = np.array([NOTHING, *(way for way in GIVEN if way.any())], float)  # [9, bidders, items]


@pytest.fixture(scope="module")
def coarse():
    return best_fluxes(ZERO, ONE, 4, 1)


def test_the_programme_is_that_with_every_variable(coarse):
    value, fields = flux_programme(4)
    assert value == pytest.approx(0.914404, abs=2e-6)
    bound = flux_bound(ZERO, ONE, 4, 1).value
    assert bound < value  # judged on the parts of cells, it is lower than the programme's own value
    for some in (fields, coarse.fields):
        assert flux_surplus(some, DRAWS[:512]).mean() < value
    ours = np.maximum(coarse.virtual_values(DRAWS[:512]), 0.0).max(axis=1).sum(axis=1)
    np.testing.assert_allclose(ours, flux_surplus(coarse.fields, DRAWS[:512]), atol=1e-12)


@pytest.mark.parametrize("high", [ONE, [[1.0, 2.0], [3.0, 1.0]]])
def test_fields_obey_their_conditions_exactly(high):
    fluxes = best_fluxes(ZERO, high, 3, 1)
    for i, own in enumerate(fluxes.fields):
        inflow = 0.0
        for j, field in enumerate(own):
            along = np.moveaxis(field, 2 * i + j, 0)
            assert (along[0] >= 0).all()
            assert (along[-1] <= 0).all()
            inflow = inflow - 3 * np.moveaxis(np.diff(along, axis=0), 0, 2 * i + j)
        assert inflow.max() <= 1.0 + 1e-15
        assert inflow.max() > 0.99


@pytest.mark.parametrize("first_axis", [0, 2])
def test_whatever_a_solver_returns_is_moved_to_where_it_proves_something(first_axis):
    rng, cells = np.random.default_rng(first_axis), 3
    shapes = [[cells + (axis == first_axis + j) for axis in range(4)] for j in range(2)]
    made = _admissible([rng.normal(size=shape) for shape in shapes], first_axis)
    inflow = 0.0
    for j, field in enumerate(made):
        along = np.moveaxis(field, first_axis + j, 0)
        assert (along[0] >= 0).all()
        assert (along[-1] <= 0).all()
        inflow = inflow - cells * np.moveaxis(np.diff(along, axis=0), 0, first_axis + j)
    assert inflow.max() == pytest.approx(1.0)
    for field, again in zip(made, _admissible([field.copy() for field in made], first_axis), strict=True):
        np.testing.assert_allclose(again, field, rtol=1e-12)  # what is admissible stays


def test_the_value_is_no_less_than_the_mean_of_the_largest_virtual_surplus(coarse):
    draws = qmc.Sobol(4, rng=np.random.default_rng(1)).random_base2(18).reshape(-1, 2, 2)
    mean = np.maximum(coarse.virtual_values(draws), 0.0).max(axis=1).sum(axis=1).mean()
    assert mean - 1e-5 < flux_bound(ZERO, ONE, 4, 1).value < mean + 1e-3


def affine(parameters):
    """All ways to give items to two bidders; weights from .3 to 1."""
    return AffineMaximizer(ALL_WAYS, np.append(1.0, parameters[0]), np.append(0.0, -parameters[1:]))


def earned_by(maximizer, draws=DRAWS):
    """The revenue, and what each bidder has."""
    found = auction(maximizer, draws)
    return found.payments.sum(axis=1).mean(), ALL_WAYS[found.option]


def posted(prices, draws=DRAWS):
    """Bidder 1 takes what it likes at its posted prices, bidder 2 of what is left."""
    first = draws[:, 0] > prices[0]
    second = (draws[:, 1] > prices[1]) & ~first
    return (first * prices[0] + second * prices[1]).sum(axis=1).mean(), np.stack([first, second], axis=1)


def second_price(prices, draws=DRAWS):
    """Items to the highest bidder of each, who pays the larger of the other's bid and a reserve; at 1/2 it is Myerson's."""
    high = draws.argmax(axis=1)[:, None] == np.arange(2)[None, :, None]
    asked = np.maximum(draws[:, ::-1], prices[:2])
    sold = high & (draws > asked)
    return (sold * asked).sum(axis=(1, 2)).mean(), sold


@pytest.mark.long
def test_no_strategy_proof_auction_earns_more():
    """2,000 of them, random and climbed; each also earns no more than the virtual surplus of what it sells."""
    rng, bound, fluxes = np.random.default_rng(2), AffineAuction().optimum.value, best_fluxes(ZERO, ONE, 6, 3)
    assert bound < 0.8817
    virtual, most = fluxes.virtual_values(DRAWS), 0.0
    random_prices = lambda: np.append(rng.uniform(0.3, 1.0), ALL_WAYS[1:].sum(axis=(1, 2)) * rng.uniform(0.2, 0.9, 8))

    def check(earned, sold):
        nonlocal most
        most = max(most, earned)
        assert earned < bound
        assert earned < (sold * virtual).sum(axis=(1, 2)).mean() + 0.01  # of draws

    for _ in range(500):
        check(*posted(rng.uniform(0, 1, (2, 2))))
        check(*second_price(rng.uniform(0, 1, 2)))
        check(*earned_by(affine(random_prices())))
    for _ in range(5):
        made = random_prices()
        best = earned_by(affine(made))
        for step in np.geomspace(0.2, 0.005, 100):
            moved = np.clip(made + step * rng.normal(size=9), 0.0, 2.0)
            moved[0] = moved[0].clip(0.3, 1.0)
            found = earned_by(affine(moved))
            check(*found)
            if found[0] > best[0]:
                made, best = moved, found
    check(*second_price(np.array([0.5, 0.5])))
    assert most > 0.85  # they are not all bad


@pytest.mark.long
def test_of_one_bidder_it_falls_to_the_optimum():
    found = [flux_bound([[0, 0]], [[1, 1]], cells, 1).value for cells in (6, 12, 24)]
    assert found == sorted(found, reverse=True)
    assert 0.549201 < found[-1] < 0.54943
    assert 0.549201 < flux_bound([[0, 0]], [[1, 1]], 48, 4).value < 0.54927
    assert 0.384900 < flux_bound([[0, 0]], [[1, 1]], 24, 4, unit_demand=True).value < 0.3852


def test_of_one_item_it_is_nearly_myersons():
    assert 5 / 12 < flux_bound([[0], [0]], [[1], [1]], 8, 4).value < 0.41668
    assert 0.645833 < flux_bound([[0], [0]], [[1], [2]], 12, 4).value < 0.6465  # virtual values 2x - 1 and 2x - 2
    assert 17 / 32 < flux_bound([[0], [0], [0]], [[1], [1], [1]], 8, 1).value < 0.5313


@pytest.mark.long
@settings(max_examples=2, deadline=None)
@given(size=st.floats(0.1, 50.0), shift=st.floats(0.0, 2.0))
def test_units_do_not_matter_and_more_is_worth_more(size, shift):
    low, high = np.array([[0.0, 0.1], [0.2, 0.0]]) + shift, np.array([[1.0, 0.7], [1.4, 2.0]]) + shift
    value = flux_bound(low, high, 2, 1).value
    assert flux_bound(size * low, size * high, 2, 1).value == pytest.approx(size * value, rel=1e-6)
    assert flux_bound(low[::-1], high[::-1], 2, 1).value == pytest.approx(value, rel=2e-3)  # other best fields
    assert flux_bound(low, high, 2, 1, unit_demand=True).value <= value * (1 + 1e-6)
    assert value >= low.max(axis=0).sum()  # what can be had for certain


@pytest.mark.parametrize(
    ("bidders", "items", "least", "most"),
    first(
        2,
        [
            (1, 3, 0.8755, 0.8761),
            (4, 3, 0, 0),
            (2, 3, 1.25, 1.38),
            (3, 2, 1.0625, 1.105),
            (4, 2, 1.225, 1.2754),
            (5, 2, 1.34, 1.43),
        ],
    ),
)
def test_affine_auctions_are_held_against_it(bidders, items, least, most):
    found = AffineAuction(bidders, items).optimum
    assert found is None if not most else least < found.value < most and found.method == "upper-bound"


@pytest.mark.long
def test_eight_cells_are_enough_for_half_a_percent():
    assert flux_bound(ZERO, ONE, 8, 1).value <= 0.88376


@pytest.mark.long
def test_twelve_cells():
    assert flux_bound(ZERO, ONE, 12, 1).value <= 0.8805


def test_mistakes_are_told():
    with pytest.raises(InputError, match=r"one shape \[bidders, items\], not \(2,\) and \(2,\)"):
        flux_bound([0, 0], [1, 1])
    with pytest.raises(InputError, match=r"high=.*must be finite and above low"):
        flux_bound([[0.0, 1.0]], [[1.0, 1.0]])
    with pytest.raises(InputError, match="cells=40 with parts=3 is too many for 2 bidders and 2 items"):
        flux_bound(ZERO, ONE, 40)
    with pytest.raises(InputError, match="parts=17 must be at most 16"):
        flux_bound(ZERO, ONE, 4, 17)
    with pytest.raises(InputError, match="unit_demand='no' must be True or False"):
        flux_bound(ZERO, ONE, 4, 1, "no")
