"""One type of attacker and no schedules: the best coverage in closed form, for thousands of targets."""

from typing import NamedTuple

import numpy as np

from stackjax.bayesian.linear.coverage import lowest_level, needed
from stackjax.bayesian.linear.game import ROUNDING

__all__ = ["Origami", "origami"]


class Origami(NamedTuple):
    """The strong optimum of a security game with one type.

    Attributes:
      value: the defender's payoff, game units, ties for it.
      coverage: ``[n]`` chances that targets are guarded.
      attacked: the target that is attacked.
      attack_set: bool ``[n]``, the targets that pay the attacker most.
    """

    value: float
    coverage: np.ndarray
    attacked: int
    attack_set: np.ndarray


def origami(defender: np.ndarray, attacker: np.ndarray, guards: float) -> Origami:
    """The strong optimum: as many targets as the guards can leave indifferent, at the lowest level that they pay for.

    At a level each target needs what keeps it from paying the attacker more. The lower the level, the more of each target is
    covered and the more targets it may take: the lowest is best, but for a target that the defender would rather not cover.

    Args:
      defender: ``[2, n]`` its payoff at a covered and at an uncovered target, game units.
      attacker: likewise; a guard never raises it.
      guards: how many there are.

    References: Kiekintveld et al. (2009), Algorithm 1.
    """
    (covered, uncovered), (caught, free) = defender, attacker
    gain, size = covered - uncovered, np.maximum(np.abs(free), np.abs(caught)).max()
    loss = np.where(free - caught > ROUNDING * size, free - caught, 0.0)  # less changes no answer
    lowest = lowest_level(free, loss, guards)
    need = needed(free, loss, lowest)
    spare = np.where(loss == 0, min(max(guards - float(need.sum()), 0.0), 1.0), need)  # where a guard changes no answer
    payoffs = uncovered + np.where(gain > 0, gain * spare, 0.0)
    attacked = int(np.where(free >= lowest - 10 * ROUNDING * size, payoffs, -np.inf).argmax())
    coverage = need if gain[attacked] >= 0 else needed(free, loss, max(float(free[attacked]), lowest))
    if loss[attacked] == 0 and gain[attacked] > 0:
        coverage[attacked] = spare[attacked]
    pays = free - coverage * loss
    value = uncovered[attacked] + coverage[attacked] * gain[attacked]
    return Origami(float(value), coverage, attacked, pays >= pays.max() - 10 * ROUNDING * size)
