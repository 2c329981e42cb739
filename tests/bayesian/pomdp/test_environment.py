"""The gymnax contract, for every registered game."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.bayesian.pomdp.commitment import tabulate
from stackjax.testing import random_actions
from tests.siblings import first

REGISTERED = [entry.name for entry in sx.registered_games() if entry.family == "bayesian"]


@pytest.mark.parametrize("name", first(5, REGISTERED))
def test_runs_under_jit_vmap_and_scan_with_one_trace(name):
    env = sx.StackelbergPOMDP(sx.make(name), num_rounds=3, num_reward_episodes=2)
    params, traces = env.default_params, []

    def step(carry, key):
        traces.append(1)
        _, state = carry
        action = random_actions(env.game, 1, key)[0]
        observation, state, reward, terminated, truncated, info = env.step(key, state, action, params)
        return (observation, state), (observation, reward, terminated, truncated, info["final_observation"])

    @jax.jit
    def play(keys):
        def one(key):
            return jax.lax.scan(step, env.reset(key, params), jax.random.split(key, 2 * params.max_steps_in_episode))[1]

        return jax.vmap(one)(keys)

    for seed in (0, 1):
        keys = jax.random.split(jax.random.key(seed), 4)
        observations, rewards, terminated, truncated, _ = play(keys)
    assert len(traces) == 1
    assert observations.shape[2:] == env.observation_space(params).shape
    assert (np.asarray(terminated).sum(axis=1) >= 2).all(), "episodes end by themselves and start again"
    assert not np.asarray(truncated).any()
    assert np.isfinite(rewards).all()


def test_a_held_commitment_replaces_later_actions():
    env = sx.StackelbergPOMDP(sx.make("maintain"), num_rounds=4, num_reward_episodes=2)
    _, state = env.reset(jax.random.key(0))
    assert int(env.committed_action(state, jnp.int32(2))) == 2
    _, state, _, _, info = env.step_env(jax.random.key(0), state, jnp.int32(1))
    assert int(info["leader_action"]) == 1
    assert int(env.committed_action(state, jnp.int32(2))) == 1
    _, state, _, _, info = env.step_env(jax.random.key(0), state, jnp.int32(2))
    assert int(info["leader_action"]) == 1


def test_return_is_the_mean_over_reward_sub_episodes():
    """Row A of Maintain: the follower learns column A, and each of the two sub-episodes adds 20 / 2."""
    env = sx.StackelbergPOMDP(sx.make("maintain"), num_rounds=50, num_reward_episodes=2)
    _, state = env.reset(jax.random.key(0))
    step = jax.jit(env.step_env)
    rewards = []
    for _ in range(50 * 3 + 2):
        _, state, reward, terminated, _ = step(jax.random.key(0), state, jnp.int32(0))
        rewards.append(float(reward))
    assert terminated
    assert rewards == [0.0] * 150 + [10.0, 10.0]


def test_nothing_hidden_is_observed():
    """Taking the same step from states that differ only in strategies and phase shows the leader the same."""
    env = sx.StackelbergPOMDP(sx.make("posted-price-pi"), num_rounds=5, num_reward_episodes=5)
    _, state = env.reset(jax.random.key(0))
    hidden = state.replace(
        is_response=~state.is_response,
        followers=jax.tree.map(lambda w: w - 3.0 * jnp.arange(2.0)[None], state.followers),
        payoffs=state.payoffs + 1.0,
        round=state.round + 1,
    )
    nobody_buys = jnp.array([1.0, 0.0, 2.5])
    observations = [env.step_env(jax.random.key(0), s, nobody_buys)[0] for s in (state, hidden)]
    assert np.asarray(observations[0]).tobytes() == np.asarray(observations[1]).tobytes()
    assert not np.array_equal(observations[0], env.game.observe(state.public))


@pytest.mark.long
@pytest.mark.parametrize("name", ["escape-randomized", "matrix-design", "posted-price-pi"])
def test_float64_takes_both_paths(x64, name):
    """Shapes and dtypes of carries agree all the way through an update, and an episode pays what it pays in float32."""
    env = sx.StackelbergPOMDP(sx.make(name), num_rounds=3, num_reward_episodes=2)
    for settings in ({}, {"path": "step", "num_steps": 8}):
        trainer = sx.make_train(env, sx.PPOConfig(num_envs=4, num_minibatches=1, hidden_sizes=(8,), **settings))
        jax.eval_shape(trainer.update, jax.eval_shape(trainer.init, jax.random.key(0)))
    action = env.game.leader_actions.zeros()

    def one(carry, _):
        observation, state, reward, _, _ = env.step_env(jax.random.key(0), carry[1], action)
        return (observation, state), reward

    play = lambda: jax.lax.scan(one, env.reset_env(jax.random.key(1)), length=30)[1]
    rewards = []
    for is_double in (True, False):
        with jax.enable_x64(is_double):
            rewards.append(np.asarray(jax.jit(play)()))
    assert rewards[0].dtype == np.float64
    np.testing.assert_allclose(rewards[0], rewards[1], rtol=1e-6)


def test_what_gymnax_asks_of_an_environment():
    env = sx.StackelbergPOMDP(sx.make("maintain"), num_rounds=2, num_reward_episodes=1)
    params = env.default_params
    observation, state = env.reset(jax.random.key(0), params)
    np.testing.assert_array_equal(env.observe(jax.random.key(0), state, None, params), observation)
    np.testing.assert_array_equal(env.get_obs(state), observation)
    assert not env.is_terminated(state, params)
    assert env.discount(state, params) == 1.0
    for _ in range(7):  # two rounds of three plays, and the reward sub-episode
        _, state, _, terminated, _ = env.step_env(jax.random.key(0), state, jnp.int32(0))
        assert env.is_terminated(state, params) == terminated
    assert terminated
    assert env.discount(state, params) == 0.0
    shapes = env.state_space(params).spaces
    assert len(shapes) == len(jax.tree.leaves(state))
    assert shapes[".payoffs"].shape == state.payoffs.shape


@pytest.mark.parametrize(
    ("name", "bad"), [("matrix-design-payments", [np.nan, 3.0]), ("matrix-design", 99), ("matrix-design", 0.5)]
)
def test_an_action_that_is_none_is_refused_or_flagged(name, bad):
    """Concrete ones are refused; inside jit the nearest one is played, and said to be."""
    env = sx.StackelbergPOMDP(sx.make(name), num_rounds=2)
    _, state = env.reset(jax.random.key(0))
    with pytest.raises(sx.InputError, match="action="):
        env.step(jax.random.key(0), state, jnp.asarray(bad))
    step = jax.jit(lambda state, action: env.step(jax.random.key(0), state, action))
    found = step(state, jnp.asarray(bad))
    assert not found[-1]["is_valid_action"]
    assert np.isfinite(found[2])
    played = found[-1]["leader_action"]
    np.testing.assert_array_equal(played, env.game.leader_actions.clip(jnp.asarray(bad)))
    assert np.isfinite(played).all()
    assert step(state, env.game.leader_actions.zeros())[-1]["is_valid_action"]


def test_default_lengths_are_the_papers():
    assert (sx.StackelbergPOMDP(sx.make("maintain")).num_rounds) == 100
    env = sx.StackelbergPOMDP(sx.make("allocation"))
    assert (env.num_rounds, env.num_reward_episodes) == (1000, 100)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_rounds": 0}, "num_rounds=0"),
        ({"num_rounds": 2.5}, "num_rounds=2.5"),
        ({"num_reward_episodes": -1}, "num_reward_episodes=-1"),
        ({"reward_play": "best"}, "reward_play='best'"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(sx.InputError, match=message):
        sx.StackelbergPOMDP(sx.make("maintain"), **arguments)


def test_evaluation_is_exact_and_reports_three_plays():
    game = sx.make("posted-price-pi", num_messages=1)
    env = sx.StackelbergPOMDP(game, num_rounds=20)
    actions = jnp.array([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    evaluation = sx.evaluate_commitment(jax.random.key(0), env, actions, 3)
    for play in ("argmax", "mixed", "empirical"):
        np.testing.assert_allclose(getattr(evaluation, play).leader_payoff, -0.15, rtol=1e-5)
    table = tabulate(game, env.tree, actions).game
    np.testing.assert_allclose(sx.certify(table, jnp.ones((2, 2, 1, 1))).leader_payoff, -0.15, rtol=1e-5)


@pytest.mark.long
def test_a_start_does_not_wait_for_what_gymnax_draws_with():
    code = (
        "import sys, stackjax.bayesian.pomdp.environment\n"
        "assert not {'seaborn', 'scipy.stats', 'pandas'} & sys.modules.keys()\n"
        "from gymnax.environments.misc import pong\n"
        "assert pong.sns.color_palette('cubehelix', 3)[0]\n"
        "import seaborn\n"
        "assert seaborn.__file__\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
