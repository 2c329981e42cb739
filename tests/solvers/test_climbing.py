"""The linear equations of a step up the slope, beside NumPy in float64."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stackjax.solvers.climbing import solved

NUM_SYSTEMS = 40


def system(rng, entries, slacks):
    """An ill-conditioned system: rooms of slacks and entries from 1 down to 1e-7, some of the entries at an end of the box."""
    side = 10.0 ** rng.uniform(-7, -0.4, entries)
    down = np.where(rng.random(entries) < 0.3, side, 0.5)
    width = np.minimum(down, 1.0 - down)
    pull = rng.normal(size=(slacks, entries)) / 10.0 ** rng.uniform(-7, 0, (slacks, 1))
    diagonal = (width / down) ** 2 + (width / (1.0 - down)) ** 2 + 1e-6
    return tuple(part.astype(np.float32) for part in (diagonal, pull * width, width * rng.normal(size=entries)))


def errors(systems):
    """Of `solved`, as a share of the solution and of the right-hand side, in the lengths that the diagonal gives."""
    found = jax.jit(jax.vmap(solved))(*(jnp.stack(part) for part in zip(*systems, strict=True)))
    assert np.isfinite(found).all()
    shares = []
    for mine, one in zip(found, systems, strict=True):
        diagonal, rows, vector = (part.astype(np.float64) for part in one)
        root = np.sqrt(diagonal)
        # Least squares, which do not square how far the rows' lengths are apart.
        stacked, right = np.vstack([rows / root, np.eye(len(root))]), np.concatenate([np.zeros(len(rows)), vector / root])
        exact = np.linalg.lstsq(stacked, right, rcond=None)[0]
        off = np.linalg.norm(root * mine - exact)
        shares.append((off / np.linalg.norm(exact), off / np.linalg.norm(right)))
    return np.array(shares).T


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), entries=st.sampled_from([8, 20, 60]), share=st.sampled_from([0.1, 0.3, 0.5]))
def test_ill_conditioned_equations_are_solved_as_in_double_precision(seed, entries, share):
    rng = np.random.default_rng(seed)
    of_solution, _ = errors([system(rng, entries, max(1, round(share * entries))) for _ in range(NUM_SYSTEMS)])
    assert of_solution.max() <= 1e-4


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), entries=st.sampled_from([1, 3, 8]), more=st.integers(0, 6))
def test_where_slacks_leave_no_way_rounding_is_small_beside_the_slope(seed, entries, more):
    """As many slacks as entries, or more: the solution is next to nothing, and rounding of one in ten may be more than that."""
    rng = np.random.default_rng(seed)
    _, of_slope = errors([system(rng, entries, entries + more) for _ in range(NUM_SYSTEMS)])
    assert np.quantile(of_slope, 0.9) <= 0.02


def test_slacks_that_are_alike_are_no_trouble():
    rng = np.random.default_rng(0)
    systems = []
    for _ in range(NUM_SYSTEMS):
        diagonal, rows, vector = system(rng, 12, 3)
        systems.append((diagonal, np.concatenate([rows, rows[:1], np.zeros_like(rows[:1])]), vector))
    assert errors(systems)[0].max() <= 1e-4
