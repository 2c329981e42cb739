"""Menus for finitely many types by linear programmes: the best of all mechanisms, and the best for who takes what."""

import numpy as np
import scipy

from stackjax.menus.game import Menu, MenuGame

__all__ = ["best_for", "best_mechanism", "improved_for_few"]

MOST_TYPES = 200  # a programme has a row for each pair of them
STRICT = 1e-6  # of the spread of values: by how much a type prefers its option, so that rounding changes nothing


def best_for(game: MenuGame, taken: np.ndarray, count: int, slack: float = 0.0) -> tuple[float, Menu] | None:
    """The best menu of ``count`` options of which type i takes option ``taken[i]``, or what is free where that is at least K.

    Args:
      taken: ``[P]`` by type; K and above are the free ones.
      slack: by how much a type prefers its option, game units.

    Returns:
      The profit and the menu; None if there is no such menu.
    """
    atoms, weights, d = game.law.atoms, game.law.weights, game.law.dimension
    assert atoms is not None
    assert weights is not None
    size, types = count * (d + 1), np.arange(len(atoms))
    variables = np.arange(size).reshape(count, d + 1)  # an allocation and a price for each option
    rows, columns, values, limits, made = [], [], [], [], 0

    def prefers(who: np.ndarray, other: int, free: np.ndarray | None) -> None:
        """Types ``who`` have no more of ``other``, an option or what is free, than of their own."""
        nonlocal made
        own = np.minimum(taken[who], count - 1)
        has_own = taken[who] < count
        block = made + np.arange(len(who))
        limit = np.full(len(who), -slack)
        for sign, option, there in ((-1.0, own, has_own), (1.0, np.full(len(who), other), np.full(len(who), free is None))):
            entries = sign * np.concatenate([atoms[who], -np.ones((len(who), 1))], axis=1)
            rows.append(np.repeat(block[there], d + 1))
            columns.append(variables[option[there]].ravel())
            values.append(entries[there].ravel())
        if free is not None:
            limit -= atoms[who] @ free
        limit[~has_own] += (atoms[who] * game.free[np.maximum(taken[who] - count, 0)]).sum(axis=1)[~has_own]
        limits.append(limit)
        made += len(who)

    for k in range(count):
        prefers(types[taken != k], k, None)
    for f, free in enumerate(game.free):
        prefers(types[taken != count + f], 0, free)
    sides, ends = game.allocations.constraints()
    worth = np.zeros(size)
    for k in range(count):
        chance = weights[taken == k].sum()
        worth[variables[k]] = chance * np.append(-game.cost, 1.0)
        for side, end in zip(sides, ends, strict=True):
            rows.append(np.full(d, made))
            columns.append(variables[k, :d])
            values.append(side)
            limits.append(np.array([end]))
            made += 1
        if game.belief is not None:
            rows.append(np.full(d + 1, made))
            columns.append(variables[k])
            values.append(np.append(game.belief, -1.0))
            limits.append(np.zeros(1))
            made += 1
    entries = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
    matrix = scipy.sparse.csr_matrix(entries, (made, size))
    low, high = game.price_range
    bounds = [*zip(game.allocations.low, game.allocations.high, strict=True), (low, high)] * count
    found = scipy.optimize.linprog(-worth, matrix, np.concatenate(limits), bounds=bounds, method="highs")
    if found.status != 0:
        return None
    made_options = found.x.reshape(count, d + 1)
    rest = sum(weights[taken == count + f].sum() * -(game.cost @ free) for f, free in enumerate(game.free))
    return float(-found.fun + rest), Menu(made_options[:, :d], made_options[:, d])


def best_mechanism(game: MenuGame) -> float | None:
    """The most that any mechanism earns from finitely many types, ties for the seller; None if there are more than 200."""
    assert game.law.atoms is not None
    count = len(game.law.atoms)
    found = best_for(game, np.arange(count), count) if count <= MOST_TYPES else None
    return None if found is None else found[0]


def improved_for_few(game: MenuGame, menu: Menu, most_options: int) -> Menu:
    """``menu`` or a better one: an option for each type if there may be as many, or the best for who takes what now."""
    atoms = game.law.atoms
    assert atoms is not None
    if len(atoms) > MOST_TYPES:
        return menu
    best, most = menu, game.profit(menu).value
    whole = game.with_free(menu)
    taken_now = (atoms @ whole.allocations.T - whole.prices).argmax(axis=1)
    tried = [(np.arange(len(atoms)), len(atoms))] if len(atoms) <= most_options else []
    for taken, count in (*tried, (taken_now, len(menu.prices))):
        found = best_for(game, taken, count, STRICT * game.scale)
        if found is not None:
            value = game.profit(found[1]).value
            if value > most:
                best, most = found[1], value
    return best
