"""Games of followers who plan that are played out, as runs and the command line know them."""

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar, cast

from stackjax.digits import as_known
from stackjax.errors import UnsolvedError
from stackjax.families import Family, GameEntry, Solved
from stackjax.markov.groups.family import Objective
from stackjax.markov.groups.sampled.followers import PlayedGroupFollowers

if TYPE_CHECKING:
    from stackjax.markov.groups.sampled.game import PlayedGroupGame
    from stackjax.markov.groups.sampled.problem import PlayedGroupProblem
    from stackjax.problem import Problem

__all__ = ["PLAYED_GROUPS"]

MODULES = "stackjax.markov.groups.sampled."


@dataclasses.dataclass(frozen=True)
class PatchesOptions:
    """Options of the commons of several patches."""

    objective: Objective = "utilitarian"
    """What the leader is paid: the followers' mean payoff, their geometric mean, the least, or equality times their sum."""
    patches: int = 4
    """P; with one the game is the commons."""
    levels: int | None = None
    """Tax rates from 0 to 1 to choose from for each patch, or None for all numbers between."""
    horizon: int = 12
    """T, the steps of an episode."""


class PlayedGroupFamily(Family):
    """As the family ``groups``, where no table has room: played out, and judged by samples."""

    name = "played-groups"
    rules_at, problem_at = f"{MODULES}game:PlayedGroupGame", f"{MODULES}problem:PlayedGroupProblem"
    sections: ClassVar = {"followers": PlayedGroupFollowers}
    solver = "es"
    entries = (
        GameEntry(
            "patches",
            f"{MODULES}patches:Patches",
            "taxes three followers who pick from several stocks",
            "at most 13.031 (4 patches)",
            PatchesOptions,
        ),
    )

    def tables(self, problem: "Problem") -> dict[str, Any]:
        from stackjax.markov.groups.sampled.checking import played_tables

        return played_tables(cast("PlayedGroupProblem", problem).game)

    def check(self, game: "PlayedGroupGame") -> None:
        from stackjax.markov.groups.sampled.checking import check_played_group_game

        check_played_group_game(game)

    def solve(self, game: "PlayedGroupGame") -> Solved:
        """What bounds the leader's payoff; the optimum is never known, as everything is judged by samples."""
        bound = game.bound()
        if bound is None:
            raise UnsolvedError(f"the optimum of {game.name!r} is not known: its commitments are judged by samples")
        words = f"{game.name} ({game.objective}): the optimum is not known; no commitment pays more than {as_known(bound)}"
        return Solved(bound, "upper-bound", {"value": bound, "method": "upper-bound"}, [words])


PLAYED_GROUPS = PlayedGroupFamily()
