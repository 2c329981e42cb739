"""The committed path: whole Stackelberg episodes from tabulated games.

The commitment is drawn once per episode, the induced game is tabulated, and the response phase is one scan over
tables for the whole batch. What the learner is given is the commitment itself, a decision for each node with the episode's
return, or with ``credit="all"`` decisions sampled from the episode (`sampled_decisions`).
"""

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.followers.equilibrate import equilibrate
from stackjax.bayesian.followers.streams import start_streams
from stackjax.bayesian.pomdp.commitment import Tabulated, tabulate_batch
from stackjax.bayesian.pomdp.critic_view import unanswered_view
from stackjax.bayesian.pomdp.reward_phase import expected_play, play_reward_phase
from stackjax.bayesian.ppo.agent import Made, POMDPAgent
from stackjax.bayesian.ppo.moments import sampled_decisions
from stackjax.bayesian.ppo.rollout import normalised_rewards
from stackjax.sharing import shared
from stackjax.solvers.ppo.config import PPOConfig
from stackjax.solvers.ppo.held import Held, better_held, episodes_of_held
from stackjax.solvers.ppo.train import Rollout, RolloutStats, Transitions
from stackjax.types import Array, PRNGKey, PyTree

__all__ = ["committed_rollout"]


def committed_rollout(agent: POMDPAgent, config: PPOConfig, params: PyTree, key: PRNGKey, held: Held) -> Rollout:
    """``num_envs`` whole episodes under freshly drawn commitments.

    The first ``held_share`` of the episodes are those of the commitment ``held``, if there is one and commitments are credited.
    By default there are ``O`` decisions per episode.
    """
    env, game = agent.env, agent.env.game
    choice_key, response_key, play_key, visible_key = jax.random.split(key, 4)
    is_held = episodes_of_held(config, held)
    episodes = shared(jax.random.split(choice_key, config.num_envs))
    made = agent.draw(params, episodes, held.choices, is_held)
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
    if everything or config.returns == "sampled":
        stretches = min(config.reward_samples, env.num_reward_episodes) if everything else 1
        paid = play_reward_phase(table.game, response, env.reward_play, env.num_reward_episodes, stretches)
        returns = paid.payoffs.sum(axis=0) / env.num_reward_episodes
    if everything:
        keys = play_key, visible_key
        transitions, decisions = sampled_decisions(agent, config, params, keys, made, table, response, paid)
    else:
        play = expected_play(env.reward_play, env.num_reward_episodes, table.game, response)
        prior = jnp.asarray(game.type_prior, play.dtype)
        play = prior.reshape(*prior.shape, *(1,) * (prior.ndim + 1)) * play  # chances of types and actions
        if config.returns == "expected":
            returns = (play * table.game.leader_payoff).reshape(-1, play.shape[-1]).sum(axis=0)
        transitions, decisions = _commitments(agent, params, made, table, play, returns)
    stats = RolloutStats(jnp.float32(config.num_envs), returns.sum(), decisions)
    held = better_held(held, made.choices, returns, is_held)
    return Rollout(held, transitions, jnp.zeros(config.num_envs), stats)


def _commitments(
    agent: POMDPAgent, params: PyTree, made: Made, table: Tabulated, play: Array, returns: Array
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
