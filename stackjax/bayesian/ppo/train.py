"""PPO on the Stackelberg POMDP, on either path; the loop is that of `stackjax.solvers.ppo.train`."""

import dataclasses
from typing import Any

import jax

from stackjax.bayesian.pomdp.environment import StackelbergPOMDP
from stackjax.bayesian.pomdp.episode_spec import EpisodeSpec
from stackjax.bayesian.ppo.agent import POMDPAgent
from stackjax.bayesian.ppo.committed import committed_rollout
from stackjax.bayesian.ppo.rollout import init_steps, step_rollout
from stackjax.errors import InputError, require_is
from stackjax.problem import Solver
from stackjax.solvers.network import numbers_head
from stackjax.solvers.ppo.config import PPOConfig
from stackjax.solvers.ppo.held import none_held
from stackjax.solvers.ppo.networks import layers_of
from stackjax.solvers.ppo.train import Rollout, Trainer
from stackjax.spaces import Discrete
from stackjax.types import PRNGKey, PyTree

__all__ = ["POMDPTrainer", "make_train", "pomdp_solver"]


@dataclasses.dataclass(frozen=True, eq=False)
class POMDPTrainer(Trainer):
    """A leader's training on ``env``, on the path that ``config`` says."""

    agent: POMDPAgent

    @property
    def env(self) -> StackelbergPOMDP:
        return self.agent.env

    @property
    def batch_size(self) -> int:
        env, config = self.env, self.config
        if config.path == "step":
            return config.num_envs * config.num_steps
        if config.credit == "commitment":
            return config.num_envs * env.tree.num_nodes
        moments = min(config.response_samples, env.num_rounds) + min(config.reward_samples, env.num_reward_episodes)
        return config.num_envs * moments * env.game.num_decisions

    def start(self, key: PRNGKey) -> tuple[PyTree, PyTree, PRNGKey]:
        params_key, env_key, key = jax.random.split(key, 3)
        is_step = self.config.path == "step"
        carried = init_steps(self.env, self.config, env_key) if is_step else none_held(self.agent.head, self.env.tree.num_nodes)
        return self.agent.init(params_key), carried, key

    def rollout(self, params: PyTree, keys: list[PRNGKey], carried: PyTree) -> Rollout:
        gather = step_rollout if self.config.path == "step" else committed_rollout
        return gather(self.agent, self.config, params, keys[0], carried)


def make_train(env: StackelbergPOMDP, config: PPOConfig | None = None) -> POMDPTrainer:
    """A leader's training on ``env``: ``jax.jit(jax.vmap(make_train(env, config)))(keys)`` trains several seeds at once.

    Numeric fields of ``config`` marked traced may be tracers, so a sweep is a ``vmap`` of a function that calls this.

    Raises:
      InputError: settings that do not fit each other.
    """
    require_is("env", env, StackelbergPOMDP, "a StackelbergPOMDP, for example sx.StackelbergPOMDP(sx.make('maintain'))")
    config = PPOConfig() if config is None else config
    require_is("config", config, PPOConfig, "a PPOConfig, for example sx.PPOConfig(num_envs=64)")
    if isinstance(env.game.leader_actions, Discrete):
        for name in ("box_policy", "grid_points", "grid_start", "gaussian_std", "box_top_share"):
            if config.differs(name):
                raise InputError(
                    f"{name}={getattr(config, name)} does nothing in {env.game.name!r}: its leader_actions are Discrete"
                )
    return POMDPTrainer(config, POMDPAgent.of(env.game.leader_actions, config, env, config.critic_inputs))


def pomdp_solver(env: EpisodeSpec, config: PPOConfig) -> Solver:
    """The trainer as a solver, whose policies can be exported; raises `InputError` as `make_train` does."""
    trainer = make_train(StackelbergPOMDP.of(env), config)
    return trainer.solver()._replace(
        policy=lambda state: state.params["actor"],
        export=lambda actors: (layers_of(actors["params"]["MLP_0"]), head_of(trainer)),
        commitments_at_once=config.num_envs if config.path == "committed" else 0,
    )


def head_of(trainer: POMDPTrainer) -> dict[str, Any]:
    """How the network's outputs become an action, in the words of `stackjax.policy.Policy`."""
    config, space = trainer.config, trainer.env.game.leader_actions
    if isinstance(space, Discrete):
        return {"kind": "discrete"}
    points = {"points": config.grid_points} if config.box_policy == "grid" else {}
    return {"kind": config.box_policy, **numbers_head(space), **points}
