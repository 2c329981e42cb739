"""Which decisions the policy learns from, what they earn, and the best commitment that is played again."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.bayesian.ppo.committed import committed_rollout
from stackjax.solvers.ppo.held import Held, episodes_of_held
from stackjax.solvers.ppo.losses import ppo_loss
from stackjax.solvers.ppo.train import above_the_rest
from tests.bayesian.ppo.small import SMALL, batch_of, small, small_env
from tests.oracles.commitment_credit import credited_commitments, excess_over_the_rest
from tests.siblings import first


@pytest.mark.long
def test_the_critic_does_not_know_the_commitment_that_is_being_made():
    """Committed path: two policies commit to other things, and what the critic sees as they do is bit for bit the same."""
    trainer = sx.make_train(small_env(), small("committed", critic_inputs="state"))
    params = [trainer.agent.init(jax.random.key(seed)) for seed in (0, 1)]
    params[1]["actor"] = jax.tree.map(lambda leaf: 30.0 * leaf, params[1]["actor"])
    first, second = (batch_of(trainer, p, jax.random.key(2))[1] for p in params)
    assert not np.array_equal(first.choice, second.choice)
    assert np.asarray(first.critic_input).tobytes() == np.asarray(second.critic_input).tobytes()
    uniform = np.full((1, 3, 3), 1 / 3)  # of one follower with three types: nobody has learned anything
    blind = sx.make_train(trainer.env, small("committed")).agent
    _, seen = batch_of(sx.make_train(trainer.env, small("committed")), blind.init(jax.random.key(0)), jax.random.key(2))
    tables = np.asarray(seen.critic_input)[..., 1 + trainer.env.observation_size :]
    np.testing.assert_allclose(tables, np.broadcast_to(uniform.ravel(), tables.shape), atol=1e-6)


@pytest.mark.long
def test_only_decisions_that_make_a_commitment_are_credited():
    """Step path: at each observation of an episode the first, unless every decision is credited; the critic learns from all."""
    env = small_env()
    for credit in ("commitment", "all"):
        trainer = sx.make_train(env, small("step", credit=credit))
        params = trainer.agent.init(jax.random.key(0))
        batch, seen = batch_of(trainer, params, jax.random.key(1))
        node = np.asarray(seen.observation).argmax(axis=-1)  # the leader sees the message
        expected = np.ones_like(node, float)
        if credit == "commitment":
            for episode in range(node.shape[1]):
                firsts = np.unique(node[:, episode], return_index=True)[1]
                expected[:, episode] = np.isin(np.arange(len(node)), firsts)
        np.testing.assert_array_equal(batch.credit, expected)
        assert (np.asarray(batch.weight) == 1.0).all()


def test_held_decisions_do_not_move_the_policy():
    """The policy's gradient is the same whatever advantage and choice the decisions without credit have."""
    trainer = sx.make_train(small_env(), small("step"))
    params = trainer.agent.init(jax.random.key(0))
    batch, _ = batch_of(trainer, params, jax.random.key(1))
    held = batch.credit == 0
    other = batch._replace(
        advantage=jnp.where(held, 7.0, batch.advantage),
        choice=jnp.where(held, 0, batch.choice),
        log_prob=jnp.where(held, -9.0, batch.log_prob),
    )
    gradient = jax.jit(jax.grad(lambda p, b: ppo_loss(trainer.agent, trainer.config, p, b, 0.1)[0]))
    for a, b in zip(*(jax.tree.leaves(gradient(params, b)["actor"]) for b in (batch, other)), strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()
    assert any(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(gradient(params, batch)["actor"]))


@pytest.mark.parametrize("name", first(1, ["posted-price-pi", "allocation"]))
def test_credit_on_the_committed_path_is_the_oracles(name):
    """Which nodes decide something, and what each earns: by playing every profile in plain NumPy."""
    env = small_env(name)
    trainer = sx.make_train(env, small("committed"))
    params = trainer.agent.init(jax.random.key(0))
    batch, seen = batch_of(trainer, params, jax.random.key(1))
    actions = jnp.swapaxes(trainer.agent.game_action(seen.choice), 0, 1)  # [B, O, ...]
    decides = credited_commitments(env.game, env.tree, np.asarray(actions))
    np.testing.assert_array_equal(np.asarray(seen.credited).T, decides)
    reward = np.asarray(seen.reward)
    np.testing.assert_allclose(reward, np.broadcast_to(reward[:1], reward.shape))
    np.testing.assert_allclose(batch.advantage, np.where(seen.visible, seen.reward - seen.value, 0.0), atol=1e-6)


@pytest.mark.parametrize("reward_play", first(1, ["empirical", "argmax", "mixed"]))
def test_expected_returns_are_what_sampled_ones_are_on_average(reward_play):
    env = sx.StackelbergPOMDP(sx.make("allocation"), num_rounds=12, num_reward_episodes=4000, reward_play=reward_play)
    agent = sx.make_train(env, SMALL).agent
    params = agent.init(jax.random.key(0))
    returns = [
        batch_of(sx.make_train(env, dataclasses.replace(SMALL, returns=kind)), params, jax.random.key(1))[1].reward[0]
        for kind in ("expected", "sampled")
    ]
    assert np.ptp(returns[0]) > 0.02
    np.testing.assert_allclose(*returns, atol=0.03)


@pytest.mark.parametrize("share", [0.08, 0.5, 1.0])
def test_advantage_over_the_rest_is_the_oracles(share):
    rng = np.random.default_rng(0)
    advantage, credit = rng.normal(size=(3, 40)).astype(np.float32), (rng.random((3, 40)) < 0.7).astype(np.float32)
    ours = np.asarray(above_the_rest(jnp.asarray(advantage), jnp.asarray(credit), share))
    expected = excess_over_the_rest(advantage, credit, share)
    np.testing.assert_allclose(ours[credit > 0], expected[credit > 0], atol=1e-5)
    assert (ours[credit > 0] > 0).mean() == pytest.approx(share, abs=0.02)


def test_the_best_commitment_so_far_is_played_again():
    """In its share of the episodes, with the log-probability that the policy gives it; what pays more takes its place."""
    trainer = sx.make_train(small_env("allocation"), small("committed", num_envs=16, num_minibatches=1, held_share=0.25))
    params = trainer.agent.init(jax.random.key(0))
    rollout = jax.jit(lambda held: committed_rollout(trainer.agent, trainer.config, params, jax.random.key(1), held=held))
    choices = jnp.array([2, 1, 0], jnp.int32)
    kept, seen, *_ = rollout(Held(choices, jnp.float32(5.0)))
    np.testing.assert_array_equal(seen.choice[:, :4], np.tile(choices[:, None], (1, 4)))
    assert not (np.asarray(seen.choice[:, 4:]) == np.asarray(choices)[:, None]).all()
    expected = trainer.agent.head.distribution(trainer.agent.policy(params, seen.observation)).log_prob(seen.choice)
    np.testing.assert_allclose(seen.log_prob, expected, atol=1e-5)
    assert kept.payoff < 5.0  # what it pays now, or another that pays more
    best, fresh, *_ = rollout(Held(choices, jnp.float32(-jnp.inf)))
    assert not (np.asarray(fresh.choice[:, :4]) == np.asarray(choices)[:, None]).all()
    place = int(fresh.reward[0].argmax())
    np.testing.assert_array_equal(best.choices, fresh.choice[:, place])


def test_what_the_paper_credits_plays_nothing_again():
    everything = small("committed", credit="all", num_minibatches=1)
    assert not episodes_of_held(everything, Held(jnp.zeros(3), jnp.float32(1.0))).any()
    with pytest.raises(sx.InputError, match=r"held_share=0.1 does nothing unless credit is commitment"):
        small("committed", credit="all", held_share=0.1)
    with pytest.raises(sx.InputError, match=r"held_share=0.1 does nothing unless path is committed"):
        sx.PPOConfig(path="step", held_share=0.1)
