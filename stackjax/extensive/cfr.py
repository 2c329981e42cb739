"""Counterfactual regret minimisation by whole arrays: players who learn together, or one against fixed payoffs. Batch-last.

At each information set a player keeps the regret of each action, and plays actions in proportion to what is positive of it. One
iteration is a plan of each player from the first sets to the last, what sequences pay against the others' plans, and a backward
pass.

Regret matching jumps where a regret is 0, and games with symmetric cards have regrets that are 0 exactly: one that is positive
by no more than rounding counts as 0, or the order of summation would decide what is played.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.extensive.exact import worth_of
from stackjax.extensive.induced import InducedExtensiveGame, behaviour_of, normalised, plan_of, product, summed
from stackjax.extensive.treeplex import ExtensiveGame, Treeplex
from stackjax.types import Array

ROUNDING = 8.0  # units in the last place of a player's largest payoff: regrets up to that are 0

__all__ = [
    "Discount",
    "Learners",
    "Learnt",
    "Regrets",
    "discounts",
    "everybody",
    "followers_of",
    "learnt",
    "lone",
    "regret_start",
]
__all__ += ["regret_steps"]


class Discount(NamedTuple):
    """How an iteration counts.

    Attributes:
      positive, negative: what positive and negative regrets are multiplied by once it is in them.
      weight: of its plan in the average.
    """

    positive: Array
    negative: Array
    weight: Array


def discounts(kind: str, alpha: float = 1.5, beta: float = 0.0, gamma: float = 2.0) -> Callable[[Array], Discount]:
    """``t -> Discount`` of iteration ``t`` from 1, a float.

    References: Zinkevich et al. (2007); Tammelin (2014) for ``"cfr-plus"``; Brown and Sandholm (2019) for ``"dcfr"`` and
    ``"lcfr"``.
    """

    def share(t: Array, power: float) -> Array:
        return jax.nn.sigmoid(power * jnp.log(t))  # t^power / (t^power + 1)

    known: dict[str, Callable[[Array], Discount]] = {
        "cfr": lambda t: Discount(jnp.ones_like(t), jnp.ones_like(t), jnp.ones_like(t)),
        "cfr-plus": lambda t: Discount(jnp.ones_like(t), jnp.zeros_like(t), t),
        "dcfr": lambda t: Discount(share(t, alpha), share(t, beta), t**gamma),
        "lcfr": lambda t: Discount(share(t, 1.0), share(t, 1.0), t),
    }
    return known[kind]


class Learners(NamedTuple):
    """Players who learn, and what their sequences pay them.

    Attributes:
      treeplexes: of each.
      slopes: of each ``plans -> [Q_i, *B]``, what its sequences pay it if the others keep to their plans ``[Q_j, *B]``.
      sizes: of each the largest payoff, positive or negative.
      watched: ``plans -> [*B]``, what one is paid who does not learn; None where there is none, or it need not be known.
    """

    treeplexes: tuple[Treeplex, ...]
    slopes: tuple[Callable[[Sequence[Array]], Array], ...]
    sizes: tuple[float, ...]
    watched: Callable[[Sequence[Array]], Array] | None = None


def _sizes(game: ExtensiveGame) -> tuple[float, ...]:
    """Of each player, leader first, its largest payoff, positive or negative."""
    return tuple(max(abs(low), abs(high)) for low, high in game.payoff_ranges)


def together(treeplexes: tuple[Treeplex, ...], rows: np.ndarray, payoffs: Any, sizes: tuple[float, ...]) -> Learners:
    """Of the ``payoffs [P, M, *B]`` of profiles of sequences ``rows [P, M]``; what is fixed is sorted beforehand."""

    def slope(i: int) -> Callable[[Sequence[Array]], Array]:
        order = np.argsort(rows[i], kind="stable")
        others = [j for j in range(len(rows)) if j != i]
        places, other_rows, own = rows[i, order], rows[others][:, order], payoffs[i][order]

        def of(plans: Sequence[Array]) -> Array:
            return summed(own * product(other_rows, [plans[j] for j in others]), places, treeplexes[i].num_rows)

        return of

    return Learners(treeplexes, tuple(map(slope, range(len(rows)))), sizes)


def followers_of(game: ExtensiveGame, induced: InducedExtensiveGame) -> Learners:
    """Several followers of a leader who has committed."""
    found = together(game.treeplexes[1:], game.profile_rows, induced.payoffs[1:], _sizes(game)[1:])
    rows, paid = game.profile_rows, induced.payoffs[0]
    return found._replace(watched=lambda plans: (paid * product(rows, plans)).sum(axis=0))


def lone(game: ExtensiveGame, payoffs: Array) -> Learners:
    """The one follower of a leader who has committed: its sequences pay it ``payoffs [Q, *B]`` whatever it does."""
    return Learners(game.treeplexes[1:], (lambda plans: payoffs,), _sizes(game)[1:])


def everybody(game: ExtensiveGame, like: Array) -> Learners:
    """All players, the leader too, who does not commit: as many games at once as ``like [*B]`` has entries, of its dtype."""
    paid = jnp.asarray(game.leaf_paid, like.dtype).reshape(*game.leaf_paid.shape, *[1] * like.ndim)
    return together(game.treeplexes, game.leaf_rows, jnp.broadcast_to(paid, (*paid.shape[:2], *like.shape)), _sizes(game))


class Regrets(NamedTuple):
    """What players know after some iterations; tuples have an entry for each player.

    Attributes:
      iterations: how many, a float.
      regrets: ``[I, A, *B]``.
      behaviours: ``[I, A, *B]`` what is played next.
      plans: ``[Q, *B]`` of these.
      sums: ``[Q, *B]`` weighted sums of the plans that were played.
      gradients: ``[Q, *B]`` weighted sums of what sequences paid; empty where nobody asks.
      earned: ``[P (+ 1), *B]`` weighted sums of what was earned, the watched last; likewise.
    """

    iterations: Array
    regrets: tuple[Array, ...]
    behaviours: tuple[Array, ...]
    plans: tuple[Array, ...]
    sums: tuple[Array, ...]
    gradients: tuple[Array, ...]
    earned: tuple[Array, ...]


def regret_start(learners: Learners, like: Array, remembers: bool) -> Regrets:
    """No regrets, all actions alike; batch and dtype as of ``like [*B]``.

    ``remembers`` says whether gradients and earnings are summed, from which gaps of what was played are told.
    """
    zeros = lambda *shape: jnp.zeros((*shape, *like.shape), like.dtype)
    regrets = tuple(zeros(*one.mask.shape) for one in learners.treeplexes)
    behaviours = tuple(normalised(one, own) for one, own in zip(learners.treeplexes, regrets, strict=True))
    plans = tuple(plan_of(one, own) for one, own in zip(learners.treeplexes, behaviours, strict=True))
    empty = tuple(jnp.zeros_like(own) for own in plans)
    count = len(plans) + (learners.watched is not None)
    kept = (empty, tuple(zeros() for _ in range(count))) if remembers else ((), ())
    return Regrets(jnp.zeros((), like.dtype), regrets, behaviours, plans, empty, *kept)


def regret_steps(
    learners: Learners, state: Regrets, count: int, discount: Callable[[Array], Discount], alternating: bool = False
) -> Regrets:
    """``count`` more iterations.

    Args:
      learners: who learn.
      state: from `regret_start` or an earlier call.
      count: how many.
      discount: of an iteration, see `discounts`.
      alternating: whether each sees what those before it have just learned, instead of all learning at once.
    """

    def step(state: Regrets, _: None) -> tuple[Regrets, None]:
        t = state.iterations + 1.0
        by = discount(t)
        plans, behaviours = list(state.plans), list(state.behaviours)
        regrets, gradients, earned = [], [], []
        for i, treeplex in enumerate(learners.treeplexes):
            seen = plans if alternating else state.plans
            slopes = learners.slopes[i](seen)
            found = worth_of(treeplex, slopes[None], state.behaviours[i])
            by_action = found.by_action[0]
            regret = state.regrets[i] + by_action - (by_action * state.behaviours[i]).sum(axis=1, keepdims=True)
            regret = regret * jnp.where(regret > 0, by.positive, by.negative)
            counts = regret > ROUNDING * float(jnp.finfo(regret.dtype).eps) * learners.sizes[i]
            behaviours[i] = normalised(treeplex, jnp.where(counts, regret, 0.0))
            plans[i] = plan_of(treeplex, behaviours[i])
            regrets.append(regret)
            gradients.append(slopes)
            earned.append(found.value[0])
        if learners.watched is not None and state.earned:
            earned.append(learners.watched(state.plans))
        added = lambda sums, new: tuple(own + by.weight * one for own, one in zip(sums, new, strict=False))
        return Regrets(
            t,
            tuple(regrets),
            tuple(behaviours),
            tuple(plans),
            added(state.sums, state.plans),
            added(state.gradients, gradients),
            added(state.earned, earned),
        ), None

    return jax.lax.scan(step, state, None, length=count)[0]


class Learnt(NamedTuple):
    """What was played while players learned; tuples have an entry for each.

    Attributes:
      average: ``[I, A, *B]`` the behaviour of the weighted average of their plans.
      last: ``[I, A, *B]`` what they would play next.
      earned: ``[P (+ 1), *B]`` what they were paid on average, weighted, the watched last; None where it was not summed.
      gaps: ``[P, *B]`` what each would have gained by one plan of its own; likewise.
    """

    average: tuple[Array, ...]
    last: tuple[Array, ...]
    earned: Array | None = None
    gaps: Array | None = None


def learnt(learners: Learners, state: Regrets) -> Learnt:
    """What came out of the iterations."""
    from stackjax.extensive.certificate import cce_gap

    average = tuple(behaviour_of(one, own) for one, own in zip(learners.treeplexes, state.sums, strict=True))
    if not state.earned:
        return Learnt(average, state.behaviours)
    weight = state.sums[0][-1]  # the empty sequence is always played
    told = zip(learners.treeplexes, state.gradients, state.earned, strict=False)
    gaps = jnp.stack([cce_gap(one, slopes, paid, weight) for one, slopes, paid in told])
    return Learnt(average, state.behaviours, jnp.stack(state.earned) / weight[None], gaps)
