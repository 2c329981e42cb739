"""The Bertrand platform against an oracle, and its optimum against brute force."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.bayesian.equilibrium.optimum import enumerate_commitments
from stackjax.bayesian.pomdp.commitment import tabulate
from stackjax.bayesian.pomdp.tree import decision_tree
from tests.oracles import bertrand

DEFAULTS = {"quality": 2.0, "cost": 1.0, "scale": 0.25, "outside": 0.0}


@pytest.mark.parametrize("options", [{}, {"num_sellers": 3, "num_prices": 3, "cost": 1.2, "scale": 0.5, "outside": 0.3}])
def test_payoffs_are_the_oracles_at_every_threshold(options):
    game = sx.make("bertrand-platform", **options)
    market = {key: options.get(key, value) for key, value in DEFAULTS.items()}
    rng = np.random.default_rng(0)
    tree = decision_tree(game)
    thresholds = rng.integers(len(game.prices), size=tree.num_nodes)  # one for each joint price
    table = tabulate(game, tree, jnp.asarray(thresholds)).game
    for node, joint in enumerate(itertools.product(range(len(game.prices)), repeat=game.num_followers)):
        surplus, profits = bertrand.outcome(game.prices[list(joint)], game.prices[thresholds[node]], **market)
        where = (0,) * game.num_followers + joint
        np.testing.assert_allclose(table.leader_payoff[where], surplus, rtol=1e-5)
        np.testing.assert_allclose([payoffs[where] for payoffs in table.follower_payoffs], profits, rtol=1e-5, atol=1e-7)


def test_the_closed_form_optimum_is_what_trying_every_commitment_finds():
    game = sx.make("bertrand-platform", num_prices=2)  # 2^4 commitments
    np.testing.assert_allclose(enumerate_commitments(game).value, game.optimum().value, rtol=1e-5)
    assert game.optimum().method == "closed-form"
    assert sx.make("bertrand-platform", cost=1.05).optimum().method == "upper-bound"  # the lowest price earns nothing


def test_the_highest_threshold_is_no_intervention_and_the_lowest_forbids_all_but_the_lowest_price():
    game = sx.make("bertrand-platform")
    every = jnp.array([3, 3])
    demand_at_highest = game.outcome_payoffs(jnp.zeros(2, int), every, jnp.int32(3))
    np.testing.assert_allclose(demand_at_highest, game.market(every, jnp.ones(2)))
    nothing_sold = game.outcome_payoffs(jnp.zeros(2, int), every, jnp.int32(0))
    np.testing.assert_allclose(nothing_sold, [0.0, 0.0, 0.0], atol=1e-6)


def test_consumers_who_are_all_alike_overflow_nothing():
    """As μ falls to 0 everybody buys the cheapest displayed good, and surplus is what it is worth less its price."""
    game = sx.make("bertrand-platform", scale=0.01)
    surplus, *profits = game.outcome_payoffs(jnp.zeros(2, int), jnp.array([0, 3]), jnp.int32(3))
    np.testing.assert_allclose([surplus, *profits], [0.95, 0.05, 0.0], rtol=1e-5, atol=1e-6)


@pytest.mark.long
def test_q_learning_sellers_with_memory_collude_without_intervention():
    """Above the one-shot equilibrium of the grid, (1.4833, 1.4833), in most of 64 markets (Calvano et al. 2020)."""
    game = sx.make("bertrand-platform")
    sellers = sx.followers.q_learning(0.25, discount=0.95, exploration_decay=1e-4, memory=True)
    env = sx.StackelbergPOMDP(game, sellers, num_rounds=50_000, num_reward_episodes=20)
    free = jnp.full(env.tree.num_nodes, len(game.prices) - 1)
    found = jax.jit(lambda key: sx.evaluate_commitment(key, env, free, 64).argmax)(jax.random.key(0))
    competitive = game.market(jnp.array([2, 2]), jnp.ones(2))[1]
    assert np.median(found.follower_payoffs.mean(axis=1)) > 1.1 * competitive
    strict = jnp.zeros(env.tree.num_nodes, int)
    found = jax.jit(lambda key: sx.evaluate_commitment(key, env, strict, 64).argmax)(jax.random.key(0))
    assert np.median(found.leader_payoff) > 0.95 * game.optimum().value


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"num_prices": 1}, "num_prices=1 must be a whole number of at least 2"),
        ({"num_sellers": 0}, "num_sellers=0"),
        ({"scale": 0.0}, "scale"),
        ({"highest_price": 1.0}, "highest_price=1.0"),
        ({"quality": float("nan")}, "quality=nan"),
        ({"num_prices": 100, "num_sellers": 4}, "100000000 joint prices"),
    ],
)
def test_bad_options_are_named(options, words):
    with pytest.raises(sx.InputError, match=words.replace("(", "\\(")):
        sx.make("bertrand-platform", **options)
