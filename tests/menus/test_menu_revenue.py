"""What a bidder pays for the best option of a menu on average: the definition's, and exact where areas are."""

import numpy as np
import pytest

from stackjax.menus import MenuAuction, PriceConfig
from stackjax.menus.auctions.ascend import ties_of
from stackjax.menus.auctions.menu_auction import menus_of
from stackjax.menus.auctions.mesh import Mesh
from stackjax.menus.auctions.revenue import mean_payment, menu_payments
from stackjax.menus.cells import polygons_of
from tests.oracles.auctions import mean_paid

ITEMS = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], float)
HALVES = np.array([(i, j) for i in range(3) for j in range(3)], float) / 2
ONE_OF_TWO = ITEMS[:3]


def subsets(items):
    return np.array([[(k >> j) & 1 for j in range(items)] for k in range(2**items)], float)


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
    allocations = subsets(items)
    prices = random_prices(rng, allocations, 3, 0.0, 1.0)
    found, _ = menu_payments(allocations, prices, 0.0, 1.0)
    values = rng.uniform(0, 1, (20_000, items))
    for row, paid in zip(prices, found, strict=True):
        assert paid == pytest.approx(mean_paid(allocations, row, values), abs=0.01)


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


@pytest.mark.parametrize(("low", "high", "price"), [(0.0, 1.0, 0.3), (0.5, 2.0, 1.2), (0.5, 2.0, 0.4), (0.0, 2.0, 2.5)])
def test_a_posted_price_is_paid_by_who_has_more(low, high, price):
    """Whatever the rival's box is."""
    mesh = Mesh(1, 3, 0.2, 5.0)
    prices = np.column_stack([np.zeros(4), np.full(4, price)])
    paid, slopes = mean_payment(mesh, np.array([[0.0], [1.0]]), prices, low, high)
    share = float(np.clip((high - price) / (high - low), 0.0, 1.0))
    assert paid == pytest.approx(price * share, abs=1e-14)
    assert slopes[:, 1].sum() == pytest.approx(share - price / (high - low) if 0 < share < 1 else share, abs=1e-14)


@pytest.mark.parametrize("price", [0.3, 0.45, 0.55, 0.9])
@pytest.mark.parametrize("items", [1, 2, 3])
def test_items_that_are_sold_apart_earn_the_sum(items, price):
    """Exactly in space too, though who buys an item changes at once for all values of the others."""
    allocations = subsets(items)
    paid, slopes = menu_payments(allocations, price * allocations.sum(axis=1)[None], 0.0, 1.0)
    assert paid[0] == pytest.approx(items * price * (1 - price), abs=1e-13)
    assert slopes[0] @ allocations.sum(axis=1) == pytest.approx(items * (1 - 2 * price), abs=1e-13)


@pytest.mark.parametrize("low", [0.0, 0.4])
def test_slopes_in_space_are_those_of_what_is_paid(low):
    """On average over menus: along the first value a rule is used, which kinks disturb."""
    rng, allocations = np.random.default_rng(5), subsets(3)
    prices = allocations.sum(axis=1) * rng.uniform(low + 0.2, 1.4, (60, 8))
    slopes = menu_payments(allocations, prices, low, 1.4)[1]
    for k in range(1, 8):
        step = 0.05 * (np.arange(8) == k)
        ends = [menu_payments(allocations, prices + sign * step, low, 1.4)[0] for sign in (1, -1)]
        assert np.abs((ends[0] - ends[1]) / 0.1 - slopes[:, k]).mean() < 0.02


@pytest.mark.parametrize("allocations", [ITEMS, HALVES])
def test_an_option_that_is_there_twice_is_paid_once(allocations):
    rng = np.random.default_rng(6)
    prices = random_prices(rng, allocations, 10, 0.0, 1.0)
    twice = menu_payments(np.tile(allocations, (2, 1)), np.tile(prices, 2), 0.0, 1.0)
    once = menu_payments(allocations, prices, 0.0, 1.0)
    np.testing.assert_allclose(twice[0], once[0], atol=1e-14)
    np.testing.assert_allclose(np.split(twice[1], 2, axis=1)[0], once[1], atol=1e-14)
    np.testing.assert_array_equal(np.split(twice[1], 2, axis=1)[1], 0.0)


@pytest.mark.parametrize(("game", "cells"), [(MenuAuction(2), 3), (MenuAuction(2, unit_demand=True), 2), (MenuAuction(3), 1)])
def test_one_simplex_stands_for_all_that_are_renamed(game, cells):
    menus = menus_of(game, PriceConfig(cells=cells))
    ties, mesh = ties_of(menus), menus.meshes[0]
    free = np.random.default_rng(7).uniform(0.3, 0.9, ties.size)
    tables = ties.tables(free)
    whole, slopes = mean_payment(mesh, menus.allocations, tables[0], 0.0, 1.0)
    part, by_part = mean_payment(mesh, menus.allocations, tables[0], 0.0, 1.0, menus.counts[1])
    assert menus.counts[1].sum() == len(mesh.simplices)
    assert 2 * np.count_nonzero(menus.counts[1]) <= len(mesh.simplices)
    assert part == pytest.approx(whole, abs=1e-3 if game.items == 3 else 1e-12)  # slices take items in turn
    near = 1e-2 if game.items == 3 else 1e-12
    np.testing.assert_allclose(ties.summed((by_part, by_part)), ties.summed((slopes, slopes)), atol=near)
