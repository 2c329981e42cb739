"""Sequential sales: draws against sorting, tables against closed forms, values against sales played out bundle by bundle."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stackjax.errors import InputError
from stackjax.menus import FittedConfig, Sale, SaleTable, SolveConfig, item_by_item, sale_value, solve_backward, solve_fitted
from stackjax.menus.config import SaleConfig
from stackjax.menus.sales.game import SequentialSaleGame
from stackjax.menus.sales.problem import SaleProblem, sequential_sale
from tests.oracles.sales import average_revenue, unit_demand_optimum, values_of_bundles
from tests.runs.commands import result_of, run
from tests.siblings import first

QUICK = SolveConfig(num_steps=120, batch=1024)
LAWS = ["uniform", "unit-demand", "three-demand", "bundles", "complements"]


@pytest.mark.parametrize("law", LAWS)
def test_draws_are_the_best_bundles_of_each_size(law):
    items, count = 4, 4000
    drawn = np.asarray(Sale(2, items, law).sizes(jax.random.key(0), 20_000), np.float64)
    rng = np.random.default_rng(0)
    values = [values_of_bundles(rng, law, items) for _ in range(count)]
    for left in range(1, items + 1):
        for size in range(1, drawn.shape[2]):
            of_size = [[v for b, v in one.items() if len(b) == size and max(b) < left] for one in values]
            if size > left:
                assert (drawn[:, left, size] == 0.0).all()
                continue
            expected, found = np.array([max(one) for one in of_size]), drawn[:, left, size]
            error = 4.5 * np.sqrt(expected.var() / count + found.var() / len(found))
            assert abs(expected.mean() - found.mean()) <= error
            assert abs(expected.std() - found.std()) <= 0.06 * expected.std()


@pytest.mark.parametrize("law", first(2, LAWS))
def test_a_table_earns_what_sales_played_out_earn(law):
    sale, rng = Sale(3, 3, law), np.random.default_rng(1)
    sizes = np.arange(sale.most_bought + 1)
    prices = rng.uniform(0.3, 0.8, (3, 4, len(sizes))) * sizes
    prices = np.where(sizes[None, None] <= np.arange(4)[None, :, None], prices, np.inf).astype(np.float32)
    found = sale_value(sale, SaleTable(jax.numpy.asarray(prices), "size"), jax.random.key(0))
    mean, error = average_revenue(rng, law, prices[:, :, 1:], 3, 6000)
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


@pytest.mark.long
def test_bundles_earn_more_than_items_by_themselves():
    """Five bidders, five items: 3.1278 ± 0.0011 is the most that was computed elsewhere."""
    sale = Sale(5, 5)
    found = sale_value(sale, solve_backward(sale, jax.random.key(0), QUICK), jax.random.key(1))
    assert 3.12 < found.value < 3.1289 + found.half_width


def test_mistakes_name_what_is_allowed():
    with pytest.raises(InputError, match="valuations=other must be one of uniform, asymmetric, unit-demand"):
        Sale(2, 2, "other")
    with pytest.raises(InputError, match="num_items=11 must be at most 10"):
        Sale(2, 11, "complements")
    with pytest.raises(InputError, match="num_bidders=0"):
        Sale(0, 2)
    with pytest.raises(InputError, match="learning_rate=0"):
        SolveConfig(learning_rate=0.0)


@pytest.mark.parametrize(
    ("law", "menu"), first(1, [("asymmetric", "bundle"), ("asymmetric", "tariff"), ("complements", "bundle")])
)
def test_a_bidder_pays_for_what_is_worth_most_to_it_of_what_is_left(law, menu):
    """A table by sets of items, against sales played out set by set in plain Python."""
    sale = Sale(2, 3, law)
    table = solve_backward(sale, jax.random.key(0), SolveConfig(num_steps=10, batch=64, value_batches=2), menu=menu)
    prices, rng, paid = np.asarray(table.prices, np.float64), np.random.default_rng(0), []
    assert (prices[:, :, 0] == 0.0).all()
    for _ in range(6000):
        left, total = 0b111, 0.0
        for bidder in prices:
            if law == "asymmetric":
                single = rng.uniform(0, np.array([1, 2, 3]) / 3)
                worth = [sum(single[j] for j in range(3) if bundle >> j & 1) for bundle in range(8)]
            else:
                drawn = values_of_bundles(rng, law, 3)
                worth = [drawn.get(tuple(j for j in range(3) if bundle >> j & 1), 0.0) for bundle in range(8)]
            offered = [bundle for bundle in range(8) if bundle & left == bundle]
            assert np.isfinite(bidder[left]).nonzero()[0].tolist() == offered
            bought = max(offered, key=lambda bundle: worth[bundle] - bidder[left, bundle])
            total, left = total + bidder[left, bought], left & ~bought
        paid.append(total)
    found = sale_value(sale, table, jax.random.key(1), 2**13)
    assert abs(found.value - np.mean(paid)) <= 4.5 * np.std(paid) / np.sqrt(len(paid)) + found.half_width


@pytest.mark.long
def test_prices_by_sets_earn_what_prices_by_numbers_earn_where_items_are_alike():
    sale = Sale(2, 2)
    values = [
        sale_value(sale, solve_backward(sale, jax.random.key(0), QUICK, menu=menu), jax.random.key(1))
        for menu in ("size", "bundle", "tariff")
    ]
    for other in values[1:]:
        assert abs(other.value - values[0].value) <= 2e-3 + other.half_width + values[0].half_width


@pytest.mark.long
@pytest.mark.parametrize(("items", "best"), first(1, [(1, ((1 + 0.25) / 2) ** 2), (2, unit_demand_optimum(2, 2))]))
def test_fitted_policy_iteration_comes_near_the_optimum(items, best):
    sale = Sale(2, items, "unit-demand")
    config = FittedConfig(num_iterations=12, learning_rate=3e-4, hidden_sizes=(128, 128))
    found = sale_value(sale, solve_fitted(sale, jax.random.key(0), config), jax.random.key(1))
    assert 0.985 * best <= found.value <= best + found.half_width


def test_prices_that_do_not_suit_the_law_are_refused():
    with pytest.raises(InputError, match="menu='size' is for values that treat items alike"):
        SequentialSaleGame(Sale(2, 2, "asymmetric"), "size")
    with pytest.raises(InputError, match="menu='tariff' is for values that add up"):
        SequentialSaleGame(Sale(2, 2, "bundles"), "tariff")
    with pytest.raises(InputError, match="num_items=20 must be at most 10"):
        SequentialSaleGame(Sale(2, 20), "bundle")
    with pytest.raises(InputError, match="num_iterations=0"):
        FittedConfig(num_iterations=0)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    place = tmp_path_factory.mktemp("sales") / "run"
    small = ["--game.bidders", "3", "--game.items", "2", "--gradient.num-updates", "300", "--seeds", "2"]
    assert run("train", "sequential-sale", *small, "--game.valuations", "unit-demand", "--polish", "0", "--out", place) == 0
    return place


def test_sales_go_through_the_command_line(trained, tmp_path, capsys):
    best = unit_demand_optimum(3, 2)
    for entry in result_of(trained)["seeds"]:
        assert entry["optimum"] == pytest.approx(best, abs=1e-6)
        assert best - 0.02 <= entry["leader_payoff"] <= best + 1e-6
        assert len(entry["commitment"]["actions"]) == 3 * 3
        assert [line["label"] for line in entry["pictures"][0]["lines"]] == ["1 left", "2 left"]
    for command in (["evaluate", trained], ["report", trained], ["export", trained, tmp_path / "sale.json"]):
        assert run(*command) == 0
    capsys.readouterr()
    assert run("solve", "sequential-sale", "--game.valuations", "unit-demand", "--json") == 0
    assert json.loads(capsys.readouterr().out)["value"] == pytest.approx(unit_demand_optimum(5, 5), abs=1e-8)


def test_a_sale_that_offers_small_bundles_alone_is_told_by_those():
    """By sets of items: those that are too large have no price."""
    problem = SaleProblem(sequential_sale(2, 2, "unit-demand", "bundle"))
    made = problem.differentiable.start(jax.random.key(0))[None]
    judged = jax.tree.map(lambda leaf: leaf[None], problem.judge(jax.random.key(1), made[0], 1))
    (told,) = problem.describe(judged, made, ["seed 0"])
    assert [line.count(" at ") for line in told["mechanism"]] == [1, 1]


def test_polishing_a_sale_of_unit_demand_ends_at_the_optimum():
    problem = SaleProblem(sequential_sale(3, 2, "unit-demand"))
    made = np.asarray(problem.differentiable.start(jax.random.key(0)))
    assert float(problem.judge(jax.random.key(1), problem.improve(made, 1), 1).payoff) == pytest.approx(
        unit_demand_optimum(3, 2)
    )


@pytest.mark.parametrize("law", first(2, ["uniform", "complements", "asymmetric"]))
def test_the_slopes_of_a_sale_are_those_of_every_state_given_what_follows(law):
    """And its value is what it earns when bidders take the best, up to the softening and to sampling."""
    problem = SaleProblem(sequential_sale(2, 2, law), SaleConfig(num_valuations=20_000))
    made, key = problem.differentiable.start(jax.random.key(0)), jax.random.key(1)
    value, slopes = jax.value_and_grad(problem.differentiable.payoff, argnums=1)(key, made, 2000.0)
    earned = sale_value(problem.game.sale, problem.table(made), jax.random.key(2))
    assert abs(float(value) - earned.value) <= 0.03
    moved = made + 0.02 * slopes / jnp.abs(slopes).max()
    assert sale_value(problem.game.sale, problem.table(moved), jax.random.key(2)).value > earned.value
    unseen = np.asarray(slopes).reshape(2, -1, slopes.shape[1])[0, 1]  # the first bidder always finds everything there
    assert (unseen != 0).any()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--game.items", "60", "--game.bidders", "60"], "at most 131072 prices"),
        (["--game.valuations", "asymmetric", "--game.menu", "size"], "--game.menu 'size' is for values that treat items alike"),
        (["--sale.num-valuations", "0"], "--sale.num-valuations 0"),
    ],
)
def test_mistakes_at_the_command_line_are_one_line(arguments, said, tmp_path, capsys):
    assert run("train", "sequential-sale", *arguments, "--out", tmp_path / "run") == 2
    assert said in capsys.readouterr().err
