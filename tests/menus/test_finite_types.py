"""The best of all mechanisms for finitely many types: against every way to take what, attained in float32, and by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import stackjax as sx
from stackjax.claims import verified
from stackjax.menus.allocations import BoxAllocations, UnitDemand
from stackjax.menus.bound import upper_bound
from stackjax.menus.config import MenuConfig
from stackjax.menus.finite_types import best_of_all
from stackjax.menus.game import Menu, MenuGame
from stackjax.menus.laws import finite, uniform_box
from stackjax.menus.problem import MenuProblem
from tests.oracles.menus import best_of_all_menus

SOME = settings(max_examples=25, deadline=None)


def random_game(seed):
    """Trades of both signs, free options in and out of what may be offered, costs; at most four types."""
    rng = np.random.default_rng(seed)
    d, count = int(rng.integers(1, 3)), int(rng.integers(1, 5))
    low = rng.choice([-1.0, 0.0, 0.3], d)
    high = low + rng.choice([0.0, 0.5, 1.0], d)
    free = np.concatenate([np.zeros((1, d)), rng.uniform(-1, 1, (1, d))])[rng.integers(0, 2) :][: rng.integers(1, 3)]
    atoms, cost = rng.uniform(-1, 1, (count, d)).round(2), rng.uniform(-0.5, 0.5, d)
    belief = rng.uniform(-1, 1, d).round(2) if rng.random() < 0.3 else None
    units = rng.choice([1e-4, 1.0, 1.0, 1e4])  # money has any
    law, belief = finite(units * atoms, rng.dirichlet(np.ones(count))), None if belief is None else units * belief
    return MenuGame("few", law, BoxAllocations(low, high), free, units * cost, belief)


def of_the_oracle(game):
    sides = game.allocations.low, game.allocations.high
    units = max(1e-12, float(np.abs(game.law.atoms).max()))
    belief = None if game.belief is None else game.belief / units
    found = best_of_all_menus(game.law.atoms / units, game.law.weights, sides, game.cost / units, game.free, belief)
    return found * units


@SOME
@given(seed=st.integers(0, 10**6))
def test_the_best_mechanism_is_the_best_of_every_way_to_take_what(seed):
    game = random_game(seed)
    assert best_of_all(game).value == pytest.approx(of_the_oracle(game), abs=2e-6 * game.scale)


@SOME
@given(seed=st.integers(0, 10**6))
@example(seed=786)  # what is free is worth far more than what may be offered
@example(seed=101258)  # a type is the belief, and pays all that its option is worth
@example(seed=101296)
def test_the_optimum_is_attained_by_its_own_commitment_which_lies_in_the_box(seed):
    problem = MenuProblem(random_game(seed))
    claimed = problem.optimum()
    found = verified(problem, claimed)
    assert (found.method, found.value) == ("lp", claimed.value)
    space = problem.commitments.actions
    room = 1e-6 * (1.0 + np.abs([space.low, space.high]).max(axis=0))
    assert (found.commitment >= np.array(space.low) - room).all()
    assert (found.commitment <= np.array(space.high) + room).all()


@SOME
@given(seed=st.integers(0, 10**6))
def test_no_menu_earns_more_and_the_worst_of_ties_no_more_than_the_best(seed):
    game, rng = random_game(seed), np.random.default_rng(seed)
    best, (low, high) = best_of_all(game).value, game.payoff_range
    for _ in range(20):
        allocations = rng.uniform(game.allocations.low, game.allocations.high, (3, len(game.cost)))
        steps = rng.uniform(0, 1, 3).round(2)  # some prices coincide
        menu = game.feasible(Menu(allocations, game.price_range[0] + steps * np.ptp(game.price_range)))
        earned, room = game.profit(menu).value, 2e-6 * game.scale
        assert game.worst_profit(menu) <= earned <= best + room
        assert low - room <= earned <= high + room


@pytest.mark.parametrize(
    ("atoms", "box", "free", "cost", "best"),
    [
        ([[-1.0, 1.0], [0.0, 0.0]], ([-1.0, -1.0], [1.0, 1.0]), [0.0, 0.0], [0.0, 0.0], 1.0),  # sells (-1, 1) at 2
        ([[0.5]], ([0.0], [1.0]), [1.0], [1.0], -0.5),  # pays 0.5 for not taking what is free
        ([[0.238], [0.398], [0.075]], ([1.0], [1.0]), [0.0], [0.0], 2 / 3 * 0.238),  # posts a price, and loses a type
        ([[1000.4], [1000.5]], ([0.0], [1.0]), [0.0], [0.0], 1000.4),  # float32 must not lose who is all but indifferent
        ([[0.7]], ([0.0], [1.0]), [0.0], [0.0], 0.7),  # a single type
        ([[0.0]], ([0.0], [1.0]), [0.0], [0.0], 0.0),  # who wants nothing
    ],
)
def test_cases_that_can_be_solved_by_hand(atoms, box, free, cost, best):
    law = finite(np.array(atoms), np.full(len(atoms), 1 / len(atoms)))
    game = MenuGame("by hand", law, BoxAllocations(*box), np.array([free]), np.array(cost))
    assert best_of_all(game).value == pytest.approx(best, abs=1e-9)
    problem = MenuProblem(game)
    found = verified(problem, problem.optimum())
    assert (found.value, found.method) == (pytest.approx(best, abs=1e-9), "lp")
    low, high = game.price_range
    assert low <= (found.commitment[:, -1]).min() <= high


@pytest.mark.long
def test_a_run_of_a_single_type_ends_at_its_optimum():
    game = MenuGame("one", finite(np.array([[0.7]]), np.ones(1)), BoxAllocations([0.0], [1.0]), np.zeros((1, 1)), np.zeros(1))
    config = sx.GradientConfig(num_updates=3)
    (seed,) = sx.train(game, seeds=1, progress=False, gradient=config).result["seeds"]
    assert seed["leader_payoff"] == pytest.approx(0.7, abs=1e-5)
    assert (seed["optimum"], seed["optimality_gap"]) == (pytest.approx(0.7), 0.0)


def test_an_optimum_of_too_many_options_is_called_a_bound():
    atoms = np.random.default_rng(0).uniform(0, 1, (5, 2))
    zero = np.zeros(2)
    game = MenuGame("few", finite(atoms, np.full(5, 0.2)), BoxAllocations(zero, np.ones(2)), zero[None], zero)
    needed = len(best_of_all(game).menu.prices)
    assert needed > 1
    assert MenuProblem(game, MenuConfig(needed)).optimum().method == "lp"
    assert MenuProblem(game, MenuConfig(needed - 1)).optimum().method == "upper-bound"


@pytest.mark.parametrize(
    ("allocations", "free", "cost", "belief", "menu", "earned"),
    [
        (BoxAllocations([0.0, 0.0], [0.5, 0.5]), [1.0, 0.0], [-1.0, 0.0], None, Menu(np.zeros((0, 2)), np.zeros(0)), 1.0),
        (
            BoxAllocations([-1.0, -1.0], [1.0, 1.0]),
            [-1.0, -1.0],
            [-1.0, -1.0],
            np.array([0.5, 0.5]),
            Menu(np.ones((1, 2)), np.ones(1)),
            2.375,
        ),
    ],
)
def test_bounds_hold_with_what_is_free_and_where_a_belief_has_less_than_nothing(allocations, free, cost, belief, menu, earned):
    game = MenuGame("free", uniform_box((0.0, 0.0), (1.0, 1.0)), allocations, np.array([free]), np.array(cost), belief)
    assert game.profit(menu).value == pytest.approx(earned)
    assert upper_bound(game, 16).value >= earned


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_no_menu_earns_more_than_the_bound_whatever_is_free_costs_or_is_believed(seed):
    rng = np.random.default_rng(seed)
    low = rng.choice([-1.0, 0.0], 2)
    demand = UnitDemand(2) if rng.random() < 0.3 else BoxAllocations(low, low + rng.choice([0.5, 1.0, 2.0], 2))
    corner = rng.uniform(-1, 1, 2)
    law = uniform_box(tuple(corner), tuple(corner + rng.uniform(0.5, 2.0, 2)))
    belief = rng.uniform(-1, 1, 2) if rng.random() < 0.5 else None
    game = MenuGame("any", law, demand, rng.uniform(-1, 1, (rng.integers(1, 3), 2)), rng.uniform(-1, 1, 2), belief)
    bound = upper_bound(game, 8).value
    for count in rng.integers(0, 5, 20):
        allocations = rng.uniform(demand.low, demand.high, (count, 2))
        menu = game.feasible(Menu(np.asarray(demand.project(allocations)), rng.uniform(*game.price_range, count)))
        assert game.profit(menu).value <= bound + 1e-9


def test_points_of_a_lattice_never_coincide():
    """A generator that shares a factor with their number would put some of them on top of each other."""
    for count in (33, 100, 1500, 4096):
        problem = MenuProblem(sx.make("menu-additive"), MenuConfig(num_types=count))
        types = np.asarray(jax.jit(problem._types)(jax.random.key(0)))
        assert len(np.unique(types.round(5), axis=0)) == count
    assert jnp.isfinite(types).all()
