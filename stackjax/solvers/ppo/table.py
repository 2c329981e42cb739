"""PPO on any problem whose commitments are a table: a decision at each node, all of which earn what the commitment is worth.

The committed path of the Bayesian family (`committed`) is this, with nodes that may not be reached and with a critic that may
see the followers' tables as they are before the answer. Here followers have none before they answer: the critic sees what the
leader sees.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from stackjax.errors import InputError, require_key
from stackjax.problem import Metrics, Problem, Solver
from stackjax.sharing import shared
from stackjax.solvers.ppo.committed import Held, better_held, episodes_of_held
from stackjax.solvers.ppo.config import PPOConfig
from stackjax.solvers.ppo.losses import Minibatch
from stackjax.solvers.ppo.networks import ActionHead, Actor, Critic, action_head
from stackjax.solvers.ppo.train import above_the_rest, learn, optimiser
from stackjax.spaces import Box
from stackjax.types import Array, PRNGKey, PyTree

__all__ = ["TableState", "table_solver"]

LOSSES = ("value_loss", "policy_loss", "entropy", "approx_kl", "clip_fraction")


class TableAgent(NamedTuple):
    """Policy and value as functions of parameters and what the leader sees at a node."""

    head: ActionHead
    actor: Actor
    critic: Critic

    def policy(self, params: PyTree, observations: Array) -> Array:
        """Parameters of the choice distribution at ``observations [..., D]``."""
        return jnp.asarray(self.actor.apply(params["actor"], observations))

    def value(self, params: PyTree, observations: Array) -> Array:
        """The expected share ``[...]`` of the payoff range at ``observations [..., D]``."""
        return jnp.asarray(self.critic.apply(params["critic"], observations))


class TableState(NamedTuple):
    """Everything that an update reads and writes."""

    params: PyTree
    optimiser: PyTree
    key: PRNGKey
    update: Array
    held: Held


def table_solver(problem: Problem, config: PPOConfig) -> Solver:
    """PPO on ``problem``, whose table says what the leader sees at its nodes.

    Raises:
      InputError: a setting belongs to the Bayesian family's Stackelberg POMDP, or does not fit the problem.
    """
    table = problem.commitments
    for name in ("path", "credit", "returns", "critic_inputs"):
        if config.differs(name):
            raise InputError(f"{name}={getattr(config, name)} is for games of the Bayesian family")
    size = config.num_envs * table.num_nodes
    if size % config.num_minibatches:
        raise InputError(f"num_minibatches={config.num_minibatches} must divide the batch of {size} decisions")
    assert table.observations is not None
    space, seen = table.actions, jnp.asarray(table.observations)
    head = action_head(space, config)
    actor: Any = Actor(config.hidden_sizes, head.num_outputs, head.num_free, head.free_init, head.bias)
    agent = TableAgent(head, actor, Critic(config.hidden_sizes))
    low, high = problem.payoff_range

    def init(key: PRNGKey) -> TableState:
        require_key(key)
        actor_key, critic_key, draw_key, key = jax.random.split(key, 4)
        params = {"actor": agent.actor.init(actor_key, seen[0]), "critic": agent.critic.init(critic_key, seen[0])}
        choices, _ = draw(params, draw_key[None])
        nothing = Held(jnp.zeros_like(choices[0]), jnp.asarray(-jnp.inf))
        return TableState(params, optimiser(config).init(params), key, jnp.int32(0), nothing)

    def draw(params: PyTree, keys: PRNGKey) -> tuple[Array, Array]:
        """Choices ``[B, O, ...]`` at all nodes, and the parameters ``[O, ...]`` that they were drawn with."""
        parameters = agent.policy(params, seen)
        return jax.vmap(lambda key: head.draw(head.noise(key, parameters.shape[:-1]), parameters))(keys), parameters

    def update(state: TableState) -> tuple[TableState, Metrics]:
        draw_key, worth_key, epochs_key, key = jax.random.split(state.key, 4)
        is_held = episodes_of_held(config) & (state.held.payoff > -jnp.inf)
        drawn, parameters = draw(state.params, shared(jax.random.split(draw_key, config.num_envs)))
        choices = jnp.where(is_held.reshape(-1, *[1] * (drawn.ndim - 1)), state.held.choices[None], drawn)
        worth = problem.worth(worth_key, space.clip(head.to_action(choices)))
        is_known = jnp.isfinite(worth.payoff)  # a commitment whose payoff is not counts as the worst, and stops nothing
        payoff = jnp.where(is_known, worth.payoff, low)
        log_probs = jax.vmap(head.distribution(parameters).log_prob)(choices)  # [B, O]

        nodes_first = lambda leaf: jnp.moveaxis(leaf, 0, 1)  # [B, O, ...] -> [O, B, ...]
        shape = (table.num_nodes, config.num_envs)
        observations = jnp.broadcast_to(seen[:, None], (*shape, seen.shape[-1]))
        value = jnp.broadcast_to(agent.value(state.params, seen)[:, None], shape)
        target = jnp.broadcast_to((payoff[None] - low) / (high - low), shape)
        ones, advantage = jnp.ones(shape), target - value
        remaining = 1.0 - state.update.astype(jnp.result_type(float)) / config.num_updates
        if isinstance(space, Box):
            advantage = above_the_rest(advantage, ones, config.box_top_share**remaining)
        batch = Minibatch(
            observations, observations, nodes_first(choices), nodes_first(log_probs), advantage, target, ones, ones
        )
        learned = state.params, state.optimiser
        params, optimiser_state, loss, is_finite = learn(agent, config, learned, batch, epochs_key, remaining)
        held = better_held(state.held, choices, payoff, is_held)
        metrics = {
            "episodes": jnp.float32(config.num_envs),
            "total_return": payoff.sum(),
            "decisions": jnp.float32(size),
            **{name: getattr(loss, name) for name in LOSSES},
            "is_finite": is_finite & is_known.any(),
        }
        return TableState(params, optimiser_state, key, state.update + 1, held), metrics

    def commitment(state: TableState) -> Array:
        return space.clip(head.to_action(head.distribution(agent.policy(state.params, seen)).mode()))

    return Solver(init, update, commitment, commitments_at_once=config.num_envs)
