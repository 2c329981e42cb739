"""What is claimed where a follower has types: with ties against the leader, and with penalties."""

import numpy as np
import pytest

import stackjax as sx
from stackjax.bayesian.equilibrium.optimum import attaining, solve
from stackjax.bayesian.problem import BayesianProblem


@pytest.mark.parametrize("seed", [37, *range(5)])
def test_no_mix_pays_more_with_ties_against_than_is_claimed(seed):
    """Whole numbers, so that ties abound."""
    rng = np.random.default_rng(seed)
    leader, follower = rng.integers(0, 4, (2, 2, 3, 3)).astype(float)
    game = sx.matrix_game(np.stack([leader, follower], axis=-1), prior=rng.dirichlet(np.ones(2)), randomized=True)
    env = sx.StackelbergPOMDP(game, sx.followers.best_response())
    claim = BayesianProblem(env, ties="against").optimum()
    mixes = np.concatenate([np.eye(3), rng.dirichlet(np.ones(3), 2000)])
    assert claim.method == "upper-bound"
    assert game.linear().value(mixes, "weak").max() <= claim.value + 1e-9
    found = solve(game)
    assert found.weak_value is None
    assert found.whatever_ties <= found.value + 1e-9


@pytest.mark.parametrize("penalty", [-1e6, -1e8])
def test_a_penalty_that_nobody_chooses_changes_no_tolerance(penalty):
    rng = np.random.default_rng(5)
    leader, follower = rng.normal(size=(2, 2, 4, 4))
    leader[0, 0, 0] = penalty
    prior = rng.dirichlet(np.ones(2))
    game = sx.matrix_game(np.stack([leader, follower], axis=-1), prior=prior, randomized=True)
    found = solve(game)
    least = found.value if found.best_found is None else found.best_found
    assert least >= game.linear().value(np.eye(4)).max() - 1e-6
    made = attaining(game, found)
    if made is not None:
        assert game.linear().value(made[0], "weak") >= found.value - 1e-3
