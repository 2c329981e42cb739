"""Meshes of a box: simplices fill it, functions on them are continuous and linear, and a finer mesh can make the same."""

import collections
import itertools
import math

import jax.numpy as jnp
import numpy as np
import pytest

from stackjax.errors import InputError
from stackjax.menus.auctions.mesh import Mesh
from tests.oracles.auctions import price_at, within

MESHES = [Mesh(1, 5), Mesh(2, 3, 0.5, 2.0), Mesh(3, 2)]


@pytest.mark.parametrize(("dimension", "cells", "vertices", "simplices"), [(1, 8, 9, 8), (2, 6, 85, 144), (2, 12, 313, 576)])
def test_how_many_there_are(dimension, cells, vertices, simplices):
    mesh = Mesh(dimension, cells)
    assert (len(mesh.vertices), len(mesh.simplices)) == (vertices, simplices)


@pytest.mark.parametrize("mesh", MESHES)
def test_simplices_fill_the_box(mesh):
    edges = mesh.vertices[mesh.simplices[:, 1:]] - mesh.vertices[mesh.simplices[:, :1]]
    volumes = np.abs(np.linalg.det(edges)) / math.factorial(mesh.dimension)
    assert volumes.min() > 0
    assert volumes.sum() == pytest.approx((mesh.high - mesh.low) ** mesh.dimension)
    rng = np.random.default_rng(0)
    for point in rng.uniform(mesh.low, mesh.high, (20, mesh.dimension)):
        inside = [within(mesh.vertices[simplex], point).min() > 0 for simplex in mesh.simplices]
        assert sum(inside) == 1


@pytest.mark.parametrize("mesh", MESHES)
def test_functions_are_interpolated(mesh):
    """As the definition does, in NumPy and in JAX; linear ones exactly."""
    rng = np.random.default_rng(1)
    prices = rng.normal(size=(len(mesh.vertices), 2))
    points = rng.uniform(mesh.low, mesh.high, (50, mesh.dimension))
    found = mesh.interpolate(prices, points)
    for point, row in zip(points, found, strict=True):
        np.testing.assert_allclose(row, price_at(mesh.vertices, mesh.simplices, prices, point), atol=1e-12)
    in_jax = mesh.interpolate(jnp.asarray(prices, jnp.float32), jnp.asarray(points, jnp.float32))
    np.testing.assert_allclose(in_jax, found, atol=2e-5)
    slopes = rng.normal(size=(mesh.dimension, 2))
    np.testing.assert_allclose(mesh.interpolate(mesh.vertices @ slopes, points), points @ slopes, atol=1e-12)
    np.testing.assert_allclose(mesh.interpolate(prices, mesh.vertices), prices, atol=1e-12)


@pytest.mark.parametrize("mesh", MESHES)
def test_simplices_meet_in_whole_faces(mesh):
    """So that a function of prices at vertices is continuous: each face is shared by two simplices, or on the border."""
    shared = collections.Counter()
    for simplex in mesh.simplices.tolist():
        shared.update(frozenset(face) for face in itertools.combinations(simplex, mesh.dimension))
    for face, count in shared.items():
        corners = mesh.vertices[list(face)]
        outside = any((corners[:, j] == end).all() for j in range(mesh.dimension) for end in (mesh.low, mesh.high))
        assert count == (1 if outside else 2)


@pytest.mark.parametrize("mesh", MESHES)
def test_functions_are_continuous_over_faces(mesh):
    rng = np.random.default_rng(2)
    prices = rng.normal(size=(len(mesh.vertices), 1))
    simplices = mesh.simplices[rng.integers(len(mesh.simplices), size=300)]
    shares = rng.dirichlet(np.ones(mesh.dimension), 300)
    on_face = np.einsum("bc,bcm->bm", shares, mesh.vertices[simplices[:, 1:]])
    outwards = on_face - mesh.vertices[simplices[:, 0]]
    sides = [np.clip(on_face + step * outwards, mesh.low, mesh.high) for step in (-1e-9, 1e-9)]
    at_face = (shares * prices[simplices[:, 1:], 0]).sum(axis=1)
    for side in sides:
        np.testing.assert_allclose(mesh.interpolate(prices, side)[:, 0], at_face, atol=1e-6)


@pytest.mark.parametrize("times", [2, 3])
@pytest.mark.parametrize("mesh", MESHES)
def test_refining_changes_no_price(mesh, times):
    rng = np.random.default_rng(3)
    prices, points = rng.normal(size=(len(mesh.vertices), 3)), rng.uniform(mesh.low, mesh.high, (500, mesh.dimension))
    finer = Mesh(mesh.dimension, times * mesh.cells, mesh.low, mesh.high)
    refined = mesh.refined(prices, times)
    np.testing.assert_allclose(finer.interpolate(refined, points), mesh.interpolate(prices, points), atol=1e-12)


def test_too_many_cells_are_told():
    with pytest.raises(InputError, match="cells=101 must be at most 100"):
        Mesh(2, 101)
    with pytest.raises(InputError, match="cells=0"):
        Mesh(2, 0)
