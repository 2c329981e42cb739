"""The learner: what it sees, what it repeats, and small problems that isolate one thing each."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.bayesian.ppo.rollout import init_steps, step_rollout
from tests.bayesian.ppo.probes import Constant, MatchWhatYouSee
from tests.bayesian.ppo.small import SMALL, batch_of, small, small_env
from tests.siblings import first


@pytest.mark.parametrize(
    ("path", "critic_inputs"),
    first(1, [("committed", "state"), ("committed", "none"), ("step", "weights")]),
)
def test_first_ratio_is_one(path, critic_inputs):
    """Log-probabilities in the batch are those of the policy that acted, for every update's first minibatch."""
    trainer = sx.make_train(small_env(), small(path, critic_inputs=critic_inputs))
    metrics = jax.jit(trainer)(jax.random.key(2)).metrics
    assert metrics.loss.ratio_error.max() < 1e-5
    assert metrics.loss.approx_kl.max() > 1e-9
    assert metrics.is_finite.all()


def test_a_held_action_keeps_the_log_probability_that_it_was_drawn_with():
    """A rollout ends in mid-episode and goes on under other weights: what was drawn before is as likely as it was then."""
    config = small("step", num_steps=2)  # two of the three messages
    env = small_env()
    agent = sx.make_train(env, config).agent
    old, new = (agent.init(jax.random.key(seed)) for seed in (0, 1))
    new = jax.tree.map(lambda leaf: 10.0 * leaf, new)
    rollout = jax.jit(functools.partial(step_rollout, agent, config))
    start = init_steps(env, config, jax.random.key(2))
    carry, seen, *_ = rollout(old, jax.random.key(3), start)
    made = np.asarray(carry.env_state.commitments.made)  # before the second half, by episode and node
    _, seen, *_ = rollout(new, jax.random.key(4), carry)
    node = np.asarray(seen.observation).argmax(axis=-1)  # the leader sees the message
    is_held = np.take_along_axis(made, node.T, axis=1).T
    log_prob = lambda params: agent.head.distribution(agent.policy(params, seen.observation)).log_prob(seen.choice)
    assert is_held.any()
    assert not is_held.all()
    np.testing.assert_allclose(seen.log_prob, np.where(is_held, log_prob(old), log_prob(new)), atol=1e-5)
    assert np.abs(np.asarray(log_prob(old) - log_prob(new))[is_held]).max() > 0.01


@pytest.mark.long
@pytest.mark.parametrize(
    ("path", "box_policy"),
    [("step", "gaussian"), ("committed", "grid"), ("committed", "gaussian"), ("step", "grid")],
)
def test_box_policies_train(path, box_policy):
    config = small(path, box_policy=box_policy)
    result = jax.jit(sx.make_train(small_env("maintain-randomized"), config))(jax.random.key(0))
    assert result.metrics.is_finite.all()
    assert result.metrics.loss.ratio_error.max() < 1e-5


def test_actor_cannot_see_the_weight_tables_and_the_critic_does():
    """The same step from the same state but for the weight tables: actor outputs bit for bit the same, values not."""
    trainer = sx.make_train(small_env("posted-price-pi"), SMALL)
    env, agent = trainer.env, trainer.agent
    params = agent.init(jax.random.key(0))
    _, state = env.reset(jax.random.key(1))
    tilted = jax.tree.map(lambda w: w - 2.0 * jnp.arange(w.shape[1], dtype=w.dtype)[None], state.followers)
    nobody_buys = jnp.array([1.0, 0.0, 2.5])
    steps = [env.step_env(jax.random.key(0), s, nobody_buys)[:2] for s in (state, state.replace(followers=tilted))]
    outputs = [np.asarray(agent.policy(params, observation)) for observation, _ in steps]
    assert outputs[0].tobytes() == outputs[1].tobytes()
    values = [agent.value(params, agent.critic_inputs(o, env.critic_view(s))) for o, s in steps]
    assert values[0] != values[1]
    blind = sx.make_train(env, dataclasses.replace(SMALL, critic_inputs="phase")).agent
    blind_params = blind.init(jax.random.key(0))
    blind_values = [blind.value(blind_params, blind.critic_inputs(o, env.critic_view(s))) for o, s in steps]
    assert blind_values[0] == blind_values[1]


@pytest.mark.parametrize("path", ["committed", "step"])
def test_same_seed_same_bits(path):
    train = jax.jit(sx.make_train(small_env(), small(path)))
    first, second = train(jax.random.key(5)), train(jax.random.key(5))
    for a, b in zip(jax.tree.leaves(first.metrics), jax.tree.leaves(second.metrics), strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()
    for a, b in zip(jax.tree.leaves(first.state.params), jax.tree.leaves(second.state.params), strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()
    other = train(jax.random.key(6))
    assert not np.array_equal(first.metrics.loss.entropy, other.metrics.loss.entropy)


@pytest.mark.long
@pytest.mark.parametrize("path", first(1, ["committed", "step"]))
def test_a_seed_draws_the_same_alone_or_among_ten(path):
    trainer = sx.make_train(small_env(), small(path))
    keys = jax.vmap(jax.random.key)(jnp.arange(10))
    one_update = lambda key: trainer.update(trainer.init(key))
    together, _ = jax.jit(jax.vmap(one_update))(keys)
    alone, _ = jax.jit(one_update)(keys[7])
    for a, b in zip(jax.tree.leaves(together.params), jax.tree.leaves(alone.params), strict=True):
        np.testing.assert_allclose(a[7], b, atol=1e-4)
    np.testing.assert_array_equal(jax.random.key_data(together.key[7]), jax.random.key_data(alone.key))


@pytest.mark.long
def test_numeric_settings_vmap():
    env = small_env("maintain")

    def final_params(learning_rate, gae_lambda, step_size):
        swept = sx.StackelbergPOMDP(env.game, sx.followers.multiplicative_weights(step_size), 12, 3)
        config = dataclasses.replace(SMALL, learning_rate=learning_rate, gae_lambda=gae_lambda)
        return sx.make_train(swept, config)(jax.random.key(0)).state.params

    settings = (jnp.array([1e-3, 1e-2]), jnp.array([0.9, 1.0]), jnp.array([0.05, 0.5]))
    swept = jax.jit(jax.vmap(final_params))(*settings)
    alone = jax.jit(functools.partial(final_params, *(float(s[1]) for s in settings)))()
    for a, b in zip(jax.tree.leaves(swept), jax.tree.leaves(alone), strict=True):
        np.testing.assert_allclose(a[1], b, atol=1e-4)


@pytest.mark.parametrize("path", first(1, ["committed", "step"]))
def test_basic_pomdp_hides_every_response_decision(path):
    config = small(path, **({"num_steps": 200} if path == "step" else {}), critic_inputs="phase", credit="all")
    config = dataclasses.replace(config, response_visibility=0.0)
    trainer = sx.make_train(small_env(), config)
    params = trainer.agent.init(jax.random.key(0))
    _, seen = batch_of(trainer, params, jax.random.key(1))
    is_response = np.asarray(seen.critic_input)[..., trainer.env.observation_size] == 1.0
    visible = np.asarray(seen.visible)
    assert is_response.any()
    assert not visible[is_response].any()
    assert visible[~is_response].any()
    whole = dataclasses.replace(config, response_visibility=1.0)
    _, seen = batch_of(sx.make_train(trainer.env, whole), params, jax.random.key(1))
    assert np.asarray(seen.visible)[is_response].any()


@pytest.mark.long
@pytest.mark.parametrize(
    ("settings", "num_rounds"),
    [({"reward_samples": 3, "response_samples": 4}, 5), ({"response_samples": 0}, 5), ({}, 1)],
)
def test_unusual_samples_train(settings, num_rounds):
    env = sx.StackelbergPOMDP(sx.make("allocation"), num_rounds=num_rounds, num_reward_episodes=3)
    metrics = jax.jit(sx.make_train(env, dataclasses.replace(SMALL, num_minibatches=1, credit="all", **settings)))(
        jax.random.key(0)
    ).metrics
    assert metrics.is_finite.all()
    assert (metrics.rollout.decisions == 8 * (num_rounds * 3 + 3)).all()  # one decision a sub-episode, three plays a round


def test_discounting_is_for_the_step_path():
    with pytest.raises(sx.InputError, match=r"discount=0\.9"):
        sx.make_train(small_env(), dataclasses.replace(SMALL, discount=0.9))


def test_batch_must_split_into_minibatches():
    with pytest.raises(sx.InputError, match="num_minibatches=7"):
        sx.make_train(small_env(), dataclasses.replace(SMALL, num_minibatches=7))


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("num_envs", 0),
        ("learning_rate", float("nan")),
        ("gaussian_std", 0.0),
        ("gae_lambda", 1.5),
        ("critic_inputs", "all"),
        ("credit", "some"),
        ("box_top_share", 0.0),
        ("hidden_sizes", (0,)),
    ],
)
def test_bad_settings_are_named(setting, value):
    with pytest.raises(sx.InputError, match=setting):
        sx.PPOConfig(**{setting: value})


PROBE = sx.PPOConfig(
    path="step", num_updates=60, num_envs=32, num_steps=32, num_minibatches=4, learning_rate=1e-2, hidden_sizes=(32,)
)


@pytest.mark.long
def test_probe_value_regression():
    """A constant payoff of 3 in [0, 4] is worth 0.75 from every state, and 0.75 of what is left in the reward phase."""
    env = sx.StackelbergPOMDP(Constant(), num_rounds=3, num_reward_episodes=2)
    trainer = sx.make_train(env, dataclasses.replace(PROBE, critic_inputs="state", gae_lambda=1.0))
    params = jax.jit(trainer)(jax.random.key(0)).state.params
    _, seen = batch_of(trainer, params, jax.random.key(1))
    left = {1.0: {0.0, 1 / 3, 2 / 3}, 0.0: {0.0, 0.5}}
    values = np.asarray(seen.value).ravel()
    view = np.asarray(seen.critic_input).reshape(len(values), -1)
    is_response = view[:, env.observation_size]
    progress = view[:, -(1 + 2)]  # before the payoffs of one follower with two actions
    assert set(np.round(progress[is_response == 0.0], 3)) == left[0.0]
    expected = np.where(is_response == 1.0, 0.75, 0.75 * (1.0 - progress))
    np.testing.assert_allclose(values, expected, atol=0.05)


@pytest.mark.long
def test_probe_discounting():
    """With γ = 0.8, three rounds of two plays and one paid sub-episode: the first decision is worth 0.75 * 0.8 ** 6."""
    env = sx.StackelbergPOMDP(Constant(), num_rounds=3, num_reward_episodes=1)
    trainer = sx.make_train(env, dataclasses.replace(PROBE, critic_inputs="state", gae_lambda=1.0, discount=0.8))
    params = jax.jit(trainer)(jax.random.key(0)).state.params
    observation, state = env.reset(jax.random.key(1))
    for decision in range(7):
        value = trainer.agent.value(params, trainer.agent.critic_inputs(observation, env.critic_view(state)))
        assert value == pytest.approx(0.75 * 0.8 ** (6 - decision), abs=0.05)
        observation, state, _, terminated, _ = env.step_env(jax.random.key(2), state, jnp.int32(0))
    assert terminated


@pytest.mark.parametrize("path", first(1, ["step", "committed"]))
def test_probe_action_depends_on_observation(path):
    env = sx.StackelbergPOMDP(MatchWhatYouSee(), num_rounds=3, num_reward_episodes=4, reward_play="mixed")
    config = PROBE if path == "step" else dataclasses.replace(PROBE, path=path, num_steps=sx.PPOConfig.num_steps)
    trainer = sx.make_train(env, config)
    params = jax.jit(trainer)(jax.random.key(0)).state.params
    np.testing.assert_array_equal(trainer.agent.mode_action(params, jnp.eye(3)), [0, 1, 2])
