"""The Bayesian family as runs and the command line know it: its games, its settings, and where its files come from."""

import dataclasses
import math
import pathlib
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast, get_args

from stackjax.bayesian.entries import ENTRIES
from stackjax.bayesian.followers.config import FollowersConfig
from stackjax.digits import as_known
from stackjax.errors import InputError, names_its_options, require, require_count, require_number
from stackjax.families import Family, GameEntry, GameSource, PayoffSource, Solved

if TYPE_CHECKING:
    from stackjax.bayesian.equilibrium.evaluate import Certificate
    from stackjax.bayesian.games.base import Game
    from stackjax.bayesian.problem import BayesianProblem
    from stackjax.bayesian.sampled.judge import SampledNumbers
    from stackjax.bayesian.sampled.problem import SampledProblem
    from stackjax.problem import Problem

__all__ = ["EVALUATION_ROUNDS_FACTOR", "FAMILY", "POMDPConfig"]

EVALUATION_ROUNDS_FACTOR = 10
OF_TYPES = ("best_found", "answers", "whatever_ties")  # of a solution, told where a follower has types
RewardPlay = Literal["argmax", "mixed", "empirical"]  # as in pomdp.reward_phase, which needs JAX


@names_its_options
@dataclasses.dataclass(frozen=True)
class POMDPConfig:
    """Lengths of an episode, and how followers play when the leader is paid."""

    num_rounds: int | None = None
    """T, rounds of follower learning; by default 1000 with private types and 100 without (the paper's), and 60 in games that
    are too large for tables."""
    num_reward_episodes: int | None = None
    """R, sub-episodes in which the leader is paid; by default 100 and 10, and 32 in games that are too large for tables."""
    evaluation_rounds: int | None = None
    """Rounds that fresh followers learn when a commitment is scored or judged; by default ten times num_rounds, so that a
    certificate measures the commitment and not unfinished learning."""
    reward_play: RewardPlay = "argmax"
    """argmax: each follower's likeliest action; mixed: a draw from its strategy; empirical: a joint draw from past play. One
    follower that errs by design (quantal, suqr) always draws from its strategy."""

    ties: Literal["learned", "against"] = "learned"
    """What a commitment is judged by: the play that followers learn, or of all their equilibria the worst for the leader."""
    settled_gap: float = 0.02
    """Largest B-CCE gap, as a share of the game's payoff scale, at which followers count as settled. The best commitment is
    chosen among those against which they settle, and among the others only if there is none."""

    def __post_init__(self) -> None:
        require_number("settled_gap", self.settled_gap, lambda gap: gap >= 0, "a finite number of at least 0")
        for name in ("num_rounds", "num_reward_episodes", "evaluation_rounds"):
            value = getattr(self, name)
            if value is not None:
                require_count(name, value)
                require(name, value, value < 2**31, "below 2**31")
        require("ties", self.ties, self.ties in ("learned", "against"), "learned or against")
        plays = get_args(RewardPlay)
        require("reward_play", self.reward_play, self.reward_play in plays, f"one of {', '.join(plays)}")


@dataclasses.dataclass(frozen=True)
class MatrixOptions:
    """Options of a matrix game from a file."""

    randomized: bool = False
    """Whether the leader commits to a mix of rows instead of one row."""


def _of_payoffs(content: Any, **options: Any) -> "Game":
    from stackjax.bayesian.games.normal_form import game_of

    return game_of(content, **options)


def _of_openspiel(text: str, **options: Any) -> "Game":
    from stackjax.bayesian.games.normal_form import openspiel_game

    return openspiel_game(text, **options)


def _payoffs_of(problem: "Problem") -> dict[str, Any]:
    """A matrix game as ``config.json`` holds it."""
    game = cast("Any", problem).env.game
    names = {"action_names": game.action_names} if game.action_names else {}
    types = {"prior": game.type_prior.tolist(), "types": game.type_names or None} if game.has_types else {}
    return {"payoffs": game.payoff_table.tolist(), "randomized": game.randomized, **names, **types}


class BayesianFamily(Family):
    """Followers with private types answer a commitment by learning."""

    name = "bayesian"
    rules_at = "stackjax.bayesian.games.base:Game"
    sections: ClassVar = {"pomdp": POMDPConfig, "followers": FollowersConfig}
    traced = ("followers",)
    entries: ClassVar[tuple[GameEntry, ...]] = ENTRIES
    prefixes: ClassVar[tuple[str, ...]] = ("openspiel:",)
    endings: ClassVar[tuple[str, ...]] = (".json", ".npz", ".nfg")

    def build(self, game: "Game", settings: dict[str, Any]) -> "Problem":
        """The problem; commitments are judged against followers who learn for ``evaluation_rounds``.

        One that is too large for tables is played out.
        """
        from stackjax.bayesian.pomdp.episode_spec import EpisodeSpec
        from stackjax.bayesian.pomdp.tree import TooLargeError
        from stackjax.bayesian.problem import BayesianProblem

        pomdp: POMDPConfig = settings["pomdp"]
        lengths = pomdp.num_rounds, pomdp.num_reward_episodes, pomdp.reward_play
        if self._has_no_table(game):
            return self._sampled(game, settings)
        try:
            env = EpisodeSpec(game, settings["followers"].build(), *lengths)
        except TooLargeError:
            return self._sampled(game, settings)
        rounds = pomdp.evaluation_rounds
        lasting = env.with_num_rounds(EVALUATION_ROUNDS_FACTOR * env.num_rounds if rounds is None else rounds)
        return BayesianProblem(env, lasting, pomdp.settled_gap, pomdp.ties)

    def is_large(self, game: "Game") -> bool:
        """Whether ``game`` is too large to be written out."""
        from stackjax.bayesian.pomdp.tree import TooLargeError, decision_tree

        if self._has_no_table(game):
            return True
        try:
            decision_tree(game)
        except TooLargeError:
            return True
        return False

    def _has_no_table(self, game: "Game") -> bool:
        """Whether already the type and action profiles of ``game`` are too many."""
        from stackjax.bayesian.pomdp.tree import LARGEST_TABLE

        return not game.has_joint_prior or math.prod(game.table_shape) > LARGEST_TABLE

    def _sampled(self, game: "Game", settings: dict[str, Any]) -> "SampledProblem":
        from stackjax.bayesian.sampled.problem import SampledProblem

        pomdp: POMDPConfig = settings["pomdp"]
        if pomdp.ties != "learned":
            raise InputError(
                f"ties={pomdp.ties!r}: game {game.name!r} is too large to find all equilibria of its followers; use learned"
            )
        lengths = pomdp.num_rounds, pomdp.num_reward_episodes, pomdp.reward_play, pomdp.evaluation_rounds
        return SampledProblem.of(game, settings["followers"].build(), *lengths, pomdp.settled_gap)

    def tables(self, problem: "Problem") -> dict[str, Any]:
        from stackjax.bayesian.probes import played_game, tabulated_game
        from stackjax.bayesian.problem import BayesianProblem

        if isinstance(problem, BayesianProblem):
            return tabulated_game(problem.env.game, problem.env.tree)
        return played_game(cast("SampledProblem", problem).env.game)

    def solver_for(self, game: "Game") -> str:
        return "policy" if self.is_large(game) else self.solver

    def vary(self, problem: "Problem", settings: dict[str, Any], options: dict[str, Any]) -> "Problem":
        del options  # none is traced
        return cast("BayesianProblem", problem).with_dynamics(settings["followers"].build())

    def chosen(self, problem: "Problem") -> dict[str, dict[str, Any]]:
        return {"pomdp": cast("BayesianProblem | SampledProblem", problem).lengths}

    def check(self, game: "Game") -> None:
        from stackjax.bayesian.checking import check_game

        check_game(game)

    def solve(self, game: "Game") -> Solved:
        from stackjax.bayesian.equilibrium.optimum import describe_commitment, solve

        found, (low, high) = solve(game), game.competing_range
        lines = [f"  {line}" for line in describe_commitment(game, found)]
        if found.best_found is not None:
            lines.insert(0, f"no commitment pays more; the best found pays {as_known(found.best_found, high - low)}")
        if found.whatever_ties is not None:
            lines.append(f"a commitment next to it pays {as_known(found.whatever_ties, high - low)} whatever the ties")
        told = {name: value for name, value in found._asdict().items() if value is not None or name not in OF_TYPES}
        return Solved.of(game.name, found, told, lines, size=high - low, against="ties or equilibria")

    def find(self, text: str) -> GameSource | None:
        kind, _, name = text.partition(":")
        if kind == "openspiel":
            from stackjax.bayesian.games.openspiel import is_one_shot, load_openspiel

            if not is_one_shot(load_openspiel(name)):
                return None
            make = partial(_of_openspiel, name)
            return PayoffSource(name.partition("(")[0], MatrixOptions, self.name, make, _payoffs_of, text)
        from stackjax.bayesian.games.payoff_files import read_payoffs
        from stackjax.bayesian.games.security.family import security_source
        from stackjax.bayesian.games.security.tables import SecurityTables

        file = pathlib.Path(text).resolve()
        found = read_payoffs(file)
        if isinstance(found, SecurityTables):
            return security_source(found, file)
        make = partial(_of_payoffs, found)
        return PayoffSource(file.stem, MatrixOptions, self.name, make, _payoffs_of, str(file), file)

    def given(self, problem: "Problem") -> dict[str, Any]:
        from stackjax.bayesian.games.normal_form import MatrixGame
        from stackjax.bayesian.problem import BayesianProblem

        return _payoffs_of(problem) if isinstance(problem, BayesianProblem) and type(problem.env.game) is MatrixGame else {}

    def stored(self, content: dict[str, Any]) -> GameSource | None:
        if "payoffs" not in content:
            return None
        from stackjax.bayesian.games.payoff_files import PayoffFile

        name, more = content["game"], (content.get("action_names"), content.get("randomized", False))
        types = content.get("prior"), content.get("types")
        make = partial(_of_payoffs, PayoffFile(content["payoffs"], *more, name, *types))
        return PayoffSource(name, MatrixOptions, self.name, make, _payoffs_of, content.get("argument"))

    def certificates(self, entry: dict[str, Any]) -> "dict[str, Certificate | SampledNumbers]":
        import numpy as np

        from stackjax.bayesian.equilibrium.evaluate import Certificate
        from stackjax.bayesian.sampled.judge import SampledNumbers

        if "plays" not in entry:
            return {"sampled": SampledNumbers(**{name: entry[name] for name in SampledNumbers._fields})}
        read = lambda numbers: Certificate(**{**numbers, "follower_payoffs": np.asarray(numbers["follower_payoffs"])})
        return {name: read(numbers) for name, numbers in entry["plays"].items()}


FAMILY = BayesianFamily()
