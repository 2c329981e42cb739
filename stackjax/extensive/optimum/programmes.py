"""Linear programmes over the leader's plans: those to which a given plan of the follower is a best reply, and all at once."""

import time
from typing import NamedTuple

import numpy as np
import scipy

from stackjax.errors import UnsolvedError
from stackjax.extensive.optimum.form import SequenceForm, best_values, leader_plan
from stackjax.extensive.optimum.reduced import reduced_plans

__all__ = [
    "CLOSED",
    "HIGHS",
    "Held",
    "best_by_plans",
    "best_holding",
    "best_zero_sum",
    "is_zero_sum",
    "left_out",
    "widest",
    "worst_by_plans",
]

HIGHS = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}  # the least that it takes
CLOSED = 1e-9  # of the leader's spread: a value and a bound that are the same
DIGITS = 9  # of payoffs over their spread: plans that pay the follower alike
WIDE = 1e-7  # of the follower's spread: a margin that is more than a solver's tolerance
CAP = 1e-2  # likewise: more than this of one margin makes up for none of another


class Held(NamedTuple):
    """The best of some commitments.

    Attributes:
      value: the leader's payoff, in the form's units.
      plan: ``[Q]`` the leader's.
      behaviour: ``[I_0, A_0]``.
      reply: ``[n]`` the follower's plan, 0 or 1.
    """

    value: float
    plan: np.ndarray
    behaviour: np.ndarray
    reply: np.ndarray


def is_zero_sum(form: SequenceForm) -> bool:
    """Whether what the leader is paid falls by as much as the follower's payoff rises, in their own units."""
    paid = form.game.tree.payoffs[:, list(form.game.seats)]
    scaled = (paid - np.array(form.middles)) / np.array(form.units)
    return bool(np.abs(scaled.sum(axis=1)).max() <= 1e-12)


def best_zero_sum(form: SequenceForm) -> tuple[float, np.ndarray]:
    """What a leader is sure of who is paid what the follower loses, in the form's units, and its plan ``[Q]``.

    References: Romanovskii (1962); von Stengel (1996); Koller, Megiddo and von Stengel (1996).
    """
    costs = np.zeros(sum(_sizes(form)))
    costs[-1] = 1.0
    found = _solved(form, costs, [[form.follower, -form.values]], np.zeros(len(form.rows)))
    assert found is not None  # the leader may do what it likes
    return -float(found.fun), found.x[: form.plans.shape[1]]


def best_holding(form: SequenceForm, reply: np.ndarray, margins: scipy.sparse.csr_array | None = None) -> Held | None:
    """The best commitment to which ``reply [n]`` is a best reply; None if there is none.

    Args:
      form: the game's.
      reply: the follower's plan.
      margins: sparse ``[n, Q]``, times the leader's plan by how much sequences that the reply leaves out must be worse.

    Raises:
      ArithmeticError: the linear programme failed.
    """
    kept, (upper, limits) = form.leader.T @ reply, _holding(form, reply)
    if margins is not None:
        upper[0][0] = upper[0][0] + margins
    found = _solved(form, np.append(-kept, np.zeros(form.values.shape[1])), upper, limits)
    if found is None:
        return None
    behaviour, plan = leader_plan(form.game.treeplexes[0], found.x[: len(kept)])
    return Held(float(-found.fun), plan, behaviour, reply)


def widest(form: SequenceForm, reply: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A plan ``[Q]`` at which as many as possible of the actions that ``reply [n]`` leaves out are worse, and int, which are.

    Raises:
      ArithmeticError: the linear programme failed, or no commitment holds the reply.
    """
    (upper, limits), (count, width) = _holding(form, reply), _sizes(form)
    others = np.flatnonzero(left_out(form, reply))
    margins = np.zeros((len(form.rows), len(others)))
    margins[others, np.arange(len(others))] = 1.0
    blocks = [[*upper[0], scipy.sparse.csr_array(margins)], [*upper[1], None]]
    costs = np.concatenate([np.zeros(count + width), -np.ones(len(others))])
    found = _solved(form, costs, blocks, limits, extra=[(0.0, CAP)] * len(others))
    if found is None:
        raise ArithmeticError("no commitment holds a reply of the follower")
    return leader_plan(form.game.treeplexes[0], found.x[:count])[1], others[found.x[count + width :] > WIDE]


def left_out(form: SequenceForm, reply: np.ndarray) -> np.ndarray:
    """bool ``[n]`` which sequences the ``reply [n]`` might take at the sets that it comes to, and does not."""
    treeplex = form.game.treeplexes[1]
    taken = np.zeros(treeplex.num_rows)
    taken[form.rows] = reply
    met = np.append(np.repeat(taken[treeplex.parent], treeplex.num_actions), 1.0)[form.rows]
    return (met > 0.5) & (reply < 0.5)


def _sizes(form: SequenceForm) -> tuple[int, int]:
    return form.plans.shape[1], form.values.shape[1]


def _holding(form: SequenceForm, reply: np.ndarray) -> tuple[list[list[scipy.sparse.csr_array]], np.ndarray]:
    """Blocks of rows, of x and v, and their limits: no plan pays the follower more than v's last entry, ``reply`` as much."""
    count = len(form.rows)
    total = scipy.sparse.csr_array(([1.0], ([0], [form.values.shape[1] - 1])), (1, form.values.shape[1]))
    earned = scipy.sparse.csr_array((form.follower.T @ reply)[None])
    return [[form.follower, -form.values], [-earned, total]], np.zeros(count + 1)


def _solved(
    form: SequenceForm, costs: np.ndarray, upper: list, limits: np.ndarray, extra: list[tuple[float, float]] | None = None
) -> scipy.optimize.OptimizeResult | None:
    """The programme over the leader's plans x, what sets are worth v, and what else; None if nothing fulfils it."""
    count, width = _sizes(form)
    rest = [] if extra is None else extra
    nothing = scipy.sparse.csr_array((form.plans.shape[0], width + len(rest)))
    equal = scipy.sparse.hstack([form.plans, nothing], format="csr")
    bounds = np.concatenate([np.stack([np.zeros(count), form.most], axis=1), np.tile([-np.inf, np.inf], (width, 1))])
    bounds = np.concatenate([bounds, np.array(rest).reshape(-1, 2)])
    matrix = scipy.sparse.block_array(upper, format="csr")
    for options in (HIGHS, HIGHS | {"presolve": False}):
        found = scipy.optimize.linprog(costs, matrix, limits, equal, form.right, bounds, method="highs", options=options)
        if found.status == 0:
            return found
        if found.status == 2:
            return None
    raise ArithmeticError(f"a linear programme failed: {found.message}")


def best_by_plans(form: SequenceForm, seconds: float = np.inf) -> Held:
    """The strong optimum by one linear programme for each reduced plan of the follower, those that promise most first.

    Raises:
      UnsolvedError: there was not enough time.
      ArithmeticError: a linear programme failed.

    References: Conitzer and Sandholm (2006), by sequences.
    """
    started = time.monotonic()
    plans = reduced_plans(form.game.treeplexes[1])[:, form.rows].astype(float)
    promised = best_values(form.game.treeplexes[0], form.leader.T @ plans.T)
    best: Held | None = None
    for k in np.argsort(-promised, kind="stable"):
        if best is not None and promised[k] <= best.value + CLOSED:
            break
        if time.monotonic() - started > seconds:
            raise UnsolvedError(f"{len(plans)} plans of the follower took longer than {seconds:g} s")
        found = best_holding(form, plans[k])
        if found is not None and (best is None or found.value > best.value):
            best = found
    assert best is not None  # to every commitment there is a best reply
    return best


def worst_by_plans(form: SequenceForm, seconds: float = np.inf) -> Held:
    """The supremum of what commitments pay with ties against the leader: by plans of the follower that pay it alike whatever
    the leader does, of which it takes the worst, where they are better than all others at some commitment.

    The commitment is where the supremum is reached with other ties for the leader; ``reply`` is one of the equal plans.

    Raises:
      UnsolvedError, ArithmeticError: as of `best_by_plans`.

    References: von Stengel and Zamir (2010), by sequences.
    """
    started = time.monotonic()
    plans = reduced_plans(form.game.treeplexes[1])[:, form.rows].astype(float)
    earned, paid = form.follower.T @ plans.T, form.leader.T @ plans.T
    kinds = np.unique(np.round(_distinct(form, earned), DIGITS) + 0.0, axis=1, return_inverse=True)[1].ravel()
    promised = best_values(form.game.treeplexes[0], paid)
    count = int(kinds.max()) + 1
    tops = np.full(count, np.inf)
    np.minimum.at(tops, kinds, promised)
    best: Held | None = None
    for kind in np.argsort(-tops, kind="stable"):
        if best is not None and tops[kind] <= best.value + CLOSED:
            break
        if time.monotonic() - started > seconds:
            raise UnsolvedError(f"{len(plans)} plans of the follower took longer than {seconds:g} s")
        own = np.flatnonzero(kinds == kind)
        found = _worst_of(form, plans[own[0]], np.unique(paid[:, own], axis=1))
        if found is not None and (best is None or found.value > best.value):
            margin = earned[:, own[:1]] - earned[:, kinds != kind]
            if _has_inside(form, margin):
                best = found
    assert best is not None  # the leader's plans are covered by finitely many regions
    return best


def _distinct(form: SequenceForm, slopes: np.ndarray) -> np.ndarray:
    """``slopes [Q, K]`` so that two are equal if they are worth the same for every plan of the leader's."""
    treeplex, found = form.game.treeplexes[0], slopes.copy()
    for infoset in reversed(range(treeplex.num_sets)):
        first, last = infoset * treeplex.num_actions, infoset * treeplex.num_actions + int(treeplex.choices[infoset]) - 1
        found[treeplex.parent[infoset]] += found[last]
        found[first : last + 1] -= found[last].copy()
    return found


def _worst_of(form: SequenceForm, reply: np.ndarray, paid: np.ndarray) -> Held | None:
    """The commitment with the most for the leader whichever of equal plans is taken, which pay it ``paid [Q, K]``."""
    upper, limits = _holding(form, reply)
    (count, width), kinds = _sizes(form), paid.shape[1]
    blocks = [
        [*upper[0], None],
        [*upper[1], None],
        [scipy.sparse.csr_array(-paid.T), None, scipy.sparse.csr_array(np.ones((kinds, 1)))],
    ]
    costs = np.append(np.zeros(count + width), -1.0)
    found = _solved(form, costs, blocks, np.append(limits, np.zeros(kinds)), extra=[(-np.inf, np.inf)])
    if found is None:
        return None
    behaviour, plan = leader_plan(form.game.treeplexes[0], found.x[:count])
    return Held(float(-found.fun), plan, behaviour, reply)


def _has_inside(form: SequenceForm, margins: np.ndarray) -> bool:
    """Whether all of ``margins [Q, K]`` are more than a solver's tolerance at some commitment."""
    if margins.shape[1] == 0:
        return True
    width = form.values.shape[1]
    blocks = [
        [scipy.sparse.csr_array(-margins.T), scipy.sparse.csr_array((margins.shape[1], width)), np.ones((margins.shape[1], 1))]
    ]
    costs = np.append(np.zeros(sum(_sizes(form))), -1.0)
    found = _solved(form, costs, blocks, np.zeros(margins.shape[1]), extra=[(-np.inf, 1.0)])
    return found is not None and -found.fun > WIDE
