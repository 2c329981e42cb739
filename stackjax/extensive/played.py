"""What commitments in a game in extensive form come to: how likely each end is. NumPy."""

import numpy as np

from stackjax.extensive.certificate import ExtensiveCertificate
from stackjax.extensive.induced import plan_of
from stackjax.extensive.treeplex import ExtensiveGame
from stackjax.outcomes import Played

__all__ = ["played"]


def played(game: ExtensiveGame, behaviour: np.ndarray, seen: ExtensiveCertificate) -> Played:
    """See `Problem.played`: one profile, as what chance deals is a part of what happens.

    What happens is what all players have done in the end, and what chance has dealt unless payoffs tell it. Of followers who
    mix profiles, each plays its average.

    Args:
      behaviour: ``[I, A]`` of the leader.
      seen: what followers answer, leaves without other axes.
    """
    followers = [seen.play[i, : own.num_sets, : own.num_actions] for i, own in enumerate(game.treeplexes[1:])]
    plans = [
        plan_of(own, np.asarray(made, np.float64)) for own, made in zip(game.treeplexes, [behaviour, *followers], strict=True)
    ]
    reached = np.prod([plan[rows] for plan, rows in zip(plans, game.leaf_rows, strict=True)], axis=0)
    likely = game.leaf_chance * reached
    ends = np.flatnonzero(likely > 0)
    chances = likely[ends] / likely.sum()
    paid = (game.leaf_paid[1:, ends] / game.leaf_chance[ends]).T
    labels = ends[:, None].astype(np.float64)
    return Played(np.ones(1), labels[None], chances[None], paid[None], (chances @ paid)[:, None], ["always"])
