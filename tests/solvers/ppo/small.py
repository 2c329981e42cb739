"""Small trainings, and one training batch of a trainer."""

import dataclasses
import functools

import jax
import jax.numpy as jnp

import stackjax as sx
from stackjax.solvers.ppo.committed import committed_rollout
from stackjax.solvers.ppo.rollout import init_steps, step_rollout
from stackjax.solvers.ppo.train import training_batch

__all__ = ["EPISODE", "SMALL", "batch_of", "small", "small_env"]

SMALL = sx.PPOConfig(num_updates=3, num_envs=8, num_minibatches=2, hidden_sizes=(16,))
EPISODE = 12 * 3 + 3  # leader decisions of an episode of `small_env`: rounds of three plays, then reward sub-episodes


def small(path, **settings):
    """A small training; on the step path an update is a whole episode of each environment."""
    steps = {"num_steps": EPISODE, "num_minibatches": 1} if path == "step" else {}
    return dataclasses.replace(SMALL, **{"path": path, **steps, **settings})


def small_env(name="allocation", **options):
    return sx.StackelbergPOMDP(sx.make(name, **options), num_rounds=12, num_reward_episodes=3)


def batch_of(trainer, params, key):
    """One training batch on the trainer's path, with ``params``."""
    config = trainer.config
    if config.path == "step":
        steps = init_steps(trainer.env, config, key)
        rollout = functools.partial(step_rollout, trainer.agent, config)
        _, seen, last_value, _ = jax.jit(rollout)(params, key, steps)
    else:
        rollout = functools.partial(committed_rollout, trainer.agent, config)
        seen, _, _ = jax.jit(rollout)(params, key)
        last_value = jnp.zeros(config.num_envs)
    return training_batch(config, seen, last_value), seen
