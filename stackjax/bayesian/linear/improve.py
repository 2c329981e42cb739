"""How a commitment that was learned is improved in the end: by what is known where payoffs are linear in it."""

import numpy as np

from stackjax.bayesian.linear.game import LinearGame
from stackjax.bayesian.linear.hopping import hop, wander
from stackjax.bayesian.linear.weak import nudged

__all__ = ["improved"]

EVALUATIONS = 256  # of a move: about as long as so many commitments take to be answered


def improved(game: LinearGame, commitment: np.ndarray, num_evaluations: int) -> np.ndarray:
    """See `Problem.improve`: ``commitment [1, n]`` after hops and a nudge, if that pays more with ties against the leader.

    Raises:
      ArithmeticError: a linear programme failed.
    """
    x = game.feasible(np.asarray(commitment[0], np.float64))
    better = nudged(game, wander(game, hop(game, x), num_evaluations // EVALUATIONS, seed=0))
    return better[None] if game.value(better, "weak") > game.value(x, "weak") else commitment
