"""Best auctions for finitely many values: against every bidder, item and profile by itself, Myerson's, and the literature's."""

import itertools

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stackjax.errors import InputError
from stackjax.menus import (
    BoxAllocations,
    MenuAuction,
    MenuAuctionProblem,
    MenuGame,
    PriceConfig,
    compatibility,
    finite,
    finite_optimum,
    play,
)
from stackjax.menus.finite_types import best_of_all
from tests.oracles.finite_auctions import best_auction, best_auction_of_one_item

SOME = settings(max_examples=25, deadline=None)
SEEDS = st.integers(0, 10**6)
HALF, THIRD = (0.5, 0.5), (1 / 3, 1 / 3, 1 / 3)


def random_values(seed, most=3):
    """At most ``most`` values in any unit, and their chances, some of them small."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, most + 1))
    chances = rng.dirichlet(np.full(count, rng.choice([0.5, 2.0]))) + 1e-3  # the oracle's solver takes what is below 1e-9 for 0
    return rng.uniform(0, 1, count) * rng.choice([1e-6, 1.0, 1e6]), chances / chances.sum()


@pytest.mark.parametrize(
    ("values", "chances", "dominant", "bayesian", "item_wise"),
    [
        ((1, 2), HALF, 3.125, 3.1875, 3.0),  # Yao (2016): 2 % apart
        ((1, 2), (0.7, 0.3), 2.6441, 2.663, 2.6),
        ((1, 2), (0.3, 0.7), 3.64, 3.64, 3.64),
        ((2, 3), HALF, 5.0625, 5.125, 5.0),
        ((1, 3), HALF, 4.5, 4.5, 4.5),
        ((1, 2, 3), THIRD, 109 / 27, 110 / 27, 4.0),
    ],
)
def test_two_bidders_and_two_items_earn_what_is_known(values, chances, dominant, bayesian, item_wise):
    found = finite_optimum(values, chances)
    assert (found.value, found.method) == (pytest.approx(dominant, rel=1e-9), "lp")
    assert found.commitment is None
    assert finite_optimum(values, chances, bayesian=True).value == pytest.approx(bayesian, rel=1e-9)
    assert 2 * best_auction_of_one_item(values, chances, 2) == pytest.approx(item_wise)


@SOME
@given(seed=SEEDS, size=st.sampled_from([(1, 2), (1, 3), (2, 1), (2, 2), (3, 1)]), bayesian=st.booleans())
def test_the_optimum_is_that_of_every_bidder_item_and_profile_by_itself(seed, size, bayesian):
    values, chances = random_values(seed)
    unit = values.max()
    slow = unit * best_auction(values / unit, chances, bayesian, *size)
    assert finite_optimum(values, chances, bayesian, *size).value == pytest.approx(slow, rel=1e-7)


@pytest.mark.parametrize(("bidders", "items"), [(3, 2), (2, 3)])
@pytest.mark.parametrize("bayesian", [False, True])
def test_more_bidders_and_more_items_are_as_by_the_definition(bidders, items, bayesian):
    slow = best_auction((1, 2), (0.6, 0.4), bayesian, bidders, items)
    assert finite_optimum((1, 2), (0.6, 0.4), bayesian, bidders, items).value == pytest.approx(slow, rel=1e-9)


@SOME
@given(seed=SEEDS, bidders=st.integers(1, 5), bayesian=st.booleans())
def test_one_item_is_sold_by_myersons_auction(seed, bidders, bayesian):
    values, chances = random_values(seed)
    slow = best_auction_of_one_item(values, chances, bidders)
    assert finite_optimum(values, chances, bayesian, bidders, 1).value == pytest.approx(slow, rel=1e-7)


@SOME
@given(seed=SEEDS, items=st.integers(1, 3), bayesian=st.booleans())
def test_one_bidder_is_a_buyer_of_finitely_many_types(seed, items, bayesian):
    values, chances = random_values(seed)
    unit = values.max()
    kinds = list(itertools.product(range(len(values)), repeat=items))
    law = finite(values[kinds] / unit, chances[kinds].prod(axis=1))
    zero = np.zeros(items)
    buyer = MenuGame("one", law, BoxAllocations(zero, zero + 1.0), zero[None], zero)
    assert finite_optimum(values, chances, bayesian, 1, items).value == pytest.approx(unit * best_of_all(buyer).value, rel=1e-6)


@pytest.mark.long
@SOME
@given(seed=SEEDS, size=st.sampled_from([(1, 2), (2, 2), (3, 2), (2, 3)]), scale=st.floats(1e-3, 1e3))
@example(seed=0, size=(4, 2), scale=2.0)
def test_weaker_terms_earn_more_in_any_unit_and_order(seed, size, scale):
    values, chances = random_values(seed, most=2 if size == (2, 3) else 3)
    bidders, items = size
    dominant, bayesian = (finite_optimum(values, chances, on_average, *size).value for on_average in (False, True))
    room = 1e-7 * bayesian
    assert items * best_auction_of_one_item(values, chances, bidders) - room <= dominant <= bayesian + room
    assert bayesian <= items * values.max() + room
    assert finite_optimum(scale * values, chances, False, *size).value == pytest.approx(scale * dominant, rel=1e-7)
    assert finite_optimum(values[::-1], chances[::-1], True, *size).value == pytest.approx(bayesian, rel=1e-7)
    twice = (np.append(values[:1], values), np.append(chances[:1] / 2, [chances[0] / 2, *chances[1:]]))
    if len(values) < 3 and size != (2, 3):  # a value that is named twice is one value
        assert finite_optimum(*twice, False, *size).value == pytest.approx(dominant, rel=1e-7)


def test_a_rare_value_is_all_but_none_and_what_nobody_wants_earns_nothing():
    rare = finite_optimum((1.0, 2.0), (1e-6, 1.0 - 1e-6), bayesian=True).value
    assert rare == pytest.approx(4.0, abs=1e-5)
    assert finite_optimum([0.0], [1.0]).value == 0.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("one", HALF), "values='one' must be an array of numbers"),
        (((1, 2), "half"), "chances='half' must be an array of numbers"),
        (((1, 2, 3, 4), (0.25,) * 4), r"values=\(1, 2, 3, 4\) must be 1 to 3 finite numbers of at least 0"),
        (((), ()), "values="),
        (((1, -2), HALF), "values="),
        (((1, np.inf), HALF), "values="),
        (([[1, 2]], HALF), "values="),
        (((1, 2), (0.5, 0.6)), r"chances=\(0.5, 0.6\) must be a positive number for each of values, and sum to 1"),
        (((1, 2), (1.0, 0.0)), "chances="),
        (((1, 2), THIRD), "chances="),
        (((1, 2), HALF, 1), "bayesian=1 must be True or False"),
        (((1, 2), HALF, False, 0), "bidders=0 must be a whole number of at least 1"),
        (((1, 2), HALF, False, 21), "bidders=21 must be at most 20"),
        (((1, 2), HALF, False, 2, 0), "items=0 must be a whole number of at least 1"),
        (((1, 2), HALF, False, 2, 6), "items=6 must be at most 5"),
        (((1, 2, 3), THIRD, False, 2, 4), "bidders=2 and items=4 with 3 values are too many: there are 1062882 cases"),
    ],
)
def test_mistakes_name_what_is_allowed(arguments, message):
    with pytest.raises(InputError, match=f"^{message}"):
        finite_optimum(*arguments)


def test_menus_that_are_compatible_earn_no_more_from_few_values_either():
    """An auction for all values in a box is one for the points in it."""
    points = np.linspace(0.2, 1.0, 3)
    best = finite_optimum(points, np.full(3, 1 / 3)).value
    profiles = np.array(list(itertools.product(points, repeat=4))).reshape(-1, 2, 2)
    for seed in range(4):
        problem = MenuAuctionProblem(MenuAuction(2), PriceConfig(cells=2))
        size, rng = problem.menus.allocations[1:].sum(axis=1), np.random.default_rng(seed)
        made = problem.improve(size * rng.uniform(0.4, 0.8, (len(problem.commitments.observations), 3)), 10)
        auction = problem.auction(made)
        assert compatibility(auction).holds
        earned = play(auction, profiles).payments.sum(axis=1).mean()
        assert 0.5 < earned <= best + 1e-6
