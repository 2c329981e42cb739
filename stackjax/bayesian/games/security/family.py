"""Security games as runs and the command line know them."""

import dataclasses
import pathlib
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

from stackjax.bayesian.family import BayesianFamily
from stackjax.bayesian.followers.config import FollowersConfig
from stackjax.families import GameEntry, GameSource, PayoffSource, Solved

if TYPE_CHECKING:
    from stackjax.bayesian.games.security.game import SecurityGame
    from stackjax.bayesian.games.security.tables import SecurityTables
    from stackjax.problem import Problem

__all__ = ["SECURITY", "security_source"]

AT = "stackjax.bayesian.games.security.game:"
MORE_SECONDS = 30.0  # for what one more guard is worth


@dataclasses.dataclass(frozen=True)
class SecurityOptions:
    targets: int = 20
    """n, targets of which the attacker takes one."""
    guards: int = 5
    """Guards, each of whom covers one target at a time."""
    types: int = 3
    """K, types of the attacker."""
    instance: int = 0
    """The seed of the payoffs and of the prior."""


@dataclasses.dataclass(frozen=True)
class GuardOptions:
    """Options of a security game from a file."""

    guards: int | None = None
    """Guards; by default as many as the file says."""


class SecurityFamily(BayesianFamily):
    """Guards are placed by chance, and an attacker of private type who has watched takes a target."""

    name = "security"
    rules_at = f"{AT}SecurityGame"
    entries: ClassVar[tuple[GameEntry, ...]] = (
        GameEntry("security", f"{AT}security", "guards targets by chance", "by programmes", SecurityOptions),
    )
    prefixes: ClassVar[tuple[str, ...]] = ()
    endings: ClassVar[tuple[str, ...]] = ()

    def defaults(self) -> dict[str, Any]:
        """See `Family`: an attacker who watches knows the coverage and answers it exactly."""
        return {**super().defaults(), "followers": FollowersConfig("best-response")}

    def solve(self, game: Any) -> Solved:
        """Also what one more guard is worth, where that is exact."""
        from stackjax.bayesian.equilibrium.optimum import solve
        from stackjax.bayesian.games.security.game import SecurityGame

        found, tables = super().solve(game), game.tables
        if found.method == "upper-bound" or tables.guards + 1 >= tables.most_guards:
            return found
        try:
            more = solve(SecurityGame(tables.with_guards(tables.guards + 1)), seconds=MORE_SECONDS)
        except ArithmeticError:  # a programme that failed
            return found
        if more.method == "upper-bound":
            return found
        worth = more.value - found.value
        words = [*found.words, f"one more guard is worth {worth:.6g}"]
        return found._replace(content={**found.content, "one_more_guard": worth}, words=words)

    def given(self, problem: "Problem") -> dict[str, Any]:
        return _tables_of(problem)

    def stored(self, content: dict[str, Any]) -> GameSource | None:
        if "security" not in content:
            return None
        from stackjax.bayesian.games.security.tables import read_security

        tables = read_security({"security": content["security"]}, content["game"], "config.json")
        return security_source(tables, None, content.get("argument"))


def _of_tables(tables: "SecurityTables", guards: int | None = None) -> "SecurityGame":
    from stackjax.bayesian.games.security.game import SecurityGame

    return SecurityGame(tables if guards is None else tables.with_guards(guards))


def _tables_of(problem: "Problem") -> dict[str, Any]:
    """A security game as ``config.json`` holds it."""
    return {"security": cast("Any", problem).env.game.tables.to_json()}


def security_source(tables: "SecurityTables", file: pathlib.Path | None, argument: str | None = None) -> GameSource:
    """Where the game of ``tables`` comes from, which were read from a file or from a run."""
    called = argument if file is None else str(file)
    return PayoffSource(tables.name, GuardOptions, "security", partial(_of_tables, tables), _tables_of, called, file)


SECURITY = SecurityFamily()
