"""The most that followers of a commons of several patches can earn together, as a bound, by Lagrange multipliers.

That a follower is in one patch at a time couples the patches. Let it be in several, for a charge in each step: then patches are
dynamic programmes by themselves, and whatever the charges, what they come to and the charges together bound what can be earned
(Hawkins 2003; Adelman and Mersereau 2008). Charges are made small by subgradients.
"""

import functools

import numpy as np

from stackjax.markov.game import joint_actions
from stackjax.markov.groups.commons import EFFORT, GROWTH, PICKS, SKILLS, STOCK

__all__ = ["most_together"]

STEPS = 400  # of subgradients
FIRST_STEP = 0.5  # game units


@functools.cache
def most_together(patches: int, horizon: int) -> float:
    """A bound of the sum of all followers' payoffs in an episode of ``horizon`` steps with ``patches`` patches, game units.

    It is attained where there is one patch, and no charge. All followers are charged for every step in which they pick.
    """
    picks = joint_actions((PICKS,) * len(SKILLS))  # [J, N]
    wanted, stock = picks.sum(axis=1)[None], np.arange(STOCK + 1)[:, None]
    rest = stock - np.minimum(wanted, stock)  # [S, J]
    earned = (picks @ np.asarray(SKILLS))[None] * np.minimum(1.0, stock / np.maximum(wanted, 1)) - EFFORT * wanted
    grows, after, is_here = GROWTH * rest * (STOCK - rest) / STOCK**2, np.minimum(rest + 1, STOCK), picks > 0

    def relaxed(charges: np.ndarray) -> tuple[float, np.ndarray]:
        """The bound under ``charges [T, N]``, and its slope."""
        values, chosen = np.zeros(STOCK + 1), np.zeros((horizon, STOCK + 1), int)
        for t in reversed(range(horizon)):
            worth = earned - (is_here @ charges[t])[None] + (1.0 - grows) * values[rest] + grows * values[after]
            chosen[t], values = worth.argmax(axis=1), worth.max(axis=1)
        visits, present = np.eye(STOCK + 1)[STOCK], np.zeros((horizon, len(SKILLS)))
        for t in range(horizon):
            at = np.arange(STOCK + 1), chosen[t]
            present[t] = visits @ is_here[chosen[t]]
            moved = np.zeros(STOCK + 1)
            np.add.at(moved, rest[at], visits * (1.0 - grows[at]))
            np.add.at(moved, after[at], visits * grows[at])
            visits = moved
        return float(patches * values[STOCK] + charges.sum()), 1.0 - patches * present

    charges, best = np.zeros((horizon, len(SKILLS))), np.inf
    for k in range(1 if patches == 1 else STEPS):
        bound, slope = relaxed(charges)
        best = min(best, bound)
        size = max(float(np.linalg.norm(slope)), 1e-12)
        charges = np.maximum(charges - FIRST_STEP / (1.0 + 0.05 * k) * slope / size, 0.0)
    return best
