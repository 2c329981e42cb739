"""All commitments, as one polytope for each profile of answers of the follower's types, on which payoffs are linear."""

import itertools
import math

import numpy as np

from stackjax.bayesian.linear.game import LinearGame
from stackjax.bayesian.linear.programmes import objective_of, rows_of
from stackjax.outcomes import Region

__all__ = ["MOST_REGIONS", "regions_of"]

MOST_REGIONS = 4096


def regions_of(game: LinearGame) -> list[Region] | None:
    """See `Problem.regions`, of commitments ``[1, n]``; None if there are more than `MOST_REGIONS` profiles of answers.

    Types that have no chance answer what they like. Answers that some one other always beats are left out; of the profiles that
    are left some may be best nowhere: their regions are empty.

    References: Conitzer and Sandholm (2006), Section 3, for the polytopes.
    """
    game = game.for_types(game.prior > 0)
    possible = ~game.never_best()
    if math.prod(possible.sum(axis=1).tolist()) > MOST_REGIONS:
        return None
    profiles = itertools.product(*(np.flatnonzero(row).tolist() for row in possible))
    return [region for answers in profiles if (region := _region(game, answers)) is not None]


def _region(game: LinearGame, answers: tuple[int, ...]) -> Region | None:
    """The commitments to which type k has the best answer ``answers[k]``; None where it is seen that there are none."""
    made = rows_of(game, list(enumerate(answers)))
    if made is None:
        return None
    (rows, limits, _), n = made, game.num_variables
    ones = np.ones((1, n))
    leader, leader_constant = objective_of(game, answers)
    follower, follower_constant = objective_of(
        game._replace(leader=game.follower, leader_constant=game.follower_constant), answers
    )
    equal, totals = ones, np.ones(1)
    if game.total is not None:
        rows, limits = np.concatenate([rows, ones]), np.append(limits, game.total)
        equal, totals = np.zeros((0, n)), np.zeros(0)
    return Region(
        at_most=rows,
        limits=limits,
        equal=equal,
        totals=totals,
        low=np.zeros(n),
        high=np.ones(n),
        leader=leader,
        leader_constant=leader_constant,
        followers=follower[None],
        followers_constant=np.array([follower_constant]),
        commitment=lambda x: game.feasible(x)[None],
    )
