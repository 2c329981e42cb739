"""Environments whose every action is played: same returns as those they stand for, and a loop that knows nothing learns."""

import copy

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import stackjax as sx
from stackjax.interop.played import Classic
from tests.siblings import first

SMALL = {"num_rounds": 3, "num_reward_episodes": 2}


@pytest.mark.parametrize("name", first(2, ["posted-price-pi", "allocation", "maintain", "matrix-design-payments"]))
def test_it_asks_once_per_observation_and_pays_the_same(name):
    """Step the environment itself with the actions that were asked for: what is held comes from a table kept here."""
    env = sx.StackelbergPOMDP(sx.make(name), **SMALL)
    played, key = sx.interop.PlayedActions(env), jax.random.key(3)
    steps = {one: jax.jit(one.step_env) for one in (env, played)}
    seen, state = played.reset_env(key)
    table, total, decisions, terminated = {}, 0.0, 0, False
    while not terminated:
        action = sx.testing.random_actions(env.game, 1, jax.random.key(len(table)))[0]
        assert np.asarray(seen).tobytes() not in table, "asked at an observation where it has committed"
        table[np.asarray(seen).tobytes()] = action
        seen, state, reward, terminated, info = steps[played](key, state, action)
        np.testing.assert_allclose(info["leader_action"], action)
        total, decisions = total + float(reward), decisions + int(info["num_decisions"])
    seen, state = env.reset_env(key)
    by_hand, is_over, count = 0.0, False, 0
    while not is_over:
        seen, state, reward, is_over, _ = steps[env](key, state, table[np.asarray(seen).tobytes()])
        by_hand, count = by_hand + float(reward), count + 1
    assert total == pytest.approx(by_hand, rel=1e-6)
    assert decisions == count > len(table)


def test_variants_stay_what_they_are():
    played = sx.interop.PlayedActions(sx.StackelbergPOMDP(sx.make("maintain"), **SMALL))
    assert played.name == "PlayedActions(maintain)"
    for other in (played.with_num_rounds(5), played.with_dynamics(sx.followers.regret_matching())):
        assert isinstance(other, sx.interop.PlayedActions)
    assert played.with_num_rounds(5).num_rounds == 5
    with pytest.raises(sx.InputError, match="env="):
        sx.interop.PlayedActions("maintain")


class ActorCritic(nn.Module):
    num_actions: int

    @nn.compact
    def __call__(self, x):
        hidden = nn.tanh(nn.Dense(16)(x))
        return nn.Dense(self.num_actions)(hidden), nn.Dense(1)(hidden)[..., 0]


def purejaxrl(env, params, num_updates, num_envs=32, num_steps=4, scale=20.0):
    """PPO in the shape of PureJaxRL's ``ppo.py``: it stores its own samples and knows nothing of commitments."""
    network = ActorCritic(env.action_space(params).n)
    optimiser = optax.adam(0.02)

    def train(rng):
        rng, init_key, reset_key = jax.random.split(rng, 3)
        weights = network.init(init_key, jnp.zeros(env.observation_space(params).shape))
        seen, state = jax.vmap(env.reset, (0, None))(jax.random.split(reset_key, num_envs), params)

        def env_step(carry, _):
            weights, state, seen, rng = carry
            rng, act_key, step_key = jax.random.split(rng, 3)
            logits, value = network.apply(weights, seen)
            action = jax.random.categorical(act_key, logits)
            chance = jax.nn.log_softmax(logits)[jnp.arange(num_envs), action]
            keys = jax.random.split(step_key, num_envs)
            after, state, reward, done, _ = jax.vmap(env.step, (0, 0, 0, None))(keys, state, action, params)
            return (weights, state, after, rng), (seen, action, value, chance, reward / scale, done)

        def update(carry, _):
            weights, opt, state, seen, rng = carry
            (_, state, seen, rng), batch = jax.lax.scan(env_step, (weights, state, seen, rng), length=num_steps)
            shown, action, value, chance, reward, done = batch
            last = network.apply(weights, seen)[1]

            def back(carry, one):
                advantage, following = carry
                done, value, reward = one
                alive = 1.0 - done.astype(value.dtype)
                advantage = reward + following * alive - value + 0.95 * alive * advantage
                return (advantage, value), advantage

            advantages = jax.lax.scan(back, (jnp.zeros_like(last), last), (done, value, reward), reverse=True)[1]
            targets = advantages + value
            scaled = (advantages - advantages.mean()) / (advantages.std() + 1e-8)

            def loss(weights):
                logits, found = network.apply(weights, shown)
                logs = jax.nn.log_softmax(logits)
                now = jnp.take_along_axis(logs, action[..., None], -1)[..., 0]
                ratio = jnp.exp(now - chance)
                gain = jnp.minimum(ratio * scaled, jnp.clip(ratio, 0.8, 1.2) * scaled).mean()
                entropy = -(jnp.exp(logs) * logs).sum(axis=-1).mean()
                return -gain + 0.5 * ((found - targets) ** 2).mean() - 0.01 * entropy

            for _ in range(4):
                grads = jax.grad(loss)(weights)
                changes, opt = optimiser.update(grads, opt)
                weights = optax.apply_updates(weights, changes)
            return (weights, opt, state, seen, rng), None

        carry = (weights, optimiser.init(weights), state, seen, rng)
        weights = jax.lax.scan(update, carry, length=num_updates)[0][0]
        return jax.nn.softmax(network.apply(weights, jnp.eye(*env.observation_space(params).shape))[0])

    return train


@pytest.mark.long
@jax.numpy_dtype_promotion("standard")  # optax raises a float to a whole number
def test_a_purejaxrl_loop_learns_unchanged():
    """Maintain's best row (A, 20 against 10 and 5) on every seed; where held actions are stored the same loop stays unsure."""
    env = sx.StackelbergPOMDP(sx.make("maintain"), num_rounds=20, num_reward_episodes=2)
    keys = jax.random.split(jax.random.key(0), 4)
    played = sx.interop.classic(env)
    found = jax.jit(jax.vmap(purejaxrl(played, played.default_params, 60)))(keys)
    assert (np.asarray(found)[:, 0, 0] > 0.9).all(), found
    stored = Classic(env)
    unsure = jax.jit(jax.vmap(purejaxrl(stored, env.default_params, 60)))(keys)
    assert (np.asarray(unsure)[:, 0, 0] < 0.9).any(), unsure


def allocation():
    return sx.interop.classic(sx.StackelbergPOMDP(sx.make("allocation", num_messages=2), num_rounds=20, num_reward_episodes=10))


def exact(env, actions):
    """What an agent's greedy actions at the two messages pay, exactly."""
    return sx.evaluate_commitment(jax.random.key(0), env._env, jnp.asarray(actions)).argmax.leader_payoff.mean()


@pytest.mark.long
@jax.numpy_dtype_promotion("standard")  # optax raises a float to a whole number
def test_a_purejaxrl_loop_reaches_the_optimum_of_allocation():
    env = allocation()
    train = purejaxrl(env, env.default_params, 150, num_envs=64, num_steps=8, scale=1.0)
    for chances in np.asarray(jax.jit(jax.vmap(train))(jax.random.split(jax.random.key(1), 3))):
        assert exact(env, chances.argmax(axis=-1)) == pytest.approx(2 / 3, abs=1e-5)


@pytest.mark.long
@jax.numpy_dtype_promotion("standard")
def test_rejax_reaches_the_optimum_of_allocation():
    """The program as it is on the registry."""
    rejax = pytest.importorskip("rejax")
    env = allocation()
    steps = {"num_envs": 64, "num_steps": 8, "num_epochs": 4, "num_minibatches": 4}
    agent = rejax.PPO.create(
        env=env,
        env_params=env.default_params,
        learning_rate=0.01,
        gamma=1.0,
        gae_lambda=1.0,
        ent_coef=0.02,
        total_timesteps=64 * 8 * 120,
        eval_freq=64 * 8 * 120,
        **steps,
    )
    state, (_, returns) = jax.jit(agent.train)(jax.random.key(0))
    assert np.asarray(returns)[-1].mean() > 0.6
    chances = agent.actor.apply(state.actor_ts.params, jnp.eye(2), method="_action_dist").probs
    assert exact(env, np.asarray(chances).argmax(axis=-1)) == pytest.approx(2 / 3, abs=1e-5)


def test_five_values_and_all_else_as_it_was():
    env = allocation()
    params = env.default_params
    seen, state = env.reset(jax.random.key(0), params)
    found = env.step(jax.random.key(1), state, jnp.int32(0))
    assert len(found) == len(env.step_env(jax.random.key(1), state, jnp.int32(0), params)) == 5
    assert found[3].dtype == bool
    assert (env.name, env.num_actions) == ("PlayedActions(allocation)", 3)
    assert env.action_space(params).n == 3
    assert env.observation_space(params).shape == seen.shape
    assert copy.copy(env).name == env.name
    with pytest.raises(sx.InputError, match="env="):
        sx.interop.classic("allocation")
