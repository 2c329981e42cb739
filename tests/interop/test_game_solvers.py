"""Equilibria that other libraries find are equilibria by our certificates."""

import numpy as np
import pytest

import stackjax as sx
from stackjax.bayesian.pomdp.commitment import tabulate
from stackjax.bayesian.pomdp.tree import decision_tree


def left_by_a_row(seed=0):
    """What a leader's row leaves to two followers of three and four actions."""
    game = sx.matrix_game(np.random.default_rng(seed).normal(size=(2, 3, 4, 3)))
    tree = decision_tree(game)
    return game, tabulate(game, tree, np.array([1], np.int32)).game


def gaps(game, strategies):
    play = sx.followers.mixed_play(tuple(np.asarray(one, np.float64)[None] for one in strategies))
    found = sx.certify(game, play)
    return float(found.bne_gap), float(found.bcce_gap)


def test_nashpy_finds_what_certify_calls_an_equilibrium(x64):
    game, induced = left_by_a_row()
    other = sx.interop.to_nashpy(induced)
    np.testing.assert_allclose(other.payoff_matrices[0], game.payoff_table[1, :, :, 1], rtol=1e-6)
    np.testing.assert_allclose(other.payoff_matrices[1], game.payoff_table[1, :, :, 2], rtol=1e-6)
    found = list(other.support_enumeration())
    assert found
    for pair in found:
        assert max(gaps(induced, pair)) < 1e-9
    uniform = [np.full(3, 1 / 3), np.full(4, 1 / 4)]
    assert min(gaps(induced, uniform)) > 0.05


def test_openspiel_finds_what_certify_calls_an_equilibrium(x64):
    pyspiel = pytest.importorskip("pyspiel")
    table = np.random.default_rng(1).normal(size=(3, 4))
    induced = sx.followers.induced_game(np.ones((1, 1)), np.stack([table, -table])[:, None, None])
    other = sx.interop.to_openspiel(induced)
    assert (other.num_rows(), other.num_cols()) == (3, 4)
    np.testing.assert_allclose(other.row_utilities(), table)
    np.testing.assert_allclose(other.col_utilities(), -table)
    in_turns = pyspiel.convert_to_turn_based(other)
    solver = pyspiel.CFRPlusSolver(in_turns)
    for _ in range(2000):
        solver.evaluate_and_update_policy()
    policy, state, strategies = solver.average_policy(), in_turns.new_initial_state(), []
    for count in table.shape:
        chances = policy.action_probabilities(state)
        strategies.append([chances[action] for action in range(count)])
        state.apply_action(0)
    assert max(gaps(induced, strategies)) < 1e-3


def test_games_that_do_not_fit_are_named():
    typed = sx.followers.induced_game(np.full((2, 1), 0.5), np.zeros((2, 2, 1, 2, 2)))
    with pytest.raises(sx.InputError, match=r"num_types=\(2, 1\).* two followers without private types"):
        sx.interop.to_nashpy(typed)
    with pytest.raises(sx.InputError, match="must be an InducedGame"):
        sx.interop.to_nashpy(sx.make("escape"))
