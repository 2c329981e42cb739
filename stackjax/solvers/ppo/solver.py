"""PPO as a `Solver`: a problem's own, or that of any table, whose nodes' decisions all earn what the commitment is worth.

The committed path of the Bayesian family, which brings its own, is like this, with nodes that may not be reached and with a
critic that may see the followers' tables as they are before the answer. Here followers have none before they answer: the critic
sees what the leader sees.
"""

import dataclasses

import jax
import jax.numpy as jnp

from stackjax.errors import InputError
from stackjax.problem import Problem, Solver
from stackjax.sharing import shared
from stackjax.solvers.ppo.config import PPOConfig
from stackjax.solvers.ppo.held import Held, better_held, episodes_of_held, none_held
from stackjax.solvers.ppo.networks import Agent
from stackjax.solvers.ppo.train import Rollout, RolloutStats, Trainer, Transitions
from stackjax.spaces import Discrete
from stackjax.types import Array, PRNGKey, PyTree

__all__ = ["TableTrainer", "ppo_caveat", "ppo_solver", "table_solver"]


@dataclasses.dataclass(frozen=True)
class TableAgent(Agent):
    """``seen [O, D]`` is what the leader, and the critic, sees at the nodes."""

    seen: Array

    def commitment(self, params: PyTree) -> tuple[Array, Array]:
        return self.seen, self.mode_action(params, self.seen)


@dataclasses.dataclass(frozen=True, eq=False)
class TableTrainer(Trainer):
    """An update draws commitments node by node and asks the problem what each is worth."""

    agent: TableAgent
    problem: Problem
    num_keys = 2

    @property
    def batch_size(self) -> int:
        return self.config.num_envs * len(self.agent.seen)

    def start(self, key: PRNGKey) -> tuple[PyTree, PyTree, PRNGKey]:
        actor_key, critic_key, _, key = jax.random.split(key, 4)
        params = self.agent.first_params(actor_key, critic_key, self.agent.seen[0], self.agent.seen[0])
        return params, none_held(self.agent.head, len(self.agent.seen)), key

    def rollout(self, params: PyTree, keys: list[PRNGKey], held: Held) -> Rollout:
        agent, config, (low, high) = self.agent, self.config, self.problem.payoff_range
        head, seen, (draw_key, worth_key) = agent.head, agent.seen, keys
        parameters = agent.policy(params, seen)
        draw = lambda key: head.draw(head.noise(key, parameters.shape[:-1]), parameters)
        drawn = jax.vmap(draw)(shared(jax.random.split(draw_key, config.num_envs)))  # [B, O, ...]
        is_held = episodes_of_held(config, held)
        choices = jnp.where(is_held.reshape(-1, *[1] * (drawn.ndim - 1)), held.choices[None], drawn)
        worth = self.problem.worth(worth_key, agent.game_action(choices))
        is_known = jnp.isfinite(worth.payoff)  # a commitment whose payoff is not counts as the worst, and stops nothing
        payoff = jnp.where(is_known, worth.payoff, low)
        log_probs = jax.vmap(head.distribution(parameters).log_prob)(choices)  # [B, O]

        shape = (len(seen), config.num_envs)
        observations = jnp.broadcast_to(seen[:, None], (*shape, seen.shape[-1]))
        every = jnp.ones(shape, bool)
        decisions = Transitions(
            observation=observations,
            critic_input=observations,
            choice=jnp.moveaxis(choices, 0, 1),
            log_prob=log_probs.T,
            value=jnp.broadcast_to(agent.value(params, seen)[:, None], shape),
            reward=jnp.broadcast_to((payoff[None] - low) / (high - low), shape),
            terminated=every,
            visible=every,
            credited=every,
        )
        stats = RolloutStats(jnp.float32(config.num_envs), payoff.sum(), jnp.float32(self.batch_size))
        held = better_held(held, choices, payoff, is_held)
        return Rollout(held, decisions, jnp.zeros(config.num_envs), stats, is_known.any())


def table_solver(problem: Problem, config: PPOConfig) -> Solver:
    """PPO on ``problem``, whose table says what the leader sees at its nodes.

    Raises:
      InputError: a setting belongs to the Bayesian family's Stackelberg POMDP, or does not fit the problem.
    """
    for name in ("path", "credit", "returns", "critic_inputs"):
        if config.differs(name):
            raise InputError(f"{name}={getattr(config, name)} is for games of the Bayesian family")
    table = problem.commitments
    assert table.observations is not None
    return TableTrainer(config, TableAgent.of(table.actions, config, jnp.asarray(table.observations)), problem).solver()


def ppo_solver(problem: Problem, config: PPOConfig) -> Solver:
    """The paper's learner on ``problem``; raises `InputError` for settings that do not fit each other or the problem."""
    return problem.ppo(config) or table_solver(problem, config)


def ppo_caveat(problem: Problem, config: PPOConfig) -> str:
    """That what it learned is from a grid, where a leader chooses numbers; else an empty string."""
    if config.box_policy != "grid" or isinstance(problem.commitments.actions, Discrete):
        return ""
    return f"Best on the grid: PPO chooses each number from {config.grid_points} points; --polish leaves the grid."
