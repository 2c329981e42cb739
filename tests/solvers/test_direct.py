"""The searches that need no network: what they keep agrees with NumPy, and they find the optimum of small games."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.bayesian import BayesianProblem
from stackjax.problem import Table, Worth
from stackjax.solvers.config import DirectConfig, SearchConfig
from stackjax.solvers.direct import Elite, best_of, direct, homes, merge, rank_weights
from stackjax.solvers.search import search
from tests.oracles.islands import merged, weights_by_rank

SMALL = DirectConfig(num_updates=20, population=64)


class Toy:
    """Pays the sum of what is committed to; a total of 10 or more leaves the followers unsettled."""

    name, payoff_range, settled_gap = "toy", (0.0, 12.0), 0.02
    commitments = Table(4, sx.Discrete(4))

    def worth(self, key, commitments):
        total = commitments.sum(axis=-1).astype(jnp.float32)
        return Worth(total, jnp.where(total >= 10, 1.0, 0.0))


def run(solver, num_updates, key):
    state, metrics = jax.lax.scan(lambda s, _: solver.update(s), solver.init(key), None, length=num_updates)
    return solver.commitment(state), metrics


def test_merging_and_ranks_agree_with_a_loop_in_numpy():
    rng = np.random.default_rng(0)
    lists = []
    for size in (5, 9):
        found = [rng.integers(2, size=(size, 3)), *rng.normal(size=(3, size)), rng.integers(4, size=size)]
        lists.append(Elite(found[0], *(leaf.astype(np.float32) for leaf in found[1:])))
    got = merge(*(jax.tree.map(jnp.asarray, one) for one in lists), 4)
    want = merged(*lists, 4)
    for mine, theirs in zip(got, want, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)
    score = np.array([0.5, -np.inf, 2.0, 1.0], np.float32)
    np.testing.assert_allclose(rank_weights(jnp.asarray(score)), weights_by_rank(score), rtol=1e-5)


def test_the_worst_roots_are_given_up_and_their_islands_start_anew_as_the_best():
    best, root = jnp.array([1.0, 4.0, 3.0, 2.0]), jnp.arange(4)
    home, after = homes(best, root, jnp.float32(0.5))
    assert home.tolist() == [1, 1, 2, 1]
    assert after.tolist() == [1, 1, 2, 1]
    assert homes(best, after, jnp.float32(2.0))[1].tolist() == [1] * 4


def test_settled_commitments_go_first():
    for solver in (direct(Toy(), SMALL), search(Toy(), SearchConfig(20, 64))):
        commitment, metrics = jax.jit(lambda key, solver=solver: run(solver, 20, key))(jax.random.key(0))
        assert commitment.sum() == 9
        assert metrics["is_finite"].all()
        assert (metrics["episodes"] == 64).all()


def test_only_what_met_enough_groups_counts_as_found():
    scores = jnp.array([[3.0, 2.0, 1.0]])
    elite = Elite(jnp.arange(3).reshape(1, 3, 1), scores, scores, scores * 0, jnp.array([[1.0, 8.0, 20.0]]))
    assert best_of(elite, 8).payoff == 2.0
    assert best_of(elite, 50).payoff == 1.0


@pytest.mark.parametrize("name", ["maintain", "maintain-randomized"])
def test_reaches_the_optimum(name):
    problem = BayesianProblem(sx.StackelbergPOMDP(sx.make(name)))
    config = DirectConfig(num_updates=60, population=128)
    commitments, _ = jax.jit(jax.vmap(lambda key: run(direct(problem, config), 60, key)))(
        jax.random.split(jax.random.key(1), 2)
    )
    for commitment in commitments:
        assert problem.judge(jax.random.key(2), commitment, 2).payoff >= 0.999 * problem.env.game.optimum().value


def test_seeds_side_by_side_find_what_each_finds_alone():
    solver, keys = direct(Toy(), SMALL), jax.random.split(jax.random.key(3), 2)
    together = jax.jit(jax.vmap(lambda key: run(solver, 5, key)[0]))(keys)
    alone = jnp.stack([jax.jit(lambda key: run(solver, 5, key)[0])(key) for key in keys])
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("wrong", [{"population": 30}, {"elite_share": 0.0}, {"last_step": 0.5}, {"num_islands": 0}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(sx.InputError, match=next(iter(wrong))):
        DirectConfig(**wrong)


@pytest.mark.parametrize("reward_play", ["argmax", "mixed", "empirical"])
def test_a_commitments_worth_is_what_its_judge_says_of_the_same_followers(reward_play):
    env = sx.StackelbergPOMDP(sx.make("posted-price-pi"), num_rounds=30, reward_play=reward_play)
    problem, key = BayesianProblem(env), jax.random.key(4)
    shape = (1, problem.commitments.num_nodes, *problem.commitments.actions.shape)
    tried = problem.commitments.actions.clip(jax.random.uniform(key, shape))
    worth, judged = problem.worth(key, tried), problem.judge(key, tried[0], 1)
    np.testing.assert_allclose([worth.payoff[0], worth.gap[0]], [judged.payoff, judged.gap], rtol=1e-5, atol=1e-6)
