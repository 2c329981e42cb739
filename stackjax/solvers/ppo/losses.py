"""The clipped PPO objective on one minibatch."""

from typing import Any, NamedTuple

import chex
import jax.numpy as jnp

from stackjax.solvers.ppo.config import PPOConfig
from stackjax.solvers.ppo.networks import Agent
from stackjax.types import Array, PyTree

__all__ = ["LossStats", "Minibatch", "ppo_loss"]


class Minibatch(NamedTuple):
    """Decisions ``[b, ...]`` with what the loss needs; ``weight`` is 1.0 where visible, ``credit`` where credited, else 0.0."""

    observation: Array
    critic_input: Array
    choice: Array
    log_prob: Array
    advantage: Array
    target: Array
    weight: Array
    credit: Array


class LossStats(NamedTuple):
    """Means over a minibatch's credited decisions; of the value loss, over its visible ones."""

    loss: Array
    policy_loss: Array
    value_loss: Array
    entropy: Array
    approx_kl: Array
    clip_fraction: Array
    ratio_error: Array  # the largest |ratio - 1|


def ppo_loss(
    agent: Agent, config: PPOConfig, params: PyTree, batch: Minibatch, entropy_coefficient: Any
) -> tuple[Array, LossStats]:
    """``-E[min(ρA, clip(ρ, 1 ± ε)A)] + c_v E[(V - target)²] - c_e E[H]`` the value's term over visible decisions, the others
    over credited ones.

    Advantages are normalised over the minibatch's credited decisions.

    References: Schulman et al. (2017), equation 9.
    """
    chex.assert_equal_shape([batch.log_prob, batch.advantage, batch.target, batch.weight, batch.credit])
    visible = jnp.maximum(batch.weight.sum(), 1.0)
    credited = jnp.maximum(batch.credit.sum(), 1.0)
    mean = lambda x: (batch.credit * x).sum() / credited
    centred = batch.advantage - mean(batch.advantage)
    advantage = centred / (jnp.sqrt(mean(centred**2)) + 1e-8)

    distribution = agent.head.distribution(agent.policy(params, batch.observation))
    log_ratio = distribution.log_prob(batch.choice) - batch.log_prob
    ratio = jnp.exp(log_ratio)
    clipped = jnp.clip(ratio, 1.0 - config.clip_epsilon, 1.0 + config.clip_epsilon)
    policy_loss = -mean(jnp.minimum(ratio * advantage, clipped * advantage))
    value_loss = (batch.weight * (agent.value(params, batch.critic_input) - batch.target) ** 2).sum() / visible
    entropy = mean(distribution.entropy())
    loss = policy_loss + config.value_coefficient * value_loss - entropy_coefficient * entropy
    stats = LossStats(
        loss=loss,
        policy_loss=policy_loss,
        value_loss=value_loss,
        entropy=entropy,
        approx_kl=mean(ratio - 1.0 - log_ratio),
        clip_fraction=mean((jnp.abs(ratio - 1.0) > config.clip_epsilon).astype(ratio.dtype)),
        ratio_error=(batch.credit * jnp.abs(ratio - 1.0)).max(),
    )
    return loss, stats
