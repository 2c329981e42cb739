"""How a commitment that was learned is improved in the end: by holding what one follower answers, see `hop`."""

import time
import warnings
import zlib

import numpy as np

from stackjax.extensive.exact import Ties
from stackjax.extensive.induced import normalised, plan_of
from stackjax.extensive.optimum.form import SequenceForm, leader_plan, sequence_form
from stackjax.extensive.optimum.hopping import hop, wander
from stackjax.extensive.optimum.programmes import best_zero_sum, is_zero_sum
from stackjax.extensive.optimum.weak import SHARE, best_against_ties, judged
from stackjax.extensive.treeplex import ExtensiveGame

__all__ = ["improved"]

EVALUATIONS = 100  # for each move
FEWEST_MOVES = 5
SECONDS = 4.0  # of this thread, other programs apart, after which there are no more moves


def improved(game: ExtensiveGame, ties: Ties, commitment: np.ndarray, num_evaluations: int) -> np.ndarray:
    """See `Problem.improve`: ``commitment [I_0, A_0]``, or one that pays more as a run judges it.

    A zero-sum game is one linear programme. A programme that fails costs the improvement, and no result.

    Args:
      game: the rules.
      ties: for whom the follower breaks its ties.
      commitment: weights of the leader's actions.
      num_evaluations: that it may take; a move, of some linear programmes, counts as 100, and there are 5 at least.
    """
    form = sequence_form(game)
    start = normalised(game.treeplexes[0], np.asarray(commitment, np.float64))
    try:
        tried = _tried(form, ties, plan_of(game.treeplexes[0], start), max(FEWEST_MOVES, num_evaluations // EVALUATIONS))
    except ArithmeticError as error:
        warnings.warn(f"a commitment was not improved: {error}", RuntimeWarning, stacklevel=2)
        return commitment
    better = max(tried, key=lambda behaviour: judged(form, behaviour, ties), default=start)
    return better if judged(form, better, ties) > judged(form, start, ties) else commitment


def _tried(form: SequenceForm, ties: Ties, plan: np.ndarray, moves: int) -> list[np.ndarray]:
    """Behaviours ``[I_0, A_0]`` that may be better than a ``plan [Q]``."""
    if is_zero_sum(form):
        return [leader_plan(form.game.treeplexes[0], best_zero_sum(form)[1])[0]]
    until, told = time.thread_time() + SECONDS, form if ties == "for" else form.averse(SHARE)
    seed = zlib.crc32(plan.tobytes())  # what was learned otherwise is improved by other moves
    best = wander(told, hop(told, plan, np.random.default_rng(seed), set(), until), moves, seed, until)
    if best is None:
        return []
    return [best.behaviour] if ties == "for" else [best_against_ties(form, [best.reply]).behaviour]
