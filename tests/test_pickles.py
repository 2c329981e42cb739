"""What a user makes goes to other processes, as Ray, joblib and submitit send it, and does there what it does here."""

import functools
import multiprocessing
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax import registry
from stackjax.bayesian.followers.kernels.packing import why_not_fused

RULES = {
    name: getattr(sx.followers, name)
    for name in (
        *("best_response", "exp3", "fictitious_play", "logit_response", "multiplicative_weights", "optimistic_hedge"),
        *("q_learning", "quantal", "regret_matching", "regret_matching_plus", "swap_regret"),
    )
}
PAYOFFS = np.random.default_rng(0).random((1, 2, 3)).astype(np.float32)  # one follower, two types, three actions


def again(value):
    return pickle.loads(pickle.dumps(value))


@pytest.mark.parametrize("name", [game.name for game in registry.registered_games()])
def test_every_game_is_pickled(name):
    game = again(sx.make(name))
    assert game.name == sx.make(name).name
    assert pickle.dumps(game) == pickle.dumps(again(game))


@pytest.mark.parametrize("name", RULES)
def test_every_rule_is_pickled_and_learns_the_same(name):
    rule = RULES[name]()
    other = again(again(rule))
    game = sx.followers.induced_game([0.4, 0.6], PAYOFFS)
    learn = jax.jit(lambda rule: sx.followers.equilibrate(jax.random.key(0), game, rule, 20).strategies, static_argnums=0)
    for one, same in zip(learn(rule), learn(other), strict=True):
        np.testing.assert_array_equal(one, same)
    assert why_not_fused(other) == why_not_fused(rule)


def test_settings_of_a_rule_are_kept():
    rule = again(sx.followers.q_learning(0.25, discount=0.5, memory=True))
    assert rule.memory
    assert rule.init.__name__ == "init"
    state = rule.update(rule.init(2, ()), jnp.array([1.0, 0.0]), jnp.int32(0), jnp.float32(1.0))
    np.testing.assert_allclose(state.values, [0.25 * 1.5, 0.0])


def test_other_public_things_are_pickled():
    game = sx.make("posted-price-pi")
    run = sx.train("maintain", seeds=1, progress=False, search=sx.SearchConfig(2, 4))
    kinds = (sx.PPOConfig, sx.DirectConfig, sx.PolicyConfig, sx.ESConfig, sx.SearchConfig, sx.BanditConfig, sx.POMDPConfig)
    configs = [make() for make in kinds]
    for value in (game.optimum(), sx.Box((0.0,), (1.0,)), sx.Discrete(3), run, run.best, run.best.certificate, *configs):
        assert type(again(value)) is type(value)
    env = again(sx.StackelbergPOMDP(game, num_rounds=5))
    step = lambda env: env.reset(jax.random.key(0))[0]
    np.testing.assert_array_equal(step(env), step(sx.StackelbergPOMDP(game, num_rounds=5)))


def rows_of(rule, payoffs):
    game = sx.followers.induced_game([0.4, 0.6], payoffs)
    return np.asarray(sx.followers.equilibrate(jax.random.key(0), game, rule, 5).strategies[0])


@pytest.mark.long
def test_a_process_that_is_spawned_gets_them():
    work = functools.partial(rows_of, payoffs=PAYOFFS)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        (found,) = pool.map(work, [sx.followers.exp3(0.2)])
    np.testing.assert_array_equal(found, work(sx.followers.exp3(0.2)))
