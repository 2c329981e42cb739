"""Contracts: payments against linear programmes, equilibria against closed forms, commitment against equilibrium."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st

import stackjax as sx
from stackjax.claims import verified
from stackjax.errors import InputError, UnsolvedError
from stackjax.markov.contracts.equilibrium import alternate, least_payments, subgame_perfect
from stackjax.markov.contracts.game import ContractGame, best_contracts, contracts
from stackjax.markov.contracts.learned import learn_contracts
from stackjax.markov.contracts.process import PrincipalAgentMDP, random_tree, tree_successor
from stackjax.markov.followers import MarkovFollowers
from stackjax.markov.game import game_tables
from stackjax.markov.problem import MarkovProblem
from tests.siblings import first

CHANCES = np.array([[0.9, 0.1], [0.1, 0.9]])
TWO_STEPS = PrincipalAgentMDP(np.tile([0.0, -0.8], (3, 1)), np.tile([0.0, 14 / 9], (3, 1)), CHANCES, tree_successor(2))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), actions=st.sampled_from([2, 4]), outcomes=st.sampled_from([2, 4]))
def test_least_payments_are_the_linear_programmes(seed, actions, outcomes):
    rng = np.random.default_rng(seed)
    values, chances, action = rng.normal(size=actions), rng.dirichlet(np.ones(outcomes), actions), int(rng.integers(actions))
    others = [a for a in range(actions) if a != action]
    less = np.array([chances[a] - chances[action] for a in others])
    expected = scipy.optimize.linprog(chances[action], less, np.array([values[action] - values[a] for a in others]))
    found = jax.jit(least_payments)(jnp.asarray(values, jnp.float32), jnp.asarray(chances, jnp.float32), jnp.int32(action))
    if expected.status == 0:
        if expected.fun < 50:  # beyond, what float32 rounds is no longer small
            np.testing.assert_allclose(found[1], expected.fun, rtol=2e-2, atol=2e-3)
            gain = chances @ np.asarray(found[0], float) + values
            assert gain[action] >= gain.max() - 1e-2
            assert (np.asarray(found[0]) >= 0).all()
    else:
        assert not np.isfinite(found[1]) or found[1] > 50


def equilibrium_of(costs, gains, chances, successor):
    """State by state from the end, in plain Python, with the closed form of two actions and two outcomes."""
    states = len(costs)
    principal, agent, action = [0.0] * (states + 1), [0.0] * (states + 1), [0] * states
    spread = chances[1][1] - chances[0][1]
    for s in reversed(range(states)):
        q = [costs[s][a] + sum(chances[a][o] * agent[successor[s][o]] for o in range(2)) for a in range(2)]
        paid = [max(0.0, q[1 - a] - q[a]) / spread * chances[a][a] for a in range(2)]  # on the outcome of the action's number
        worth = [sum(chances[a][o] * (gains[s][o] + principal[successor[s][o]]) for o in range(2)) - paid[a] for a in range(2)]
        best = max(range(2), key=lambda a: worth[a])
        principal[s], agent[s], action[s] = worth[best], q[best] + paid[best], best
    return principal[:-1], agent[:-1], action


@jax.jit
def solve_four_levels(costs, gains):
    return subgame_perfect(PrincipalAgentMDP(costs, gains, CHANCES, tree_successor(4)))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_equilibrium_is_the_oracles(seed):
    tree = random_tree(seed, depth=4)
    principal, agent, action = equilibrium_of(*(array.tolist() for array in tree))
    np.testing.assert_allclose(tree[2], CHANCES)
    found = solve_four_levels(*(jnp.asarray(array, jnp.float32) for array in tree[:2]))
    np.testing.assert_allclose(found.principal, principal, atol=1e-4)
    np.testing.assert_allclose(found.agent, agent, atol=1e-4)
    assert (np.asarray(found.action) == action).mean() > 0.9  # ties apart


def test_the_two_step_example_of_the_paper():
    """Principal 1 and agent 0.2, contract 1 on the good outcome everywhere; committing at the start gives 19/18."""
    solve = jax.jit(lambda costs, gains: subgame_perfect(TWO_STEPS._replace(action_payoffs=costs, gains=gains)))
    found = solve(*(jnp.asarray(leaf, jnp.float32) for leaf in TWO_STEPS[:2]))
    np.testing.assert_allclose([found.principal[0], found.agent[0]], [1.0, 0.2], atol=1e-5)
    np.testing.assert_allclose(found.payments, np.tile([0.0, 1.0], (3, 1)), atol=1e-5)
    value, payments = best_contracts(TWO_STEPS)
    assert value == pytest.approx(19 / 18)
    assert payments[1].sum() == pytest.approx(0.0)  # pay is withheld where the costly branch failed


@pytest.mark.long
def test_a_thousand_trees_are_the_literatures():
    """Share of states with effort about 0.577; in the last level 1/2 + (2 - (2 + t) e^-t) / 4 with t = ln(64/45)."""
    trees = [random_tree(seed) for seed in range(1000)]
    stacked = [jnp.asarray(np.stack([tree[k] for tree in trees], -1), jnp.float32) for k in range(2)]
    found = jax.jit(lambda costs, gains: subgame_perfect(PrincipalAgentMDP(costs, gains, *trees[0][2:])))(*stacked)
    assert float(found.action.mean()) == pytest.approx(0.577, abs=0.003)
    t = np.log(64 / 45)
    assert float(found.action[511:].mean()) == pytest.approx(0.5 + (2 - (2 + t) * np.exp(-t)) / 4, abs=0.003)
    assert float(found.principal[0].mean()) == pytest.approx(3.942, abs=0.06)  # three standard errors
    assert float(found.agent[0].mean()) == pytest.approx(0.151, abs=0.01)


@pytest.mark.parametrize("seed", range(2))
def test_committing_pays_no_less_than_the_equilibrium(seed):
    """By linear programmes, whose payments the game's own dynamic programming finds worth as much."""
    tree = random_tree(seed, depth=2)
    value, _ = best_contracts(tree)
    assert value >= equilibrium_of(*(array.tolist() for array in tree))[0][0] - 1e-6
    game = contracts(depth=2, tree_seed=seed)
    solved = game.solve()
    problem = MarkovProblem(game, MarkovFollowers("exact", knows_time=True))
    tried = problem.commitments.draw(jax.random.key(seed), 64).at[0].set(jnp.asarray(solved.commitment, jnp.float32))
    paid = jax.jit(problem.worth)(jax.random.key(0), tried).payoff
    assert float(paid[0]) == pytest.approx(value, abs=1e-3)
    assert (paid <= value + 1e-3).all()
    assert problem.optimum().method == "lp"


def random_contracts(seed):
    """Random processes, with loops, that are cut off by their horizon; payments in a box."""
    rng = np.random.default_rng(seed)
    states = int(rng.integers(1, 4))
    costs = np.stack([np.zeros(states), -rng.uniform(0, 0.6, states)], axis=1)
    gains = rng.uniform(0, 1.5, (states, 2)) * [0.2, 1.0]
    chance = rng.uniform(0.6, 0.9)
    chances = np.array([[chance, 1 - chance], [1 - chance, chance]])
    successor = rng.integers(0, states + 1, (states, 2))
    process = PrincipalAgentMDP(costs, gains, chances, successor)
    return ContractGame(process, int(rng.integers(1, 5)), float(rng.choice([0.3, 1.0, 3.0])))


@pytest.mark.parametrize("seed", first(1, range(8)))
def test_the_best_contracts_keep_to_the_horizon_and_the_box_and_no_others_earn_more(seed):
    game = random_contracts(seed)
    problem = MarkovProblem(game, MarkovFollowers("exact"))
    claimed = problem.optimum()
    assert (claimed.commitment >= 0).all()
    assert (claimed.commitment <= game.leader_actions.high[0]).all()
    assert verified(problem, claimed).method == "lp"
    tried = problem.commitments.draw(jax.random.key(seed), 200).at[0].set(0.0)  # the first pays nothing
    assert (jax.jit(problem.worth)(jax.random.key(0), tried).payoff <= claimed.value + 1e-5).all()


def test_a_horizon_cuts_contracts_short():
    tree = random_tree(0, 3)
    values = [ContractGame(tree, horizon=horizon).solve().value for horizon in (1, 2, 3, 9)]
    assert values[0] < values[1] < values[2]
    assert values[2] == values[3] == pytest.approx(best_contracts(tree)[0])
    cheap = ContractGame(tree, horizon=3, max_payment=0.2).solve()
    assert cheap.value < values[2]
    assert cheap.commitment.max() <= 0.2


def test_an_agent_that_knows_the_time_may_do_something_else_when_it_comes_back():
    costs, gains = np.array([[0.0, -0.3], [0.0, -0.5]]), np.array([[0.0, 1.0], [0.2, 0.4]])
    chances, loop = np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([[0, 1], [1, 0]])
    process = PrincipalAgentMDP(costs, gains, chances, loop)
    same, timed = (ContractGame(process, 3).solve(knows_time=knows).value for knows in (False, True))
    assert timed < same  # one agent more that can deviate
    with pytest.raises(UnsolvedError, match="too many to solve"):
        ContractGame(process, 50).solve(knows_time=True)
    nothing = ContractGame(process, 50)
    paid = MarkovProblem(nothing, MarkovFollowers("exact")).worth(jax.random.key(0), jnp.zeros((1, 3, 2))).payoff
    assert nothing.solve().value >= float(paid[0])
    with pytest.raises(InputError, match="to a later one"):
        best_contracts(process)


def test_a_run_keeps_what_contracts_come_to_where_nothing_and_everything_is_paid():
    """The first two commitments pay 0 and the most, for every outcome."""
    game = contracts(depth=2, tree_seed=1)
    kept = game_tables(game)
    np.testing.assert_array_equal(kept["commitments"][:2], np.stack([np.zeros((4, 2)), np.full((4, 2), 2.0)]))
    assert kept["payoffs"].shape == (2, 4, 2, len(kept["commitments"]))


@pytest.mark.long
def test_a_leader_who_commits_learns_contracts():
    """Depth 2: it climbs to where the agent is all but indifferent, the optimum, no less than the equilibrium."""
    game = contracts(depth=2, tree_seed=1)
    found = sx.train(
        game,
        direct=sx.DirectConfig(num_updates=60, population=64),
        seeds=1,
        polish=0,
        progress=False,
    )
    tree = random_tree(1, depth=2)
    equilibrium = equilibrium_of(*(array.tolist() for array in tree))[0][0]
    payoff = found.best.certificate.leader_payoff
    assert payoff >= equilibrium * (1.0 - 3e-4)
    assert found.best.optimum * (1.0 - 3e-4) <= payoff <= found.best.optimum + 1e-5
    assert found.best.certificate.exploitability == pytest.approx(0.0, abs=1e-5)


def test_mistakes_name_what_is_allowed():
    with pytest.raises(InputError, match="successor must lead from each of the 3 states to a later one"):
        subgame_perfect(TWO_STEPS._replace(successor=TWO_STEPS.successor * 0))
    with pytest.raises(InputError, match="at least 0, and sum to 1 over outcomes"):
        ContractGame(TWO_STEPS._replace(chances=2 * CHANCES), horizon=2)
    with pytest.raises(UnsolvedError, match="contracts in 15 states are too many to solve"):
        contracts(depth=4).solve()
    with pytest.raises(InputError, match="depth=0"):
        contracts(depth=0)


@pytest.mark.parametrize("solve", [best_contracts, alternate, lambda process: learn_contracts(jax.random.key(0), process)])
@pytest.mark.parametrize(
    ("place", "array", "message"),
    [
        (0, [["a", "b"]], "action_payoffs=[['a', 'b']] must be an array of numbers"),
        (0, np.zeros(2), "action_payoffs=(an array of shape (2,)) must be a matrix"),
        (0, np.full((3, 2), np.nan), "action_payoffs=(an array with NaN or infinity) must be finite"),
        (1, np.zeros((2, 2)), "gains=(an array of shape (2, 2)) must be of shape (3, 2)"),
        (
            2,
            np.array([[0.9, 0.2], [0.1, 0.9]]),
            "chances=[[0.9, 0.2], [0.1, 0.9]] must be at least 0, and sum to 1 over outcomes",
        ),
        (2, np.ones((2, 1)), "chances=(an array of shape (2, 1)) must be of shape (2, 2)"),
        (3, np.full((3, 2), 9), "successor=(an array) must be whole numbers from 0 to 3, the end"),
        (3, np.zeros((3, 2), int), "successor must lead from each of the 3 states to a later one"),
    ],
)
def test_a_process_that_does_not_fit_is_one_line(solve, place, array, message):
    process = list(random_tree(0, 2))
    process[place] = array
    with pytest.raises(sx.InputError, match=re.escape(message)):
        solve(PrincipalAgentMDP(*process))


def test_nothing_is_told_of_the_end():
    """No payment is made there, so that a leader action would be a number that nobody chose."""
    game = contracts(2)
    problem = MarkovProblem(game, MarkovFollowers("exact"))
    commitments = jnp.full((1, game.num_states, 2), 1.81)
    judged = jax.tree.map(lambda leaf: leaf[None], problem.judge(jax.random.key(0), commitments[0], 1))
    (told,) = problem.describe(judged, commitments, ["a"])
    assert game.describe_state(game.end) == "the end"
    assert len(told["mechanism"]) == len(told["follower_play"]) == game.num_states - 1
    assert not any("the end" in line for line in (*told["mechanism"], *told["follower_play"]))
    (drawn,) = told["pictures"]
    assert [node["note"] == "" for node in drawn["nodes"]] == [s == game.end for s in range(game.num_states)]
