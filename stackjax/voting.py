"""Followers vote over commitments: ballots from their payoffs, winners by six rules, and what the vote costs. Free of JAX.

See Zwicker, "Introduction to the Theory of Voting", in Handbook of Computational Social Choice (2016).
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from stackjax.errors import InputError, near_matches, require, require_array

__all__ = ["RULES", "SINCERE", "Vote", "vote"]

RULES = ("plurality", "borda", "copeland", "runoff", "approval", "sum")
SINCERE = "Voters are sincere, and know what every option pays them. Of options that tie the first listed comes first."
MOST_OPTIONS = 6  # for which every ballot is tried
ROUNDING = 1e-12  # of a voter's spread, by which its mean may be off


class Vote(NamedTuple):
    """What voters decide between ``M`` options. Of options that tie, the first listed comes first, everywhere.

    Attributes:
      rule: by which ``winner`` was chosen.
      names: of the options.
      utilities: ``[N, M]``, of each voter.
      ballots: int ``[N, M]``, each voter's options from best to worst.
      winner: the place of the option that wins.
      winners: that by every rule.
      scores: ``[M]`` by every rule: first places (``plurality``), options that are below on ballots (``borda``), majorities
        plus half of the draws (``copeland``), votes in the second round (``runoff``), approvals (``approval``), utility
        (``sum``).
      pairwise: int ``[M, M]``, how many voters prefer the row to the column.
      condorcet: the option that a majority prefers to each other one, or None.
      price: the largest mean utility of an option minus that of the winner.
      manipulability: the most that one voter gains, in utility, by any other ballot while the others stay sincere: all orders,
        all sets of options under ``approval``, all numbers between its own least and largest utility under ``sum``. None
        with more than 6 options, unless the rule is ``sum``.
    """

    rule: str
    names: tuple[str, ...]
    utilities: np.ndarray
    ballots: np.ndarray
    winner: int
    winners: dict[str, int]
    scores: dict[str, np.ndarray]
    pairwise: np.ndarray
    condorcet: int | None
    price: float
    manipulability: float | None


def vote(utilities: Any, rule: str = "borda", names: Sequence[str] | None = None) -> Vote:
    """What ``N`` voters choose from ``M`` options, if each is sincere and knows its utilities.

    A voter puts options in the order of its utilities, those that it likes as well as listed. ``approval``: it approves of
    options that pay it its own mean or more. ``runoff``: the two options with the most first places meet in a second round.

    Args:
      utilities: ``[N, M]``, of at least 2 options.
      rule: one of ``plurality``, ``borda``, ``copeland``, ``runoff``, ``approval`` and ``sum`` (of utilities).
      names: of the options, each another; by default ``option 1`` and so on.

    Raises:
      InputError: an argument is of the wrong kind or shape.
    """
    if rule not in RULES:
        raise InputError(f"rule={rule} must be one of {', '.join(RULES)}.{near_matches(str(rule), RULES)}")
    table = require_array("utilities", utilities).astype(np.float64)
    if table.ndim != 2 or len(table) < 1 or table.shape[1] < 2:
        raise InputError(
            f"utilities has shape {table.shape}, but must be [voters, options]: one voter or more, two options or more"
        )
    require("utilities", utilities, bool(np.isfinite(table).all()), "finite")
    count = table.shape[1]
    called = tuple(f"option {k + 1}" for k in range(count)) if names is None else tuple(map(str, names))
    if len(called) != count or len(set(called)) < count:
        raise InputError(f"names={called} must be {count} different names, one for each option")
    ballots = np.argsort(-table, axis=1, kind="stable")
    sheets = {True: _of_sets(_approved(table)), False: _of_orders(ballots)}
    scores = {name: _scores(name, sheets[name == "approval"].sum(axis=0)) for name in RULES[:-1]}
    scores["sum"] = np.array([math.fsum(column) for column in table.T])  # rounded once: the order of voters is of no account
    winners = {name: int(of_each.argmax()) for name, of_each in scores.items()}
    duels = sheets[False].sum(axis=0)
    np.fill_diagonal(duels, 0)
    beats = (duels > duels.T).sum(axis=1) == count - 1
    return Vote(
        rule,
        called,
        table,
        ballots,
        winners[rule],
        winners,
        scores,
        duels,
        int(beats.argmax()) if beats.any() else None,
        float(scores["sum"].max() - scores["sum"][winners[rule]]) / len(table),
        _manipulability(rule, table, sheets[rule == "approval"], winners[rule]),
    )


def _approved(utilities: np.ndarray) -> np.ndarray:
    """bool ``[N, M]``, what pays a voter its own mean or more."""
    above = utilities - utilities.min(axis=1, keepdims=True)
    return above >= above.mean(axis=1, keepdims=True) - ROUNDING * above.max(axis=1, keepdims=True)


def _of_orders(ballots: np.ndarray) -> np.ndarray:
    """int ``[..., M, M]``, what each of ``ballots [..., M]`` adds to the count: 1 where the row is above the column, and,
    on the diagonal, where it comes first.
    """
    ranks = np.argsort(ballots, axis=-1)
    above = (ranks[..., :, None] < ranks[..., None, :]).astype(int)
    return above + np.eye(ballots.shape[-1], dtype=int) * (ranks == 0)[..., None]


def _of_sets(approved: np.ndarray) -> np.ndarray:
    """The same of sets of options: approvals on the diagonal, nothing beside."""
    return np.eye(approved.shape[-1], dtype=int) * approved[..., None]


def _scores(rule: str, counts: np.ndarray) -> np.ndarray:
    """``[..., M]`` from ``counts [..., M, M]``, sums of ballots as `_of_orders` or `_of_sets` has them."""
    own, others = np.diagonal(counts, axis1=-2, axis2=-1), ~np.eye(counts.shape[-1], dtype=bool)
    if rule in ("plurality", "approval"):
        return own
    if rule == "borda":
        return np.where(others, counts, 0).sum(axis=-1)
    against = np.swapaxes(counts, -2, -1)
    if rule == "copeland":
        return np.where(others, (counts > against) + 0.5 * (counts == against), 0.0).sum(axis=-1)
    finalists = np.argsort(-own, axis=-1, kind="stable")[..., :2]
    votes = np.take_along_axis(counts, finalists[..., None], axis=-2)  # [..., 2, M], of each against all others
    votes = np.take_along_axis(votes, finalists[..., None, ::-1], axis=-1)  # and against the other one, on the diagonal
    scores = np.zeros_like(own)
    np.put_along_axis(scores, finalists, np.diagonal(votes, axis1=-2, axis2=-1), axis=-1)
    return scores


def _manipulability(rule: str, utilities: np.ndarray, sheets: np.ndarray, winner: int) -> float | None:
    """The most that a voter gains by another ballot; ``sheets [N, M, M]`` are what the sincere ones add to the count."""
    count = utilities.shape[1]
    if rule == "sum":
        return _by_numbers(utilities, winner)
    if count > MOST_OPTIONS:
        return None
    if rule == "approval":
        every = _of_sets(np.array(list(itertools.product((False, True), repeat=count))))
    else:
        every = _of_orders(np.array(list(itertools.permutations(range(count)))))
    kinds, which = np.unique(sheets.reshape(len(sheets), -1), axis=0, return_inverse=True)
    most, total = 0.0, sheets.sum(axis=0)
    for kind, sheet in enumerate(kinds.reshape(-1, count, count)):  # whoever casts the same ballot can reach the same winners
        reached = np.unique(_scores(rule, total - sheet + every).argmax(axis=-1))
        own = utilities[which.ravel() == kind]
        most = max(most, float((own[:, reached].max(axis=1) - own[:, winner]).max()))
    return most


def _by_numbers(utilities: np.ndarray, winner: int) -> float:
    """The same where a ballot is a number for each option, between the voter's least and its largest utility.

    An option can win if and only if it does with the largest number for it and the least for all others.
    """
    most = 0.0
    for i, own in enumerate(utilities):
        others = np.delete(utilities, i, axis=0)
        for option, gain in enumerate(own - own[winner]):
            if gain > most:
                cast = np.where(np.arange(len(own)) == option, own.max(), own.min())
                sums = [math.fsum((*column, number)) for column, number in zip(others.T, cast, strict=True)]
                most = float(gain) if int(np.argmax(sums)) == option else most
    return most
