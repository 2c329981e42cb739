"""What was learned is improved by programmes, never made worse, and never lost."""

import numpy as np
import pytest

from stackjax.bayesian.games.security.tables import random_security
from stackjax.bayesian.linear import improve
from stackjax.bayesian.linear.game import coverage_game
from stackjax.bayesian.linear.hopping import random_commitments
from stackjax.bayesian.linear.improve import improved
from stackjax.bayesian.linear.solve import solve_linear


def game_of(targets, guards, kinds, instance, prior=None):
    tables = random_security(targets, guards, kinds, instance)
    return coverage_game(tuple(tables.defender), tuple(tables.attacker), guards, tables.prior if prior is None else prior)


@pytest.mark.parametrize("instance", range(4))
def test_it_pays_more_whatever_the_ties(instance):
    game = game_of(8, 2, 3, instance)
    optimum = solve_linear(game, 20.0).value
    for start in random_commitments(game, 4, seed=instance):
        better = improved(game, start[None].astype(np.float32), 1024)[0]
        assert game.value(better, "weak") >= game.value(game.feasible(start.astype(np.float32)), "weak")
        assert game.value(better, "weak") <= optimum + 1e-9
        assert game.value(better, "weak") >= optimum - 0.05 * game.spread


def test_a_type_that_never_comes_up_binds_nothing():
    """With the second type out of the way the optimum is that against the first alone."""
    prior = np.array([1.0, 0.0])
    game = game_of(8, 2, 2, 0, prior)
    alone = solve_linear(game.for_types(prior > 0), 20.0).value
    start = random_commitments(game, 1, seed=0)
    assert game.value(improved(game, start, 1024)[0]) == pytest.approx(alone, abs=1e-4)


def test_a_programme_that_fails_costs_no_result(monkeypatch):
    def fails(*_):
        raise ArithmeticError("a linear programme failed: it says why")

    monkeypatch.setattr(improve, "hop", fails)
    game = game_of(5, 2, 2, 0)
    start = random_commitments(game, 1, seed=0)
    with pytest.warns(RuntimeWarning, match="was not improved: a linear programme failed: it says why"):
        assert improved(game, start, 1024) is start
