"""The leader's optimum in a game in extensive form: exact where it can be had, else the best found and a bound."""

import functools
import time
from typing import NamedTuple

import numpy as np

from stackjax.errors import UnsolvedError, count_in_words, require_is, require_positive
from stackjax.extensive.exact import Ties
from stackjax.extensive.optimum.form import SequenceForm, kept, leader_plan, sequence_form
from stackjax.extensive.optimum.hopping import wander
from stackjax.extensive.optimum.integer import LARGEST_PROGRAMME, best_by_integers, num_entries
from stackjax.extensive.optimum.programmes import (
    Held,
    best_by_plans,
    best_holding,
    best_zero_sum,
    is_zero_sum,
    worst_by_plans,
)
from stackjax.extensive.optimum.reduced import num_reduced_plans
from stackjax.extensive.optimum.several import (
    MOST_COLUMNS,
    MOST_PROFILES,
    best_correlated,
    best_correlated_table,
    num_profiles,
)
from stackjax.extensive.optimum.tables import MOST_TABLES, BestTable, best_table
from stackjax.extensive.optimum.weak import SHARE, Safe, best_against_ties, judged
from stackjax.extensive.rules import tied_replies
from stackjax.extensive.treeplex import ExtensiveGame
from stackjax.problem import Optimum

__all__ = ["ExtensiveOptimum", "solve_extensive", "solved", "takes_long"]

MOST = 0.5  # that a leader is paid, in a form's units
CLOSED = 1e-7  # of the leader's spread: a value and a bound that are the same
MOST_PLANS = 4_096  # of the follower, for a linear programme each
MOVES = 40  # from the best commitment, where programmes leave a gap
SECONDS_OF_PLANS = 30.0  # for the weak value by plans
LONG_ENTRIES, LONG_CELLS, LONG_PROFILES = 6_000, 4_000_000, 2_000  # of a programme, tables times leaves, joint plans
SECONDS_OF_MOVES = 2.0  # for tie-hopping where time is up
ATTAINED = 1e-5  # of the leader's spread, what a commitment that is judged may miss: `stackjax.claims` allows as much


class ExtensiveOptimum(NamedTuple):
    """The best that the leader can get, game units.

    Attributes:
      value: what ``commitment`` pays with ties for the leader, or at the followers' best coarse correlated equilibrium; None
        where none is known. The optimum if ``closed``, and for a leader who mixes then a supremum.
      bound: no commitment pays more.
      method: ``"lp"`` (linear and integer programmes), ``"enumeration"`` (every table of actions), or ``"upper-bound"`` where
        ``value`` and ``bound`` differ.
      commitment: ``[I_0, A_0]`` chances of the leader's actions; of one that mixes, of equally good ones one with the reply
        strictly best where that costs next to nothing.
      reply: ``[I_1, A_1]`` what a lone follower then does, ties for the leader.
      weak_value: the most that commitments pay, or come as close to as one likes, with ties against the leader; no more than a
        lower bound of it unless ``weak_closed``. None where not known.
      weak_commitment: ``[I_0, A_0]`` one that comes close to it.
      weak_closed: whether ``weak_value`` is exact.
    """

    value: float | None
    bound: float
    method: str
    commitment: np.ndarray | None = None
    reply: np.ndarray | None = None
    weak_value: float | None = None
    weak_commitment: np.ndarray | None = None
    weak_closed: bool = False

    @property
    def closed(self) -> bool:
        """Whether ``value`` is the optimum."""
        return self.method != "upper-bound"

    def claim(self, ties: Ties) -> Optimum:
        """What the leader can get from a follower that breaks ties so; the bound with ties for it where that is not known."""
        if ties == "for":
            value, made, is_known = self.value, self.commitment, self.closed
        else:  # the best with even ties lies in between
            value, made = self.weak_value, self.weak_commitment
            is_known = self.weak_closed and (ties == "against" or value == self.value)
        if value is None or made is None or not is_known:
            return Optimum(self.bound, "upper-bound")
        return Optimum(value, self.method, made)


def solve_extensive(game: ExtensiveGame, seconds: float = 300.0, *, seed: int = 0) -> ExtensiveOptimum:
    """The leader's optimum, with the follower's ties for and against it.

    One follower: a zero-sum game is one linear programme. Else an integer programme finds the follower's plan, and a linear one
    the best commitment for it; where that does not come to an end, a linear programme for each of the follower's plans does if
    they are few, or there is the best that tie-hopping finds, and a bound. Tables of a leader that does not mix are enumerated.
    Several followers: tables are enumerated, with the best and the worst coarse correlated equilibrium for each; of a leader
    who mixes there is a bound.

    Args:
      game: the rules.
      seconds: about how long it may take.
      seed: of the starts of tie-hopping.

    Raises:
      InputError: an argument makes no sense.
      UnsolvedError: there are too many plans, or too little time; says which.
      ArithmeticError: a linear programme failed.

    References: Bosansky and Cermak (2015); von Stengel and Zamir (2010); see also `best_by_integers`.
    """
    require_is("game", game, ExtensiveGame, "an ExtensiveGame, for example sx.make('kuhn')")
    require_positive("seconds", seconds)
    until = time.monotonic() + seconds
    if game.num_followers > 1:
        return _several(game, seconds)
    form = sequence_form(game)
    if not game.randomized:
        return _pure(form, until)
    if is_zero_sum(form):
        value, x = best_zero_sum(form)
        behaviour, _ = leader_plan(game.treeplexes[0], x)
        paid, reply = form.in_game_units(value), _answer(game, behaviour)
        return ExtensiveOptimum(paid, paid, "lp", behaviour, reply, paid, behaviour, weak_closed=True)
    return _mixed(form, until, seed)


solved = functools.lru_cache(maxsize=8)(solve_extensive)  # a game is itself alone


def takes_long(game: ExtensiveGame) -> bool:
    """Whether `solve_extensive` may take more than a second or two: nothing should wait for it."""
    if game.num_followers > 1:
        return num_profiles(game) > LONG_PROFILES
    if not game.randomized:
        return num_reduced_plans(game.treeplexes[0]) * len(game.leaf_chance) > LONG_CELLS
    form = sequence_form(game)
    return not is_zero_sum(form) and num_entries(form) > LONG_ENTRIES


def _answer(game: ExtensiveGame, behaviour: np.ndarray) -> np.ndarray:
    """What the follower answers, ties for the leader, where a run judges it."""
    (found,) = tied_replies(game, kept(game.treeplexes[0], behaviour), "for")
    return np.asarray(found.behaviour)


def _left(until: float) -> float:
    return max(until - time.monotonic(), 0.1)


def _mixed(form: SequenceForm, until: float, seed: int) -> ExtensiveOptimum:
    """One follower, and a leader who mixes."""
    best, bound = _strong(form, until, seed)
    is_closed, replies = bound - best.value <= CLOSED, [best.reply]
    if is_closed:
        replies.append(_strong(form.averse(SHARE), until, seed)[0].reply)
    else:
        until = time.monotonic() + 0.1 * (until - time.monotonic())
    safe = best_against_ties(form, replies)
    meets = weak_closed = is_closed and safe.value >= best.value - CLOSED
    if is_closed and not weak_closed and num_reduced_plans(form.game.treeplexes[1]) <= MOST_PLANS:
        try:
            found = worst_by_plans(form, min(SECONDS_OF_PLANS, _left(until)))
            other = best_against_ties(form, [found.reply])
            safe = Safe(max(found.value, safe.value), max(safe, other, key=lambda one: one.told).behaviour, 0.0)
            weak_closed = True
        except UnsolvedError:  # then there is a lower bound
            pass
    paid = form.in_game_units(best.value)
    made = max([best.behaviour, safe.behaviour], key=lambda mix: _attained(form, mix, best.value))
    return ExtensiveOptimum(
        value=paid,
        bound=paid if is_closed else form.in_game_units(bound),
        method="lp" if is_closed else "upper-bound",
        commitment=made,
        reply=_answer(form.game, made),
        weak_value=paid if meets else min(paid, form.in_game_units(safe.value)),
        weak_commitment=safe.behaviour,
        weak_closed=weak_closed,
    )


def _attained(form: SequenceForm, behaviour: np.ndarray, value: float) -> tuple[bool, float]:
    """Whether a behaviour that is judged pays ``value``, ties for the leader, and what it pays with ties against."""
    return judged(form, behaviour, "for") >= value - ATTAINED, judged(form, behaviour, "against")


def _strong(form: SequenceForm, until: float, seed: int) -> tuple[Held, float]:
    """The best commitment found, and a value that none exceeds."""
    fits, few = num_entries(form) <= LARGEST_PROGRAMME, num_reduced_plans(form.game.treeplexes[1]) <= MOST_PLANS
    best = None if fits else wander(form, None, MOVES, seed, time.thread_time() + _left(until))
    bound = MOST
    if fits:
        found = best_by_integers(form, _left(until) / (2 if few else 1.2))
        bound = min(bound, found.bound)
        best = None if found.reply is None else best_holding(form, found.reply)
    if few and (best is None or bound - best.value > CLOSED):
        try:
            best = best_by_plans(form, _left(until))
            bound = best.value
        except UnsolvedError:  # then there is a bound
            pass
    if best is None or bound - best.value > CLOSED:
        best = wander(form, best, MOVES, seed, time.thread_time() + max(_left(until), SECONDS_OF_MOVES))
    if best is None:
        raise ArithmeticError("no linear programme holds a reply of the follower")
    return best, max(bound, best.value)


def _pure(form: SequenceForm, until: float) -> ExtensiveOptimum:
    """One follower, and a leader who does not mix."""
    game = form.game
    count = num_reduced_plans(game.treeplexes[0])
    if count <= MOST_TABLES:
        found = best_table(game, _left(until))
        return _of_table(found, _answer(game, found.behaviour))
    table, bound = _whole(form, _left(until) / 2)
    averse, _ = _whole(form.averse(SHARE), _left(until))
    tables = [one for one in (table, averse) if one is not None]
    if not tables:
        raise UnsolvedError(
            f"game {game.name!r} is too large to solve: its leader, who does not mix, has {count_in_words(count)} plans, more "
            f"than the {MOST_TABLES} that are tried, and an integer programme found none in time"
        )
    best, safest = (max(tables, key=lambda table: judged(form, table, ties)) for ties in ("for", "against"))
    value, weak = judged(form, best, "for"), judged(form, safest, "against")
    is_closed = bound - value <= CLOSED
    paid = form.in_game_units(value)
    return ExtensiveOptimum(
        value=paid,
        bound=paid if is_closed else form.in_game_units(bound),
        method="lp" if is_closed else "upper-bound",
        commitment=best,
        reply=_answer(game, best),
        weak_value=min(paid, form.in_game_units(weak)),
        weak_commitment=safest,
        weak_closed=is_closed and weak >= value - CLOSED,
    )


def _whole(form: SequenceForm, seconds: float) -> tuple[np.ndarray | None, float]:
    """The best table ``[I_0, A_0]`` of actions that an integer programme finds, and a value that none exceeds."""
    if num_entries(form) > LARGEST_PROGRAMME:
        return None, MOST
    found = best_by_integers(form, seconds, pure=True)
    return None if found.plan is None else leader_plan(form.game.treeplexes[0], np.round(found.plan))[0], found.bound


def _of_table(best: BestTable, reply: np.ndarray | None = None) -> ExtensiveOptimum:
    weak = best.weak_value, best.weak_behaviour
    return ExtensiveOptimum(best.value, best.value, "enumeration", best.behaviour, reply, *weak, weak_closed=True)


def _several(game: ExtensiveGame, seconds: float) -> ExtensiveOptimum:
    """Several followers, who play a coarse correlated equilibrium."""
    count, tables = num_profiles(game), num_reduced_plans(game.treeplexes[0])
    most = MOST_PROFILES if game.randomized else min(MOST_COLUMNS, tables * MOST_PROFILES)
    if count > most:
        raise UnsolvedError(
            f"game {game.name!r} is too large to solve: its {1 + game.num_followers} players have {count_in_words(count)} "
            f"joint plans, more than the {most} of linear programmes"
        )
    if game.randomized:
        return ExtensiveOptimum(None, best_correlated(game), "upper-bound")
    return _of_table(best_correlated_table(game, seconds))
