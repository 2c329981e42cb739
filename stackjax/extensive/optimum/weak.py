"""Commitments that pay well whichever of its best replies the follower gives: ties against the leader."""

from typing import NamedTuple

import numpy as np
import scipy

from stackjax.extensive.exact import Ties
from stackjax.extensive.optimum.form import SequenceForm, kept, leader_plan, reply_to
from stackjax.extensive.optimum.programmes import Held, best_holding, widest
from stackjax.extensive.rules import tie_of, tied_replies

__all__ = ["SHARE", "Safe", "best_against_ties", "judged"]

SHARE = 1e-4  # of the leader's payoff, in spreads, that an averse follower subtracts from its own
SHARES = (1e-4, 1e-6, 0.0)  # likewise, for a reply that is known
LOSS = 1e-8  # of the leader's spread, what a commitment loses so that its reply is strictly best, in float64
MARGIN = 0.75  # of `tie_of`: more than the half of it that counts as equal in float64, with ties against
TOLD = 1e-11  # of the follower's spread: payoffs that float64 tells apart


class Safe(NamedTuple):
    """What a commitment pays with ties against the leader.

    Attributes:
      value: in the form's units, by replies in float64: a lower bound of the weak value.
      behaviour: ``[I_0, A_0]`` the commitment that pays most where a run judges it, in float32 and against a follower who takes
        more payoffs for equal.
      told: what that is.
    """

    value: float
    behaviour: np.ndarray
    told: float


def judged(form: SequenceForm, behaviour: np.ndarray, ties: Ties) -> float:
    """What a behaviour pays the leader where a run judges it, in the form's units."""
    (found,) = tied_replies(form.game, kept(form.game.treeplexes[0], behaviour), ties)
    return float((found.value[1] - form.middles[0]) / form.units[0])


def best_against_ties(form: SequenceForm, replies: list[np.ndarray]) -> Safe:
    """Of commitments near the best ones to which given ``replies``, each ``[n]``, are best replies, the best ties against.

    They are the best if the follower dislikes, by ever smaller shares, what the leader is paid: among plans that pay it alike
    whatever the leader does it then takes the worst. Each is also moved a little to where the reply is strictly best, and tried
    with margins that a run tells.

    Raises:
      ArithmeticError: a linear programme failed.
    """
    treeplex = form.game.treeplexes[0]
    value, told, behaviour = -np.inf, -np.inf, None
    for reply in {reply.tobytes(): reply for reply in replies}.values():
        inside, worse = widest(form, reply)
        margins = _margins(form, worse)
        for share in SHARES:
            averse = form.averse(share) if share else form
            found = best_holding(averse, reply)
            if found is None:  # to a programme's tolerance
                continue
            strict = best_holding(averse, reply, margins) if len(worse) else None
            plans = [found.plan, _nudged(form, found, inside), *([] if strict is None else [strict.plan])]
            for plan in plans:
                mix, exactly = leader_plan(treeplex, plan)
                value = max(value, reply_to(form, exactly, "against", TOLD).leader)
                here = judged(form, mix, "against")
                if here > told:
                    told, behaviour = here, mix
    if behaviour is None:
        raise ArithmeticError("no commitment holds a reply of the follower")
    return Safe(max(value, told), behaviour, told)


def _nudged(form: SequenceForm, held: Held, inside: np.ndarray) -> np.ndarray:
    """``held.plan [Q]`` moved towards ``inside [Q]``, where its reply is strictly best, for next to nothing."""
    lost = float(held.reply @ (form.leader @ (held.plan - inside)))
    share = min(1.0, LOSS / max(lost, 1e-300))
    return (1.0 - share) * held.plan + share * inside


def _margins(form: SequenceForm, worse: np.ndarray) -> scipy.sparse.csr_array:
    """Sparse ``[n, Q]``, times the leader's plan by how much the follower's sequences ``worse``, int, are told to be worse."""
    masses, (own, other) = form.game.masses(1), form.game.treeplexes
    by_set = scipy.sparse.csr_array((masses.chance, (masses.sets, masses.rows[0])), (other.num_sets, own.num_rows))
    cells = np.full(len(worse), MARGIN * tie_of(form.game) / form.units[1]), (worse, form.rows[worse] // other.num_actions)
    return scipy.sparse.csr_array(cells, (len(form.rows), other.num_sets)) @ by_set
