"""Files of some two thousand ends, in several shapes: from a file to a certified commitment and a report."""

import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.extensive import ExtensiveFollowers, ExtensiveProblem
from stackjax.extensive.induced import induce, linear_payoffs, plan_of
from stackjax.solvers.climbing import can_climb
from tests.extensive.big_trees import SHAPES, big_game
from tests.runs.commands import result_of, run


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_are_of_some_two_thousand_ends_and_read_again(shape, tmp_path):
    game = big_game(shape)
    sx.extensive.save_efg(game, tmp_path / "big.efg")
    read = sx.extensive.load_efg(tmp_path / "big.efg")
    assert 2000 <= len(game.tree.leaves) <= 2100
    np.testing.assert_array_equal(read.leaf_rows, game.leaf_rows)
    np.testing.assert_allclose(read.leaf_paid, game.leaf_paid, atol=1e-12)


@pytest.mark.parametrize("shape", ["wide", "sets"])
def test_tables_of_sequences_say_what_sums_over_ends_say(shape):
    game = big_game(shape)
    assert game.is_dense
    mask = game.treeplexes[0].mask
    made = np.random.default_rng(0).exponential(size=(*mask.shape, 5)) * mask[..., None]
    plan = plan_of(game.treeplexes[0], made / made.sum(axis=1, keepdims=True))
    found = linear_payoffs(game, jnp.asarray(plan, jnp.float32))
    induced = induce(game, plan).payoffs
    told = np.zeros(found.shape)
    for end, row in enumerate(game.profile_rows[0]):
        told[:, row] += induced[:, end]
    np.testing.assert_allclose(found, told, atol=1e-5)


def test_searches_climb_where_steps_are_cheap():
    """A step solves an equation for each slack and for each mix of the leader."""
    climbs = {shape: can_climb(ExtensiveProblem(big_game(shape), ExtensiveFollowers())) for shape in SHAPES}
    assert not any(climbs.values())
    assert can_climb(ExtensiveProblem(sx.make("haggle"), ExtensiveFollowers()))


@pytest.mark.long
def test_a_large_file_is_trained_certified_and_reported(tmp_path):
    """The optimum is exact and found: this shape is solved by its integer programme."""
    path = tmp_path / "turns.efg"
    sx.extensive.save_efg(big_game("turns"), path)
    assert run("train", path, "--seeds", 2, "--direct.num-updates", 20, "--out", tmp_path / "run") == 0
    found = result_of(tmp_path / "run")
    assert (tmp_path / "run" / "report.html").is_file()
    for seed in found["seeds"]:
        assert seed["optimum_method"] == "lp"
        assert seed["leader_payoff"] == pytest.approx(seed["optimum"], abs=1e-4)
        assert seed["exploitability"] == pytest.approx(0.0, abs=1e-6)
