"""A leader that does not mix: every reduced plan of it, answered exactly."""

import time
from typing import NamedTuple

import numpy as np

from stackjax.errors import UnsolvedError
from stackjax.extensive.induced import behaviour_of
from stackjax.extensive.optimum.reduced import reduced_plans
from stackjax.extensive.rules import tied_replies
from stackjax.extensive.treeplex import ExtensiveGame, Treeplex

__all__ = ["MOST_TABLES", "BestTable", "best_table"]

MOST_TABLES = 65_536  # plans of a leader that does not mix
CELLS_AT_ONCE = 4_000_000
ROUNDING = 1e-9  # of the largest value: tables that pay alike


class BestTable(NamedTuple):
    """The best of the leader's tables of actions, game units.

    Attributes:
      value, behaviour: with ties for the leader, and ``[I_0, A_0]``, of equally good ones the best with ties against it.
      weak_value, weak_behaviour: with ties against the leader.
    """

    value: float
    behaviour: np.ndarray
    weak_value: float
    weak_behaviour: np.ndarray

    @staticmethod
    def of(treeplex: Treeplex, plans: np.ndarray, strong: np.ndarray, weak: np.ndarray) -> "BestTable":
        """Of ``plans [K, Q]``, each worth ``strong [K]`` with ties for the leader and ``weak [K]`` against it."""
        close = ROUNDING * max(1.0, float(np.abs(strong).max()))
        best, safest = int(np.where(strong >= strong.max() - close, weak, -np.inf).argmax()), int(weak.argmax())
        table = lambda k: behaviour_of(treeplex, plans[k].astype(np.float64))
        return BestTable(float(strong.max()), table(best), float(weak[safest]), table(safest))


def best_table(game: ExtensiveGame, seconds: float = np.inf) -> BestTable:
    """The best of the leader's reduced plans against one follower, by trying all.

    Raises:
      UnsolvedError: there was not enough time.
    """
    started, own = time.monotonic(), game.treeplexes[0]
    plans = reduced_plans(own)
    chunk = max(1, CELLS_AT_ONCE // max(game.leaf_rows.shape[1], 4 * game.treeplexes[1].num_rows))
    strong, weak = [], []
    for first in range(0, len(plans), chunk):
        if time.monotonic() - started > seconds:
            raise UnsolvedError(f"{len(plans)} tables of actions took longer than {seconds:g} s")
        some = plans[first : first + chunk].T.astype(np.float64)
        good, bad = (found.value[1] for found in tied_replies(game, some, "for", "against"))
        strong.append(good)
        weak.append(bad)
    return BestTable.of(own, plans, np.concatenate(strong), np.concatenate(weak))
