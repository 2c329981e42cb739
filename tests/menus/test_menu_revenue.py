"""What a bidder pays for the best option of a menu on average: the definition's, and exact where areas are."""

import numpy as np
import pytest

from stackjax.menus.auctions.mesh import Mesh
from stackjax.menus.auctions.revenue import mean_payment, menu_payments
from stackjax.menus.cells import polygons_of
from tests.oracles.auctions import mean_paid

ITEMS = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], float)
HALVES = np.array([(i, j) for i in range(3) for j in range(3)], float) / 2
ONE_OF_TWO = ITEMS[:3]


def random_prices(rng, allocations, count, low, high):
    prices = allocations.sum(axis=1) * rng.uniform(low + 0.2, high, (count, len(allocations)))
    prices[:, 0] = 0.0
    return prices


@pytest.mark.parametrize("allocations", [ITEMS, HALVES, ONE_OF_TWO])
@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.5, 2.0)])
def test_shares_are_areas(allocations, low, high):
    rng = np.random.default_rng(0)
    prices = random_prices(rng, allocations, 30, low, high)
    found, slopes = menu_payments(allocations, prices, low, high)
    box = np.array([(low, low), (high, low), (high, high), (low, high)])
    exact = [row @ polygons_of(box, allocations, row).shares for row in prices]
    np.testing.assert_allclose(found, exact, atol=1e-12)
    for k in range(1, len(allocations)):
        moved = [np.where(np.arange(len(allocations)) == k, prices + sign * 1e-6, prices) for sign in (1, -1)]
        ends = [menu_payments(allocations, other, low, high)[0] for other in moved]
        np.testing.assert_allclose((ends[0] - ends[1]) / 2e-6, slopes[:, k], atol=2e-4)


@pytest.mark.parametrize("items", [1, 2, 3])
def test_payments_are_those_of_the_definition(items):
    rng = np.random.default_rng(items)
    allocations = np.array([[(k >> j) & 1 for j in range(items)] for k in range(2**items)], float)
    prices = random_prices(rng, allocations, 3, 0.0, 1.0)
    found, _ = menu_payments(allocations, prices, 0.0, 1.0)
    values = rng.uniform(0, 1, (20_000, items))
    for row, paid in zip(prices, found, strict=True):
        assert paid == pytest.approx(mean_paid(allocations, row, values), abs=0.02)


def test_the_monopolists_menu():
    prices = np.array([[0.0, 2 / 3, 2 / 3, (4 - 2**0.5) / 3]])
    paid, slopes = menu_payments(ITEMS, prices, 0.0, 1.0)
    assert paid[0] == pytest.approx((12 + 2 * 2**0.5) / 27, abs=1e-14)
    np.testing.assert_allclose(slopes[0, 1:], 0.0, atol=1e-14)  # no price could be better


def test_a_second_price_with_reserve_earns_myersons_revenue():
    for cells in (2, 8):
        mesh = Mesh(1, cells)
        prices = np.column_stack([np.zeros(cells + 1), np.maximum(0.5, mesh.vertices[:, 0])])
        paid, slopes = mean_payment(mesh, np.array([[0.0], [1.0]]), prices, 0.0, 1.0)
        assert 2 * paid == pytest.approx(5 / 12, abs=1e-14)
        moved = prices + np.array([0.0, 1.0]) * 1e-6 * np.arange(cells + 1)[:, None]
        rise = mean_payment(mesh, np.array([[0.0], [1.0]]), moved, 0.0, 1.0)[0] - paid
        assert rise == pytest.approx(1e-6 * (slopes[:, 1] @ np.arange(cells + 1)), abs=1e-10)


def test_the_mean_is_over_the_rivals_values_too():
    rng, mesh = np.random.default_rng(4), Mesh(2, 2)
    prices = random_prices(rng, ITEMS, len(mesh.vertices), 0.0, 1.0)
    paid, _ = mean_payment(mesh, ITEMS, prices, 0.0, 1.0)
    values = rng.uniform(0, 1, (100_000, 2, 2))
    offered = mesh.interpolate(prices, values[:, 1])
    taken = (values[:, 0] @ ITEMS.T - offered).argmax(axis=1)
    assert paid == pytest.approx(offered[np.arange(len(taken)), taken].mean(), abs=4e-3)
