"""Optimal commitments in games in extensive form by their normal form: every reduced plan of everybody, on the node tree."""

import functools
import math

import numpy as np
import scipy

from tests.oracles.extensive import nodes_of, reduced_plans


def normal_form(game):
    """``[P, n_0, n_1, ...]`` what reduced plans pay, leader first, and the reduced plans of each."""
    nodes = nodes_of(game)
    plans = [reduced_plans(nodes, seat) for seat in game.seats]
    paid = np.zeros((len(game.seats), *map(len, plans)))

    def walk(node, chance, reached):
        """``reached`` has 1 for each player's plans that lead to the node."""
        if node[0] == "t":
            where = functools.reduce(np.multiply.outer, reached)
            for player, seat in enumerate(game.seats):
                paid[player] += chance * node[1][seat] * where
        elif node[0] == "c":
            for part, below in zip(node[1], node[2], strict=True):
                walk(below, chance * part, reached)
        else:
            player = game.seats.index(node[1])
            for action, below in enumerate(node[3]):
                does = np.array([plan.get(node[2]) == action for plan in plans[player]], float)
                walk(below, chance, [*reached[:player], reached[player] * does, *reached[player + 1 :]])

    walk(nodes, 1.0, [np.ones(len(own)) for own in plans])
    return paid, plans


def programme(objective, above, free=()):
    """The most of ``objective @ z`` over mixes z with ``above @ z`` at least 0; ``free`` are variables that are no chances."""
    count, more = len(objective) - len(free), len(free)
    ones = np.append(np.ones(count), np.zeros(more))[None]
    bounds = [(0, None)] * count + [(None, None)] * more
    limits = np.zeros(len(above)) if len(above) else None
    found = scipy.optimize.linprog(-objective, -above if len(above) else None, limits, ones, [1.0], bounds, method="highs")
    return -found.fun if found.status == 0 else -np.inf


def strong(paid):
    """The best mix of the leader's plans, a programme for each of the follower's (Conitzer and Sandholm 2006)."""
    ours, theirs = paid
    return max(programme(ours[:, b], (theirs[:, [b]] - theirs).T) for b in range(ours.shape[1]))


def weak(paid):
    """The supremum with ties against: by columns that always pay the follower alike, if best alone somewhere."""
    ours, theirs = paid
    size, found = max(np.ptp(theirs), 1e-12), []
    for b in range(ours.shape[1]):
        alike = np.abs(theirs - theirs[:, [b]]).max(axis=0) <= 1e-9 * size
        margins = (theirs[:, [b]] - theirs[:, ~alike]).T
        if len(margins):
            inside = programme(np.append(np.zeros(len(ours)), 1.0), np.column_stack([margins, -np.ones(len(margins))]), [0])
            if inside <= 1e-9 * size:
                continue
        kinds = np.column_stack([ours[:, alike].T, -np.ones(int(alike.sum()))])
        above = np.vstack([kinds, np.column_stack([margins, np.zeros(len(margins))])])
        found.append(programme(np.append(np.zeros(len(ours)), 1.0), above, [0]))
    return max(found)


def tables(paid):
    """The best pure plan of the leader, ties for and against."""
    ours, theirs = paid
    best = theirs >= theirs.max(axis=1, keepdims=True) - 1e-9 * np.ptp(theirs)
    return np.where(best, ours, -np.inf).max(axis=1).max(), np.where(best, ours, np.inf).min(axis=1).max()


def correlated(paid):
    """The most that correlated play of all pays the leader, if no follower gains by a plan of its own."""
    rows = []
    for player in range(1, len(paid)):
        own = paid[player]
        rows += [(own - np.take(own, [k], axis=player)).ravel() for k in range(own.shape[player])]
    return programme(paid[0].ravel(), np.array(rows))


def correlated_tables(paid):
    """Of the leader's pure plans the best, at the followers' best and at their worst coarse correlated equilibrium."""
    most = [correlated(paid[:, [k]]) for k in range(paid.shape[1])]
    least = [-correlated(np.concatenate([-paid[:1, [k]], paid[1:, [k]]])) for k in range(paid.shape[1])]
    return max(most), max(least)


def inspection(periods, inspections):
    """Dresher's (1962) value."""
    return -math.comb(periods - 1, inspections) / sum(math.comb(periods, k) for k in range(inspections + 1))
