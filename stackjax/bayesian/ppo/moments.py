"""Credit to every decision, on the committed path: decisions sampled from the answered tables (the paper's PPO).

A sample of the decisions that the step path would have made, evenly spaced in time, goes to the learner, in time order; a
reward that falls between two of them belongs to the earlier one (γ = 1 makes the skipping harmless).
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.followers import rounds
from stackjax.bayesian.followers.base import mixed_at
from stackjax.bayesian.followers.response import Response
from stackjax.bayesian.followers.rounds import profile_index
from stackjax.bayesian.pomdp.commitment import Tabulated
from stackjax.bayesian.pomdp.critic_view import CriticView
from stackjax.bayesian.pomdp.environment import StackelbergPOMDP
from stackjax.bayesian.pomdp.reward_phase import RewardPhase
from stackjax.bayesian.ppo.agent import Made, POMDPAgent
from stackjax.bayesian.ppo.rollout import normalised_rewards
from stackjax.solvers.ppo.config import PPOConfig
from stackjax.solvers.ppo.train import Transitions
from stackjax.types import Array, PRNGKey, PyTree

__all__ = ["sampled_decisions"]


def sampled_decisions(
    agent: POMDPAgent,
    config: PPOConfig,
    params: PyTree,
    keys: tuple[PRNGKey, PRNGKey],
    made: Made,
    table: Tabulated,
    response: Response,
    paid: RewardPhase,
) -> tuple[Transitions, Array]:
    """Decisions of whole episodes ``[B]`` in time order, from the tables of those episodes.

    Args:
      keys: for which play of a sampled round is taken, and for which decisions are shown.
      made: what was drawn, ``[B, O, ...]``.

    Returns:
      `Transitions` of ``(response_samples + reward_samples) * L`` slots per episode, hidden where a sub-episode had already
      ended, and how many decisions the episodes stand for.
    """
    env = agent.env
    play_key, visible_key = keys
    num_samples = min(config.response_samples, env.num_rounds)
    play = jax.random.randint(play_key, (num_samples, config.num_envs), 0, env.plays.num_plays)
    profile, view = _moments(env, play, table, response, paid)

    cells = jax.vmap(lambda t, p: profile_index(env.game.table_shape, (*t, *p)))(view.types, profile)
    look_up = jax.vmap(lambda cell, leaf: rounds.take_row(cell, leaf.reshape(-1, *leaf.shape[2:])), (0, None))
    nodes, reached = look_up(cells, table.nodes), look_up(cells, table.reached)  # [s, L, B]
    num_moments, num_decisions, batch = nodes.shape
    num_response = num_moments - len(paid.first)
    counts = jnp.asarray(np.diff([*paid.first, env.num_reward_episodes])[:, None], jnp.result_type(float))
    normalised = normalised_rewards(env, paid.payoffs, counts)
    reward = jnp.zeros((num_moments, num_decisions, batch)).at[num_response:, -1].set(normalised)
    terminated = jnp.zeros((num_moments, num_decisions, batch), bool).at[-1, -1].set(True)
    chance = jax.random.uniform(visible_key, (num_moments, num_decisions, config.num_envs))
    shown = chance < config.response_visibility
    visible = reached & (shown | (jnp.arange(num_moments) >= num_response)[:, None, None])

    per_episode = jax.vmap(lambda values, index: values[index], (0, -1), -1)  # [B, O, ...] at [s, L, B]
    at_nodes = lambda values: jnp.moveaxis(per_episode(values, nodes), -1, 2).reshape(-1, batch, *values.shape[2:])
    observation = at_nodes(made.observations)
    critic_of = jax.vmap(agent.critic_inputs, (0, -1))  # over the batch
    views = jax.tree.map(lambda leaf: jnp.repeat(leaf, num_decisions, axis=0), view)
    critic_input = jax.vmap(critic_of)(observation, views)
    flat = lambda x: x.reshape(-1, batch)
    transitions = Transitions(
        observation=observation,
        critic_input=critic_input,
        choice=at_nodes(made.choices),
        log_prob=at_nodes(made.log_probs),
        value=agent.value(params, critic_input),
        reward=flat(reward),
        terminated=flat(terminated),
        visible=flat(visible),
        credited=flat(visible),
    )
    return transitions, batch * _decisions_per_episode(env, reached, num_response)


def _decisions_per_episode(env: StackelbergPOMDP, reached: Array, num_response: int) -> Array:
    """How many decisions an episode takes, from those of the sampled sub-episodes ``reached [s, L, B]``."""
    lengths = reached.sum(axis=1, dtype=jnp.float32).mean(axis=1)  # [s]
    in_reward = lengths[num_response:].mean()
    in_response = lengths[:num_response].mean() if num_response else in_reward
    return env.num_rounds * env.plays.num_plays * in_response + env.num_reward_episodes * in_reward


def _moments(
    env: StackelbergPOMDP, play: Array, table: Tabulated, response: Response, paid: RewardPhase
) -> tuple[Array, CriticView]:
    """Actions ``[s, N, B]`` of the sub-episodes that reach the learner, and the hidden state there, leaves ``[s, ..., B]``.

    These are the sampled rounds, of each the play ``play [s, B]``, then the first sub-episode of each reward stretch.
    """
    batch, num_paid = table.game.batch_shape, len(paid.first)
    stacked = lambda draws: tuple(jnp.stack(drawn, 1) for drawn in draws)  # [s, N, B]

    def view(is_response: float, draws: tuple, strategies: tuple, play: Any, progress: Any, payoffs: Array) -> CriticView:
        types, known, actions = draws
        spread = lambda value: jnp.broadcast_to(value, (len(payoffs), *batch))
        return CriticView(
            spread(is_response), strategies, types, known, actions, spread(play), spread(progress[:, None]), payoffs
        )

    draws = stacked(paid.draws)
    strategies = tuple(jnp.broadcast_to(s, (num_paid, *s.shape)) for s in response.strategies)
    nothing = jnp.zeros((num_paid, env.game.num_followers, max(env.game.num_actions), *batch))
    progress = paid.first / env.num_reward_episodes
    at_reward = draws[2], view(0.0, draws, strategies, env.plays.num_plays, progress, nothing)
    seen = response.snapshots
    if seen is None:
        return at_reward
    draws = stacked(seen.draws)
    profile = jax.vmap(jax.vmap(env.plays.profile, (0, -1), -1))(play, draws[2])
    payoffs = jax.vmap(lambda *a: _learned_so_far(env, table, *a))(*draws, play, seen.strategies)
    at_response = profile, view(1.0, draws, seen.strategies, play, seen.rounds / env.num_rounds, payoffs)
    return jax.tree.map(lambda a, b: jnp.concatenate([a, b]), at_response, at_reward)


def _learned_so_far(
    env: StackelbergPOMDP,
    table: Tabulated,
    types: Array,
    known: Array,
    actions: Array,
    play: Array,
    tables: tuple[Array, ...],
) -> Array:
    """``[N, A, B]`` what the plays of a round before ``play`` have taught the followers; see `CriticView.payoffs`."""
    mixed = mixed_at(tables, list(known))
    total = jnp.zeros(mixed.shape)
    for q in range(env.plays.num_plays):
        profile = jax.vmap(env.plays.profile, (None, -1), -1)(jnp.int32(q), actions)
        cell = profile_index(env.game.table_shape, (*types, *profile))
        payoffs = jnp.stack([rounds.take_row(cell, p.reshape(-1, cell.shape[0])) for p in table.game.follower_payoffs])
        learned = jax.vmap(env.plays.learned, (None, -1, -1), -1)(jnp.int32(q), env.learned_from(payoffs), mixed)
        total = total + jnp.where(q < play, learned, 0.0)
    return total
