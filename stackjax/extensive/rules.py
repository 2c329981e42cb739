"""How followers answer commitments, as a record of functions: what `ExtensiveFollowers` builds; those that need no learning."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from stackjax.extensive.exact import Ties, best_reply, best_value, quantal_reply
from stackjax.extensive.followers import ExactFollower, SoftmaxFollower
from stackjax.extensive.induced import counterfactual, library_of, linear_payoffs
from stackjax.extensive.treeplex import ExtensiveGame
from stackjax.types import Array

__all__ = ["RULES", "TIE", "Answer", "FollowerRule", "follower_range", "tie_of", "tied_replies"]

TIE = 2e-6  # of the follower's payoff range: values closer than this, once one is there, are equal
ROUNDING = 32 * 2.0**-23  # of the largest payoff: what float32, in which commitments are held, makes of sums of them
IN_FULL = {"for": 2.0, "against": 0.5, "even": 1.0}  # in float64: what was a tie, or none, in a search in float32 stays so


class Answer(NamedTuple):
    """What followers answer to commitments.

    Attributes:
      behaviours: of each follower ``[I, A, *B]``, the chances of its actions.
      payoffs: ``[1 + N, *B]`` what everybody is paid, leader first, game units.
      gap: ``[*B]`` how far the followers are from an equilibrium, game units.
      worst: ``[*B]`` what the leader is paid if ties are broken against it; None where there are none.
      dropped: ``[*B]`` how many nodes an iteration did not go on from, on average, because the frontier was full; None but for
        abcs.
    """

    behaviours: tuple[Array, ...]
    payoffs: Array
    gap: Array
    worst: Array | None = None
    dropped: Array | None = None


class FollowerRule(NamedTuple):
    """How followers answer. A rule of one's own is what the ``build`` of one's own `ExtensiveFollowers` returns.

    Attributes:
      answer: ``(game, key, plan [Q_0, *B]) -> Answer`` to the leader's plans; of NumPy's arrays it computes with NumPy.
      words: of what it is, for people.
      is_best: whether it is a best reply, so that there is nothing to gain by another.
      ties: what a best reply does where it is indifferent.
      errs: whether it misses a best reply by design.
      learns: whether it is found by learning, in JAX alone, so that what a judge saw is what is told.
      is_drawn: whether it depends on the key, so that several are judged.
      kept: what followers of a game remember of one commitment beside regrets and plans, bytes.
    """

    answer: Callable[[ExtensiveGame, Any, Any], Answer]
    words: str
    is_best: bool = False
    ties: Ties = "for"
    errs: bool = False
    learns: bool = False
    is_drawn: bool = False
    kept: Callable[[ExtensiveGame], int] = lambda game: 0


def follower_range(game: ExtensiveGame) -> float:
    """The widest payoff range of any follower, game units; 1 where all payoffs are equal."""
    return max(high - low for low, high in game.payoff_ranges[1:]) or 1.0


def tie_of(game: ExtensiveGame) -> float:
    """By how much an action of the lone follower may fall short, once it is there, and count as equal, game units."""
    return max(TIE * follower_range(game), ROUNDING * max(map(abs, game.payoff_ranges[1])))


def tied_replies(game: ExtensiveGame, plan: Any, *ties: Ties) -> list[Any]:
    """The lone follower's best replies to leader's plans ``[Q_0, *B]``, by what it does where it is indifferent."""
    payoffs = linear_payoffs(game, plan)[::-1]
    slack = tie_of(game) * counterfactual(game, 1, [plan, None])
    room = {one: IN_FULL[one] if plan.dtype == np.float64 else 1.0 for one in ties}
    return [best_reply(game.treeplexes[1], payoffs, room[one] * slack, one) for one in ties]


def exact(follower: ExactFollower) -> FollowerRule:
    """A best reply, by a backward pass over the follower's sets."""

    def answer(game: ExtensiveGame, key: Any, plan: Any) -> Answer:
        del key
        tried = dict.fromkeys((follower.ties, "against"))
        found = dict(zip(tried, tied_replies(game, plan, *tried), strict=True))
        chosen = found[follower.ties]
        paid = chosen.value[::-1]
        return Answer((chosen.behaviour,), paid, library_of(paid).zeros_like(paid[0]), found["against"].value[1])

    return FollowerRule(answer, f"exact, ties {follower.ties} the leader", is_best=True, ties=follower.ties)


def softmax(follower: SoftmaxFollower) -> FollowerRule:
    """A quantal reply, by a backward pass over the follower's sets."""

    def answer(game: ExtensiveGame, key: Any, plan: Any) -> Answer:
        del key
        treeplex, payoffs, mass = game.treeplexes[1], linear_payoffs(game, plan)[::-1], counterfactual(game, 1, [plan, None])
        found = quantal_reply(treeplex, payoffs, mass, follower.temperature)
        library = library_of(payoffs)
        gap = library.maximum(best_value(treeplex, payoffs[0]) - found.value[0], library.zeros_like(mass[0]))
        return Answer((found.behaviour,), found.value[::-1], gap)

    return FollowerRule(answer, f"softmax, temperature {follower.temperature}", errs=True)


RULES: dict[str, Callable[[Any], FollowerRule]] = {"exact": exact, "softmax": softmax}
