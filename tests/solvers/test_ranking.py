"""Solvers rank by what is promised: settled followers first, then the payoff, whatever the units of the followers' payoffs."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.bayesian.equilibrium.replies import exact_games, worst_payoff
from stackjax.bayesian.family import POMDPConfig
from stackjax.bayesian.pomdp.tree import decision_tree
from stackjax.bayesian.problem import BayesianProblem
from stackjax.errors import InputError
from stackjax.problem import Table, Worth
from stackjax.solvers.direct import direct
from stackjax.solvers.elite import judged_once, merge
from stackjax.solvers.ranking import unsettled
from stackjax.solvers.search import search
from tests.siblings import first
from tests.solvers.test_direct import Toy, run


def test_no_payoff_makes_up_for_followers_that_have_not_settled():
    gaps = jnp.array([0.0, 0.02, 0.021, 0.5, jnp.inf])
    off = np.asarray(unsettled(Toy(), gaps))
    assert off[0] == off[1] == 0.0
    assert 12.0 <= off[2] < off[3] < off[4] <= 24.0


@pytest.mark.parametrize("solver", first(1, ["direct", "search"]))
def test_a_gap_that_settles_costs_nothing_in_whatever_units(solver):
    """In row A nobody earns anything; in row B the leader earns 1, and followers play matching pennies for 1000 each."""
    pennies = np.array([[1.0, -1.0], [-1.0, 1.0]]) * 1000.0
    table = np.zeros((2, 2, 2, 3))
    table[1, ..., 0], table[1, ..., 1], table[1, ..., 2] = 1.0, pennies, -pennies
    lengths = POMDPConfig(num_rounds=4000, evaluation_rounds=4000, reward_play="empirical")
    configs = {"direct": sx.DirectConfig(num_updates=8, population=8), "search": sx.SearchConfig(8, 8)}
    game = sx.matrix_game(table, name="pennies")
    found = sx.train(game, seeds=1, solver=configs[solver], pomdp=lengths, polish=0, progress=False)
    assert found.best.settled
    assert found.best.certificate.leader_payoff == pytest.approx(1.0)
    assert found.best.certificate.bcce_gap > 1.0  # more than the leader can earn: taken off the payoff it used to decide


@pytest.mark.parametrize("population", first(1, [4, 8, 31]))
def test_fewer_commitments_than_answers_are_not_forgotten(population):
    config = sx.DirectConfig(num_updates=60, population=population, num_answers=32)
    solver = direct(Toy(), config)
    commitment, metrics = jax.jit(lambda key: run(solver, 60, key))(jax.random.key(0))
    assert commitment.sum() == 9
    assert metrics["best_payoff"][-1] == 9.0
    assert (metrics["answers"] >= 1).all()


def test_a_population_has_a_limit():
    with pytest.raises(InputError, match="population=10000001 must be at most 10000000"):
        sx.DirectConfig(population=10_000_001)


@pytest.mark.parametrize("solver", [lambda p: direct(p, sx.DirectConfig(20, 32)), lambda p: search(p, sx.SearchConfig(20, 32))])
def test_a_commitment_that_is_not_finite_ranks_last_and_stops_nothing(solver):
    class Broken(Toy):
        def worth(self, key, commitments, *, lasting=0):
            worth = super().worth(key, commitments)
            return worth._replace(payoff=jnp.where(commitments[:, 1] == 3, jnp.nan, worth.payoff))

    commitment, metrics = jax.jit(lambda key: run(solver(Broken()), 20, key))(jax.random.key(0))
    assert metrics["is_finite"].all()
    assert jnp.isfinite(metrics["total_return"]).all()
    assert commitment[1] != 3
    assert commitment.sum() >= 7

    class Hopeless(Toy):
        def worth(self, key, commitments, *, lasting=0):
            return super().worth(key, commitments)._replace(payoff=jnp.full(len(commitments), jnp.nan))

    assert not jax.jit(lambda key: run(solver(Hopeless()), 1, key)[1]["is_finite"])(jax.random.key(0)).any()


@pytest.mark.parametrize("seed", first(1, range(4)))
def test_what_pays_at_first_only_does_not_push_out_what_lasts(seed):
    class Fading(Toy):
        def worth(self, key, commitments, *, lasting=0):
            worth = super().worth(key, commitments)
            lasts = jnp.arange(len(commitments)) < lasting
            return worth._replace(payoff=jnp.where(lasts & (worth.payoff > 8), 0.0, worth.payoff))

    config = sx.DirectConfig(num_updates=40, population=64, recheck_share=0.15)
    commitment, _ = jax.jit(lambda key: run(direct(Fading(), config), 40, key))(jax.random.key(seed))
    assert commitment.sum() == 8


def test_commitments_that_differ_by_a_rounding_of_float32_are_two_in_float64():
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):

        class Fine(Toy):
            commitments = Table(1, sx.Box((0.0,), (1.0,)))

        made = jnp.array([[[0.25]], [[0.25 + 1e-9]], [[0.25]]])
        worth = Worth(jnp.array([1.0, 2.0, 1.0]), jnp.zeros(3), jnp.zeros(3), jnp.zeros((3, 1), jnp.int32))
        new = judged_once(Fine(), made, worth, jnp.ones(3))
        none = jax.tree.map(jnp.zeros_like, new)
        kept = merge(Fine(), none, new, jnp.int32(1), 3)
        assert (kept.groups > 0).sum() == 2
        np.testing.assert_allclose(kept.payoff[:2], [2.0, 1.0])


def test_the_nearest_choice_is_the_nearest():
    space = sx.Discrete(4)
    tried = jnp.array([2.7, 2.2, -0.6, 9.0, jnp.nan, jnp.inf, -jnp.inf])
    assert space.clip(tried).tolist() == [3, 2, 0, 3, 0, 3, 0]
    assert space.clip(jnp.array([7, -1, 2])).tolist() == [3, 0, 2]


@pytest.mark.long
def test_ppo_measures_the_commitment_that_it_holds_again():
    """A lucky draw of 100, once: what is held by it must fall to what it is worth when it is played again."""
    from stackjax.solvers.ppo.solver import table_solver

    class Lucky(Toy):
        payoff_range = (0.0, 100.0)
        commitments = Table(4, sx.Discrete(4), jnp.eye(4))

        def worth(self, key, commitments, *, lasting=0):
            worth = super().worth(key, commitments)
            lucky = jnp.zeros(len(commitments)).at[5].set(100.0)
            return worth._replace(payoff=jnp.where(jax.random.uniform(key) < 0.1, worth.payoff + lucky, worth.payoff))

    solver = table_solver(Lucky(), sx.PPOConfig(num_envs=64, num_updates=40, hidden_sizes=(8,)))

    def held(state, _):
        after, _ = solver.update(state)
        return after, after.carried.payoff

    payoffs = np.asarray(jax.jit(lambda key: jax.lax.scan(held, solver.init(key), None, length=40)[1])(jax.random.key(1)))
    assert payoffs.max() > 90.0
    lucky = np.flatnonzero(payoffs > 90.0)
    assert (payoffs[[k + 1 for k in lucky if k + 1 < 40 and k + 1 not in lucky]] <= 12.0).all()
    assert payoffs.min() <= 12.0


def test_payoffs_of_a_tenth_of_a_millionth_are_told_apart_and_shown():
    from stackjax.reports.display import best_seed, number, result_table

    seeds = [
        {"seed": k, "settled": True, "leader_payoff": (k + 1) * 1e-7, "optimality_gap": 0.0, "optimum": None, "bcce_gap": 0.0}
        for k in range(3)
    ]
    result = {"seeds": seeds, "gap_name": "bcce_gap", "columns": {"bcce_gap": "gap"}, "payoff_range": [0.0, 4e-7]}
    assert best_seed(result)["seed"] == 2
    assert [row[1] for row in result_table(result)[1]] == ["1e-07", "2e-07", "3e-07"]
    assert [number(x) for x in (0.25, -1e-9, 1234.5)] == ["0.25", "0", "1234.5"]


@pytest.mark.parametrize(("scale", "fits"), [(1.0, False), (0.02, True), (0.0005, False)])
def test_a_payoff_scale_that_is_far_off_is_refused(scale, fits):
    """Pennies for a cent: on a scale of 1 followers count as settled whatever they do."""

    class Cents(sx.OneShotGame):
        name, type_prior, num_actions, leader_actions, payoff_scale = "cents", np.ones((1, 1)), (2, 2), sx.Discrete(2), scale

        def observation(self, actions):
            return jnp.ones(1)

        def outcome_payoffs(self, types, actions, leader_action):
            won = jnp.where(actions[0] == actions[1], 0.01, -0.01)
            return jnp.stack([jnp.zeros(()), won, -won])

    if fits:
        sx.testing.check_game(Cents())
        return
    with pytest.raises(InputError, match=r"payoff_scale=.* must be about the spread of a follower's payoffs, which is 0\.02"):
        sx.testing.check_game(Cents())


def test_a_game_that_is_registered_is_checked_like_any_other():
    class Wide(sx.OneShotGame):
        name, type_prior, num_actions, leader_actions = "wide", np.ones(1), (2,), sx.Discrete(2)

        def observation(self, actions):
            return jnp.ones(1)

        def outcome_payoffs(self, types, actions, leader_action):
            return jnp.stack([5.0 * leader_action.astype(float), actions[0].astype(float)])

    sx.register("wide", Wide)
    try:
        with pytest.raises(InputError, match="leave leader_payoff_range"):
            sx.train("wide", seeds=1, progress=False)
    finally:
        from stackjax import registry

        registry.forget(["wide"])


@pytest.mark.long
def test_commitments_are_judged_by_the_worst_reply_if_asked(tmp_path):
    """At a tie the leader hopes for 5 and may get 0; the other row pays 1 for sure."""
    game = sx.matrix_game([[[5.0, 1.0], [0.0, 1.0]], [[1.0, 1.0], [1.0, 0.0]]], name="tied")
    config = {"seeds": 1, "progress": False, "solver": sx.SearchConfig(4, 8)}
    hopeful = sx.train(game, **config)
    assert hopeful.best.certificate.leader_payoff == pytest.approx(5.0)
    assert hopeful.result["seeds"][0]["worst_payoff"] == pytest.approx(0.0)
    assert "worst reply" in str(hopeful)
    wary = sx.train(game, pomdp=POMDPConfig(ties="against"), out=tmp_path / "run", **config)
    (seed,) = wary.result["seeds"]
    assert (seed["leader_payoff"], seed["learned_payoff"]) == (pytest.approx(1.0), pytest.approx(1.0))
    assert (seed["optimum"], seed["optimality_gap"]) == (pytest.approx(1.0), 0.0)
    assert "the worst equilibrium for the leader" in wary.result["evaluation"]["words"]
    env = sx.StackelbergPOMDP(sx.make("posted-price-uniform", num_types=6, num_messages=3))
    with pytest.raises(InputError, match="too many strategies to find the worst reply"):
        BayesianProblem(env, ties="against")
    with pytest.raises(InputError, match="ties=for must be learned or against"):
        POMDPConfig(ties="for")
    assert dataclasses.asdict(POMDPConfig())["ties"] == "learned"


@pytest.mark.parametrize("num_messages", first(1, [2, 3]))
def test_the_flagships_known_mechanism_rests_on_no_tie(num_messages):
    game = sx.make("posted-price-pi", num_messages=num_messages)
    made = np.array([game.optimum().commitment], np.float32)
    assert worst_payoff(exact_games(game, decision_tree(game), made)[0]) == pytest.approx(0.0, abs=1e-5)
