"""What followers may be paid where the leader loses little, by programmes: against all corners, and the known figures."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackjax.bayesian.linear.game import mixing_game
from stackjax.bayesian.linear.regions import regions_of
from stackjax.errors import InputError
from stackjax.rashomon.programmes import above, best, extreme, ranges
from tests.oracles import linear_regions

FIGURES = {  # of the specification's C.4: the optimum, and the follower's range within 0, .05 and .1 of it
    0: (0.817212, [(0.680944, 0.680944), (0.645868, 0.680944), (0.559539, 0.863179)]),
    1: (0.950464, [(0.753513, 0.753513), (0.696289, 0.756247), (0.388091, 0.75898)]),
    2: (0.600101, [(0.669297, 0.669297), (0.651554, 0.696652), (0.63381, 0.724006)]),
}


def regions_between(leader, follower):
    return regions_of(mixing_game(leader[None], follower[None], [1.0]))


@pytest.mark.parametrize("seed", FIGURES)
def test_the_figures_of_the_specification(seed):
    regions = regions_between(*np.random.default_rng(seed).uniform(size=(2, 3, 3)))
    optimum, wanted = FIGURES[seed]
    assert best(regions) == pytest.approx(optimum, abs=1e-6)
    for slack, ends in zip((0.0, 0.05, 0.1), wanted, strict=True):
        found = ranges(regions, best(regions) - slack)
        assert found.followers[0] == pytest.approx(ends, abs=1e-6)
        assert found.answers == (2 if (seed, slack) in [(0, 0.1), (1, 0.1)] else 1)


@given(seed=st.integers(0, 10**6), rows=st.integers(2, 3), columns=st.integers(1, 4), slack=st.sampled_from([1e-3, 0.05, 0.4]))
@settings(max_examples=40, deadline=None)
def test_ranges_are_those_of_all_corners(seed, rows, columns, slack):
    rng = np.random.default_rng(seed)
    leader, follower = rng.normal(size=(2, rows, columns)) * 10.0 ** rng.integers(-3, 4)
    scale = np.abs([leader, follower]).max()
    regions, floor = regions_between(leader, follower), linear_regions.optimum(leader, follower)
    assert best(regions) == pytest.approx(floor, abs=1e-8 * scale)
    low, high, answers = linear_regions.follower_range(leader, follower, floor - slack * scale)
    found = ranges(regions, floor - slack * scale)
    assert found.followers[0] == pytest.approx([low, high], abs=1e-6 * scale)
    assert found.answers == answers


@given(seed=st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_an_extreme_is_had_at_its_commitment_and_no_mix_of_a_grid_beats_it(seed):
    leader, follower = np.random.default_rng(seed).uniform(size=(2, 3, 3))
    regions = regions_between(leader, follower)
    floor = best(regions) - 0.1
    value, commitment = extreme(regions, floor, [1.0], -0.5)
    grid = np.array([(a, b, 40 - a - b) for a in range(41) for b in range(41 - a)]) / 40
    ours, theirs = grid @ leader, grid @ follower
    answer = theirs.argmax(axis=1)[:, None]
    ours, theirs = (np.take_along_axis(table, answer, axis=1)[:, 0] for table in (ours, theirs))
    assert (theirs - 0.5 * ours)[ours >= floor].max(initial=-np.inf) <= value + 1e-9
    mix = commitment[0]
    best_answers = np.flatnonzero(mix @ follower >= (mix @ follower).max() - 1e-8)
    paid = [(mix @ follower[:, a] - 0.5 * (mix @ leader[:, a]), mix @ leader[:, a]) for a in best_answers]
    assert any(one == pytest.approx(value, abs=1e-7) and other >= floor - 1e-7 for one, other in paid)


def test_revenue_is_a_sum_of_payoffs():
    regions = regions_between(*np.random.default_rng(0).uniform(size=(2, 3, 3)))
    found = ranges(regions, best(regions) - 0.1, ([-1.0], 0.0, 1.5))
    assert found.revenue == pytest.approx(1.5 - found.followers[0][::-1], abs=1e-9)
    assert ranges(regions, best(regions)).revenue is None


def test_parts_above_a_floor_are_counted_once_and_can_be_used_again():
    regions = regions_between(*np.random.default_rng(1).uniform(size=(2, 3, 3)))
    floor = best(regions) - 0.1
    parts = above(regions, floor)
    assert len(parts) == 2
    assert extreme(parts, -np.inf, [1.0]).value == pytest.approx(extreme(regions, floor, [1.0]).value, abs=1e-9)


def test_a_leader_who_is_always_paid_the_same_reaches_that_floor():
    leader, follower = np.full((2, 2), 3.0), np.array([[1.0, 0.0], [0.0, 2.0]])
    found = ranges(regions_between(leader, follower), 3.0)
    assert found.followers[0] == pytest.approx([2 / 3, 2.0], abs=1e-9)
    assert found.answers == 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda regions: above(regions, 2.0), r"floor=2\.0 must be at most 0\.817"),
        (lambda regions: above(regions, float("nan")), "floor=nan must be a number, or -inf"),
        (lambda regions: extreme(regions, 0.0, [1.0, 2.0]), r"weights_followers=.* must be a finite number for each of 1"),
        (lambda regions: extreme(regions, 0.0, [1.0], np.inf), "weight_leader=inf must be a finite number"),
        (lambda regions: best([]), "regions=0 of them hold no commitment; at least one must"),
    ],
)
def test_what_is_wrong_is_named(make, message):
    regions = regions_between(*np.random.default_rng(0).uniform(size=(2, 3, 3)))
    with pytest.raises(InputError, match=message):
        make(regions)
