"""PPO on the leader's episodes with queries; the loop is that of `stackjax.solvers.ppo.train`.

References: Gerstgrasser and Parkes (2023), "Oracles & Followers: Stackelberg equilibria in deep multi-agent reinforcement
learning", of which `stackjax.markov.queries` names what may be switched.
"""

import dataclasses
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from stackjax.errors import InputError
from stackjax.markov.ppo.play import Answered, Step, answered, first_followers, played
from stackjax.markov.problem import MarkovProblem
from stackjax.problem import Solver
from stackjax.sharing import shared
from stackjax.solvers.ppo.config import PPOConfig
from stackjax.solvers.ppo.networks import Agent
from stackjax.solvers.ppo.train import Rollout, RolloutStats, Trainer, Transitions
from stackjax.types import Array, PRNGKey, PyTree

__all__ = ["QueryTrainer", "query_solver"]

IDLE = ("path", "credit", "returns", "critic_inputs", "box_top_share", "held_share")  # settings that do nothing here


@dataclasses.dataclass(frozen=True)
class QueryAgent(Agent):
    """``queried [S, D]`` and ``playing [S, D]`` are what the leader sees in the public states, in the two phases."""

    queried: Array
    playing: Array

    def commitment(self, params: PyTree) -> tuple[Array, Array]:
        """The table that it plays."""
        return self.playing, self.mode_action(params, self.playing)


class Decisions(NamedTuple):
    """What the leader sees, chooses and is paid, ``[t, B, ...]``; ``steps_left`` is what the critic also knows of the time."""

    observation: Array
    choice: Array
    payoff: Array
    steps_left: Array


@dataclasses.dataclass(frozen=True, eq=False)
class QueryTrainer(Trainer):
    """An update plays ``num_envs`` episodes: a query in every public state in order, and then the steps of the game."""

    agent: QueryAgent
    problem: MarkovProblem
    num_keys = 3

    @property
    def batch_size(self) -> int:
        return self.config.num_envs * (self.problem.game.num_states + self.problem.length.steps)

    @property
    def num_games(self) -> int:
        """Games in which the follower of an episode learns."""
        learning = self.problem.rule.learning
        return 0 if learning is None else learning.num_games

    def start(self, key: PRNGKey) -> tuple[PyTree, PyTree, PRNGKey]:
        actor_key, critic_key, followers_key, key = jax.random.split(key, 4)
        seen = self.agent.queried[0]
        params = self.agent.first_params(actor_key, critic_key, seen, jnp.zeros(len(seen) + 2, seen.dtype))
        return params, first_followers(self.problem, followers_key, self.config.num_envs), key

    def rollout(self, params: PyTree, keys: list[PRNGKey], carried: PyTree) -> Rollout:
        query_key, answer_key, play_key = keys
        queries = self._queries(params, query_key)
        found = answered(self.problem, answer_key, self.agent.game_action(queries.choice.swapaxes(0, 1)), carried)
        steps = self._steps(params, play_key, found.policies)
        return self._learnt_from(params, queries, steps, found)

    def _queries(self, params: PyTree, key: PRNGKey) -> Decisions:
        """``[S, B, ...]`` what the leader says in each public state."""
        agent, count = self.agent, self.config.num_envs
        parameters = agent.policy(params, agent.queried)
        draw = lambda key: agent.head.draw(agent.head.noise(key, parameters.shape[:-1]), parameters)
        choices = jax.vmap(draw, out_axes=1)(shared(jax.random.split(key, count)))
        states = len(agent.queried)
        observations = jnp.broadcast_to(agent.queried[:, None], (states, count, agent.queried.shape[-1]))
        nothing = jnp.zeros((states, count), parameters.dtype)
        return Decisions(observations, choices, nothing, nothing)

    def _steps(self, params: PyTree, key: PRNGKey, policies: Array) -> Decisions:
        """``[T, B, ...]`` what is played against ``policies [(T,) S, J, B]``; payoffs are discounted."""
        agent, length = self.agent, self.problem.length
        parameters = agent.policy(params, agent.playing)

        def leader(key: PRNGKey, state: Array) -> tuple[Array, Array]:
            choice = agent.head.draw(agent.head.noise(key, ()), parameters[state])
            return choice, agent.game_action(choice)

        episode = partial(played, self.problem.game, leader=leader, num_steps=length.steps)
        keys = shared(jax.random.split(key, self.config.num_envs))
        steps: Step = jax.vmap(lambda key, policy: episode(key, policy), (0, -1), 1)(keys, policies)
        times = jnp.arange(length.steps, dtype=steps.payoff.dtype)
        of_steps = lambda numbers: jnp.broadcast_to(numbers[:, None], steps.payoff.shape)
        payoffs = of_steps(length.discount**times) * steps.payoff
        return Decisions(agent.playing[steps.state], steps.choice, payoffs, of_steps(1.0 - times / length.steps))

    def _learnt_from(self, params: PyTree, queries: Decisions, steps: Decisions, found: Answered) -> Rollout:
        """The episodes as the learner takes them: returns lie in [0, 1] unless penalties are chosen."""
        agent, problem, count = self.agent, self.problem, self.config.num_envs
        (low, high), (num_queries, num_steps) = problem.payoff_range, (len(queries.payoff), len(steps.payoff))
        games = 1 + (self.num_games if problem.queries.paid else 0)
        size = (high - low) * games
        weights = problem.length.discount ** jnp.arange(num_steps, dtype=steps.payoff.dtype)
        least = low * weights / weights.sum()
        learning = (found.leader_paid - (games - 1) * low) / size if problem.queries.paid else jnp.zeros(count)
        rewards = jnp.concatenate([queries.payoff, (steps.payoff - least[:, None]) / size])
        rewards = rewards.at[num_queries - 1].add(learning.astype(rewards.dtype))

        observations, choices, left = (
            jnp.concatenate([getattr(queries, name), getattr(steps, name)]) for name in ("observation", "choice", "steps_left")
        )
        is_query = jnp.broadcast_to(jnp.arange(num_queries + num_steps)[:, None] < num_queries, rewards.shape)
        critic_inputs = jnp.concatenate([observations, is_query[..., None].astype(left.dtype), left[..., None]], axis=-1)
        distribution = agent.head.distribution(agent.policy(params, observations))
        visible = ~is_query if problem.queries.hides else jnp.ones_like(is_query)
        decisions = Transitions(
            observation=observations,
            critic_input=critic_inputs,
            choice=choices,
            log_prob=distribution.log_prob(choices),
            value=agent.value(params, critic_inputs),
            reward=rewards,
            terminated=jnp.zeros_like(is_query).at[-1].set(True),
            visible=visible,
            credited=visible,
        )
        total = steps.payoff.sum() + (found.leader_paid.sum() if problem.queries.paid else 0.0)
        executed = num_queries + num_steps * (1 + self.num_games)
        stats = RolloutStats(jnp.float32(count), total, jnp.float32(count * executed))
        return Rollout(found.carried, decisions, jnp.zeros(count), stats)


def query_solver(problem: MarkovProblem, config: PPOConfig) -> Solver:
    """PPO on the leader's episodes in ``problem``, as its `QueryConfig` has them.

    Raises:
      InputError: a setting that does nothing in such episodes, or does not fit the problem.
    """
    for name in IDLE:
        if config.differs(name):
            raise InputError(f"{name}={getattr(config, name)} does nothing with {problem.queries.switched}")
    seen = problem.commitments.observations
    assert seen is not None
    with jax.ensure_compile_time_eval():  # inside of other functions' traces too
        told = lambda bit: jnp.concatenate([seen, jnp.full((len(seen), 1), bit, seen.dtype)], axis=-1)
        phases = (told(1.0), told(0.0)) if problem.queries.phase else (seen, seen)
    agent = QueryAgent.of(problem.commitments.actions, config, *phases)
    return QueryTrainer(dataclasses.replace(config, credit="all"), agent, problem).solver()
