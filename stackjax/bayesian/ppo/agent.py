"""The leader's policy and value function for one environment: networks bound to what they may see."""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp

from stackjax.bayesian.pomdp.commitment import commit
from stackjax.bayesian.pomdp.critic_view import CriticView, critic_vector, unanswered_view
from stackjax.bayesian.pomdp.environment import StackelbergPOMDP
from stackjax.solvers.ppo.networks import Agent
from stackjax.types import Array, PRNGKey, PyTree

__all__ = ["Made", "POMDPAgent"]


class Made(NamedTuple):
    """Commitments as they were drawn, ``[B, O, ...]``; ``drawn_at`` is the first node that is not told apart from a node."""

    observations: Array
    choices: Array
    log_probs: Array
    drawn_at: Array


@dataclasses.dataclass(frozen=True)
class POMDPAgent(Agent):
    """`critic_inputs` turns one decision's observation and `CriticView` into the critic's input vector."""

    env: StackelbergPOMDP
    critic_mode: str

    def init(self, key: PRNGKey) -> PyTree:
        observation = jnp.zeros(self.env.observation_size)
        view = unanswered_view(self.env.game, self.env.dynamics)
        actor_key, critic_key = jax.random.split(key)
        return self.first_params(actor_key, critic_key, observation, self.critic_inputs(observation, view))

    def critic_inputs(self, observation: Array, view: CriticView) -> Array:
        return critic_vector(self.critic_mode, self.env.game, self.env.plays.num_plays, observation, view)

    def draw(self, params: PyTree, keys: PRNGKey, given: Array, is_given: Array) -> Made:
        """A commitment for each of ``keys [B]``, drawn node by node, or ``given [O, ...]`` where ``is_given [B]``."""
        env, head = self.env, self.head

        def draw_one(episode_key: PRNGKey, is_given: Array) -> Made:
            def choose(observations: Array, nodes: slice) -> tuple[Array, Array, Array]:
                parameters = self.policy(params, observations)
                noise = head.noise(jax.random.fold_in(episode_key, nodes.start), parameters.shape[:-1])
                choice = jnp.where(is_given, given[nodes], head.draw(noise, parameters))
                numbers = jnp.arange(nodes.start, nodes.stop, dtype=jnp.int32)
                return choice, head.distribution(parameters).log_prob(choice), numbers

            observations, drawn = commit(env.game, env.tree, choose, lambda made: self.game_action(made[0]))
            return Made(observations, *drawn)

        return jax.vmap(draw_one)(keys, is_given)

    def commitment(self, params: PyTree) -> tuple[Array, Array]:
        choose = lambda observations, _: self.mode_action(params, observations)
        return commit(self.env.game, self.env.tree, choose, lambda actions: actions)
