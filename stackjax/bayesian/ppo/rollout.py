"""The step-by-step path: the environments go on decision by decision, whatever updates do meanwhile."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from stackjax.bayesian.pomdp.environment import StackelbergPOMDP, StackelbergState
from stackjax.bayesian.ppo.agent import POMDPAgent
from stackjax.sharing import shared
from stackjax.solvers.ppo.config import PPOConfig
from stackjax.solvers.ppo.train import Rollout, RolloutStats, Transitions
from stackjax.types import Array, PRNGKey, PyTree

__all__ = ["StepCarry", "init_steps", "normalised_rewards", "step_rollout"]


class StepCarry(NamedTuple):
    """The environments in mid-episode, ``[B, ...]``; ``log_probs [B, O]`` are those of the commitments when they were drawn."""

    env_state: StackelbergState
    observation: Array
    episode_return: Array
    log_probs: Array


def normalised_rewards(env: StackelbergPOMDP, payoffs: Array, count: Array | float) -> Array:
    """Rewards for ``count`` sub-episodes that paid ``payoffs`` in all, scaled so that returns lie in [0, 1]."""
    low, high = env.game.competing_range
    if low > env.game.leader_payoff_range[0]:  # a penalty counts as the lowest payoff that competes
        payoffs = jnp.maximum(payoffs, count * low)
    return (payoffs - count * low) / ((high - low) * env.num_reward_episodes)


def init_steps(env: StackelbergPOMDP, config: PPOConfig, key: PRNGKey) -> StepCarry:
    observation, env_state = jax.vmap(env.reset_env)(shared(jax.random.split(key, config.num_envs)))
    num_envs = observation.shape[0]
    return StepCarry(env_state, observation, jnp.zeros(num_envs), jnp.zeros((num_envs, env.tree.num_nodes)))


def step_rollout(agent: POMDPAgent, config: PPOConfig, params: PyTree, key: PRNGKey, carry: StepCarry) -> Rollout:
    """``num_steps`` leader decisions in each environment; episodes go on over updates and restart by themselves."""
    env, head = agent.env, agent.head
    step_env = jax.vmap(env.step, (0, 0, 0, None))
    critic_inputs = lambda carry: jax.vmap(agent.critic_inputs)(carry.observation, jax.vmap(env.critic_view)(carry.env_state))

    def step(carry: StepCarry, step_key: PRNGKey) -> tuple[StepCarry, tuple[Transitions, Array]]:
        choice_key, env_key, visible_key = jax.random.split(step_key, 3)
        parameters = agent.policy(params, carry.observation)
        drawn = head.draw(head.noise(choice_key, (config.num_envs,)), parameters)
        held = jax.vmap(env.committed_action)(carry.env_state, head.to_action(drawn))
        choice = head.from_action(held)
        node = carry.env_state.node[:, None]
        is_held = jnp.take_along_axis(carry.env_state.commitments.made, node, axis=1)[:, 0]
        drawn_log_prob = jnp.take_along_axis(carry.log_probs, node, axis=1)[:, 0]
        log_prob = jnp.where(is_held, drawn_log_prob, head.distribution(parameters).log_prob(choice))
        log_probs = jnp.put_along_axis(carry.log_probs, node, log_prob[:, None], axis=1, inplace=False)
        critic_input = critic_inputs(carry)
        shown = jax.random.uniform(visible_key, (config.num_envs,)) < config.response_visibility
        visible = ~carry.env_state.is_response | shown
        keys = shared(jax.random.split(env_key, config.num_envs))
        observation, env_state, reward, terminated, _, info = step_env(keys, carry.env_state, held, env.default_params)
        transition = Transitions(
            observation=carry.observation,
            critic_input=critic_input,
            choice=choice,
            log_prob=log_prob,
            value=agent.value(params, critic_input),
            reward=normalised_rewards(env, reward * env.num_reward_episodes, info["is_paid"].astype(reward.dtype)),
            terminated=terminated,
            visible=visible,
            credited=visible if config.credit == "all" else visible & ~is_held,
        )
        total = carry.episode_return + reward
        after = StepCarry(env_state, observation, jnp.where(terminated, 0.0, total), log_probs)
        return after, (transition, jnp.where(terminated, total, 0.0))

    carry, (seen, returns) = jax.lax.scan(step, carry, jax.random.split(key, config.num_steps))
    decisions = jnp.float32(config.num_steps * config.num_envs)
    stats = RolloutStats(seen.terminated.sum(dtype=jnp.float32), returns.sum(), decisions)
    return Rollout(carry, seen, agent.value(params, critic_inputs(carry)), stats)
