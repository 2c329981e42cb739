"""stackjax learns how to lead: the commitment that pays best once self-interested followers have learned to answer it.

Names are loaded when first used, so that importing the package (and ``stackjax --help``) costs no JAX.
"""

import importlib
from typing import TYPE_CHECKING, Any

from stackjax._version import __version__ as __version__
from stackjax.bayesian.family import POMDPConfig
from stackjax.bayesian.followers.config import FollowersConfig
from stackjax.errors import InputError, UnsolvedError
from stackjax.registry import make, register, register_family, registered_games
from stackjax.solvers.config import DirectConfig, GradientConfig, SearchConfig
from stackjax.solvers.ppo.config import PPOConfig
from stackjax.solvers.registry import SolverEntry, register_solver

if TYPE_CHECKING:
    from stackjax.bayesian.equilibrium.certificate import Certificate, certify
    from stackjax.bayesian.equilibrium.evaluate import Evaluation, evaluate_commitment
    from stackjax.bayesian.equilibrium.optimum import Solution, enumerate_commitments, solve
    from stackjax.bayesian.followers.base import FollowerDynamics
    from stackjax.bayesian.followers.best_response import best_response, fictitious_play, logit_response
    from stackjax.bayesian.followers.equilibrate import Response, equilibrate
    from stackjax.bayesian.followers.exp3 import exp3
    from stackjax.bayesian.followers.joint_play import argmax_play, empirical_play, long_run_play, mixed_play
    from stackjax.bayesian.followers.multiplicative_weights import multiplicative_weights, optimistic_hedge
    from stackjax.bayesian.followers.q_learning import q_learning
    from stackjax.bayesian.followers.regret import external_regrets, swap_regrets
    from stackjax.bayesian.followers.regret_matching import regret_matching, regret_matching_plus
    from stackjax.bayesian.followers.swap_regret import swap_regret
    from stackjax.bayesian.games.base import Game, InducedGame, OneShotGame, induced_game
    from stackjax.bayesian.games.matrix_files import load_matrix_game, openspiel_game
    from stackjax.bayesian.games.normal_form import matrix_game
    from stackjax.bayesian.games.posted_price import PostedPrice
    from stackjax.bayesian.pomdp.environment import StackelbergPOMDP
    from stackjax.bayesian.pomdp.plays import rounds_from_plays
    from stackjax.bayesian.problem import BayesianProblem
    from stackjax.policy import Policy, load_policy
    from stackjax.problem import Optimum, Problem, Solver
    from stackjax.runs.trained import TrainedRun, TrainedSeed, train
    from stackjax.solvers.ppo.train import make_train
    from stackjax.spaces import Box, Discrete
    from stackjax.testing import check_game


_HOMES = {
    "bayesian.equilibrium.certificate": ("Certificate", "certify"),
    "bayesian.equilibrium.evaluate": ("Evaluation", "evaluate_commitment"),
    "bayesian.equilibrium.optimum": ("Solution", "enumerate_commitments", "solve"),
    "bayesian.followers.base": ("FollowerDynamics",),
    "bayesian.followers.equilibrate": ("Response", "equilibrate"),
    "bayesian.followers.best_response": ("best_response", "fictitious_play", "logit_response"),
    "bayesian.followers.exp3": ("exp3",),
    "bayesian.followers.joint_play": ("argmax_play", "empirical_play", "long_run_play", "mixed_play"),
    "bayesian.followers.multiplicative_weights": ("multiplicative_weights", "optimistic_hedge"),
    "bayesian.followers.q_learning": ("q_learning",),
    "bayesian.followers.regret": ("external_regrets", "swap_regrets"),
    "bayesian.followers.regret_matching": ("regret_matching", "regret_matching_plus"),
    "bayesian.followers.swap_regret": ("swap_regret",),
    "bayesian.games.base": ("Game", "InducedGame", "OneShotGame", "induced_game"),
    "bayesian.games.matrix_files": ("load_matrix_game", "openspiel_game"),
    "bayesian.games.normal_form": ("matrix_game",),
    "bayesian.games.posted_price": ("PostedPrice",),
    "spaces": ("Box", "Discrete"),
    "bayesian.pomdp.environment": ("StackelbergPOMDP",),
    "bayesian.pomdp.plays": ("rounds_from_plays",),
    "runs.trained": ("TrainedRun", "TrainedSeed", "train"),
    "bayesian.problem": ("BayesianProblem",),
    "policy": ("Policy", "load_policy"),
    "problem": ("Optimum", "Problem", "Solver"),
    "solvers.ppo.train": ("make_train",),
    "testing": ("check_game",),
}
_LAZY = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "BayesianProblem",
    "Box",
    "Certificate",
    "DirectConfig",
    "Discrete",
    "Evaluation",
    "FollowerDynamics",
    "FollowersConfig",
    "Game",
    "GradientConfig",
    "InducedGame",
    "InputError",
    "OneShotGame",
    "Optimum",
    "POMDPConfig",
    "PPOConfig",
    "Policy",
    "PostedPrice",
    "Problem",
    "Response",
    "SearchConfig",
    "Solution",
    "Solver",
    "SolverEntry",
    "StackelbergPOMDP",
    "TrainedRun",
    "TrainedSeed",
    "UnsolvedError",
    "argmax_play",
    "best_response",
    "certify",
    "check_game",
    "empirical_play",
    "enumerate_commitments",
    "equilibrate",
    "evaluate_commitment",
    "exp3",
    "external_regrets",
    "fictitious_play",
    "induced_game",
    "load_matrix_game",
    "load_policy",
    "logit_response",
    "long_run_play",
    "make",
    "make_train",
    "markov",
    "matrix_game",
    "menus",
    "mixed_play",
    "multiplicative_weights",
    "openspiel_game",
    "optimistic_hedge",
    "q_learning",
    "register",
    "register_family",
    "register_solver",
    "registered_games",
    "regret_matching",
    "regret_matching_plus",
    "rounds_from_plays",
    "solve",
    "swap_regret",
    "swap_regrets",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in ("markov", "menus"):
        return importlib.import_module(f"stackjax.{name}")
    if name not in _LAZY:
        raise AttributeError(f"module 'stackjax' has no attribute {name!r}")
    return getattr(importlib.import_module(f"stackjax.{_LAZY[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
