"""Mean-field games as runs and the command line know them."""

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar, cast

from stackjax.digits import as_known
from stackjax.families import Family, GameEntry, Solved
from stackjax.markov.mean_field.followers import MeanFieldFollowers

if TYPE_CHECKING:
    from stackjax.markov.mean_field.game import MeanFieldGame
    from stackjax.markov.mean_field.problem import MeanFieldProblem
    from stackjax.problem import Problem

__all__ = ["FAMILY"]


@dataclasses.dataclass(frozen=True)
class TariffOptions:
    """Options of the market with tariffs."""

    equity: float = 1.0
    """χ, what the regulator gives for a smaller difference between the shares of income that poor and rich pay."""
    levels: int | None = 5
    """Tariffs from 0 to 1 to choose from in each period, or None for all numbers between."""


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


FAMILY = MeanFieldFamily()
