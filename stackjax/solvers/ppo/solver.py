"""PPO as a `Solver`: the trainer's state is the solver's, its greedy commitment what it settles on."""

from typing import Any

import numpy as np

from stackjax.bayesian.games.normal_form import MatrixGame
from stackjax.bayesian.pomdp.environment import StackelbergPOMDP
from stackjax.bayesian.problem import BayesianProblem
from stackjax.problem import Metrics, Problem, Solver
from stackjax.solvers.ppo.config import PPOConfig
from stackjax.solvers.ppo.table import table_solver
from stackjax.solvers.ppo.train import Trainer, TrainState, make_train
from stackjax.spaces import Box, Discrete
from stackjax.types import PyTree

__all__ = ["ppo_caveat", "ppo_solver"]


def ppo_solver(problem: Problem, config: PPOConfig) -> Solver:
    """The paper's learner on ``problem``; raises `InputError` for settings that do not fit each other, see `make_train`."""
    if not isinstance(problem, BayesianProblem):
        return table_solver(problem, config)
    trainer = make_train(StackelbergPOMDP.of(problem.env), config)

    def update(state: TrainState) -> tuple[TrainState, Metrics]:
        after, seen = trainer.update(state)
        named = ("value_loss", "policy_loss", "entropy", "approx_kl", "clip_fraction")  # a report draws the first
        losses = {name: getattr(seen.loss, name) for name in named}
        return after, {**seen.rollout._asdict(), **losses, "is_finite": seen.is_finite}

    return Solver(
        init=trainer.init,
        update=update,
        commitment=lambda state: trainer.agent.commitment(state.params)[1],
        policy=lambda state: state.params["actor"],
        export=lambda actors: (layers_of(actors), head_of(trainer)),
        commitments_at_once=config.num_envs if config.path == "committed" else 0,
    )


def ppo_caveat(problem: Problem, config: PPOConfig) -> str:
    """That what it learned is from a grid, where a leader chooses numbers; else an empty string."""
    if config.box_policy != "grid" or not isinstance(problem.commitments.actions, Box):
        return ""
    return f"Best on the grid: PPO chooses each number from {config.grid_points} points; --polish leaves the grid."


def layers_of(actors: PyTree) -> dict[str, np.ndarray]:
    """``kernel_k [S, ...]`` and ``bias_k`` of actors ``[S, ...]``."""
    layers = actors["params"]["MLP_0"]
    return {f"{kind}_{k}": np.asarray(layers[f"Dense_{k}"][kind]) for k in range(len(layers)) for kind in ("kernel", "bias")}


def head_of(trainer: Trainer) -> dict[str, Any]:
    """How the network's outputs become an action, in the words of `stackjax.policy.Policy`."""
    space, config, game = trainer.env.game.leader_actions, trainer.config, trainer.env.game
    if isinstance(space, Discrete):
        return {"kind": "discrete"}
    box = {"low": list(map(float, space.low)), "high": list(map(float, space.high))}
    is_mix = isinstance(game, MatrixGame) and game.randomized
    points = {"points": config.grid_points} if config.box_policy == "grid" else {}
    return {"kind": config.box_policy, **box, **points, "is_mix": is_mix}
