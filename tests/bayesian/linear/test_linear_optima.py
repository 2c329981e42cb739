"""Optima against one follower with types: figures worked out elsewhere, three ways that agree, and what no commitment beats."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackjax.bayesian.games.security.origami import origami
from stackjax.bayesian.linear.bounds import best_apart, decomposition_bound, separate_bound
from stackjax.bayesian.linear.game import LinearGame, coverage_game, mixing_game
from stackjax.bayesian.linear.hopping import hop, hop_many, random_commitments, wander
from stackjax.bayesian.linear.integer import best_by_integers
from stackjax.bayesian.linear.profiles import best_by_profiles
from stackjax.bayesian.linear.programmes import best_holding
from stackjax.bayesian.linear.solve import solve_linear
from stackjax.bayesian.linear.weak import nudged
from tests.oracles import security as oracle
from tests.siblings import first

COVERAGES = [  # targets, types, guards, seed, value
    (8, 2, 2, 0, -0.795268385),
    (10, 1, 3, 0, 2.824119534),
    (10, 1, 3, 1, 5.029229671),
    (10, 1, 3, 2, 0.601825408),
    (10, 1, 3, 3, 1.335709298),
    (10, 1, 3, 4, 1.755447153),
    (10, 1, 3, 5, 1.574068168),
    (8, 2, 2, 1, 1.612431175),
    (8, 2, 2, 2, 2.265768989),
    (20, 3, 5, 0, 0.005167297),
    (100, 1, 20, 0, 3.182552901),
    (20, 6, 5, 0, 0.245093091),
    (50, 3, 10, 0, 1.813705699),
    (1000, 1, 200, 0, 3.566758465),
]
MIXES = [(0, 3, 4, 4, 0.678208154), (1, 3, 4, 4, 0.398960774), (2, 3, 4, 4, 0.668778758), (3, 3, 4, 4, 1.051749689)]
MIXES += [(4, 3, 4, 4, 0.219553676), (0, 5, 6, 3, 0.945305536), (1, 5, 6, 3, 0.538698661)]  # seed, types, rows, columns, value


def guarded(targets, types, guards, seed, scale=1.0, draw=oracle.random_instance):
    payoffs, prior = draw(targets, types, seed)
    payoffs = [scale * table for table in payoffs]
    return coverage_game(payoffs[:2], payoffs[2:], guards, prior), payoffs, prior


@pytest.mark.parametrize(("targets", "types", "guards", "seed", "value"), first(11, COVERAGES))
def test_coverage_has_the_known_optimum(targets, types, guards, seed, value):
    game, payoffs, prior = guarded(targets, types, guards, seed)
    solved = solve_linear(game, 60.0)
    assert solved.closed
    assert solved.method == "lp"
    assert solved.value == solved.bound == pytest.approx(value, abs=1e-6)
    assert oracle.coverage_value(payoffs, prior, solved.commitment) == pytest.approx(value, abs=1e-6)
    assert solved.value - 1e-3 <= solved.weak_value <= solved.value
    strict = oracle.coverage_value(payoffs, prior, solved.weak_commitment, ties_for=False, close=1e-12)
    assert strict == pytest.approx(solved.weak_value, abs=1e-9)


@pytest.mark.parametrize(("seed", "types", "rows", "columns", "value"), MIXES)
def test_mixes_have_the_known_optimum(seed, types, rows, columns, value):
    solved = solve_linear(mixing_game(*oracle.random_matrices(seed, types, rows, columns)), 60.0)
    assert solved.closed
    assert solved.value == pytest.approx(value, abs=1e-6)
    assert solved.commitment.sum() == pytest.approx(1.0)


@pytest.mark.parametrize(("types", "rows", "columns"), [(1, 4, 5), (2, 3, 3)])
def test_mixes_by_every_profile(types, rows, columns):
    for seed in range(3):
        tables = oracle.random_matrices(seed, types, rows, columns)
        assert solve_linear(mixing_game(*tables)).value == pytest.approx(oracle.best_mix(*tables), abs=1e-8)


def agree(types, targets, guards, seed, scale, whole):
    """Programmes by profile, the integer programme, the oracle and, for one type, the closed form."""
    game, payoffs, prior = guarded(
        targets, types, guards, seed, scale, oracle.small_integers if whole else oracle.random_instance
    )
    close = 1e-6 * game.spread
    expected = oracle.best_coverage([table / scale for table in payoffs], prior, guards) * scale
    start = random_commitments(game, 1, seed)[0]
    x, bound = best_by_profiles(game, start)
    assert float(game.value(x)) == pytest.approx(expected, abs=close)
    assert bound == pytest.approx(expected, abs=close)
    apart, _ = best_apart(game, np.zeros((types, targets)))
    answers, bound = best_by_integers(game, np.isfinite(apart), 60.0)
    assert bound == pytest.approx(expected, abs=close)
    assert float(game.value(best_holding(game, answers)[1])) == pytest.approx(expected, abs=close)
    if types == 1:
        table = np.stack(payoffs)[:, 0]
        assert origami(table[:2], table[2:], guards).value == pytest.approx(expected, abs=close)
    solved = solve_linear(game, 60.0, num_starts=3)
    assert solved.value == pytest.approx(expected, abs=close)
    assert solved.weak_value <= solved.value <= solved.bound


INSTANCES = {
    "types": st.integers(1, 2),
    "targets": st.integers(2, 5),
    "guards": st.one_of(st.integers(1, 6), st.floats(0.2, 5.0)),
    "seed": st.integers(0, 10**6),
    "scale": st.sampled_from([1.0, 1e4, 1e-3]),
    "whole": st.booleans(),
}


@settings(max_examples=12, deadline=None)
@given(**INSTANCES)
def test_three_ways_agree(**instance):
    agree(**instance)


@pytest.mark.long
@settings(max_examples=100, deadline=None)
@given(**INSTANCES)
def test_three_ways_agree_often(**instance):
    agree(**instance)


@pytest.mark.parametrize("types", [1, 4])
def test_no_random_commitment_beats_an_optimum_or_a_bound(types):
    game, payoffs, prior = guarded(12, types, 3, 1)
    solved, tried = solve_linear(game), random_commitments(game, 10_000, 0)
    tried[::2] *= np.random.default_rng(1).uniform(size=(5_000, 1))  # guards that stay at home
    most = max(oracle.coverage_value(payoffs, prior, x) for x in tried[:200])
    assert float(game.value(tried).max()) >= most
    assert float(game.value(tried).max()) <= solved.value <= decomposition_bound(game, solved.value, steps=30)[0]
    mixes = mixing_game(*oracle.random_matrices(5, types, 5, 4))
    assert float(mixes.value(random_commitments(mixes, 10_000, 0)).max()) <= solve_linear(mixes).value


@pytest.mark.parametrize("loose", [True, False])
def test_hopping_never_falls(loose):
    game = guarded(9, 3, 2, 3)[0] if loose else mixing_game(*oracle.random_matrices(3, 3, 5, 4))
    for x in random_commitments(game, 10, 3):
        reached = hop(game, x)
        assert float(game.value(reached)) >= float(game.value(x))
        assert float(game.value(wander(game, reached, 5, 0))) >= float(game.value(reached))


@pytest.mark.parametrize(("targets", "types", "guards", "starts", "value"), first(2, [
    (20, 3, 5, 40, 0.005167), (20, 6, 5, 40, 0.245093), (50, 3, 10, 40, 1.813705), (50, 20, 10, 40, -1.38)
]))  # fmt: skip
def test_hopping_reaches_the_known_values(targets, types, guards, starts, value):
    game = guarded(targets, types, guards, 0)[0]
    x = hop_many(game, random_commitments(game, starts, 0))
    if types == 20:
        x = wander(game, x, 100, 0)
    assert float(game.value(x)) >= value


def test_without_time_there_is_a_bound():
    """Fifteen types in a blink: what is returned pays what it says, and the bound holds for what a longer search finds."""
    game, payoffs, prior = guarded(15, 15, 4, 0)
    solved = solve_linear(game, 0.01, num_starts=2)
    assert not solved.closed
    assert solved.method == "upper-bound"
    assert oracle.coverage_value(payoffs, prior, solved.commitment) == pytest.approx(solved.value, abs=1e-6)
    longer = wander(game, hop_many(game, random_commitments(game, 10, 1)), 10, 1)
    assert max(solved.value, float(game.value(longer))) <= solved.bound <= separate_bound(game) + 1e-9


@pytest.mark.parametrize("seed", range(3))
def test_a_nudged_optimum_needs_no_tie(seed):
    game = guarded(8, 2, 2, seed)[0]
    solved = solve_linear(game)
    x = nudged(game, solved.commitment)
    pays = np.sort(game.follower_payoffs(x), axis=1)
    assert (pays[:, -1] - pays[:, -2] > 1e-9).all()
    assert solved.value - 1e-4 <= float(game.value(x, "weak")) <= solved.value


def test_a_weak_value_is_of_another_column_where_the_strong_one_needs_a_tie():
    """Column 1 pays the leader 1 and is never better for the follower than column 0: a tie in row 0 alone, never strict."""
    game = mixing_game([[[0.0, 1.0], [0.0, 0.5]]], [[[0.0, 0.0], [1.0, 0.0]]], [1.0])
    solved = solve_linear(game)
    assert (solved.value, solved.weak_value) == (pytest.approx(1.0), pytest.approx(0.0))


def test_types_that_never_come_do_not_count():
    payoffs, _ = oracle.random_instance(6, 2, 0)
    game = coverage_game(payoffs[:2], payoffs[2:], 2, [1.0, 0.0])
    alone = oracle.origami([table[:1] for table in payoffs], 2)[0]
    solved = solve_linear(game)
    assert solved.value == pytest.approx(alone)
    assert solved.answers.shape == (2,)


def test_payoffs_that_are_sums_of_several_coverages():
    """Neither mixes nor plain coverage: answers that depend on several variables, by every profile of two types."""
    rng = np.random.default_rng(4)
    leader, follower = rng.normal(size=(2, 2, 3, 4))
    constants = rng.normal(size=(2, 2, 3))
    game = LinearGame(np.array([0.4, 0.6]), leader, constants[0], follower, constants[1], 1.5)
    solved, tried = solve_linear(game), random_commitments(game, 10_000, 0)
    best = max(found[0] for a in range(3) for b in range(3) if (found := best_holding(game, (a, b))) is not None)
    assert solved.value == pytest.approx(best, abs=1e-8)
    assert float(game.value(tried).max()) <= solved.value
