"""Markov games of several followers as runs and the command line know them."""

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from stackjax.digits import as_known
from stackjax.errors import UnsolvedError
from stackjax.families import GameEntry, Solved
from stackjax.markov.family import PlannedFamily
from stackjax.markov.groups.followers import GroupFollowers, PureGroup

if TYPE_CHECKING:
    from stackjax.markov.groups.game import GroupGame

__all__ = ["GROUPS"]

GAMES_AT = "stackjax.markov.groups."
Objective = Literal["own", "utilitarian", "nash", "rawls", "product"]  # as in objectives, which needs JAX


@dataclasses.dataclass(frozen=True)
class CommonsOptions:
    """Options of the commons."""

    objective: Objective = "utilitarian"
    """What the leader is paid: the followers' mean payoff, their geometric mean, the least, or equality times their sum."""
    levels: int | None = 5
    """Tax rates from 0 to 1 to choose from, or None for all numbers between."""
    flat: bool = False
    """Whether there is one rate for all stocks."""
    horizon: int = 12
    """T, the steps of an episode."""


@dataclasses.dataclass(frozen=True)
class EscapeRoomOptions:
    """Options of the escape room."""

    num_followers: int = 2
    """N."""
    needed: int = 1
    """How many must hold the lever."""
    levels: int | None = 6
    """Bonuses from 0 to 5 to choose from for each position, or None for all numbers between."""
    horizon: int = 5
    """T, the steps of an episode."""


@dataclasses.dataclass(frozen=True)
class DuopolyOptions:
    """Options of the taxed duopoly."""

    objective: Objective = "own"
    """What the leader is paid: welfare with consumers and harm, or a welfare of the two firms alone."""
    harm: float = 1.5
    """Half of what the square of all output costs."""
    levels: int | None = 5
    """Taxes from 0 to 4 to choose from, or None for all numbers between."""
    horizon: int = 6
    """T, the steps of an episode."""


@dataclasses.dataclass(frozen=True)
class CoinOptions:
    """Options of the coin game."""

    size: int = 2
    """Rows and columns of the torus, 2 or 3."""
    horizon: int = 20
    """T, the steps of an episode."""
    gain: float = 10.0
    """What a unit that agents collect pays the principal."""
    other: float = 0.2
    """What a coin of the other's colour is worth."""
    max_payment: float = 1.0
    """The largest payment for a move."""


class GroupFamily(PlannedFamily):
    """A commitment leaves several followers a Markov game, and they come to a joint policy."""

    name = "groups"
    rules_at, problem_at = f"{GAMES_AT}game:GroupGame", f"{GAMES_AT}problem:GroupProblem"
    sections: ClassVar = {"followers": GroupFollowers}
    traced = (
        *("followers.temperature", "followers.step_size"),
        *("followers.learning_rate", "followers.exploration", "followers.discount"),
    )
    entries = (
        GameEntry(
            "commons", f"{GAMES_AT}commons:Commons", "taxes three followers who pick from one stock", "4.63", CommonsOptions
        ),
        GameEntry(
            "escape-room",
            f"{GAMES_AT}escape_room:EscapeRoom",
            "pays bonuses to followers who need each other",
            "45",
            EscapeRoomOptions,
        ),
        GameEntry(
            "taxed-duopoly",
            f"{GAMES_AT}taxed_duopoly:TaxedDuopoly",
            "taxes two firms that build capacity",
            "82.325660",
            DuopolyOptions,
        ),
        GameEntry(
            "coin-game",
            "stackjax.markov.contracts.coin_game:CoinGame",
            "pays two agents who collect coins for their moves",
            "129.850891 afresh (2 x 2)",
            CoinOptions,
        ),
    )

    def solve(self, game: "GroupGame") -> Solved:
        """The best pure equilibrium with ties for and against the leader, and what all together could earn it at most."""
        from stackjax.markov.groups.optimum import first_best

        pure: list[Any] = [self.build(game, {"followers": PureGroup(ties=ties)}) for ties in ("for", "against")]
        (strong, weak), what = (problem.optimum() for problem in pure), f"{game.name} ({game.objective})"
        bound = first_best(game, pure[0].length)
        if strong is None or strong.commitment is None:
            beside = game.beside()
            if beside is not None:
                more = [] if isinstance(bound, str) else [f"nobody earns it more than {as_known(bound.value)}"]
                return beside._replace(words=beside.words + more)
            if isinstance(bound, str):
                raise UnsolvedError(f"the optimum of {game.name!r} is not known: {bound}")
            return Solved.of(
                what, bound, lines=["no joint play earns the leader more; whether any commitment gets it is not known"]
            )
        content = {"value": strong.value, "method": strong.method, "commitment": strong.commitment.tolist()}
        lines = [f"  {game.describe_node(o)}: {game.describe_leader_action(a)}" for o, a in enumerate(strong.commitment)]
        lines.append("followers: pure equilibria of every step and state, ties for the leader")
        if weak is not None and weak.commitment is not None:
            content |= {"weak_value": weak.value, "weak_commitment": weak.commitment.tolist()}
            lines.append(f"the best with ties against the leader: {as_known(weak.value)}")
        if not isinstance(bound, str):
            content["bound"] = bound.value
            lines.append(f"no joint play earns it more than {as_known(bound.value)}")
        return Solved.of(what, strong, content, lines)


GROUPS = GroupFamily()
