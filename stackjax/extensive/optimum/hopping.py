"""Better commitments by tie-hopping: the reply to a commitment, the best commitment with this reply, and so on; or by exchange:
the best commitment with a reply that differs at one set.
"""

import time

import numpy as np

from stackjax.extensive.induced import plan_of
from stackjax.extensive.optimum.form import SequenceForm, best_values, reply_to
from stackjax.extensive.optimum.programmes import CLOSED, Held, best_holding, left_out

__all__ = ["exchange", "hop", "random_plan", "wander"]

HELD = 1e-9  # of the follower's spread: what a programme's tolerance may take from a reply that is held
NOISE = 1e-6  # by which ties between replies that pay the leader alike are broken
FARTHEST = 0.5  # of the way to a random commitment


def hop(form: SequenceForm, plan: np.ndarray, rng: np.random.Generator, seen: set[bytes], until: float = np.inf) -> Held | None:
    """A commitment that pays at least as much as ``plan [Q]``, ties for the leader; None if its reply was seen, or is not held.

    At the best commitment for a reply the follower is often indifferent: ties then go to the leader, which pays more, and
    another reply may be held from there.

    Args:
      form: the game's.
      plan: where to start.
      rng: breaks ties between replies that pay everybody alike.
      seen: replies that need not be held again, to which those of this call are added.
      until: the time, by `time.thread_time`, after which there are no more programmes; the first is always tried.

    Raises:
      ArithmeticError: a linear programme failed.
    """
    best: Held | None = None
    while True:
        noise = 0.0 if best is None else NOISE * rng.standard_normal(len(form.rows))
        reply = reply_to(form, plan, "for", 0.0, HELD, noise).plan
        if reply.tobytes() in seen:
            return best
        seen.add(reply.tobytes())
        found = best_holding(form, reply)
        if found is None or (best is not None and found.value <= best.value + CLOSED):
            return best
        best, plan = found, found.plan
        if time.thread_time() > until:
            return best


def exchange(form: SequenceForm, best: Held, rng: np.random.Generator, seen: set[bytes], until: float = np.inf) -> Held:
    """``best`` or a better commitment, to which no reply leads that differs at one set that it comes to.

    Below such a set the reply is one to ``best``. Replies that could pay the most come first; each that pays more is hopped on.

    Args:
      form: the game's.
      best: where to start.
      rng: see `hop`.
      seen: replies that need not be held again, to which those of this call are added.
      until: the time, by `time.thread_time`, after which there are no more programmes.

    Raises:
      ArithmeticError: a linear programme failed.
    """
    while True:
        plans = _exchanged(form, best)
        promised = best_values(form.game.treeplexes[0], form.leader.T @ plans)
        for k in np.argsort(-promised, kind="stable"):
            if promised[k] <= best.value + CLOSED or time.thread_time() > until:
                return best
            reply = plans[:, k]
            if reply.tobytes() in seen:
                continue
            seen.add(reply.tobytes())
            found = best_holding(form, reply)
            if found is not None and found.value > best.value + CLOSED:
                further = hop(form, found.plan, rng, seen, until)
                best = found if further is None or further.value <= found.value else further
                break
        else:
            return best


def _exchanged(form: SequenceForm, held: Held) -> np.ndarray:
    """The replies ``[n, K]`` that differ from ``held.reply`` at one set that it comes to."""
    treeplex = form.game.treeplexes[1]
    width, others = treeplex.num_actions, form.rows[left_out(form, held.reply)]
    behaviour = reply_to(form, held.plan, "for", 0.0, HELD).behaviour.copy()
    taken = form.rows[:-1][held.reply[:-1] > 0.5]
    behaviour[taken // width] = 0.0
    behaviour[taken // width, taken % width] = 1.0
    behaviours = np.repeat(behaviour[..., None], len(others), axis=2)
    each = np.arange(len(others))
    behaviours[others // width, :, each] = 0.0
    behaviours[others // width, others % width, each] = 1.0
    return np.asarray(plan_of(treeplex, behaviours))[form.rows]


def random_plan(form: SequenceForm, rng: np.random.Generator) -> np.ndarray:
    """A leader's plan ``[Q]``: mixes at its sets are drawn uniformly, then weighted by how many ways there are to go on.

    Else the last sets of a deep tree are hardly come to.
    """
    treeplex = form.game.treeplexes[0]
    drawn = np.where(treeplex.mask, rng.exponential(size=treeplex.mask.shape), 0.0)
    weights = drawn / drawn.sum(axis=1, keepdims=True) * treeplex.ways
    return plan_of(treeplex, weights / weights.sum(axis=1, keepdims=True))


def wander(form: SequenceForm, best: Held | None, count: int, seed: int, until: float = np.inf) -> Held | None:
    """The best that `hop` reaches from ``best`` moved part of the way to random plans, or from these, again and again, and
    `exchange` in the end.

    Args:
      form: the game's.
      best: the best so far; None to start anywhere.
      count: how many moves there are.
      seed: of the random plans.
      until: the time, by `time.thread_time`, after which there are no more.

    Raises:
      ArithmeticError: a linear programme failed.
    """
    rng, seen = np.random.default_rng(seed), set[bytes]()
    for _ in range(count):
        if time.thread_time() > until:
            break
        other, share = random_plan(form, rng), rng.uniform(0.0, FARTHEST) if best is not None and rng.random() < 0.5 else 1.0
        start = other if best is None else best.plan + share * (other - best.plan)
        found = hop(form, start, rng, seen, until)
        if found is not None and (best is None or found.value > best.value):
            best = found
    return None if best is None else exchange(form, best, rng, {best.reply.tobytes()}, until)
