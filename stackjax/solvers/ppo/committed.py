"""The committed path: whole Stackelberg episodes from tabulated games.

The commitment is drawn once per episode, the induced game is tabulated, and the response phase is one scan over
tables for the whole batch. What the learner is given is the commitment itself, a decision for each node with the episode's
return, or with ``credit="all"`` decisions sampled from the episode (`sampled_decisions`).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.followers.equilibrate import equilibrate
from stackjax.bayesian.followers.streams import start_streams
from stackjax.bayesian.pomdp.commitment import Tabulated, commit, tabulate_batch
from stackjax.bayesian.pomdp.critic_view import unanswered_view
from stackjax.bayesian.pomdp.reward_phase import expected_play, play_reward_phase
from stackjax.sharing import shared
from stackjax.solvers.ppo.agent import Agent
from stackjax.solvers.ppo.config import PPOConfig
from stackjax.solvers.ppo.moments import sampled_decisions
from stackjax.solvers.ppo.rollout import Made, RolloutStats, Transitions, normalised_rewards
from stackjax.types import Array, PRNGKey, PyTree

__all__ = ["Held", "better_held", "committed_rollout", "drawn_commitments", "episodes_of_held", "none_held"]


class Held(NamedTuple):
    """The best commitment so far, as choices ``[O, ...]``, and what it paid on average when it was last played, game units."""

    choices: Array
    payoff: Array


def episodes_of_held(config: PPOConfig) -> Array:
    """bool ``[num_envs]``, the episodes of an update that play the best commitment so far; none if all is credited."""
    if config.credit == "all":
        return jnp.zeros(config.num_envs, bool)
    return jnp.arange(config.num_envs, dtype=jnp.result_type(float)) < config.held_share * config.num_envs


def none_held(agent: Agent) -> Held:
    """Before anything was played."""
    choices = jax.eval_shape(lambda params, key: drawn_commitments(agent, params, key[None]).choices[0], *_example(agent))
    return Held(jnp.zeros(choices.shape, choices.dtype), jnp.asarray(-jnp.inf))


def _example(agent: Agent) -> tuple[PyTree, PRNGKey]:
    key = jax.random.key(0)
    return jax.eval_shape(agent.init, key), key


def committed_rollout(
    agent: Agent, config: PPOConfig, params: PyTree, key: PRNGKey, held: Held | None = None
) -> tuple[Transitions, RolloutStats, Held]:
    """``num_envs`` whole episodes under freshly drawn commitments.

    The first ``held_share`` of the episodes are those of the commitment ``held``, if there is one and commitments are credited.

    Returns:
      `Transitions`, by default ``O`` of them per episode, `RolloutStats`, and the best commitment now.
    """
    env, game = agent.env, agent.env.game
    choice_key, response_key, play_key, visible_key = jax.random.split(key, 4)
    held = none_held(agent) if held is None else held
    is_held = episodes_of_held(config) & (held.payoff > -jnp.inf)
    episodes = shared(jax.random.split(choice_key, config.num_envs))
    made = drawn_commitments(agent, params, episodes, held.choices, is_held)
    table = tabulate_batch(game, env.tree, agent.game_action(made.choices))
    everything = config.credit == "all"
    streams = shared(start_streams(response_key, (config.num_envs,)))
    response = equilibrate(
        streams,
        table.game,
        env.dynamics,
        env.num_rounds,
        payoff_scale=game.payoff_scale,
        payoff_floor=game.payoff_floor,
        count_plays=env.counts_plays,
        num_snapshots=min(config.response_samples, env.num_rounds) if everything else 0,
    )
    if everything:
        stretches = min(config.reward_samples, env.num_reward_episodes)
        paid = play_reward_phase(table.game, response, env.reward_play, env.num_reward_episodes, stretches)
        keys = play_key, visible_key
        transitions, decisions = sampled_decisions(agent, config, params, keys, made, table, response, paid)
        returns = paid.payoffs.sum(axis=0) / env.num_reward_episodes
    else:
        play = expected_play(env.reward_play, env.num_reward_episodes, table.game, response)
        prior = jnp.asarray(game.type_prior, play.dtype)
        play = prior.reshape(*prior.shape, *(1,) * (prior.ndim + 1)) * play  # chances of types and actions
        if config.returns == "expected":
            returns = (play * table.game.leader_payoff).reshape(-1, play.shape[-1]).sum(axis=0)
        else:
            paid = play_reward_phase(table.game, response, env.reward_play, env.num_reward_episodes, 1)
            returns = paid.payoffs.sum(axis=0) / env.num_reward_episodes
        transitions, decisions = _commitments(agent, params, made, table, play, returns)
    stats = RolloutStats(jnp.float32(returns.shape[0]), returns.sum(), decisions)
    return transitions, stats, better_held(held, made.choices, returns, is_held)


def better_held(held: Held, choices: Array, returns: Array, is_held: Array) -> Held:
    """The best of an update's commitments, unless what is held paid as much in this update's episodes of it."""
    count = is_held.sum(dtype=returns.dtype)
    again = jnp.where(is_held, returns, 0.0).sum() / jnp.maximum(count, 1.0)
    payoff = jnp.where(count > 0, again, held.payoff)
    others = jnp.where(is_held | jnp.isnan(returns), -jnp.inf, returns)
    best = jnp.argmax(others)
    return Held(jnp.where(others[best] > payoff, choices[best], held.choices), jnp.maximum(others[best], payoff))


def drawn_commitments(
    agent: Agent, params: PyTree, keys: PRNGKey, given: Array | None = None, is_given: Array | None = None
) -> Made:
    """A commitment for each of ``keys [B]``, drawn from the policy node by node, or ``given [O, ...]`` where ``is_given``."""
    env, head = agent.env, agent.head
    if is_given is None:
        is_given = jnp.zeros(keys.shape, bool)

    def draw_all(episode_key: PRNGKey, is_given: Array) -> Made:
        def choose(observations: Array, nodes: slice) -> tuple[Array, Array, Array]:
            parameters = agent.policy(params, observations)
            noise = head.noise(jax.random.fold_in(episode_key, nodes.start), parameters.shape[:-1])
            choice = head.draw(noise, parameters)
            if given is not None:
                choice = jnp.where(is_given, given[nodes], choice)
            numbers = jnp.arange(nodes.start, nodes.stop, dtype=jnp.int32)
            return choice, head.distribution(parameters).log_prob(choice), numbers

        observations, drawn = commit(env.game, env.tree, choose, lambda made: agent.game_action(made[0]))
        return Made(observations, *drawn)

    return jax.vmap(draw_all)(keys, is_given)


def _commitments(
    agent: Agent, params: PyTree, made: Made, table: Tabulated, play: Array, returns: Array
) -> tuple[Transitions, Array]:
    """The decisions that make the commitments ``[O, B]``, and how many decisions the episodes stand for.

    Each earns the whole episode's return, game units, and ends it, so that its advantage is what it adds to the critic's value;
    the critic sees it as it was made, before any follower has learned. A node that no possible profile of types and actions
    passes through, or that this commitment does not tell apart from an earlier one, decides nothing and is hidden.
    """
    env = agent.env
    batch, num_nodes = made.log_probs.shape
    possible = jnp.asarray(np.asarray(env.game.type_prior).reshape(-1, 1, 1, 1) > 0)
    episode = jnp.arange(batch, dtype=jnp.int32)
    node = made.drawn_at.T[table.nodes, episode]  # [P, M, L, B]
    decides = jnp.zeros((num_nodes, batch), bool).at[node, episode].max(table.reached & possible)

    view = unanswered_view(env.game, env.dynamics)
    critic_input = jax.vmap(jax.vmap(lambda observation: agent.critic_inputs(observation, view)))(made.observations)
    by_node = lambda leaf: jnp.moveaxis(leaf, 0, 1)  # [B, O, ...] -> [O, B, ...]
    reward = normalised_rewards(env, returns * env.num_reward_episodes, jnp.full_like(returns, env.num_reward_episodes))
    transitions = Transitions(
        observation=by_node(made.observations),
        critic_input=by_node(critic_input),
        choice=by_node(made.choices),
        log_prob=by_node(made.log_probs),
        value=by_node(agent.value(params, critic_input)),
        reward=jnp.broadcast_to(reward, decides.shape),
        terminated=jnp.ones_like(decides),
        visible=decides,
        credited=decides,
    )
    length = table.reached.sum(axis=2, dtype=play.dtype)  # [P, M, B]
    num_sub_episodes = env.num_rounds * env.plays.num_plays + env.num_reward_episodes
    return transitions, num_sub_episodes * (play.reshape(length.shape) * length).sum()
