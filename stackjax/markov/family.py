"""The Markov family as runs and the command line know it: its games, its settings, and what it reads."""

import dataclasses
import pathlib
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

from stackjax.digits import as_known
from stackjax.errors import UnsolvedError
from stackjax.families import Family, GameEntry, GameSource, Solved
from stackjax.markov.followers import MarkovFollowers

if TYPE_CHECKING:
    from stackjax.markov.game import MarkovGame
    from stackjax.markov.problem import MarkovProblem
    from stackjax.problem import Problem

__all__ = ["FAMILY"]

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
    prisoners-delight, hero, battle, chicken, or hidden-queries."""
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
class IteratedSource(GameSource):
    """A user's matrix game, played again and again; a run remembers its payoffs, so that the file may be gone."""

    file: pathlib.Path | None = None
    payoffs: Any = None
    action_names: Any = ()

    def build(self, options: dict[str, Any]) -> "MarkovGame":
        from stackjax.markov.iterated_games import IteratedGame

        return IteratedGame(self.payoffs, **options, name=f"iterated {self.name}", action_names=self.action_names)

    called: str | None = None

    @property
    def argument(self) -> str | None:
        return self.called if self.file is None else f"{ITERATED}{self.file}"

    def to_dict(self, problem: "Problem") -> dict[str, Any]:
        game: Any = cast("MarkovProblem", problem).game
        file = {"payoff_file": str(self.file)} if self.file else {}
        names = {"action_names": game.action_names} if game.action_names else {}
        return {"argument": self.argument, **file, "step_payoffs": (game.table - game.offset).tolist(), **names}


class MarkovFamily(Family):
    """A commitment leaves the follower a Markov decision process, and it answers by planning."""

    name = "markov"
    rules_at, problem_at = "stackjax.markov.game:MarkovGame", "stackjax.markov.problem:MarkovProblem"
    sections: ClassVar = {"followers": MarkovFollowers}
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

    def prepare(self, problem: "Problem", arrays: dict[str, Any] | None) -> "Problem":
        return cast("MarkovProblem", problem).prepare(arrays)

    def prepared(self, problem: "Problem") -> dict[str, Any]:
        return cast("MarkovProblem", problem).prepared()

    def tables(self, problem: "Problem") -> dict[str, Any]:
        from stackjax.markov.game import game_tables

        return game_tables(cast("MarkovProblem", problem).game)

    def vary(self, problem: "Problem", settings: dict[str, Any], options: dict[str, Any]) -> "Problem":
        del options  # none is traced
        return dataclasses.replace(cast("MarkovProblem", problem), followers=settings["followers"])

    def check(self, game: "MarkovGame") -> None:
        from stackjax.markov.testing import check_markov_game

        check_markov_game(game)

    def solve(self, game: "MarkovGame") -> Solved:
        from stackjax.markov.optimum import solve_markov

        found = solve_markov(game)
        content, at = found._asdict(), lambda s: game.describe_leader_action(found.commitment[s])
        lines = [f"  {game.describe_state(s)}: {at(s)}" for s in game.told_states]
        if game.horizon is not None and found.method == "enumeration":
            try:
                timed = solve_markov(game, knows_time=True)
                content["timed_value"] = timed.value
                lines.append(f"  against a follower that knows the time: {as_known(timed.value)}")
            except UnsolvedError:
                pass
        return Solved.of(game.name, found, content, lines)

    def find(self, text: str) -> GameSource:
        from stackjax.bayesian.games.payoff_files import read_payoffs

        file = pathlib.Path(text.removeprefix(ITERATED)).resolve()
        found = read_payoffs(file)
        names = tuple(map(tuple, found.action_names or ()))
        return IteratedSource(file.stem, FileOptions, self.name, file=file, payoffs=found.payoffs.tolist(), action_names=names)

    def stored(self, content: dict[str, Any]) -> GameSource | None:
        if "step_payoffs" not in content:
            return None
        called, names = content.get("argument"), tuple(map(tuple, content.get("action_names", ())))
        payoffs = content["step_payoffs"]
        return IteratedSource(content["game"], FileOptions, self.name, payoffs=payoffs, action_names=names, called=called)


FAMILY = MarkovFamily()
