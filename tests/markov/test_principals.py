"""Principals who take turns with the agent, and principals who learn, held against the subgame-perfect equilibrium."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stackjax.errors import InputError
from stackjax.markov.contracts.equilibrium import alternate, subgame_perfect
from stackjax.markov.contracts.learned import LearnedContracts, judge_contracts, learn_contracts
from stackjax.markov.contracts.process import PrincipalAgentMDP, random_tree, tree_successor
from tests.siblings import first

LAW = np.array([[0.9, 0.1], [0.1, 0.9]])


def equilibrium(tree):
    """In float32, as the others are."""
    costs, gains = (jnp.asarray(leaf, jnp.result_type(float)) for leaf in tree[:2])
    return subgame_perfect(tree._replace(action_payoffs=costs, gains=gains))


@pytest.mark.parametrize(("depth", "seed"), first(1, [(1, 1), (4, 0)]))
def test_taking_turns_ends_in_the_equilibrium_within_a_round_more_than_steps(depth, seed):
    tree = random_tree(seed, depth)
    found, known = alternate(tree), equilibrium(tree)
    assert found.converged
    assert found.rounds <= depth + 1
    np.testing.assert_allclose(found.equilibrium.principal, known.principal, atol=1e-6)
    np.testing.assert_allclose(found.equilibrium.agent, known.agent, atol=1e-6)
    np.testing.assert_array_equal(found.equilibrium.action, known.action)


def test_taking_turns_says_when_it_was_stopped():
    found = alternate(random_tree(0, 5), most_rounds=2)
    assert (found.rounds, found.converged) == (2, False)


@pytest.mark.parametrize("solve", [alternate, lambda tree, **options: learn_contracts(jax.random.key(0), tree, **options)])
def test_mistakes_are_said(solve):
    tree = random_tree(0, 2)
    with pytest.raises(InputError, match="successor must lead"):
        solve(tree._replace(successor=np.zeros_like(tree.successor)))
    with pytest.raises(InputError, match="must be"):
        solve(tree, **({"most_rounds": 0} if solve is alternate else {"nudge": -1.0}))


def two_steps():
    """Figure 1 of Ivanov et al. (2024): effort costs 4/5 and the good outcome gains 14/9, twice."""
    costs = np.tile(np.array([0.0, -0.8]), (3, 1))
    gains = np.tile(np.array([0.0, 14 / 9]), (3, 1))
    return PrincipalAgentMDP(costs, gains, LAW, tree_successor(2))


def test_contracts_are_judged_by_a_best_answer():
    """In the example the equilibrium pays 1 for the good outcome; a little less, and the agent does nothing."""
    pay = lambda amount: LearnedContracts(np.ones(3, int), np.tile(np.array([0.0, amount]), (3, 1)))
    enough = judge_contracts(pay(1.0), two_steps())
    assert (enough.principal, enough.agent, enough.followed) == pytest.approx((1.0, 0.2, 1.0))
    nothing = judge_contracts(pay(0.99), two_steps())
    assert nothing.followed == 0.0
    assert nothing.principal == pytest.approx(2 * 0.1 * (14 / 9 - 0.99))


@pytest.mark.long
def test_learned_contracts_reach_the_equilibrium():
    """At least 0.97 of what the equilibrium pays, and no more than commitment can add, on trees of four levels."""
    for seed in range(2):
        tree = random_tree(seed, 4)
        known = equilibrium(tree)
        found = learn_contracts(jax.random.key(seed), tree, num_updates=800, num_episodes=256)
        judged = judge_contracts(found, tree)
        assert 0.97 <= judged.principal / float(known.principal[0]) <= 1.02
        assert judged.followed == 1.0
        assert float((found.action == known.action).mean()) >= 0.9


@pytest.mark.long
def test_without_a_nudge_errors_turn_the_agent_away():
    tree = random_tree(0, 4)
    settings = {"num_updates": 800, "num_episodes": 256}
    plain, nudged = (
        judge_contracts(learn_contracts(jax.random.key(0), tree, nudge=nudge, **settings), tree) for nudge in (0.0, 0.02)
    )
    assert plain.followed < nudged.followed == 1.0
    assert plain.principal < nudged.principal


@pytest.mark.long
def test_the_principals_indifference_does_not_mislead_the_agent():
    """In this tree a recommendation changes late; values learned for the earlier one left 0.74 of the equilibrium's utility."""
    tree = random_tree(2)
    known = equilibrium(tree)
    judged = judge_contracts(learn_contracts(jax.random.key(2), tree), tree)
    assert judged.principal >= 0.98 * float(known.principal[0])
