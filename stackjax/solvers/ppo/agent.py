"""The leader's policy and value function for one environment: networks bound to what they may see."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from stackjax.bayesian.pomdp.commitment import commit
from stackjax.bayesian.pomdp.critic_view import CriticView, critic_vector
from stackjax.bayesian.pomdp.environment import StackelbergPOMDP
from stackjax.solvers.ppo.config import PPOConfig
from stackjax.solvers.ppo.networks import ActionHead, Actor, Critic, action_head
from stackjax.types import Array, PRNGKey, PyTree

__all__ = ["Agent", "make_agent"]


class Agent(NamedTuple):
    """Pure functions of parameters ``{"actor": ..., "critic": ...}``.

    The actor's functions take observations only. `critic_inputs` turns one decision's observation and `CriticView` into
    the critic's input vector.
    """

    env: StackelbergPOMDP
    head: ActionHead
    actor: Actor
    critic: Critic
    critic_mode: str

    def init(self, key: PRNGKey) -> PyTree:
        actor_key, critic_key = jax.random.split(key)
        observation = jnp.zeros(self.env.observation_size)
        view = jax.eval_shape(lambda k: self.env.critic_view(self.env.reset_env(k)[1]), key)
        view = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), view)
        inputs = self.critic_inputs(observation, view)
        return {"actor": self.actor.init(actor_key, observation), "critic": self.critic.init(critic_key, inputs)}

    def policy(self, params: PyTree, observations: Array) -> Array:
        """Parameters of the choice distribution at ``observations [..., D]``."""
        return jnp.asarray(self.actor.apply(params["actor"], observations))

    def critic_inputs(self, observation: Array, view: CriticView) -> Array:
        return critic_vector(self.critic_mode, self.env.game, self.env.plays.num_plays, observation, view)

    def value(self, params: PyTree, critic_inputs: Array) -> Array:
        """Values ``[...]`` for critic inputs ``[..., C]``: the expected normalised return to go."""
        return jnp.asarray(self.critic.apply(params["critic"], critic_inputs))

    def mode_action(self, params: PyTree, observations: Array) -> Array:
        """The most likely leader action at each of ``observations [..., D]``."""
        return self.game_action(self.head.distribution(self.policy(params, observations)).mode())

    def commitment(self, params: PyTree) -> tuple[Array, Array]:
        """The most likely leader action at every node: ``observations [O, D]`` and ``actions [O, ...]``."""
        choose = lambda observations, _: self.mode_action(params, observations)
        return commit(self.env.game, self.env.tree, choose, lambda actions: actions)

    def game_action(self, choice: Array) -> Array:
        """The leader action that the game sees for a choice, inside its space."""
        return self.env.game.leader_actions.clip(self.head.to_action(choice))


def make_agent(env: StackelbergPOMDP, config: PPOConfig) -> Agent:
    head = action_head(env.game.leader_actions, config)
    actor: Any = Actor(config.hidden_sizes, head.num_outputs, head.num_free, head.free_init, head.bias)
    return Agent(env, head, actor, Critic(config.hidden_sizes), config.critic_inputs)
