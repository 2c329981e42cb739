"""One type of attacker: closed forms against bisection, trial on a grid, and whole guards."""

import itertools

import jax
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from stackjax.bayesian.games.security.origami import origami
from stackjax.bayesian.games.security.placements import placements, sample_placement
from stackjax.bayesian.games.security.quantal_optimum import quantal_optimum
from tests.oracles import security as oracle
from tests.siblings import first

QUANTAL = [  # rationality, seed, value; the third of .25 and the second of .76 to what their bounds leave
    (0.25, 0, -1.355245),
    (0.25, 1, -2.005232),
    (0.25, 2, -1.86399),
    (0.76, 0, -0.583702),
    (0.76, 1, -0.34979),
    (0.76, 2, -1.497433),
    (2.0, 0, 0.558403),
    (2.0, 1, 2.080315),
    (2.0, 2, -0.987628),
]


def sides(payoffs):
    """Of the one type: the defender's payoffs ``[2, n]``, and the attacker's."""
    table = np.stack(payoffs)[:, 0]
    return table[:2], table[2:]


@pytest.mark.parametrize(("targets", "guards"), [(3, 0.7), (10, 3), (40, 40), (40, 55), (1000, 200)])
def test_origami_by_bisection(targets, guards):
    for seed in range(5):
        payoffs, _ = oracle.random_instance(targets, 1, seed)
        found, (value, level, _) = origami(*sides(payoffs), guards), oracle.origami(payoffs, guards)
        assert found.value == pytest.approx(value, abs=1e-9)
        A1, A0 = payoffs[2][0], payoffs[3][0]
        pays = found.coverage * A1 + (1 - found.coverage) * A0
        assert pays.max() == pytest.approx(level, abs=1e-9)
        assert found.attack_set[found.attacked]
        assert (found.attack_set == (pays >= level - 1e-9)).all()
        assert found.coverage.sum() <= guards + 1e-9
        assert ((found.coverage >= 0) & (found.coverage <= 1)).all()
        assert oracle.coverage_value(payoffs, np.ones(1), found.coverage, close=1e-12) == pytest.approx(value, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5), st.floats(0.1, 6.0), st.booleans())
def test_origami_with_ties_and_guards_that_hurt(seed, targets, guards, hurts):
    """Whole payoffs, targets where a guard changes nothing, and the defender's payoffs exchanged."""
    payoffs, _ = oracle.small_integers(targets, 1, seed)
    if hurts:
        payoffs[:2] = payoffs[1::-1]
    found = origami(*sides(payoffs), guards)
    assert found.value == pytest.approx(oracle.best_coverage(payoffs, np.ones(1), guards), abs=1e-7)
    assert found.value == pytest.approx(oracle.coverage_value(payoffs, np.ones(1), found.coverage), abs=1e-9)


@pytest.mark.parametrize(("rationality", "seed", "value"), QUANTAL)
def test_quantal_optimum_is_the_known_one(rationality, seed, value):
    payoffs, _ = oracle.random_instance(10, 1, seed)
    found = quantal_optimum(*sides(payoffs), 3, rationality)
    assert found.value == pytest.approx(value, abs=3e-4)
    assert found.value == pytest.approx(float(oracle.quantal_value(payoffs, rationality, found.coverage)), abs=1e-9)
    assert found.value <= found.bound <= found.value + 1e-8
    tried = 3 * np.random.default_rng(seed).dirichlet(np.ones(10), size=2_000)
    tried = np.concatenate([np.minimum(tried, 1.0), np.clip(found.coverage + 0.02 * (tried - 0.3), 0, 1)])
    allowed = tried[tried.sum(axis=1) <= 3]
    assert oracle.quantal_value(payoffs, rationality, allowed).max() <= found.bound


@pytest.mark.parametrize("kind", ["plain", "whole", "exchanged"])
def test_quantal_optimum_by_trial(kind):
    for seed in range(4):
        payoffs, _ = (oracle.small_integers if kind == "whole" else oracle.random_instance)(4, 1, seed)
        if kind == "exchanged":  # a guard hurts the defender: the bound need not be tight
            payoffs[:2] = payoffs[1::-1]
        for rationality in (0.0, 0.3, 1.5):
            found = quantal_optimum(*sides(payoffs), 1.5, rationality)
            best = oracle.quantal_best(payoffs, 1.5, rationality, 12)
            loose = 0.1 if kind == "exchanged" else 1e-8
            assert best - 1e-9 <= found.bound <= found.value + loose
            assert best - loose <= found.value <= found.bound
            assert found.coverage.sum() <= 1.5 + 1e-9
            assert found.value == pytest.approx(float(oracle.quantal_value(payoffs, rationality, found.coverage)), abs=1e-9)


@pytest.mark.parametrize("seed", first(1, range(3)))
def test_an_attacker_who_is_all_but_rational(seed):
    """The larger the rationality, the nearer to the strong optimum, from below."""
    payoffs, _ = oracle.random_instance(10, 1, seed)
    strong = oracle.origami(payoffs, 3)[0]
    values = [quantal_optimum(*sides(payoffs), 3, rationality).value for rationality in (3, 30, 3000)]
    assert values[0] < values[1] < values[2] < strong
    assert values[2] == pytest.approx(strong, abs=0.02)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.1, 0.25, 0.3, 1.0])), min_size=1, max_size=30))
def test_placements_cover_as_asked(coverage):
    chances, placed = placements(coverage)
    assert len(chances) <= len(coverage) + 1
    assert chances.sum() == pytest.approx(1.0, abs=1e-12)
    assert (chances > 0).all()
    assert np.abs(chances @ placed - coverage).max() <= 1e-12
    total = sum(coverage)
    assert placed.sum(axis=1).min() >= np.floor(total + 1e-9) - (abs(total - round(total)) < 1e-9)
    assert placed.sum(axis=1).max() <= np.ceil(total - 1e-9)


def test_placements_of_many_targets():
    payoffs, _ = oracle.random_instance(1000, 1, 0)
    coverage = origami(*sides(payoffs), 200).coverage
    chances, placed = placements(coverage)
    assert len(chances) <= 1001
    assert np.abs(chances @ placed - coverage).max() <= 1e-12
    assert (placed.sum(axis=1) == 200).all()


@pytest.mark.parametrize("count", [500, pytest.param(100_000, marks=pytest.mark.long)])
@pytest.mark.parametrize("coverage", [[0.5, 0.3, 0.9, 0.3], [0.25, 0.6, 0.4, 1.0, 0.2]])
def test_drawn_placements_follow_the_mix(coverage, count):
    """Frequencies of placements against their chances; other placements never come."""
    chances, placed = placements(coverage)
    draw = jax.jit(jax.vmap(sample_placement, in_axes=(0, None)))
    drawn = np.asarray(draw(jax.random.split(jax.random.key(1), count), jax.numpy.asarray(coverage)))
    laws = {}
    for chance, where in zip(chances, placed, strict=True):
        laws[tuple(where)] = laws.get(tuple(where), 0.0) + chance
    seen = {where: int((drawn == where).all(axis=1).sum()) for where in laws}
    assert sum(seen.values()) == count
    assert scipy.stats.chisquare(list(seen.values()), count * np.array(list(laws.values()))).pvalue > 1e-3


def test_drawn_placements_never_hold_a_guard_too_many():
    coverage = np.full(600, 1 / 3, np.float32)
    keys = jax.random.split(jax.random.key(0), 300)
    drawn = jax.jit(jax.vmap(sample_placement, in_axes=(0, None)))(keys, jax.numpy.asarray(coverage))
    assert set(np.asarray(drawn).sum(axis=1).tolist()) == {200}


def test_few_targets_by_every_subset_of_indifferent_ones():
    """Two targets, one guard, by hand: at coverage c and 1 - c the attacker is indifferent at c = 0.6."""
    found = origami(np.array([[1.0, 2.0], [-1.0, -3.0]]), np.array([[0.0, 0.0], [3.0, 2.0]]), 1)
    assert found.coverage == pytest.approx([0.6, 0.4])
    assert found.value == pytest.approx(max(0.6 * 1 - 0.4, 0.4 * 2 - 0.6 * 3))
    assert list(itertools.compress(range(2), found.attack_set)) == [0, 1]
