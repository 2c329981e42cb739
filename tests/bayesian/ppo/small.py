"""Small trainings, and one training batch of a trainer."""

import dataclasses
import functools

import jax

import stackjax as sx
from stackjax.bayesian.ppo.committed import committed_rollout
from stackjax.bayesian.ppo.rollout import init_steps, step_rollout
from stackjax.solvers.ppo.held import none_held
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
        gather, carried = step_rollout, init_steps(trainer.env, config, key)
    else:
        gather, carried = committed_rollout, none_held(trainer.agent.head, trainer.env.tree.num_nodes)
    found = jax.jit(functools.partial(gather, trainer.agent, config))(params, key, carried)
    return training_batch(config, found.seen, found.last_value), found.seen
