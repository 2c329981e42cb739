"""The rules of each game, by hand-worked cases from the paper."""

import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.bayesian.pomdp.commitment import tabulate
from stackjax.bayesian.pomdp.tree import commitment_paths, decision_tree


def tabulated(game, actions):
    tree = decision_tree(game)
    return tree, tabulate(game, tree, jnp.asarray(actions))


def test_maintain_is_table_2():
    table = tabulated(sx.make("maintain"), [1])[1].game
    np.testing.assert_array_equal(table.leader_payoff[0], [30, 10, 0])
    np.testing.assert_array_equal(table.follower_payoffs[0, 0], [0, 5, 0])


def test_maintain_randomized_plays_the_mix():
    game = sx.make("maintain-randomized")
    table = tabulated(game, [[0.25, 0.75, 0.0]])[1].game
    np.testing.assert_allclose(table.leader_payoff[0], [0.25 * 20 + 0.75 * 30, 7.5, 0], rtol=1e-6)
    np.testing.assert_allclose(table.follower_payoffs[0, 0], [0.25 * 15, 0.75 * 5, 0], rtol=1e-6)
    nothing = tabulated(game, game.leader_actions.from_box(jnp.zeros((1, 3))))[1].game  # weights that say nothing
    np.testing.assert_allclose(nothing.leader_payoff[0], [50 / 3, 10 / 3, 5 / 3], rtol=1e-6)


def test_matrix_design_is_table_3():
    table = tabulated(sx.make("matrix-design"), [5])[1].game
    np.testing.assert_array_equal(table.follower_payoffs[0, 0, 0], [[8, 6], [4, 2]])
    np.testing.assert_array_equal(table.follower_payoffs[1, 0, 0], [[3, 4], [6, 7]])
    np.testing.assert_array_equal(table.leader_payoff[0, 0], [[0, 1], [1, 0]])


def test_matrix_design_payments_are_transfers():
    payments = np.arange(8.0).reshape(4, 2)
    tree, table = tabulated(sx.make("matrix-design-payments"), payments)
    assert tree.num_nodes == 4
    np.testing.assert_array_equal(table.game.leader_payoff[0, 0], [[6, 10], [10, 4]])
    np.testing.assert_array_equal(table.game.follower_payoffs[0, 0, 0], [[3 + 0, 6 + 2], [4 + 4, 2 + 6]])
    np.testing.assert_array_equal(table.game.follower_payoffs[1, 0, 0], [[3 + 1, 4 + 3], [6 + 5, 2 + 7]])


def test_allocation_pays_both_for_the_wanted_item():
    table = tabulated(sx.make("allocation", num_messages=2), [2, 0])[1].game
    np.testing.assert_array_equal(table.leader_payoff, [[0, 1], [0, 0], [1, 0]])
    np.testing.assert_array_equal(table.follower_payoffs[0], table.leader_payoff)


@pytest.mark.parametrize("high_first", [False, True])
def test_the_papers_mechanism_with_messages_loses_nothing(high_first):
    """Section 7.4: agent 1 says low: agent 2 first at a minimal price; high: agent 1 first, at 1/2 to 1.3 to be truthful."""
    game = sx.make("posted-price-pi")
    tree = decision_tree(game)
    low, high = [0.0, 1.0, 0.1], [1.0, 0.0, 1.2]
    first = [low if message == 0 else high for message, _ in tree.profiles[tree.members(0)[1]]]
    table = tabulated(game, [*first, *[[0.5, 0.5, 0.1]] * 4])[1].game
    truthful = sx.followers.mixed_play((np.eye(2), np.eye(2)))
    certificate = sx.certify(table, truthful)
    assert certificate.leader_payoff == pytest.approx(0.0, abs=1e-6)
    assert certificate.bcce_gap == pytest.approx(0.0, abs=1e-6)
    lying = sx.followers.mixed_play((np.eye(2)[::-1].copy() if high_first else np.eye(2)[[1, 1]], np.eye(2)))
    assert sx.certify(table, lying).bne_gap > 0.05


def test_without_messages_agent_2_first_at_price_zero_loses_015():
    game = sx.make("posted-price-pi", num_messages=1)
    best = tabulated(game, [[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])[1].game
    other = tabulated(game, [[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])[1].game
    everyone = np.ones((2, 2, 1, 1))
    assert sx.certify(best, everyone).leader_payoff == pytest.approx(-0.15)
    assert sx.certify(other, everyone).leader_payoff == pytest.approx(-0.20)


@pytest.mark.parametrize(("indifferent", "sold"), [(False, 0.0), (True, 1.0)])
def test_an_indifferent_buyer_passes_unless_told_otherwise(indifferent, sold):
    game = sx.PostedPrice([[1.0]], [1.0], num_messages=1, buy_when_indifferent=indifferent)
    assert tabulated(game, [[0.0, 1.0]])[1].game.leader_payoff == sold - 1.0


def test_a_sale_ends_the_sub_episode_and_visited_agents_are_not_visited_again():
    game = sx.make("posted-price-uniform", num_types=2, num_messages=1, num_agents=3)
    tree = decision_tree(game)
    assert tree.num_nodes == 3
    always_agent_1 = [[0.9, 0.5, 0.1, 0.5]] * 3
    table = tabulate(game, tree, jnp.asarray(always_agent_1))
    reached = np.asarray(table.reached).sum(axis=-1).reshape(2, 2, 2)
    assert reached[1].tolist() == [[1, 1], [1, 1]]  # agent 1 buys at once
    assert reached[0, 1].tolist() == [2, 2]
    assert reached[0, 0].tolist() == [3, 3]
    leader = np.asarray(table.game.leader_payoff).reshape(2, 2, 2)
    np.testing.assert_allclose(leader, 0.0, atol=1e-6)  # whoever has value 1 gets it


def test_mechanisms_are_explained_in_words():
    game = sx.make("posted-price-pi")
    tree = decision_tree(game)
    actions = np.array([[0.0, 1.0, 0.25]] * 4 + [[0.0, 0.0, 0.5]] * 4)
    lines = game.explain(np.zeros((8, 1)), actions, commitment_paths(game, tree))
    assert lines[1] == "message 1, message 2: agent 2 at price 0.25, then agent 1 at price 0.5"
    mixed = sx.make("maintain-randomized")
    lines = mixed.explain(np.ones((1, 1)), np.array([[0.5, 0.5, 0.0]]), commitment_paths(mixed, decision_tree(mixed)))
    assert lines == ["rows mixed A 0.500, B 0.500, C 0.000"]
