"""PPO as a `Solver`: a problem's own, or that of any table."""

from stackjax.problem import Problem, Solver
from stackjax.solvers.ppo.config import PPOConfig
from stackjax.solvers.ppo.table import table_solver
from stackjax.spaces import Box

__all__ = ["ppo_caveat", "ppo_solver"]


def ppo_solver(problem: Problem, config: PPOConfig) -> Solver:
    """The paper's learner on ``problem``; raises `InputError` for settings that do not fit each other or the problem."""
    return problem.ppo(config) or table_solver(problem, config)


def ppo_caveat(problem: Problem, config: PPOConfig) -> str:
    """That what it learned is from a grid, where a leader chooses numbers; else an empty string."""
    if config.box_policy != "grid" or not isinstance(problem.commitments.actions, Box):
        return ""
    return f"Best on the grid: PPO chooses each number from {config.grid_points} points; --polish leaves the grid."
