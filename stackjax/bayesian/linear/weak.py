"""Commitments that pay well whichever of its best answers a type gives: ties against the leader."""

import numpy as np

from stackjax.bayesian.linear.game import LinearGame
from stackjax.bayesian.linear.programmes import holding

__all__ = ["adverse", "best_against_ties", "nudged"]

SHARE = 1e-4  # of the follower's spread over the leader's: how much an adverse follower dislikes what the leader is paid
NUDGE = 4e-6  # of the leader's spread, what a commitment may lose so that answers are strictly best
LOSSES = (1e-8, NUDGE)  # likewise, where ties are told in float64
WIDE = 1e-7  # of a row's largest slope: a margin that is more than a solver's tolerance


def adverse(game: LinearGame, share: float = SHARE) -> LinearGame:
    """The game in which the follower also dislikes, a little, what the leader is paid: of equal answers it prefers the worst.

    A commitment that pays u here, ties for the leader, pays u in ``game`` with ties against it.

    Args:
      game: the game.
      share: of each type's spread of payoffs over the spread of what it pays the leader.
    """
    spread = lambda slopes, constant: np.ptp(slopes + constant[:, :, None], axis=(1, 2)) + np.ptp(constant, axis=1)
    theirs, ours = spread(game.follower, game.follower_constant), spread(game.leader, game.leader_constant)
    weight = share * theirs / np.where(ours > 0, ours, 1.0)
    return game._replace(
        follower=game.follower - weight[:, None, None] * game.leader,
        follower_constant=game.follower_constant - weight[:, None] * game.leader_constant,
    )


def nudged(game: LinearGame, x: np.ndarray, loss: float = NUDGE) -> np.ndarray:
    """``x [n]`` moved a little, so that each type's answer there, ties for the leader, is strictly best where that is possible.

    Among the commitments with these answers one for each type leaves it the widest margin; x moves towards their mean.

    Args:
      game: the game.
      x: the commitment.
      loss: what the move may cost at most, of the leader's spread.

    Raises:
      ArithmeticError: a linear programme failed.
    """
    answers = game.answers(x)
    held, nothing = list(enumerate(answers)), np.zeros(game.num_variables)
    found = [holding(game, held, nothing, widened=k) for k in range(len(answers))]
    wide = [other[1] for other in found if other is not None and other[0] > WIDE]
    if not wide:
        return x
    mean = np.mean(wide, axis=0)
    pays = lambda at: float(game.prior @ game.leader_payoffs(at)[np.arange(len(answers)), answers])
    share = min(1.0, loss * game.spread / max(pays(x) - pays(mean), 1e-300))
    return (1.0 - share) * x + share * mean


def best_against_ties(game: LinearGame, commitments: list[np.ndarray]) -> np.ndarray:
    """Of ``commitments``, each ``[n]``, and of them nudged, the one that pays most with ties against the leader."""
    tried = [at for x in commitments for at in (x, *(nudged(game, x, loss) for loss in LOSSES))]
    return max(tried, key=lambda x: float(game.value(x, "weak")))
