"""Where something is sampled it is judged on fresh draws, and intervals of 95 % hold what is true in 95 % of cases."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.menus.auctions.affine import average_revenue
from stackjax.menus.auctions.problem import AffineAuction, AffineProblem
from stackjax.menus.config import MenuConfig
from stackjax.menus.problem import MenuProblem
from stackjax.menus.sales.problem import SaleProblem, sequential_sale
from stackjax.menus.single_buyer import JACKETS, additive, straight_jacket
from tests.siblings import first

REPETITIONS, LEAST = 200, 0.93


def bundle_price():
    """Three goods together at 1.2: the sum of three uniform values is at least that with chance 1 - (1.2³ - 3 · 0.2³) / 6."""
    problem = MenuProblem(additive(3), MenuConfig(2, 4096))
    return problem, np.array([[1.0, 1.0, 1.0, 1.2]] * 2), 1.2 * (1.0 - (1.2**3 - 3 * 0.2**3) / 6)


def one_item(problem):
    claimed = problem.optimum()
    return problem, claimed.commitment, claimed.value


CASES = {
    "menu": bundle_price,
    "sale": lambda: one_item(SaleProblem(sequential_sale(3, 1, "uniform"))),
    "auction": lambda: one_item(AffineProblem(AffineAuction(2, 1))),
}


@pytest.mark.long
@pytest.mark.parametrize("name", first(2, CASES))
def test_intervals_hold_the_truth_as_often_as_they_say(name):
    problem, commitment, truth = CASES[name]()
    made = jnp.asarray(commitment, jnp.float32)
    judge = jax.jit(lambda key: problem.judge(key, made, 1).details[:2])
    found = np.array([judge(key) for key in jax.random.split(jax.random.key(0), REPETITIONS)])
    assert len(np.unique(found[:, 0])) > 20  # on draws of their own
    holds = np.abs(found[:, 0] - truth) <= found[:, 1]
    assert holds.mean() >= LEAST
    assert (found[:, 1] < 0.02 * truth).all()


def test_a_menu_is_not_judged_by_what_chose_it():
    """Scoring, judging and describing: three keys, three sets of draws; what is described is what was judged."""
    problem, commitment, _ = bundle_price()
    made = jnp.asarray(commitment, jnp.float32)
    one, other = (problem.judge(jax.random.key(seed), made, 1) for seed in (1, 2))
    assert one.payoff != other.payoff
    (words,) = problem.describe(jax.tree.map(lambda leaf: leaf[None], other), made[None], ["a"])
    assert words["leader_payoff"] == pytest.approx(float(other.payoff), abs=1e-7)
    assert words["shares"] == pytest.approx(np.asarray(other.details.shares).tolist())
    assert additive(3).profit(straight_jacket(3), seed=1).value != additive(3).profit(straight_jacket(3), seed=2).value


def test_another_seed_of_judging_draws_anew():
    values = {
        average_revenue(
            AffineProblem(AffineAuction(2, 1)).maximizer(one_item(AffineProblem(AffineAuction(2, 1)))[1]), 13, s
        ).value
        for s in range(3)
    }
    assert len(values) == 3


@pytest.mark.parametrize("items", first(1, JACKETS))
def test_straight_jacket_auctions_are_the_known_optima(items):
    value, half_width = JACKETS[items]
    found = additive(items).profit(straight_jacket(items), seed=7)
    assert abs(found.value - value) <= 2 * (found.half_width + half_width)
    optimum = MenuProblem(additive(items), MenuConfig(2**items)).optimum()
    assert (optimum.value, optimum.method, optimum.half_width) == (value, "closed-form", half_width)
    assert sx.make("menu-additive", items=items, high=(2.0,)).known[0].value == pytest.approx(2 * value)


@pytest.mark.parametrize("valuations", ["uniform", "unit-demand", "three-demand", "asymmetric", "bundles"])
def test_one_item_has_an_optimum_under_every_law_of_values_up_to_1(valuations):
    """By the recursion in plain Python; complements are worth more, and are not known."""
    value = 0.0
    for _ in range(4):
        value = max((1 - p) * p + p * value for p in np.linspace(0, 1, 100_001))
    for menu in ("default", "bundle"):
        found = SaleProblem(sequential_sale(4, 1, valuations, menu)).optimum()
        assert found.value == pytest.approx(value, abs=1e-8)
    assert SaleProblem(sequential_sale(4, 1, "complements")).optimum() is None
