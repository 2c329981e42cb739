"""Markov games and mean-field games as runs and the command line know them: the games, their settings, what is read."""

import dataclasses
import pathlib
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

from stackjax.digits import as_known
from stackjax.errors import InputError, UnsolvedError
from stackjax.families import Family, GameEntry, GameSource, PayoffSource, Solved
from stackjax.markov.followers import MarkovFollowers, MeanFieldFollowers
from stackjax.markov.queries import QueryConfig

if TYPE_CHECKING:
    from stackjax.markov.game import MarkovGame
    from stackjax.markov.iterated_games import IteratedGame
    from stackjax.markov.mean_field.game import MeanFieldGame
    from stackjax.markov.mean_field.problem import MeanFieldProblem
    from stackjax.markov.planned import PlannedProblem
    from stackjax.markov.problem import MarkovProblem
    from stackjax.problem import Problem

__all__ = ["MARKOV", "MEAN_FIELD", "PlannedFamily"]

ITERATED = "iterated:"


@dataclasses.dataclass(frozen=True)
class FileOptions:
    """Options of a matrix game from a file that is played again and again."""

    horizon: int | None = 10
    """T, the steps of an episode, or None to go on for ever."""
    discount: float = 1.0
    """γ, below 1 where there is no horizon."""
    offset: float = 0.0
    """What is added to both payoffs in every step."""
    memory: Literal["both", "other"] = "both"
    """What the public state remembers of the step before: both actions, or the follower's."""
    randomized: bool = False
    """Whether the leader mixes in each state."""


@dataclasses.dataclass(frozen=True)
class IteratedOptions(FileOptions):
    """Options of the iterated games."""

    matrix: str = "prisoners-dilemma"
    """prisoners-dilemma, stag-hunt, assurance, coordination, mixedharmony, harmony, noconflict, deadlock,
    prisoners-delight, hero, battle, chicken, hidden-queries, battle-of-the-sexes, or costly-coordination."""
    offset: float = -2.5
    """What is added to both payoffs in every step."""


@dataclasses.dataclass(frozen=True)
class ContractOptions:
    """Options of contracts in a random tree."""

    depth: int = 3
    """Levels of the tree, 2**depth - 1 states."""
    tree_seed: int = 0
    """Of the random costs and gains."""
    chance: float = 0.9
    """Probability that an action has the outcome of its number."""


@dataclasses.dataclass(frozen=True)
class TariffOptions:
    """Options of the market with tariffs."""

    equity: float = 1.0
    """χ, what the regulator gives for a smaller difference between the shares of income that poor and rich pay."""
    levels: int | None = 5
    """Tariffs from 0 to 1 to choose from in each period, or None for all numbers between."""


def _iterated(payoffs: Any, action_names: Any, name: str, **options: Any) -> "IteratedGame":
    from stackjax.markov.iterated_games import IteratedGame

    return IteratedGame(payoffs, **options, name=f"iterated {name}", action_names=action_names)


def _step_payoffs(problem: "Problem") -> dict[str, Any]:
    """What a step of an iterated game pays, as ``config.json`` holds it."""
    game: Any = cast("MarkovProblem", problem).game
    names = {"action_names": game.action_names} if game.action_names else {}
    return {"step_payoffs": (game.table - game.offset).tolist(), **names}


class PlannedFamily(Family):
    """What families of Markov games share, be their followers one or several."""

    def tables(self, problem: "Problem") -> dict[str, Any]:
        from stackjax.markov.game import game_tables

        return game_tables(cast("PlannedProblem", problem).game)

    def vary(self, problem: "Problem", settings: dict[str, Any], options: dict[str, Any]) -> "Problem":
        del options  # none is traced
        known: Any = problem
        return dataclasses.replace(known, followers=settings["followers"])

    def check(self, game: "MarkovGame") -> None:
        from stackjax.markov.testing import check_markov_game

        check_markov_game(game)


class MarkovFamily(PlannedFamily):
    """A commitment leaves the follower a Markov decision process, and it answers by planning."""

    name = "markov"
    rules_at, problem_at = "stackjax.markov.game:MarkovGame", "stackjax.markov.problem:MarkovProblem"
    sections: ClassVar = {"followers": MarkovFollowers, "queries": QueryConfig}
    traced = ("followers.temperature", "followers.learning_rate", "followers.exploration", "followers.discount")
    prefixes = (ITERATED,)
    entries = (
        GameEntry(
            "iterated",
            "stackjax.markov.iterated_games:iterated",
            "acts in each public state of an iterated game",
            "6 (dilemma, T=10)",
            IteratedOptions,
        ),
        GameEntry(
            "contracts",
            "stackjax.markov.contracts.game:contracts",
            "pays an agent by outcome in each state",
            "linear programmes",
            ContractOptions,
        ),
    )

    def solve(self, game: "MarkovGame") -> Solved:
        from stackjax.markov.optimum import solve_markov

        beside = game.beside()
        try:
            found = solve_markov(game)
        except UnsolvedError as error:
            if beside is None:
                raise
            told = {"value": beside.value, "method": beside.method, "reason": str(error), "subgame_perfect": beside.content}
            words = [f"{game.name}: {as_known(beside.value)} ({beside.method}), no optimum: {error}", *beside.words]
            return Solved(beside.value, beside.method, told, [*words, "a leader who commits to all of it may be paid more"])
        content, at = found._asdict(), lambda s: game.describe_leader_action(found.commitment[s])
        lines = [f"  {game.describe_state(s)}: {at(s)}" for s in game.told_states]
        if game.horizon is not None and found.method == "enumeration":
            try:
                timed = solve_markov(game, knows_time=True)
                content["timed_value"] = timed.value
                lines.append(f"  against a follower that knows the time: {as_known(timed.value)}")
            except UnsolvedError:
                pass
        if beside is not None:
            content["subgame_perfect"], lines = beside.content, [*lines, *beside.words]
        return Solved.of(game.name, found, content, lines)

    def find(self, text: str) -> GameSource:
        from stackjax.bayesian.games.payoff_files import plain_payoffs

        file = pathlib.Path(text.removeprefix(ITERATED)).resolve()
        found = plain_payoffs(file)
        if found.prior is not None:
            raise InputError(f"game file {file} has private types, which iterated games have not")
        return self._source(file.stem, found.payoffs.tolist(), found.action_names, f"{ITERATED}{file}", file)

    def stored(self, content: dict[str, Any]) -> GameSource | None:
        if "step_payoffs" not in content:
            return None
        return self._source(content["game"], content["step_payoffs"], content.get("action_names"), content.get("argument"))

    def _source(self, name: str, payoffs: Any, names: Any, called: str | None, file: pathlib.Path | None = None) -> GameSource:
        make = partial(_iterated, payoffs, tuple(map(tuple, names or ())), name)
        return PayoffSource(name, FileOptions, self.name, make, _step_payoffs, called, file)


class MeanFieldFamily(Family):
    """A commitment leaves a continuum of followers a game in which they meet through prices."""

    name = "mean-field"
    rules_at = "stackjax.markov.mean_field.game:MeanFieldGame"
    problem_at = "stackjax.markov.mean_field.problem:MeanFieldProblem"
    sections: ClassVar = {"followers": MeanFieldFollowers}
    traced = ("followers", "game.equity")
    entries = (
        GameEntry(
            "tariffs",
            "stackjax.markov.mean_field.tariffs:tariffs",
            "sets a tariff in each period of a day",
            "-3.914375",
            TariffOptions,
        ),
    )

    def vary(self, problem: "Problem", settings: dict[str, Any], options: dict[str, Any]) -> "Problem":
        known: Any = cast("MeanFieldProblem", problem)
        game = known.game.with_equity(options["equity"]) if options else known.game
        return dataclasses.replace(known, game=game, followers=settings["followers"])

    def check(self, game: "MeanFieldGame") -> None:
        game.check()

    def solve(self, game: "MeanFieldGame") -> Solved:
        from stackjax.markov.mean_field.problem import solve_mean_field

        found = solve_mean_field(game)
        content = {"value": found.value, "commitment": found.commitment.tolist(), "exploitability": found.exploitability}
        words = [f"{game.name}: {as_known(found.value)} (enumeration; followers could save at most {found.exploitability:.1g})"]
        words += [f"  {game.describe_period(t)}: {game.describe_leader_action(a)}" for t, a in enumerate(found.commitment)]
        return Solved(found.value, "enumeration", {**content, "method": "enumeration"}, words)


MARKOV, MEAN_FIELD = MarkovFamily(), MeanFieldFamily()
