"""What a coverage earns against attackers of other kinds: perfect ones, and those who err."""

from typing import TYPE_CHECKING

import numpy as np
import scipy

from stackjax.bayesian.games.security.quantal_optimum import quantal_optimum
from stackjax.bayesian.linear.game import LinearGame
from stackjax.bayesian.linear.hopping import hop_many, random_commitments
from stackjax.bayesian.linear.weak import nudged
from stackjax.pictures import Picture, cells

if TYPE_CHECKING:
    from stackjax.bayesian.games.security.game import SecurityGame

__all__ = ["ATTACKERS", "earned", "strategies", "table"]

RATIONALITIES = (2.0, 0.76, 0.25, 0.0)
ATTACKERS = (
    "perfect, ties for the leader",
    "perfect, ties against it",
    *(f"quantal, rationality {rationality:g}" for rationality in RATIONALITIES[:-1]),
    "without a look",
)
STARTS, SECONDS = 10, 2.0  # of tie-hopping, for a coverage to compare with


def earned(game: LinearGame, x: np.ndarray) -> list[float]:
    """What the commitment ``x [n]`` pays the leader against each of `ATTACKERS`, exactly, game units."""
    paid, wanted = game.leader_payoffs(x), game.follower_payoffs(x)
    found = [float(game.value(x, ties)) for ties in ("strong", "weak")]
    for rationality in RATIONALITIES:
        chances = scipy.special.softmax(rationality * wanted, axis=1)
        found.append(float(game.prior @ (chances * paid).sum(axis=1)))
    return found


def strategies(game: "SecurityGame") -> dict[str, np.ndarray]:
    """Commitments ``[n]`` to compare with: the same everywhere, one found against perfect attackers and, against one type
    without schedules, those against quantal ones.
    """
    linear = game.linear()
    size = linear.num_variables
    share = 1.0 / size if linear.total is None else min(1.0, linear.total / size)
    counted = linear.for_types(linear.prior > 0)
    perfect = nudged(counted, hop_many(counted, random_commitments(counted, STARTS, 0), SECONDS))
    found = {"found against perfect attackers": perfect}
    if len(linear.prior) == 1 and game.covers is None:
        owner, other = game.tables.defender[:, 0], game.tables.attacker[:, 0]
        for rationality in RATIONALITIES[:-1]:
            best = quantal_optimum(owner, other, game.tables.guards, rationality).coverage
            found[f"best against quantal, rationality {rationality:g}"] = best
    return {**found, "the same everywhere": np.full(size, share)}


def table(game: "SecurityGame", x: np.ndarray) -> Picture:
    """A row for ``x [n]`` and for each of `strategies`, a column for each of `ATTACKERS`, the darker the better."""
    linear = game.linear()
    rows = {"this commitment": linear.feasible(x), **game.compared}
    payoffs = np.array([earned(linear, one) for one in rows.values()])
    span = np.ptp(payoffs, axis=0)
    shades = (payoffs - payoffs.min(axis=0)) / np.where(span > 0, span, 1.0)
    texts = [[f"{value:.4g}" for value in row] for row in payoffs]
    title = "What strategies earn against other attackers"
    return cells(title, list(rows), list(ATTACKERS), shades.tolist(), texts, ("attacker", "strategy"), has_chances=False)
