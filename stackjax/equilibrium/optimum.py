"""The leader's exact optimum: closed forms attached to games, enumeration, one linear programme per follower reply."""

import numpy as np
import scipy.optimize

from stackjax.games.base import Game, Optimum
from stackjax.games.normal_form import MatrixGame
from stackjax.types import ArrayLike

__all__ = ["best_mixed_commitment", "best_pure_commitment", "solve"]


def solve(game: Game) -> Optimum | None:
    """The leader's best payoff in ``game`` with follower ties broken in its favour, or None when it is not known.

    Matrix games with one follower are solved exactly, by enumeration (deterministic leader) or by one linear programme
    per reply (randomized leader; the value is then a supremum, reached in the limit when ties go the other way).
    """
    known = game.optimum()
    if known is not None or not isinstance(game, MatrixGame) or game.num_followers != 1:
        return known
    leader, follower = game.payoff_table[..., 0], game.payoff_table[..., 1]
    if game.randomized:
        return Optimum(best_mixed_commitment(leader, follower)[0], "lp")
    return Optimum(best_pure_commitment(leader, follower)[0], "enumeration")


def best_pure_commitment(leader: ArrayLike, follower: ArrayLike) -> tuple[float, int]:
    """The value and the row of the best pure commitment; payoffs are ``[rows, columns]``, ties favour the leader."""
    leader, follower = np.asarray(leader), np.asarray(follower)
    replies = follower == follower.max(axis=1, keepdims=True)
    values = np.where(replies, leader, -np.inf).max(axis=1)
    return float(values.max()), int(values.argmax())


def best_mixed_commitment(leader: ArrayLike, follower: ArrayLike) -> tuple[float, np.ndarray]:
    """The value and the row mix of the best mixed commitment (strong Stackelberg equilibrium).

    For each column, the best mix that makes it a best reply is a linear programme; the best of them wins.

    References: Conitzer and Sandholm (2006), Section 3.
    """
    leader, follower = np.asarray(leader, np.float64), np.asarray(follower, np.float64)
    num_rows, num_columns = leader.shape
    best_value, best_mix = -np.inf, np.zeros(num_rows)
    for column in range(num_columns):
        others = [other for other in range(num_columns) if other != column]
        found = scipy.optimize.linprog(
            -leader[:, column],
            A_ub=(follower[:, others] - follower[:, [column]]).T if others else None,
            b_ub=np.zeros(len(others)) if others else None,
            A_eq=np.ones((1, num_rows)),
            b_eq=[1.0],
            bounds=(0, 1),
            method="highs",
        )
        if found.status == 0 and -found.fun > best_value:
            best_value, best_mix = float(-found.fun), found.x
    return best_value, best_mix
