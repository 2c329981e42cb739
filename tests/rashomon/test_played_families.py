"""What commitments come to, and what followers are paid, in every family but the Bayesian one: against plain references."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stackjax as sx
from stackjax.markov import GroupFollowers, GroupProblem, MarkovFollowers, MarkovProblem
from stackjax.markov.answers import Length, visits
from stackjax.markov.contracts.game import contracts
from stackjax.markov.followers import MeanFieldFollowers
from stackjax.markov.game import InducedMarkovGame
from stackjax.markov.mean_field.problem import MeanFieldProblem
from stackjax.markov.mean_field.tariffs import TariffGame
from stackjax.menus.allocations import BoxAllocations
from stackjax.menus.auctions.menu_auction import MenuAuction
from stackjax.menus.auctions.menu_problem import MenuAuctionProblem
from stackjax.menus.auctions.play import play
from stackjax.menus.auctions.problem import AffineAuction, AffineProblem
from stackjax.menus.config import MenuConfig, SaleConfig
from stackjax.menus.game import MenuGame
from stackjax.menus.laws import finite
from stackjax.menus.persuasion_game import persuasion
from stackjax.menus.persuasion_problem import PersuasionProblem
from stackjax.menus.problem import MenuProblem
from stackjax.menus.sales.problem import SaleProblem, sequential_sale
from stackjax.menus.single_buyer import additive
from tests.markov.toll import Toll
from tests.oracles import persuasion as persuasion_oracle
from tests.oracles import played as oracle
from tests.oracles.mean_field import Market, equilibrium_of_paths
from tests.oracles.sales import values_of_bundles
from tests.siblings import first

KEY = jax.random.key(0)
STEPS, DISCOUNT = 3, 0.9


@given(seed=st.integers(0, 10**6), timed=st.booleans())
@settings(max_examples=6, deadline=None)
def test_visits_are_those_of_all_histories(seed, timed):
    rng = np.random.default_rng(seed)
    states, actions, outcomes = 3, 2, 2
    game = {
        "initial": rng.dirichlet(np.ones(states)),
        "successor": rng.integers(0, states, (states, actions, outcomes)),
        "probability": rng.dirichlet(np.ones(outcomes), (states, actions)),
    }
    policy = rng.dirichlet(np.ones(actions), (STEPS, states) if timed else states)
    pays = jnp.zeros((states, actions, 1))
    chances = jnp.asarray(game["probability"], jnp.float32)[..., None]
    induced = InducedMarkovGame(game["successor"].astype(np.int32), game["initial"], chances, pays[None], pays)
    found = visits(induced, Length(STEPS, DISCOUNT, 1.0), jnp.asarray(policy, jnp.float32)[..., None])[..., 0]
    expected = oracle.often(game, lambda t, s: policy[t, s] if timed else policy[s], STEPS, DISCOUNT)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def judged_and_played(problem, count, seed=1):
    made = problem.commitments.draw(jax.random.key(seed), count)
    judged = jax.jit(jax.vmap(lambda one: problem.judge(KEY, one, problem.num_groups)))(made)
    worth = jax.jit(lambda made: problem.worth(KEY, made, lasting=len(made)))(made)
    return np.asarray(made), judged, worth, problem.played(judged, made)


def sound(played, utilities, close=2e-5):
    """Chances sum to 1, and what is paid by outcome and by profile is, on average, ``utilities [N]``."""
    assert played.weights.sum() == pytest.approx(1.0, abs=1e-9)
    np.testing.assert_allclose(played.chances.sum(axis=1), 1.0, atol=1e-6)
    np.testing.assert_allclose(np.einsum("te,ten->nt", played.chances, played.paid), played.utilities, atol=close)
    np.testing.assert_allclose(played.utilities @ played.weights, utilities, atol=close)
    assert len(played.profiles) == len(played.weights)


PLANNED = {
    "exact": lambda: MarkovProblem(Toll(), MarkovFollowers("exact")),
    "commons": lambda: GroupProblem(sx.make("commons", horizon=4), GroupFollowers("pure")),
    "softmax": lambda: MarkovProblem(Toll(), MarkovFollowers("softmax")),
    "contracts": lambda: MarkovProblem(contracts(2), MarkovFollowers("exact", knows_time=True)),
    "commons, learning": lambda: GroupProblem(sx.make("commons", horizon=3), GroupFollowers("no-regret", lasting_rounds=5)),
}


@pytest.mark.parametrize("name", first(2, PLANNED))
def test_occupancies_pay_what_followers_are_judged_to_be_paid(name):
    problem = PLANNED[name]()
    _, judged, worth, played = judged_and_played(problem, 3)
    field = "follower_payoff" if isinstance(problem, MarkovProblem) else "follower_payoffs"
    paid = np.asarray(getattr(judged.details, field)).reshape(3, -1)
    np.testing.assert_allclose(worth.followers, paid, atol=2e-5)
    for one, own in zip(played, paid, strict=True):
        sound(one, own)
        states, actions = one.labels[0, :, 0].astype(int), one.labels[0, :, 1:]
        assert actions.shape[1] == problem.game.num_followers
        assert len(np.unique(one.labels[0], axis=0)) == len(states)
        end = problem.game.end
        assert end is None or (actions[states == end] == 0).all()


def test_occupancies_are_those_of_a_hand_made_answer():
    """A toll of 3 keeps the ferry in port, where it is made new; at a toll of 0 a new one sails, which wears out 30 %."""
    problem = MarkovProblem(Toll(), MarkovFollowers("exact", knows_time=False))
    made = jnp.array([[[3.0], [3.0]], [[0.0], [0.0]]])
    stays, sails = problem.played(None, made)
    np.testing.assert_allclose(stays.labels[0], [[0, 0], [1, 0]])
    np.testing.assert_allclose(stays.chances[0], [5.5 / 6, 0.5 / 6])
    np.testing.assert_allclose(sails.labels[0], [[0, 1], [1, 0]])
    new = [0.5]
    for _ in range(5):
        new.append(0.7 * new[-1] + 1.0 - new[-1])
    np.testing.assert_allclose(sails.chances[0], [np.mean(new), 1.0 - np.mean(new)], atol=1e-9)
    np.testing.assert_allclose(sails.paid[0, :, 0], [12.0, 0.0], atol=1e-9)


def test_drawn_followers_are_counted_by_fresh_groups():
    problem = MarkovProblem(Toll(), MarkovFollowers("q-learning", episodes=4))
    made = problem.commitments.draw(jax.random.key(1), 2)
    for one in problem.played(None, made):
        sound(one, one.utilities[:, 0])
        assert len(one.labels[0]) > 2


@pytest.mark.parametrize("kind", first(1, ["exact", "pure"]))
def test_the_worst_of_ties_is_told(kind):
    exact = lambda game, ties: MarkovProblem(game, MarkovFollowers("exact", ties=ties))
    pure = lambda game, ties: GroupProblem(game, GroupFollowers("pure", ties=ties))
    problem = {"exact": lambda ties: exact(contracts(2), ties), "pure": lambda ties: pure(sx.make("commons", horizon=3), ties)}
    made = problem[kind]("for").commitments.draw(jax.random.key(2), 6)
    made = made.at[0].set(jnp.zeros_like(made[0]))
    kindly, harshly = (jax.jit(problem[kind](ties).worth)(KEY, made) for ties in ("for", "against"))
    np.testing.assert_allclose(kindly.worst, harshly.payoff, atol=1e-6)
    np.testing.assert_allclose(harshly.worst, harshly.payoff, atol=1e-6)
    assert (kindly.worst <= kindly.payoff + 1e-6).all()


@pytest.mark.parametrize("name", ["exact", "persuasion"])
def test_slopes_of_followers_payoffs_are_differences(name):
    problem = {
        "exact": lambda: MarkovProblem(Toll(), MarkovFollowers("exact", knows_time=False)),
        "persuasion": lambda: PersuasionProblem(persuasion("random", 3, 2, draw=2)),
    }[name]()
    made = problem.commitments.draw(jax.random.key(3), 1)
    worth = jax.jit(problem.worth)(KEY, made)
    nearby = jax.jit(problem.nearby)
    here, slopes = nearby(made[0], worth.answer[0])
    np.testing.assert_allclose(here.followers, worth.followers[0], atol=1e-5)
    step = 2e-2
    for place in np.ndindex(made[0].shape):
        ends = [nearby(made[0].at[place].add(sign * step), worth.answer[0])[0].followers for sign in (1.0, -1.0)]
        np.testing.assert_allclose((ends[0] - ends[1]) / (2 * step), slopes.followers[(slice(None), *place)], atol=3e-3)


def test_a_market_is_told_by_type():
    tariffs = np.array([[0.1], [0.5], [0.3], [0.0]], np.float32)
    problem = MeanFieldProblem(TariffGame(1.0, levels=None), MeanFieldFollowers())
    judged = jax.jit(jax.vmap(lambda one: problem.judge(KEY, one, 1)))(jnp.asarray(tariffs)[None])
    (played,) = problem.played(judged, tariffs[None])
    worth = jax.jit(problem.worth)(KEY, jnp.asarray(tariffs)[None])
    sound(played, worth.followers[0])
    market = Market(tariffs[:, 0])
    mix = equilibrium_of_paths(market)
    assert worth.followers[0, 1] == pytest.approx(-float(mix @ market.costs(market.field(mix))), abs=1e-3)
    bought = np.zeros(4)
    for (period, state, action), chance in zip(played.labels[1].astype(int), played.chances[1], strict=True):
        bought[period] += 4 * chance * problem.game.quantity[1, period, state, action]
    np.testing.assert_allclose(bought, mix @ market.bought, atol=2e-3)


def few_types(seed):
    rng = np.random.default_rng(seed)
    atoms, weights = rng.uniform(0, 1, (5, 2)), rng.dirichlet(np.ones(5))
    goods = BoxAllocations(np.zeros(2), np.ones(2))
    return MenuProblem(MenuGame("few", finite(atoms, weights), goods, np.zeros((1, 2)), np.full(2, 0.1)), MenuConfig(4, 64))


@pytest.mark.parametrize("seed", first(1, range(3)))
def test_menus_are_told_by_type(seed):
    problem = few_types(seed)
    made, _, _, played = judged_and_played(problem, 4)
    law = problem.game.law
    for one, found in zip(made.astype(float), played, strict=True):
        menu = np.vstack([one, np.zeros(3)])
        gains = law.atoms @ menu[:, :2].T - menu[:, 2]
        sound(found, [law.weights @ gains.max(axis=1)])
        np.testing.assert_allclose(found.utilities[0], gains.max(axis=1), atol=1e-9)
        np.testing.assert_allclose(found.labels[:, 0], menu[gains.argmax(axis=1), :2], atol=5e-4 + 1e-9)
    assert found.profiles[0].startswith("value 0.")


def test_menus_of_other_laws_are_told_by_points_and_worst_ties_where_types_are_few():
    problem = MenuProblem(additive(2), MenuConfig(3, 4096))
    made = np.array([[[1, 1, 0.862], [1, 0, 2 / 3], [0, 1, 2 / 3]]], np.float32)  # the best menu: revenue (12 + 2√2) / 27
    (found,) = problem.played(None, made)
    worth = jax.jit(problem.worth)(KEY, jnp.asarray(made))
    sound(found, worth.followers[0], close=3e-3)
    assert len(found.weights) == 4096
    assert {tuple(label) for label in found.labels[:, 0]} == {(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)}
    np.testing.assert_array_equal(worth.worst, worth.payoff)
    two = finite(np.array([[0.5], [1.0]]), np.array([0.5, 0.5]))
    tied = MenuProblem(MenuGame("tied", two, BoxAllocations(np.zeros(1), np.ones(1)), np.zeros((1, 1)), np.zeros(1)))
    price = jnp.tile(jnp.array([[1.0, 0.5]]), (tied.num_options, 1))  # the low type is indifferent
    assert float(jax.jit(tied.worst)(price)) == pytest.approx(0.25)
    assert float(tied.judge(KEY, price, 1).payoff) == pytest.approx(0.5)


@pytest.mark.parametrize("draw", first(1, range(3)))
def test_persuasion_is_told_by_state(draw):
    problem = PersuasionProblem(persuasion("random", 3, 3, draw=draw))
    made, _, worth, played = judged_and_played(problem, 4)
    rules = problem.game.problem
    for one, found, paid in zip(made.astype(float), played, np.asarray(worth.followers), strict=True):
        sound(found, paid)
        signals = np.array([persuasion_oracle.chances(row) for row in one], float)
        acts = [tied[0] for tied in persuasion_oracle.answers(rules.prior, rules.receiver, one)]
        for s in range(3):
            for action in range(3):
                chance = sum(signals[s, m] for m in range(signals.shape[1]) if acts[m] == action)
                assert found.chances[s, action] == pytest.approx(chance, abs=1e-6)
        assert found.utilities.shape == (1, 3)


def test_bidders_of_affine_auctions_are_left_with_what_they_value_less_what_they_pay():
    problem = AffineProblem(AffineAuction(), sx.menus.AffineConfig(num_options=5, num_auctions=2000))
    made = problem.commitments.draw(KEY, 2)
    worth = jax.jit(problem.worth)(jax.random.key(1), made)
    values = np.random.default_rng(0).uniform(size=(4000, 2, 2))
    for one, paid in zip(made, np.asarray(worth.followers), strict=True):
        maximizer = problem.maximizer(one)
        np.testing.assert_allclose(paid, oracle.affine_utilities(*maximizer, values), atol=0.03)


@pytest.mark.long
def test_bidders_of_menu_auctions_are_left_with_what_they_value_less_what_they_pay():
    problem = MenuAuctionProblem(MenuAuction())
    made = jnp.tile(jnp.array([2 / 3, 2 / 3, 0.862]), (problem.commitments.num_nodes, 1))[None] * 0.7
    worth = jax.jit(problem.worth)(jax.random.key(1), made)
    values = np.random.default_rng(0).uniform(size=(20_000, 2, 2))
    found = play(problem.auction(np.asarray(made[0])), values)
    left = (found.allocations * values).sum(axis=2) - found.payments
    np.testing.assert_allclose(worth.followers[0], left.mean(axis=0), atol=0.02)


def test_bidders_of_a_sale_are_left_with_what_they_value_less_what_they_pay():
    game = sequential_sale(2, 3, "unit-demand")
    problem = SaleProblem(game, SaleConfig(num_valuations=20_000))
    made = problem.commitments.draw(KEY, 1)
    worth = jax.jit(problem.worth)(jax.random.key(1), made)
    prices = np.asarray(made[0], float).reshape(2, 4, 2)
    worths = lambda rng: values_of_bundles(rng, "unit-demand", 3)
    mean, error = oracle.sale_utilities(np.random.default_rng(0), prices, 3, 4000, worths)
    assert (np.abs(np.asarray(worth.followers[0]) - mean) <= 4 * error + 0.01).all()
