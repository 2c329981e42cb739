"""stackjax learns how to lead: the commitment that pays best once self-interested followers have learned to answer it.

Names are loaded when first used, so that importing the package (and ``stackjax --help``) costs no JAX.
"""

import importlib
from typing import TYPE_CHECKING, Any

from stackjax._version import __version__ as __version__
from stackjax.errors import InputError, UnsolvedError
from stackjax.followers.config import FollowersConfig
from stackjax.games.registry import make, register, registered_games
from stackjax.ppo.config import PPOConfig
from stackjax.runs.spec import POMDPConfig
from stackjax.solvers.config import DirectConfig, SearchConfig
from stackjax.solvers.registry import SolverEntry, register_solver

if TYPE_CHECKING:
    from stackjax.bayesian import BayesianProblem
    from stackjax.equilibrium.certificate import Certificate, certify
    from stackjax.equilibrium.evaluate import Evaluation, evaluate_commitment
    from stackjax.equilibrium.optimum import Solution, enumerate_commitments, solve
    from stackjax.followers.base import FollowerDynamics
    from stackjax.followers.best_response import best_response, fictitious_play, logit_response
    from stackjax.followers.equilibrate import Response, equilibrate
    from stackjax.followers.exp3 import exp3
    from stackjax.followers.joint_play import argmax_play, empirical_play, long_run_play, mixed_play
    from stackjax.followers.multiplicative_weights import multiplicative_weights, optimistic_hedge
    from stackjax.followers.q_learning import q_learning
    from stackjax.followers.regret import external_regrets, swap_regrets
    from stackjax.followers.regret_matching import regret_matching, regret_matching_plus
    from stackjax.followers.swap_regret import swap_regret
    from stackjax.games.base import Game, InducedGame, OneShotGame, Optimum, induced_game
    from stackjax.games.matrix_files import load_matrix_game, openspiel_game
    from stackjax.games.normal_form import matrix_game
    from stackjax.games.posted_price import PostedPrice
    from stackjax.games.spaces import Box, Discrete
    from stackjax.policy import Policy, load_policy
    from stackjax.pomdp.environment import StackelbergPOMDP
    from stackjax.pomdp.plays import rounds_from_plays
    from stackjax.ppo.train import make_train
    from stackjax.problem import Problem, Solver
    from stackjax.runs.trained import TrainedRun, TrainedSeed, train
    from stackjax.testing import check_game


_HOMES = {
    "equilibrium.certificate": ("Certificate", "certify"),
    "equilibrium.evaluate": ("Evaluation", "evaluate_commitment"),
    "equilibrium.optimum": ("Solution", "enumerate_commitments", "solve"),
    "followers.base": ("FollowerDynamics",),
    "followers.equilibrate": ("Response", "equilibrate"),
    "followers.best_response": ("best_response", "fictitious_play", "logit_response"),
    "followers.exp3": ("exp3",),
    "followers.joint_play": ("argmax_play", "empirical_play", "long_run_play", "mixed_play"),
    "followers.multiplicative_weights": ("multiplicative_weights", "optimistic_hedge"),
    "followers.q_learning": ("q_learning",),
    "followers.regret": ("external_regrets", "swap_regrets"),
    "followers.regret_matching": ("regret_matching", "regret_matching_plus"),
    "followers.swap_regret": ("swap_regret",),
    "games.base": ("Game", "InducedGame", "OneShotGame", "Optimum", "induced_game"),
    "games.matrix_files": ("load_matrix_game", "openspiel_game"),
    "games.normal_form": ("matrix_game",),
    "games.posted_price": ("PostedPrice",),
    "games.spaces": ("Box", "Discrete"),
    "pomdp.environment": ("StackelbergPOMDP",),
    "pomdp.plays": ("rounds_from_plays",),
    "runs.trained": ("TrainedRun", "TrainedSeed", "train"),
    "bayesian": ("BayesianProblem",),
    "policy": ("Policy", "load_policy"),
    "problem": ("Problem", "Solver"),
    "ppo.train": ("make_train",),
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
    "matrix_game",
    "mixed_play",
    "multiplicative_weights",
    "openspiel_game",
    "optimistic_hedge",
    "q_learning",
    "register",
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
    if name not in _LAZY:
        raise AttributeError(f"module 'stackjax' has no attribute {name!r}")
    return getattr(importlib.import_module(f"stackjax.{_LAZY[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
