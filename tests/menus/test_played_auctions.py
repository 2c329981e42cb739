"""What auctions and sales come to by profile of values: against loops over bidders, and what they are judged to earn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackjax.menus import AffineConfig, PriceConfig
from stackjax.menus.allocations import BoxAllocations
from stackjax.menus.auctions import lots
from stackjax.menus.auctions.affine import item_wise_myerson, scores
from stackjax.menus.auctions.menu_auction import MenuAuction
from stackjax.menus.auctions.menu_problem import MenuAuctionProblem
from stackjax.menus.auctions.problem import AffineAuction, AffineProblem
from stackjax.menus.config import MenuConfig
from stackjax.menus.game import MenuGame
from stackjax.menus.laws import finite
from stackjax.menus.problem import MenuProblem
from stackjax.menus.sales.met import drawn_always
from stackjax.menus.sales.problem import SaleProblem, sequential_sale
from stackjax.outcomes import Played
from stackjax.rashomon.among import named_second
from stackjax.rashomon.found import outcomes_of
from tests.oracles import played as oracle
from tests.oracles.auctions import price_at
from tests.siblings import first

KEY = jax.random.key(0)
SOME = slice(0, 2048, 193)  # profiles that are gone through in plain Python


def as_told(played, place):
    """The outcomes at a profile with a chance, as the oracle has them."""
    rows = zip(played.labels[place], played.chances[place], played.paid[place], strict=True)
    return {tuple(label): (chance, paid) for label, chance, paid in rows if chance > 0}


def same_outcomes(told, expected):
    assert told.keys() == expected.keys()
    for label, (chance, paid) in expected.items():
        assert told[label][0] == pytest.approx(chance, abs=3e-6)
        np.testing.assert_allclose(told[label][1], paid, atol=1e-6)


def earns(played, shares, values):
    """What is paid in all: welfare less what bidders are left with."""
    welfare = (values * shares).sum(axis=(1, 2)).mean()
    return welfare - float((played.utilities @ played.weights).sum())


@given(seed=st.integers(0, 10**6))
@settings(max_examples=2, deadline=None)
def test_affine_auctions_profile_by_profile(seed):
    problem = AffineProblem(AffineAuction(), AffineConfig(num_options=6, num_auctions=2048))
    made = problem.commitments.draw(jax.random.key(seed), 2)
    made = made.at[1, :, :-1].set(jnp.round(made[1, :, :-1]))  # mostly without lots
    values = lots.values_told(np.tile([0.0, 1.0], (2, 1)), 2, by_lots=True)
    for one, played in zip(made, problem.played(None, made), strict=True):
        parts = problem.maximizer(one)
        assert played.weights.sum() == pytest.approx(1.0)
        np.testing.assert_allclose(played.chances.sum(axis=1), 1.0, atol=1e-9)
        np.testing.assert_allclose(np.einsum("te,ten->nt", played.chances, played.paid), played.utilities, atol=1e-5)
        for place in range(len(values))[SOME]:
            shares, paid = oracle.affine_at(*parts, values[place])
            same_outcomes(as_told(played, place), oracle.drawn_one_by_one(shares, values[place], paid))
        mean = np.einsum("te,tex->tx", played.chances, played.labels).reshape(values.shape)
        judged = problem.judge(KEY, one, 1)
        assert earns(played, mean, values) == pytest.approx(float(judged.payoff), abs=0.01 + float(judged.details.half_width))


def test_affine_bidders_are_left_with_what_worth_tells_however_many_options_there_are():
    problem = AffineProblem(AffineAuction(), AffineConfig(num_auctions=4096))  # 33 options, see `scores`
    made = problem.differentiable.start(KEY)[None]
    worth, (played,) = jax.jit(problem.worth)(KEY, made), problem.played(None, made)
    np.testing.assert_allclose(worth.followers[0], played.utilities @ played.weights, atol=0.015)
    assert float(worth.payoff[0]) == pytest.approx(float(problem.judge(KEY, made[0], 1).payoff), abs=0.015)


@pytest.mark.parametrize(("bidders", "items"), first(1, [(2, 2), (3, 1)]))
def test_affine_auctions_start_from_the_best_auction_of_each_item(bidders, items):
    problem = AffineProblem(AffineAuction(bidders, items), AffineConfig(num_options=(bidders + 1) ** items - 1))
    made = problem.differentiable.start(KEY)
    assert float(problem.judge(KEY, made, 1).payoff) == pytest.approx(item_wise_myerson(bidders, items), abs=2e-3)


@pytest.mark.parametrize("options", [33, 64])
def test_compiled_scores_are_those_of_the_definition(options):
    rng = np.random.default_rng(options)
    allocations, values = rng.uniform(size=(options, 3, 2)), rng.uniform(size=(1024, 3, 2))
    weights, boosts = rng.uniform(0.2, 1, 3), rng.uniform(-1, 0, options)
    found = jax.jit(scores)(*(jnp.asarray(part, jnp.float32) for part in (allocations, weights, boosts, values)))
    shares = np.einsum("knm,bnm,n->bkn", allocations, values, weights)
    whole = shares.sum(axis=2) + boosts
    np.testing.assert_allclose(found[0], whole, atol=1e-5)
    np.testing.assert_allclose(found[1], (whole[:, :, None] - shares).swapaxes(1, 2), atol=1e-5)


def test_many_ways_to_give_items_are_told_as_shares_and_two_runs_meet_the_same_values():
    few, many = (AffineProblem(AffineAuction(3, 3), AffineConfig(num_options=count)) for count in (5, 9))
    told = [problem.played(None, problem.commitments.draw(KEY, 1))[0] for problem in (few, many)]
    assert told[0].profiles == told[1].profiles
    assert len(told[0].weights) == 4096
    assert told[0].labels.shape == (4096, 1, 9)
    problem, made = few, few.commitments.draw(KEY, 1)
    values = lots.values_told(np.tile([0.0, 1.0], (3, 1)), 3, by_lots=True)
    for place in range(len(values))[SOME]:
        shares, paid = oracle.affine_at(*problem.maximizer(made[0]), values[place])
        np.testing.assert_allclose(told[0].labels[place, 0], shares.ravel(), atol=5e-4 + 1e-9)
        np.testing.assert_allclose(told[0].utilities[:, place], (shares * values[place]).sum(axis=1) - paid, atol=1e-9)


def test_an_item_that_is_given_twice_is_told_as_it_is():
    values, shares = np.full((1, 2, 1), 0.5), np.ones((1, 2, 1))
    played = lots.told(values, shares, np.zeros((1, 2)), by_lots=True)
    np.testing.assert_array_equal(played.labels, [[[1.0, 1.0]]])


@pytest.mark.parametrize("levels", first(1, [2, 1]))
def test_menu_auctions_profile_by_profile(levels):
    problem = MenuAuctionProblem(MenuAuction(low=(0.0, 1.0), high=(1.0, 3.0)), PriceConfig(cells=2, levels=levels))
    menus = problem.menus
    size = menus.allocations[1:].sum(axis=1)
    made = jnp.asarray(np.random.default_rng(0).uniform(1.2, 1.6, (problem.commitments.num_nodes, 1)) * size, jnp.float32)
    (played,), prices = problem.played(None, made[None]), problem.auction(made).prices
    values = lots.values_told(np.array(problem.game.ends), 2, by_lots=levels > 1)
    assert values[:, 1].min() >= 1.0
    for place in range(len(values))[SOME]:
        shares, paid = np.zeros((2, 2)), np.zeros(2)
        for i in range(2):
            other = menus.meshes[1 - i]
            asked = price_at(other.vertices, other.simplices, prices[i], values[place, 1 - i])
            best = int(np.argmax(menus.allocations @ values[place, i] - asked))
            shares[i], paid[i] = menus.allocations[best], asked[best]
        assert shares.sum(axis=0).max() <= 1.0
        same_outcomes(as_told(played, place), oracle.drawn_one_by_one(shares, values[place], paid))
    worth = jax.jit(problem.worth)(KEY, made[None])
    np.testing.assert_allclose(worth.followers[0], played.utilities @ played.weights, atol=0.02)


@pytest.mark.parametrize(
    ("law", "bidders", "items"), first(1, [("uniform", 3, 2), ("asymmetric", 2, 3), ("unit-demand", 3, 3), ("bundles", 2, 2)])
)
def test_sales_bidder_by_bidder(law, bidders, items):
    game = sequential_sale(bidders, items, law)
    problem = SaleProblem(game)
    made = 0.5 * problem.commitments.draw(KEY, 1)
    by_size = game.kind == "size"
    values = [drawn_always(game, bidder) for bidder in range(bidders)]
    for one, played in zip(made, problem.played(None, made), strict=True):
        prices = np.asarray(one, float).reshape(bidders, game.num_states, game.num_options)
        for place in range(4096)[SOME]:

            def worth(bidder, left, option, place=place):
                is_there = option <= left if by_size else option & left == option
                return values[bidder][place, left if by_size else 0, option] if is_there else None

            bought, kept = oracle.sale_at(prices, game.num_states - 1, worth, lambda left, option: left - option)
            np.testing.assert_array_equal(played.labels[place, 0], bought)
            np.testing.assert_allclose(played.utilities[:, place], kept, atol=1e-6)
        np.testing.assert_array_equal(played.paid[:, 0], played.utilities.T)
        worth = jax.jit(problem.worth)(jax.random.key(3), one[None])
        np.testing.assert_allclose(worth.followers[0], played.utilities @ played.weights, atol=0.05)
        total = np.zeros(4096)
        left = np.full(4096, game.num_states - 1)
        for bidder in range(bidders):
            taken = played.labels[:, 0, bidder].astype(int)
            total += prices[bidder, left, taken] * (taken > 0)
            left -= taken
        judged = problem.judge(KEY, one, 1)
        close = 4.0 * total.std() / 64 + float(judged.details.half_width)
        assert total.mean() == pytest.approx(float(judged.payoff), abs=close)


def test_sales_with_many_items_are_told_by_fewer_draws():
    (played,) = SaleProblem(sequential_sale(2, 60)).played(None, np.full((1, 122, 61), 0.5, np.float32))
    assert len(played.weights) == 2048


@given(seed=st.integers(0, 10**6))
@settings(max_examples=5, deadline=None)
def test_worth_tells_the_worst_of_ties_where_types_are_few(seed):
    rng = np.random.default_rng(seed)
    atoms, weights = rng.integers(0, 5, (5, 2)) / 4, rng.dirichlet(np.ones(5))
    game = MenuGame("few", finite(atoms, weights), BoxAllocations(np.zeros(2), np.ones(2)), np.zeros((1, 2)), np.full(2, 0.1))
    problem = MenuProblem(game, MenuConfig(4, 64))
    made = np.concatenate([rng.integers(0, 2, (6, 4, 2)), rng.integers(1, 5, (6, 4, 1)) / 4], axis=2).astype(np.float32)
    worth = jax.jit(problem.worth)(KEY, jnp.asarray(made))
    exact = [game.worst_profit(problem.menu_of(one)) for one in made]
    np.testing.assert_allclose(worth.worst, exact, atol=1e-5)
    named_second(problem, "robust")  # is offered


@given(st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_outcomes_are_one_where_all_that_is_said_of_them_is(seed):
    rng = np.random.default_rng(seed)
    members, profiles, width = 4, 3, 2
    labels = rng.integers(-1, 2, (members, profiles, width)) * 0.5
    weights = np.full(profiles, 1 / 3)
    build = lambda own: certain(weights, own)
    found = outcomes_of([build(own) for own in labels], "allocation")
    for one in np.ndindex(members, profiles):
        for other in np.ndindex(members, profiles):
            assert (found[one] == found[other]) == bool((labels[one] == labels[other]).all())


def certain(weights, labels):
    count = len(weights)
    return Played(weights, labels[:, None], np.ones((count, 1)), np.zeros((count, 1, 1)), np.zeros((1, count)), [""] * count)
