"""The Markov family: a commitment leaves followers a Markov decision process, and they answer by planning."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stackjax.markov.coin_game import CoinGame
    from stackjax.markov.contracts import ContractGame, best_contracts, least_payments, random_tree, subgame_perfect
    from stackjax.markov.followers import MarkovFollowers
    from stackjax.markov.game import InducedMarkovGame, MarkovGame, tabulate_markov
    from stackjax.markov.iterated_games import IteratedGame, iterated
    from stackjax.markov.learned_contracts import JudgedContracts, LearnedContracts, judge_contracts, learn_contracts
    from stackjax.markov.mean_field.followers import MeanFieldFollowers
    from stackjax.markov.mean_field.game import MeanFieldGame
    from stackjax.markov.mean_field.problem import MeanFieldCertificate, MeanFieldProblem, solve_mean_field
    from stackjax.markov.mean_field.tariffs import TariffGame
    from stackjax.markov.meta_algorithm import TakenInTurns, in_turns
    from stackjax.markov.optimum import MarkovOptimum, solve_markov
    from stackjax.markov.problem import MarkovCertificate, MarkovProblem
    from stackjax.markov.team_contracts import (
        JudgedTeam,
        TeamContracts,
        judge_team_contracts,
        learn_team_contracts,
        team_equilibrium,
    )
    from stackjax.markov.testing import check_markov_game

_HOMES = {
    "coin_game": ("CoinGame",),
    "contracts": ("ContractGame", "best_contracts", "least_payments", "random_tree", "subgame_perfect"),
    "followers": ("MarkovFollowers",),
    "game": ("InducedMarkovGame", "MarkovGame", "tabulate_markov"),
    "iterated_games": ("IteratedGame", "iterated"),
    "learned_contracts": ("JudgedContracts", "LearnedContracts", "judge_contracts", "learn_contracts"),
    "mean_field.followers": ("MeanFieldFollowers",),
    "mean_field.game": ("MeanFieldGame",),
    "mean_field.problem": ("MeanFieldCertificate", "MeanFieldProblem", "solve_mean_field"),
    "mean_field.tariffs": ("TariffGame",),
    "meta_algorithm": ("TakenInTurns", "in_turns"),
    "optimum": ("MarkovOptimum", "solve_markov"),
    "problem": ("MarkovCertificate", "MarkovProblem"),
    "team_contracts": (
        "JudgedTeam",
        "TeamContracts",
        "judge_team_contracts",
        "learn_team_contracts",
        "team_equilibrium",
    ),
    "testing": ("check_markov_game",),
}
_LAZY = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "CoinGame",
    "ContractGame",
    "InducedMarkovGame",
    "IteratedGame",
    "JudgedContracts",
    "JudgedTeam",
    "LearnedContracts",
    "MarkovCertificate",
    "MarkovFollowers",
    "MarkovGame",
    "MarkovOptimum",
    "MarkovProblem",
    "MeanFieldCertificate",
    "MeanFieldFollowers",
    "MeanFieldGame",
    "MeanFieldProblem",
    "TakenInTurns",
    "TariffGame",
    "TeamContracts",
    "best_contracts",
    "check_markov_game",
    "in_turns",
    "iterated",
    "judge_contracts",
    "judge_team_contracts",
    "learn_contracts",
    "learn_team_contracts",
    "least_payments",
    "random_tree",
    "solve_markov",
    "solve_mean_field",
    "subgame_perfect",
    "tabulate_markov",
    "team_equilibrium",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'stackjax.markov' has no attribute {name!r}")
    return getattr(importlib.import_module(f"stackjax.markov.{_LAZY[name]}"), name)
