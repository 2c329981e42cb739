"""Bounds where types commit apart: against linear programmes, by hand, and from above."""

import numpy as np
import pytest

from stackjax.bayesian.linear.bounds import best_apart, decomposition_bound, separate_bound
from stackjax.bayesian.linear.coverage import coverage_tables
from stackjax.bayesian.linear.game import coverage_game, mixing_game
from stackjax.bayesian.linear.integer import hull_prices
from stackjax.bayesian.linear.programmes import holding
from tests.oracles import security as oracle


@pytest.mark.parametrize("whole", [False, True])
def test_closed_forms_under_prices_are_what_programmes_find(whole):
    """Any prices, any number of guards, ties and targets that cannot be guarded among them."""
    for seed in range(8):
        rng = np.random.default_rng(seed)
        targets, types = int(rng.integers(2, 6)), 2
        guards = float(rng.uniform(0.3, targets + 0.5)) if seed % 2 else float(rng.integers(1, targets + 1))
        payoffs, prior = (oracle.small_integers if whole else oracle.random_instance)(targets, types, seed)
        game, prices = coverage_game(payoffs[:2], payoffs[2:], guards, prior), 3.0 * rng.normal(size=(types, targets))
        assert coverage_tables(game) is not None
        values, points = best_apart(game, prices)
        for k in range(types):
            one = game.for_types(np.array([k]))
            for a in range(targets):
                objective = prior[k] * game.leader[k, a] + prices[k]
                found = holding(one, [(0, a)], objective)
                expected = -np.inf if found is None else found[0] + prior[k] * game.leader_constant[k, a]
                assert values[k, a] == pytest.approx(expected, abs=1e-7)
            best = int(values[k].argmax())
            assert one.best_answers(points[k])[0, best]
            assert points[k].sum() <= guards + 1e-9
            paid = prior[k] * (game.leader[k, best] @ points[k] + game.leader_constant[k, best]) + prices[k] @ points[k]
            assert paid == pytest.approx(values[k, best], abs=1e-7)


@pytest.mark.parametrize(
    ("types", "optimum", "separate", "after"), [(3, 0.005167297, 1.497, 0.215), (6, 0.245093091, 2.277, 0.543)]
)
def test_sixty_steps_of_prices(types, optimum, separate, after):
    """Twenty targets, five guards: the first bound is each type's own optimum, the last far below."""
    payoffs, prior = oracle.random_instance(20, types, 0)
    game = coverage_game(payoffs[:2], payoffs[2:], 5, prior)
    apart = sum(p * oracle.origami([table[k] for table in payoffs], 5)[0] for k, p in enumerate(prior))
    assert separate_bound(game) == pytest.approx(apart) == pytest.approx(separate, abs=1e-3)
    for steps, most in ((1, apart + 1e-9), (60, after)):
        bound, prices = decomposition_bound(game, optimum, steps=steps)
        assert optimum <= bound <= most
        assert np.abs(prices.sum(axis=0)).max() < 1e-9
    assert decomposition_bound(game, optimum, seconds=1e-9)[0] == pytest.approx(apart)  # one step always is made


@pytest.mark.parametrize("seed", range(3))
def test_prices_of_hulls_are_the_best(seed):
    """By one linear programme what steps only come near; both are bounds of the oracle's optimum."""
    tables = oracle.random_matrices(seed, 3, 4, 3)
    game, optimum = mixing_game(*tables), oracle.best_mix(*tables)
    prices = hull_prices(game, np.ones((3, 3), bool))
    tight, _ = decomposition_bound(game, optimum, prices, steps=1)
    loose, _ = decomposition_bound(game, optimum, steps=30)
    assert optimum - 1e-9 <= tight <= loose + 1e-9
    assert loose <= separate_bound(game) + 1e-9
    for _ in range(3):
        moved = prices + np.array([[1.0], [-1.0], [0.0]]) * np.random.default_rng(seed).normal(size=4) * 0.1
        assert decomposition_bound(game, optimum, moved, steps=1)[0] >= tight - 1e-9
