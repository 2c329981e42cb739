"""Spaces whose numbers share a budget: projections beside NumPy, draws beside their law, and what is told of mistakes."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stackjax as sx
from stackjax.solvers.grids import grid_points, num_grid_points
from tests.oracles.projection import projected

NUM_POINTS = 1000
SPACES = {
    "mix": sx.Simplex(5),
    "one": sx.Simplex(1),
    "cover": sx.CappedSimplex(7, 2.5),
    "whole": sx.CappedSimplex(20, 3),
    "free": sx.CappedSimplex(3, 9.0),
}
EVERY = pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
clip = jax.jit(lambda space, points: space.clip(points), static_argnums=0)


def points_of(rng, space, count=NUM_POINTS):
    """Near and far, on corners and with ties."""
    found = rng.normal(size=(count, space.n)) * 10.0 ** rng.uniform(-2, 2, (count, 1)) + rng.normal(size=(count, 1))
    found[::4] = np.round(found[::4])
    found[1::8, : space.n // 2] = found[1::8, :1]
    return found.astype(np.float32)


@EVERY
@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_what_is_nearest_meets_the_conditions_of_optimality(space, seed):
    points = points_of(np.random.default_rng(seed), space)
    found = np.asarray(clip(space, points))
    assert space.outside(found) is None
    np.testing.assert_array_equal(clip(space, found), found)
    size = 1.0 + np.abs(points).max(axis=1)
    want = np.array([projected(point, space.budget, space.is_spent) for point in points])
    assert (np.abs(found - want).max(axis=1) <= 4e-7 * size * space.n**0.5).all()
    # No allowed direction leads nearer: the residual is the largest where a whole budget goes, and pays for what is spent.
    residual = points.astype(np.float64) - found
    order = -np.sort(-residual, axis=1)
    whole, part = divmod(min(space.budget, space.n), 1.0)
    spent = np.concatenate([order, np.zeros((len(order), 1))], axis=1)
    if not space.is_spent:
        spent = np.maximum(spent, 0.0)
    most = spent[:, : int(whole)].sum(axis=1) + part * spent[:, int(whole)]
    assert (most - (residual * found).sum(axis=1) <= 1e-5 * size**2 * space.n).all()


@EVERY
def test_slopes_are_finite_and_keep_to_the_budget(space):
    rng = np.random.default_rng(0)
    points = np.concatenate([points_of(rng, space, 20), np.asarray(space.plain()), np.full((1, space.n), np.nan, np.float32)])
    slopes = np.asarray(jax.jit(jax.vmap(jax.jacrev(space.clip)))(points))
    assert np.isfinite(slopes).all()
    if space.is_spent:
        np.testing.assert_allclose(slopes.sum(axis=1), 0.0, atol=1e-5)
    inside = np.asarray(space.draw(jax.random.key(1), (50,)))
    kept = inside[(inside > 0.01).all(axis=1) & (inside < 0.99).all(axis=1) & (inside.sum(axis=1) < space.budget - 0.01)]
    for slope in np.asarray(jax.vmap(jax.jacrev(space.clip))(kept)):
        np.testing.assert_allclose(slope, np.eye(space.n), atol=1e-6)


@EVERY
def test_a_batch_is_as_one_by_one_and_what_is_no_number_counts_as_the_lowest(space):
    points = points_of(np.random.default_rng(1), space, 24)
    points[3], points[5, 0], points[7, -1], points[9] = np.nan, np.nan, np.inf, -np.inf
    alone = np.stack([clip(space, point) for point in points])
    np.testing.assert_array_equal(clip(space, points.reshape(2, 3, 4, -1)).reshape(24, -1), alone)
    assert space.outside(alone) is None
    np.testing.assert_allclose(alone[5], clip(space, np.where(np.isnan(points[5]), 0.0, points[5])), atol=1e-6)


@EVERY
def test_draws_are_allowed_and_evenly_spread(space):
    drawn = np.asarray(jax.jit(lambda: space.draw(jax.random.key(0), (4000, 2)))()).reshape(-1, space.n)
    assert space.outside(drawn) is None
    np.testing.assert_allclose(drawn.mean(axis=0), drawn.mean(), atol=0.02)
    if space.is_spent:  # Dirichlet: uniform on the simplex
        np.testing.assert_allclose(drawn.var(axis=0), (space.n - 1) / (space.n**2 * (space.n + 1)), atol=0.005)
    else:
        full = drawn.sum(axis=1) >= min(space.budget, space.n) - 1e-5
        assert 0.45 < full.mean() < 0.55
        assert (drawn.sum(axis=1) < 0.1 * min(space.budget, space.n)).mean() == pytest.approx(0.05, abs=0.02)


@EVERY
def test_a_point_of_the_box_stands_for_an_action_and_an_action_for_itself(space):
    rng = np.random.default_rng(2)
    weights = rng.random((200, space.n)).astype(np.float32) * rng.integers(0, 2, (200, space.n))
    found = np.asarray(space.from_box(weights))
    assert space.outside(found) is None
    np.testing.assert_allclose(space.from_box(found), found, atol=1e-6)
    total = weights.sum(axis=1, keepdims=True)
    if space.is_spent:
        np.testing.assert_allclose(found * np.maximum(total, 1e-9), np.where(total > 0, weights, found * 1e-9), atol=1e-6)
    else:
        np.testing.assert_allclose(found, weights * np.minimum(1.0, space.budget / np.maximum(total, 1e-9)), atol=1e-6)
    assert space.outside(np.asarray(space.from_box(np.full(space.n, np.nan, np.float32)))) is None


def test_what_is_outside_is_named():
    mix, cover = sx.Simplex(3), sx.CappedSimplex(3, 1.5)
    assert mix.outside(np.array([[0.2, 0.3, 0.5], [1.2, 0.0, -0.2]])) == 1.2
    assert mix.outside(np.array([[0.2, 0.3, 0.5], [0.5, 0.5, 0.5]])).tolist() == [0.5, 0.5, 0.5]
    assert cover.outside(np.array([1.0, 0.3, 0.1])) is None
    assert cover.outside(np.array([1.0, 0.3, 0.3])).tolist() == [1.0, 0.3, 0.3]
    assert np.isnan(cover.outside(np.array([np.nan, 0.3, 0.3])))
    env = sx.StackelbergPOMDP(sx.make("maintain-randomized"))
    with pytest.raises(sx.InputError, match=r"actions holds \[0.5 0.5 0.5\], but every leader action must be 3 numbers"):
        sx.evaluate_commitment(jax.random.key(0), env, np.full((1, 3), 0.5), 1)


def test_words():
    assert sx.Simplex(2).allowed() == "2 numbers of at least 0 that add up to 1"
    assert sx.CappedSimplex(2, 1.5).allowed() == "2 numbers from 0 to 1 that add up to at most 1.5"
    assert sx.Simplex(2, ["gate", "pier"]).describe(np.array([0.25, 0.75])) == "gate 0.25, pier 0.75"
    assert sx.CappedSimplex(2, 1).describe(np.array([0.25, 0.5])) == "(0.25, 0.5)"
    assert sx.CappedSimplex(2, 1, ("a", "b")) == sx.CappedSimplex(2, 1.0, ["a", "b"])
    assert hash(sx.CappedSimplex(2, 1)) == hash(sx.CappedSimplex(2, 1.0))


@pytest.mark.parametrize("levels", [2, 3, 5])
@EVERY
def test_grids_hold_every_way_to_hand_out_the_budget(space, levels):
    space = space if space.n <= 7 else sx.CappedSimplex(4, 0.5)
    every = np.array(list(itertools.product(range(levels), repeat=space.n)))
    most = np.floor(space.budget * (levels - 1) + 1e-9)
    total = every.sum(axis=1)
    kept = every[(total == most) if space.is_spent else (total <= most)]
    np.testing.assert_allclose(grid_points(space, levels), kept / (levels - 1), atol=1e-12)
    assert num_grid_points(space, levels) == len(kept)


def test_nothing_else_is_a_space_of_a_game():
    class Own(sx.OneShotGame):
        name, type_prior, num_actions, leader_actions, num_options = "own", np.ones(1), (2,), sx.Simplex(2), 1
        observation = outcome_payoffs = None

    with pytest.raises(sx.InputError, match="num_options=1 must be 0 unless leader_actions is a Box"):
        Own().check()


def test_halves_of_ties():
    """Two that are alike far above the others share what there is, however far."""
    for far in (10.0, 1e3, 1e6, jnp.inf):
        np.testing.assert_allclose(sx.Simplex(3).clip(jnp.array([far, 0.0, far])), [0.5, 0.0, 0.5])
