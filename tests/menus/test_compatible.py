"""The certificate says exactly whether two bidders can both want an item; linear programmes make menus for which it holds."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackjax import claims
from stackjax.menus import MenuAuction, MenuAuctionProblem, PriceConfig, PricedMenus, compatibility, play
from stackjax.menus.auctions.ascend import ascended, revenue
from stackjax.menus.auctions.compatible import certificate
from stackjax.menus.auctions.menu_auction import menus_of
from tests.oracles.auctions import want_too_much
from tests.siblings import first

CASES = {
    "one item": (MenuAuction(1), PriceConfig(cells=3)),
    "two items": (MenuAuction(2), PriceConfig(cells=2)),
    "unlike": (MenuAuction(2, (0.0, 0.5), (1.0, 2.0)), PriceConfig(cells=1)),
    "unit demand": (MenuAuction(2, unit_demand=True), PriceConfig(cells=2)),
    "lotteries": (MenuAuction(2), PriceConfig(cells=1, levels=2)),
    "three items": (MenuAuction(3), PriceConfig(cells=1)),
}


def random_commitment(problem, seed, low=0.3, high=1.1):
    rng = np.random.default_rng(seed)
    size = problem.menus.allocations[1:].sum(axis=1) * problem.menus.scale
    return size * rng.uniform(low, high, (len(problem.commitments.observations), len(size)))


def utilities(auction, values, bids, i):
    """What bidder i has if it bids ``bids``, by its values."""
    told = values.copy()
    told[:, i] = bids
    found = play(auction, told)
    return (found.allocations[:, i] * values[:, i]).sum(axis=1) - found.payments[:, i]


@pytest.mark.parametrize("case", ["two items", "unlike", "lotteries"])
def test_preferences_are_affine_and_those_of_the_definition(case):
    problem = MenuAuctionProblem(*CASES[case])
    auction, rng = problem.auction(random_commitment(problem, 0)), np.random.default_rng(0)
    menus, prices, a = problem.menus, auction.prices, problem.menus.allocations
    k, q = menus.conflicts[-1]
    by_x, by_t = menus.preferences(k, q, prices)
    for _ in range(20):
        one, two = (rng.integers(len(simplices)) for simplices in menus.simplices)
        share = rng.dirichlet(np.ones(3)), rng.dirichlet(np.ones(3))
        corners = menus.simplices[0][one], menus.simplices[1][two]
        x, t = (s @ mesh.vertices[c] for s, mesh, c in zip(share, menus.meshes, corners, strict=True))
        f = [
            x @ (a[k] - a[o]) + (menus.meshes[1].interpolate(prices[0], t[None])[0] @ (np.eye(len(a))[o] - np.eye(len(a))[k]))
            for o in menus.others[k]
        ]
        g = [
            t @ (a[q] - a[r]) + (menus.meshes[0].interpolate(prices[1], x[None])[0] @ (np.eye(len(a))[r] - np.eye(len(a))[q]))
            for r in menus.others[q]
        ]
        found = (share[0] @ by_x[corners[0]] + share[1] @ by_t[corners[1]]) / menus.levels
        np.testing.assert_allclose(found, np.concatenate([f, g]), atol=1e-12)


@pytest.mark.parametrize("case", ["one item", "unit demand", "unlike", "lotteries"])
@pytest.mark.parametrize("seed", first(1, [0, 1]))
def test_it_fails_where_a_programme_finds_that_both_want_too_much(case, seed):
    """Exactly there, for random prices, whatever symmetries there are."""
    game, config = CASES[case]
    problem = MenuAuctionProblem(game, PriceConfig(cells=3 - game.items, levels=config.levels))
    commitment = random_commitment(problem, seed, 0.2, 0.6)
    if seed:  # near the border of what is compatible
        lower = 0.02 * np.random.default_rng(seed).random(commitment.shape)
        commitment = np.asarray(problem.improve(random_commitment(problem, seed), 40), float) - lower
    auction = problem.auction(commitment)
    menus, vertices = auction.menus.apart, [mesh.vertices for mesh in auction.menus.meshes]
    found = certificate(menus, auction.units, menus.scale)
    assert found.holds == compatibility(auction).holds
    failing = {tuple(row) for row in found.failing.tolist()}
    for k, q in menus.conflicts[:4]:
        most = want_too_much(menus.allocations, auction.prices, menus.simplices, vertices, k, q)
        for one, two in itertools.product(range(len(most)), range(len(most[0]))):
            if abs(most[one, two]) > 1e-5:
                assert ((one, two, k, q) in failing) == (most[one, two] > 0), (k, q, most[one, two])
    assert failing


@pytest.mark.parametrize(
    ("game", "config"),
    [
        (MenuAuction(1), PriceConfig(cells=4)),
        (MenuAuction(2), PriceConfig(cells=2)),
        (MenuAuction(2, (0.0, 0.5), (1.0, 2.0)), PriceConfig(cells=2)),
        (MenuAuction(2, unit_demand=True), PriceConfig(cells=2)),
        (MenuAuction(2), PriceConfig(cells=1, levels=2)),
    ],
)
def test_symmetry_leaves_no_failure_out(game, config):
    """What fails, renamed in every way, is all that fails where nothing is known to be the same."""
    problem = MenuAuctionProblem(game, config)
    auction = problem.auction(random_commitment(problem, 1, 0.1, 0.6))
    menus, whole = auction.menus, compatibility(PricedMenus(auction.menus.apart, auction.units))
    assert 0 < len(whole.failing) < sum(len(weighted.pairs) for weighted in whole.weighted.values())
    failing = set(map(tuple, whole.failing[:, 2:].tolist()))
    assert failing == set(menus.conflicts) or config.levels > 1  # half of both items is seldom wanted
    found, named = compatibility(auction), lambda row: described(menus, *row)
    assert found.worst == pytest.approx(whole.worst, rel=1e-4)
    assert len(found.failing) < len(whole.failing)
    renamed = set()
    for row in found.failing.tolist():
        (one, two), (k, q) = named(row)
        for order in itertools.permutations(range(game.items)):
            again = lambda point, order=order: tuple(point[j] for j in order)
            x, t = (frozenset(again(point) for point in simplex) for simplex in (one, two))
            renamed.add(((x, t), (again(k), again(q))))
            if len(set(game.ends)) == 1:
                renamed.add(((t, x), (again(q), again(k))))
    assert renamed == {named(row) for row in whole.failing.tolist()}


def described(menus, one, two, k, q):
    """Simplices by the points that they span, options by their shares."""
    pairs = zip(menus.vertices, menus.simplices, (one, two), strict=True)
    spanned = tuple(frozenset(map(tuple, vertices[of[at]].tolist())) for vertices, of, at in pairs)
    return spanned, (tuple(menus.shares[k].tolist()), tuple(menus.shares[q].tolist()))


@pytest.mark.parametrize(("items", "cells"), [(1, 2), (1, 4), (2, 2), (2, 4)])
def test_second_prices_are_compatible_and_not_if_one_is_lower(items, cells):
    problem = MenuAuctionProblem(MenuAuction(items), PriceConfig(cells=cells))
    reserve = np.maximum(0.5, problem.menus.meshes[0].vertices)
    commitment = reserve @ problem.menus.allocations[1:].T
    auction = problem.auction(commitment)
    assert compatibility(auction).worst == 0.0
    assert compatibility(auction).holds
    vertex = int(np.flatnonzero((problem.menus.meshes[1].vertices == 1.0).all(axis=1))[0])
    lower = auction.units[0].copy()
    lower[vertex, 1] -= round(1e-3 / float(auction.menus.unit))
    found = compatibility(PricedMenus(auction.menus.apart, (lower, auction.units[1])))
    assert not found.holds
    assert 0 < found.worst <= 1e-3
    assert all(vertex in problem.menus.simplices[1][two] for two in found.failing[:, 1])


def test_weights_prove_it_in_whole_numbers():
    problem = MenuAuctionProblem(MenuAuction(2), PriceConfig(cells=1))
    auction = problem.auction(problem.improve(random_commitment(problem, 0), 3))
    menus, checked = auction.menus.apart, 0
    found = certificate(menus, auction.units, menus.scale)
    assert found.holds
    shares, (first, second) = menus.shares.tolist(), (table.tolist() for table in auction.units)
    for (k, q), (pairs, weights, chosen) in found.weighted.items():
        assert len(pairs) == len(menus.simplices[0]) * len(menus.simplices[1])
        for (one, two), c in zip(pairs.tolist(), chosen.tolist(), strict=True):
            mu, nu = np.split(weights[c], 2)
            assert min(weights[c]) >= 0 < sum(weights[c])
            for v, w in itertools.product(menus.simplices[0][one].tolist(), menus.simplices[1][two].tolist()):
                x, t = menus.vertices[0][v].tolist(), menus.vertices[1][w].tolist()
                total = 0
                for weight, o in zip(mu.tolist(), menus.others[k], strict=True):
                    gain = sum(value * (has - other) for value, has, other in zip(x, shares[k], shares[o], strict=True))
                    total += weight * (gain - first[w][k] + first[w][o])
                for weight, r in zip(nu.tolist(), menus.others[q], strict=True):
                    gain = sum(value * (has - other) for value, has, other in zip(t, shares[q], shares[r], strict=True))
                    total += weight * (gain - second[v][q] + second[v][r])
                assert total <= 0
                checked += 1
    assert checked == 7 * 16 * 9


@pytest.mark.parametrize("case", first(4, CASES))
def test_repaired_menus_never_give_an_item_twice_and_nobody_gains_by_a_misreport(case):
    problem = MenuAuctionProblem(*CASES[case])
    made = problem.improve(random_commitment(problem, 3), 2)
    auction = problem.auction(made)
    assert compatibility(auction).holds
    np.testing.assert_array_equal(problem.auction(problem.commitment_of(auction)).units[0], auction.units[0])
    np.testing.assert_array_equal(problem.auction(problem.commitment_of(auction)).units[1], auction.units[1])
    rng, (low, high) = np.random.default_rng(0), np.array(problem.game.ends).T[:, :, None]
    draw = lambda: low + (high - low) * rng.random((100_000, 2, problem.game.items))
    values, bids = draw(), draw()
    assert play(auction, values).allocations.sum(axis=1).max() <= 1.0
    assert play(auction, values).payments.min() >= 0.0
    for i in range(2):
        honest = utilities(auction, values, values[:, i], i)
        assert honest.min() >= -1e-9 * problem.menus.scale
        assert (utilities(auction, values, bids[:, i], i) - honest).max() <= 2e-9 * problem.menus.scale
    assert play(auction, values).payments.sum() > 0


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    case=st.sampled_from(["one item", "two items", "unlike", "unit demand", "lotteries"]),
    num_steps=st.sampled_from([0, 3]),
)
def test_random_menus_are_repaired(seed, case, num_steps):
    """Where values are vertices, middles and ends of cells, and many options equally good, items are given once too."""
    game, config = CASES[case]
    problem = MenuAuctionProblem(game, PriceConfig(cells=1 + (game.items == 1), levels=config.levels))
    ties, rng = problem.ties, np.random.default_rng(seed)
    free = ties.free(problem.auction(random_commitment(problem, seed)).prices)
    found = ascended(problem.menus, ties, free, num_steps, 4.0 * problem.menus.scale)
    assert found.holds
    auction = PricedMenus(problem.menus, tuple(map(problem.menus.in_units, ties.tables(found.free))))
    assert compatibility(PricedMenus(auction.menus.apart, auction.units)).holds
    low, high = np.array(game.ends).T[:, :, None]
    for share in (rng.random((20_000, 2, game.items)), rng.integers(0, 9, (5_000, 2, game.items)) / 8):
        values = low + (high - low) * share
        played = play(auction, values)
        assert played.allocations.sum(axis=1).max() <= 1.0
        assert ((played.allocations * values).sum(axis=2) - played.payments).min() >= -1e-9 * problem.menus.scale


@pytest.mark.long
def test_what_cannot_be_repaired_is_said():
    """Lotteries that cost as much as whole items are too far from all that is compatible, now and then."""
    problem, said = MenuAuctionProblem(*CASES["lotteries"]), []
    for seed in (5, 6):
        made = 0.5 * np.random.default_rng(seed).uniform(0.3, 1.1, problem._places.shape)
        free = problem.ties.free(problem.auction(made).prices)
        found = ascended(problem.menus, problem.ties, free, 0, 4.0)
        units = tuple(map(problem.menus.in_units, problem.ties.tables(found.free)))
        said.append(found.holds)
        assert compatibility(PricedMenus(problem.menus, units)).holds == found.holds
    assert said == [False, True]


def test_at_ties_items_are_given_once():
    problem = MenuAuctionProblem(MenuAuction(1), PriceConfig(cells=2))
    auction = problem.auction(np.maximum(0.5, problem.menus.meshes[0].vertices))
    values = np.repeat(np.linspace(0, 1, 9)[:, None, None], 2, axis=1)
    assert play(auction, values).allocations.sum(axis=1).max() == 1.0


@pytest.mark.parametrize(
    ("game", "cells"), [(MenuAuction(2, (0.1,), (0.7,)), 3), (MenuAuction(3), 2), (MenuAuction(1, (0.0,), (0.3, 7.0)), 7)]
)
def test_all_vertices_are_whole_units(game, cells):
    menus = menus_of(game, PriceConfig(cells=cells))
    for mesh, vertices in zip(menus.meshes, menus.vertices, strict=True):
        np.testing.assert_allclose(vertices * float(menus.unit), mesh.vertices, rtol=1e-12)
        assert np.abs(vertices * (game.items + 1)).max() < 2**24  # float32 holds as much


@pytest.mark.long
def test_the_affine_maximiser_is_raised():
    """From .874403 on 6 cells; its interpolation is not compatible at first."""
    problem = MenuAuctionProblem(MenuAuction(2), PriceConfig(cells=6))
    made = affine_menus(problem)
    assert not compatibility(problem.auction(made)).holds
    found = ascended(problem.menus, problem.ties, problem.ties.free(problem.auction(made).prices), 200, 3.0)
    assert found.holds
    assert np.diff(found.revenues).min() > -1e-6  # what whole units cost
    assert 0.8762 <= found.revenues[-1] < 0.8817
    assert revenue(problem.menus, problem.ties, found.free)[0] == found.revenues[-1]


@pytest.mark.long
def test_a_finer_mesh_earns_more():
    coarse = MenuAuctionProblem(MenuAuction(2), PriceConfig(cells=6))
    auction = coarse.auction(coarse.improve(affine_menus(coarse), 200))
    problem = MenuAuctionProblem(MenuAuction(2), PriceConfig(cells=12))
    finer = auction.menus.meshes[1].refined(auction.prices[0], 2)[:, 1:]
    assert compatibility(problem.auction(finer)).worst < 1e-6  # prices between vertices become whole units
    found = problem.auction(problem.improve(finer, 200))
    assert compatibility(found).holds
    assert revenue(found.menus, problem.ties, problem.ties.free(found.prices))[0] >= 0.8764


def affine_menus(problem):
    """The best simple affine maximiser, whose weights are one and whose boosts are alike, as prices at the vertices."""
    a, b, s = 0.636, 0.91, 1.137
    first, second = problem.menus.meshes[1].vertices.T
    none = np.maximum.reduce([0 * first, first - a, second - a, first + second - b])
    return np.stack([none - np.maximum(-a, second - s), none - np.maximum(-a, first - s), none + b], axis=1)


@pytest.mark.parametrize("cells", [4, 8])
def test_one_item_from_a_constant_price(cells):
    problem = MenuAuctionProblem(MenuAuction(1), PriceConfig(cells=cells))
    auction = problem.auction(problem.improve(np.full((cells + 1, 1), 0.6), 200))
    assert compatibility(auction).holds
    assert 0.416666 <= revenue(auction.menus, problem.ties, problem.ties.free(auction.prices))[0] <= 5 / 12 + 1e-12


@pytest.mark.long
def test_bounds_hold_for_random_auctions():
    problem = MenuAuctionProblem(MenuAuction(2), PriceConfig(cells=2))
    for seed in range(24):
        auction = problem.auction(problem.improve(random_commitment(problem, seed, 0.3, 0.9), seed % 8))
        assert compatibility(auction).holds
        assert revenue(auction.menus, problem.ties, problem.ties.free(auction.prices))[0] < 0.8817


def test_judging_tells_auctions_from_what_is_none():
    problem = MenuAuctionProblem(MenuAuction(1), PriceConfig(cells=2))
    second_price = jnp.asarray(np.maximum(0.5, problem.menus.meshes[0].vertices), jnp.float32)
    seen = problem.judge(jax.random.key(0), second_price, 8)
    assert float(seen.gap) == 0.0
    assert abs(float(seen.payoff) - 5 / 12) < 3 * float(seen.details.half_width) + 1e-6
    for lower in (0.01, 1e-5):  # so little is seen by the certificate alone
        seen = problem.judge(jax.random.key(0), second_price - lower, 8)
        assert float(seen.gap) > problem.settled_gap
        assert float(seen.payoff) < 0.0


def test_myersons_auction_is_a_claim_that_stands():
    problem = MenuAuctionProblem(MenuAuction(1), PriceConfig(cells=8))
    found = claims.verified(problem, problem.optimum())
    assert (found.value, found.method) == (pytest.approx(5 / 12), "closed-form")
    assert (
        claims.verified(
            MenuAuctionProblem(MenuAuction(1), PriceConfig(cells=7)), problem.optimum()._replace(commitment=None)
        ).method
        == "upper-bound"
    )
    unlike = MenuAuction(1, (0.0,), (1.0, 2.0)).optimum
    assert unlike.method == "upper-bound"
    assert 0.645833 <= unlike.value < 0.6465
