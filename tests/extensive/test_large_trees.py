"""Files of some two thousand ends, in several shapes: from a file to a certified commitment and a report."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy

import stackjax as sx
from stackjax.extensive import ExtensiveFollowers, ExtensiveProblem
from stackjax.extensive.exact import best_reply, quantal_reply, worth_of
from stackjax.extensive.induced import induce, linear_payoffs, normalised, plan_of
from stackjax.extensive.optimum.form import sequence_form
from stackjax.extensive.optimum.hopping import exchange, hop, random_plan
from stackjax.solvers.climbing import can_climb
from stackjax.solvers.config import DirectConfig
from stackjax.solvers.direct import direct
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


def test_searches_that_cannot_climb_are_short_unless_told_otherwise():
    updates = lambda game, **options: direct(ExtensiveProblem(game, ExtensiveFollowers()), DirectConfig(**options)).num_updates
    assert [updates(big_game("wide")), updates(sx.make("haggle"))] == [40, 400]
    assert updates(big_game("wide"), num_updates=7) == 7
    assert updates(sx.make("kuhn", players=3)) == 400  # several followers: nothing improves what is learned


@pytest.mark.parametrize("player", [0, 1])
def test_passes_over_many_levels_are_loops_that_say_what_plain_ones_do(player):
    """In JAX a deep tree's levels are rolled, in NumPy they are not."""
    treeplex, rng = big_game("deep").treeplexes[player], np.random.default_rng(player)
    behaviour = normalised(treeplex, rng.random((*treeplex.mask.shape, 3)))
    payoffs, slack = rng.normal(size=(2, treeplex.num_rows, 3)), np.full((treeplex.num_sets, 3), 0.3)
    fast = lambda array: jnp.asarray(array, jnp.float32)
    np.testing.assert_allclose(plan_of(treeplex, fast(behaviour)), plan_of(treeplex, behaviour), atol=1e-6)
    passes = [
        lambda paid: worth_of(treeplex, paid, behaviour.astype(np.float32)),
        lambda paid: best_reply(treeplex, paid, None, "for"),
        lambda paid: best_reply(treeplex, paid, slack.astype(np.float32), "even"),
        lambda paid: quantal_reply(treeplex, paid, np.ones_like(slack), 0.5),
    ]
    for one in passes:
        jax.tree.map(lambda new, old: np.testing.assert_allclose(new, old, atol=2e-5), one(fast(payoffs)), one(payoffs))
    assert jax.jit(lambda made: plan_of(treeplex, made)).lower(fast(behaviour)).as_text().count("\n") < 200


def _best_of_each(game):
    """The optimum of a game of the shape "sets", whose sets of the follower have nothing to do with each other: a programme for
    each of its actions there, over the chances that the leader goes left in each state.
    """
    (leader, follower), rows = game.leaf_paid, game.leaf_rows
    total = 0.0
    for infoset in range(game.treeplexes[1].num_sets):
        values = []
        for action in range(2):
            tables = []
            for row in (2 * infoset + action, 2 * infoset + 1 - action):
                ends = np.flatnonzero(rows[1] == row)
                ends = ends[np.argsort(rows[0, ends])].reshape(-1, 2)
                tables.append((leader[ends], follower[ends]))
            (paid, kept), (_, other) = tables
            short, (left, right) = other - kept, paid.T
            found = scipy.optimize.linprog(
                -(left - right), [short[:, 0] - short[:, 1]], [-short[:, 1].sum()], bounds=(0.0, 1.0), method="highs"
            )
            values.append(right.sum() - found.fun if found.status == 0 else -np.inf)
        total += max(values)
    return total


def test_exchanging_replies_at_one_set_finds_the_optimum_where_sets_are_apart():
    game = big_game("sets", 3)
    form, known = sequence_form(game), _best_of_each(game)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        start = hop(form, random_plan(form, rng), rng, set())
        best = exchange(form, start, rng, {start.reply.tobytes()})
        assert form.in_game_units(start.value) < known - 0.05
        assert form.in_game_units(best.value) == pytest.approx(known, abs=1e-8)


def test_random_plans_come_to_the_last_sets_of_a_deep_tree():
    form = sequence_form(big_game("deep"))
    treeplex, rng = form.game.treeplexes[0], np.random.default_rng(0)
    last = np.mean([random_plan(form, rng)[treeplex.parent[-1]] for _ in range(200)])
    assert 1e-3 < last < 0.1  # with even chances at each set some 2^-39


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
