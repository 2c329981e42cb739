"""How a commitment that was learned is improved in the end: by what is known where payoffs are linear in it."""

import warnings

import numpy as np

from stackjax.bayesian.linear.game import LinearGame
from stackjax.bayesian.linear.hopping import hop, wander
from stackjax.bayesian.linear.weak import nudged

__all__ = ["improved"]

EVALUATIONS = 256  # for each move
SECONDS = 5.0  # after which there are no more moves


def improved(game: LinearGame, commitment: np.ndarray, num_evaluations: int) -> np.ndarray:
    """See `Problem.improve`: ``commitment [1, n]`` after hops and a nudge, if that pays more with ties against the leader.

    A linear programme that fails costs the improvement, and no result.
    """
    game = game.for_types(game.prior > 0)  # what the others answer does not matter
    x = game.feasible(np.asarray(commitment[0], np.float64))
    try:
        better = nudged(game, wander(game, hop(game, x), -(-num_evaluations // EVALUATIONS), 0, SECONDS))
    except ArithmeticError as error:
        warnings.warn(f"a commitment was not improved: {error}", RuntimeWarning, stacklevel=2)
        return commitment
    return better[None] if game.value(better, "weak") > game.value(x, "weak") else commitment
