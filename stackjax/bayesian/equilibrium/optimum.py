"""The leader's exact optimum: closed forms attached to games, enumeration of commitments, linear programmes."""

import functools
import itertools
import math
from typing import NamedTuple, TypeGuard

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.equilibrium.matrix_commitments import best_mixed_commitment, best_pure_commitment, strictly_best
from stackjax.bayesian.equilibrium.replies import MOST_STRATEGY_PROFILES, Replies, num_strategy_profiles, replies
from stackjax.bayesian.games.base import Game, require_game
from stackjax.bayesian.games.induced import InducedGame
from stackjax.bayesian.games.normal_form import MatrixGame
from stackjax.bayesian.linear.solve import solve_linear
from stackjax.bayesian.linear.weak import nudged
from stackjax.bayesian.pomdp.commitment import commit, tabulate_batch
from stackjax.bayesian.pomdp.tree import LARGEST_TABLE, commitment_paths, decision_tree
from stackjax.errors import InputError, UnsolvedError, count_in_words
from stackjax.spaces import Discrete

__all__ = ["Solution", "attaining", "describe_commitment", "enumerate_commitments", "solve", "takes_long"]

MOST_COMMITMENTS = 10_000
MOST_COLUMNS = 500_000  # of linear programmes, over all commitments: about ten seconds
LARGEST_CHUNK = 5_000_000  # payoffs tabulated at a time
LONG_MIXES, LONG_PLAYS, LONG_COLUMNS = 900, 2_000, 50_000  # cells of a matrix, joint plays, columns: a second or so
CLOSE = 1e-6  # of the leader's payoff range: optima that are the same
LONG_PROFILES = 10_000  # of answers of a follower's types
SECONDS = 300.0  # for the optimum of a follower with types, unless told otherwise
NUDGE = 4e-6  # likewise, what a mix may lose so that the follower's reply is strictly best


class Solution(NamedTuple):
    """The best that the leader can get, game units.

    Attributes:
      value: with the followers' ties (or, of several followers, their choice of equilibrium) in the leader's favour: the strong
        Stackelberg value; for a leader who mixes a supremum, and with method ``"upper-bound"`` no more than that.
      method: how it is known, as in `Optimum`.
      weak_value: with ties (or equilibria) against the leader, or None when that is not known.
      commitment: one that reaches ``value``: probabilities of rows ``[A_0]`` in a matrix game, coverage ``[n]``, else a leader
        action for each node of the decision tree ``[O]``; None where none is known. Of equally good ones, the best against the
        leader's luck. Where ``best_found`` is told, it reaches that.
      reply: the follower's column, in a matrix game with one follower and no private types.
      best_found: the most that a search found, where the optimum is not known.
      answers: what each type of the follower then does, where programmes tell.
      whatever_ties: what a commitment near that one pays with ties against the leader, where a follower has types; the weak
        value is no less.
    """

    value: float
    method: str
    weak_value: float | None = None
    commitment: np.ndarray | None = None
    reply: int | None = None
    best_found: float | None = None
    answers: tuple[int, ...] | None = None
    whatever_ties: float | None = None


def solve(game: Game, *, seconds: float | None = None) -> Solution:
    """The leader's optimum in ``game``.

    Matrix games with one follower are solved exactly, by enumeration (deterministic leader) or by one linear programme per
    reply (randomized leader; the values are then suprema). Games with a closed form return it. Other games with finitely many
    commitments, at most 10,000, are solved by `enumerate_commitments`. A leader who mixes against several followers gets an
    upper bound: what it could do if it could also tell them what to play. Where one follower with private types answers a mix
    or a coverage, see `solve_linear`: where that does not come to an end, there is the best that it found and an upper bound.

    Args:
      seconds: that the linear programmes of a leader who mixes rows against one follower may take; as long as they do if None.

    Raises:
      InputError: ``game`` is no sound `Game`, or claims another optimum than it has.
      UnsolvedError: the optimum is not known, and cannot be computed because the leader's actions are not finite, or because
        there are too many commitments, profiles or strategies; the message says which, and the limit.
      ArithmeticError: a linear programme failed, its answer did not hold in float64, or ``seconds`` ran out.
    """
    require_game(game)
    game.check()
    known = game.optimum()
    if _is_plain(game):
        leader, follower = game.payoff_table[..., 0], game.payoff_table[..., 1]
        mixed = functools.partial(best_mixed_commitment, seconds=seconds)
        best = mixed if game.randomized else best_pure_commitment
        strong = best(leader, follower)
        try:
            weak_value = best(leader, follower, "weak").value
        except ArithmeticError:  # no column strictly best by more than rounding
            weak_value = None
        if known is not None and known.method != "upper-bound":
            if abs(known.value - strong.value) > CLOSE * np.ptp(game.competing_range):
                said = f"{known.value:.10g} ({known.method})"
                raise InputError(f"the optimum of {game.name!r} is said to be {said}, but it is {strong.value:.10g}")
            return Solution(known.value, known.method, weak_value, strong.mix, strong.reply)
        return Solution(strong.value, "lp" if game.randomized else "enumeration", weak_value, strong.mix, strong.reply)
    if known is not None:
        made = None if known.commitment is None else np.asarray(known.commitment)
        return Solution(known.value, known.method, commitment=made)
    linear = game.linear()
    if linear is not None:
        found = solve_linear(linear, SECONDS if seconds is None else seconds)
        return Solution(
            found.bound,
            found.method,
            commitment=found.commitment,
            best_found=None if found.closed else found.value,
            answers=tuple(found.answers.tolist()),
            whatever_ties=found.weak_value,
        )
    if isinstance(game, MatrixGame) and game.randomized:
        plays = game.num_rows * num_strategy_profiles(game.num_types, game.num_actions)
        if plays > MOST_STRATEGY_PROFILES:
            raise UnsolvedError(
                f"game {game.name!r} is too large to solve: {plays} joint plays, more than the {MOST_STRATEGY_PROFILES} of one "
                "linear programme"
            )
        return Solution(_correlated_bound(game), "upper-bound")
    return enumerate_commitments(game)


def takes_long(game: Game) -> bool:
    """Whether `solve` may take more than a second or two: nothing should wait for it."""
    if _is_plain(game):
        return game.randomized and game.payoff_table[..., 0].size > LONG_MIXES
    if game.linear() is not None:
        return game.num_types[0] > 1 and game.num_actions[0] ** game.num_types[0] > LONG_PROFILES
    if isinstance(game, MatrixGame) and game.randomized:
        return game.num_rows * num_strategy_profiles(game.num_types, game.num_actions) > LONG_PLAYS
    if game.num_followers == 1 or not isinstance(game.leader_actions, Discrete) or game.optimum() is not None:
        return False
    count = game.leader_actions.n ** decision_tree(game).num_nodes
    return count * num_strategy_profiles(game.num_types, game.num_actions) > LONG_COLUMNS


def attaining(game: Game, solution: Solution) -> np.ndarray | None:
    """A commitment ``[O, ...]`` that pays what ``solution`` says, as solvers know commitments; None if none is known.

    A mix of rows is moved a little towards one under which the follower's reply is strictly best, if there is one: it comes as
    close to the supremum as a learning follower can tell.
    """
    known, mix = game.optimum(), solution.commitment
    if known is not None and known.commitment is not None:
        return np.asarray(known.commitment)
    if mix is None or solution.best_found is not None:
        return None
    linear = game.linear()
    if linear is not None and not _is_plain(game):
        counted = linear.for_types(linear.prior > 0)
        return nudged(counted, mix, min(NUDGE, CLOSE * np.ptp(game.competing_range) / counted.spread))[None]
    if not isinstance(game, MatrixGame):
        return mix
    if not game.randomized:
        return np.array([mix.argmax()])
    if game.num_followers > 1 or solution.reply is None:
        return mix[None]
    leader, follower = game.payoff_table[..., 0], game.payoff_table[..., 1]
    strict = strictly_best(follower, solution.reply)
    if strict is None:
        return mix[None]
    lost = (mix - strict) @ leader[:, solution.reply]
    share = min(1.0, NUDGE * np.ptp(game.competing_range) / max(float(lost), 1e-300))
    return ((1.0 - share) * mix + share * strict)[None]


def enumerate_commitments(game: Game) -> Solution:
    """Try every commitment of a leader with finitely many, each against the followers' exact equilibrium `replies`.

    Raises:
      UnsolvedError: the leader's actions are not finite, or there are too many commitments, profiles or strategies.
      ArithmeticError: a linear programme failed.
    """
    require_game(game)
    space = game.leader_actions
    if not isinstance(space, Discrete):
        raise UnsolvedError(
            f"the optimum of game {game.name!r} is not known: leader_actions is a {type(space).__name__}, not finite, so "
            "commitments cannot be enumerated; define optimum(), or use sx.Discrete"
        )
    tree = decision_tree(game)
    count = space.n**tree.num_nodes
    cells = math.prod(game.table_shape)
    if count > MOST_COMMITMENTS:
        raise UnsolvedError(
            f"game {game.name!r} is too large to solve: it has {space.n}^{tree.num_nodes} commitments, more than the "
            f"{MOST_COMMITMENTS} that are tried"
        )
    if cells > LARGEST_TABLE:
        raise UnsolvedError(
            f"game {game.name!r} is too large to solve: it has {cells} (type, action) profiles, more than {LARGEST_TABLE}"
        )
    strategies = num_strategy_profiles(game.num_types, game.num_actions)
    most = min(MOST_STRATEGY_PROFILES, MOST_COLUMNS // count)
    if game.num_followers > 1 and strategies > most:
        raise UnsolvedError(
            f"game {game.name!r} is too large to solve: it has {count_in_words(strategies)} profiles of follower strategies, "
            f"more than {most}, the most for its {count} commitments"
        )
    commitments = np.array(list(itertools.product(range(space.n), repeat=tree.num_nodes)), np.int32)
    ranges: list[Replies] = []
    chunk = max(1, LARGEST_CHUNK // (cells * (1 + game.num_followers)))
    with jax.enable_x64(True):
        tabulated = jax.jit(lambda actions: tabulate_batch(game, tree, actions).game)
        for first in range(0, len(commitments), chunk):
            table = jax.device_get(tabulated(commitments[first : first + chunk]))
            for b in range(table.leader_payoff.shape[-1]):
                one = InducedGame(game.type_prior, table.follower_payoffs[..., b], table.leader_payoff[..., b])
                ranges.append(replies(one))
    highs, lows = np.array([reply.best for reply in ranges]), np.array([reply.worst for reply in ranges])
    equally_good = highs >= highs.max() - 1e-9 * np.ptp(game.competing_range)
    best = int(np.where(equally_good, lows, -np.inf).argmax())
    return Solution(float(highs.max()), "enumeration", float(lows.max()), _as_commitment(game, commitments[best]))


def describe_commitment(game: Game, solution: Solution) -> list[str]:
    """The solution's commitment, and the follower's reply if one is known, in words."""
    if solution.commitment is None:
        return []
    actions = solution.commitment
    if isinstance(game, MatrixGame) and not game.randomized:
        actions = np.array([actions.argmax()])
    elif isinstance(game, MatrixGame) or solution.answers is not None:
        actions = actions[None]
    tree = decision_tree(game)
    observations, _ = commit(game, tree, lambda _, nodes: jnp.asarray(actions)[nodes], lambda made: made)
    lines = game.explain(np.asarray(observations), actions, commitment_paths(game, tree))
    told = [] if solution.reply is None else [f"reply: {game.describe_action(0, solution.reply)}"]
    for k, answer in enumerate(solution.answers or ()):
        who = f"{game.describe_type(0, k)}: " if game.num_types[0] > 1 else "reply: "
        told.append(who + game.describe_action(0, answer))
    return lines + told


def _as_commitment(game: Game, actions: np.ndarray) -> np.ndarray:
    """A matrix game's row as a mix of rows, so that commitments in matrix games always mean the same."""
    return np.eye(game.leader_actions.n)[actions[0]] if isinstance(game, MatrixGame) else actions  # type: ignore[union-attr]


def _correlated_bound(game: MatrixGame) -> float:
    """The most a leader gets by committing to a joint play that leaves no follower a gain by always playing one action.

    Conitzer and Korzhyk (2011) ask the same of correlated play; coarse-correlated play is what no-regret learners reach.
    With the leader's row as one more, unaware, "type" of the play it is the linear programme of `replies`; a leader that cannot
    correlate its row with the followers' actions gets at most as much.
    """
    shape = (1, *game.num_types, game.num_rows, *game.num_actions)
    payoffs = np.moveaxis(game.payoff_table, -1, 0).reshape(-1, *shape)
    followers = np.concatenate([np.zeros_like(payoffs[:1]), payoffs[1:]])  # the leader as a follower whom nothing tempts
    return replies(InducedGame(game.type_prior[None], followers, payoffs[0])).best


def _is_plain(game: Game) -> TypeGuard[MatrixGame]:
    """Whether ``game`` is a matrix game of one follower without private types."""
    return isinstance(game, MatrixGame) and game.num_followers == 1 and not game.has_types
