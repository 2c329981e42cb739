"""Sequential sales: draws against sorting, tables against closed forms, values against sales played out bundle by bundle."""

import jax
import numpy as np
import pytest

from stackjax.errors import InputError
from stackjax.menus.sequential import Sale, SaleTable, SolveConfig, item_by_item, sale_value, solve_backward
from tests.oracles.sales import average_revenue, unit_demand_optimum, values_of_bundles

QUICK = SolveConfig(num_steps=120, batch=1024)
LAWS = ["uniform", "unit-demand", "three-demand", "bundles", "complements"]


@pytest.mark.parametrize("law", LAWS)
def test_draws_are_the_best_bundles_of_each_size(law):
    items, count = 4, 4000
    drawn = np.asarray(Sale(2, items, law).draw(jax.random.key(0), 20_000), np.float64)
    rng = np.random.default_rng(0)
    values = [values_of_bundles(rng, law, items) for _ in range(count)]
    for left in range(1, items + 1):
        for size in range(1, drawn.shape[2] + 1):
            of_size = [[v for b, v in one.items() if len(b) == size and max(b) < left] for one in values]
            if size > left:
                assert np.isneginf(drawn[:, left, size - 1]).all()
                continue
            expected, found = np.array([max(one) for one in of_size]), drawn[:, left, size - 1]
            error = 4.5 * np.sqrt(expected.var() / count + found.var() / len(found))
            assert abs(expected.mean() - found.mean()) <= error
            assert abs(expected.std() - found.std()) <= 0.06 * expected.std()


@pytest.mark.parametrize("law", LAWS)
def test_a_table_earns_what_sales_played_out_earn(law):
    sale, rng = Sale(3, 3, law), np.random.default_rng(1)
    sizes = np.arange(1, sale.most_bought + 1)
    prices = rng.uniform(0.3, 0.8, (3, 4, len(sizes))) * sizes
    prices = np.where(sizes[None, None] <= np.arange(4)[None, :, None], prices, np.inf).astype(np.float32)
    found = sale_value(sale, SaleTable(jax.numpy.asarray(prices)), jax.random.key(0))
    mean, error = average_revenue(rng, law, prices, 3, 6000)
    assert abs(found.value - mean) <= 4.5 * error + found.half_width
    assert (found.half_width == 0.0) == (law == "unit-demand")


def test_unit_demand_is_solved_as_the_recursion_says():
    sale = Sale(5, 5, "unit-demand")
    best = unit_demand_optimum(5, 5)
    assert best == pytest.approx(2.434870, abs=1e-6)
    value = sale_value(sale, solve_backward(sale, jax.random.key(0), QUICK), jax.random.key(1)).value
    assert best - 2e-3 <= value <= best


def test_one_item_is_sold_at_the_closed_form():
    sale = Sale(4, 1)
    found = sale_value(sale, solve_backward(sale, jax.random.key(0), QUICK), jax.random.key(1))
    assert abs(found.value - item_by_item(sale)) <= 1e-3 + found.half_width
    assert item_by_item(Sale(5, 5)) == pytest.approx(3.0038, abs=1e-4)


def test_bundles_earn_more_than_items_by_themselves():
    """Five bidders, five items: 3.1278 ± 0.0011 is the most that was computed elsewhere."""
    sale = Sale(5, 5)
    found = sale_value(sale, solve_backward(sale, jax.random.key(0), QUICK), jax.random.key(1))
    assert 3.12 < found.value < 3.1289 + found.half_width


def test_mistakes_name_what_is_allowed():
    with pytest.raises(InputError, match="valuations=other must be one of uniform, unit-demand"):
        Sale(2, 2, "other")
    with pytest.raises(InputError, match="num_items=11 must be at most 10"):
        Sale(2, 11, "complements")
    with pytest.raises(InputError, match="num_bidders=0"):
        Sale(0, 2)
    with pytest.raises(InputError, match="learning_rate=0"):
        SolveConfig(learning_rate=0.0)
