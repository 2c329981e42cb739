"""Menus for finitely many types by linear programmes: the best of all mechanisms, and the best for who takes what."""

import dataclasses
import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy

from stackjax.menus.bound import Rows
from stackjax.menus.game import Menu, MenuGame
from stackjax.outcomes import Region

__all__ = ["BestMechanism", "best_for", "best_of_all", "direct_mechanisms", "improved_for_finite"]

MOST_NUMBERS = 2**23  # of a table of all rows
MOST_TYPES = 200  # a programme has a row for each pair of them
HIGHS = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}  # the least that it takes
MOST_SECONDS = 20.0  # of branch and bound
STRICT = 1e-6  # of the spread of values: by how much a type prefers its option, so that rounding changes nothing
ROUNDING = 8 * 2.0**-24  # likewise, of what an option is worth: commitments are float32
DECIDED = 5e-6  # of the spread of values: what branch and bound may be off
CLOSE = 1e-7  # of the spread of values: profits, and gains, that are the same up to a solver's tolerance


def best_for(game: MenuGame, taken: np.ndarray, count: int, slack: float = 0.0) -> tuple[float, Menu] | None:
    """The best menu of ``count`` options of which type i takes option ``taken[i]``, or what is free where that is at least K.

    Args:
      taken: ``[P]`` by type; K and above are the free ones.
      slack: by how much a type prefers its option, game units.

    Returns:
      The profit and the menu; None if there is no such menu.
    """
    units, atoms, weights = _in_units(game)
    d, slack = game.law.dimension, slack / game.scale
    rest = sum(weights[taken == count + f].sum() * -float(units.cost @ free) for f, free in enumerate(game.free))
    if count == 0:
        worth_free = atoms @ game.free.T
        is_best = worth_free[np.arange(len(atoms)), taken] >= worth_free.max(axis=1) - 1e-12
        return (rest * game.scale, Menu(np.zeros((0, d)), np.zeros(0))) if is_best.all() else None
    size = count * (d + 1)
    variables = np.arange(size).reshape(count, d + 1)  # an allocation and a price for each option
    rows, sides, ends = Rows(), *_sides(units)
    gains = np.column_stack([atoms, -np.ones(len(atoms))])  # of each type, by an option's allocation and price
    has_own, own = taken < count, variables[np.minimum(taken, count - 1)]
    own_gains = gains * has_own[:, None]
    own_free = np.where(has_own, 0.0, (atoms * game.free[np.maximum(taken - count, 0)]).sum(axis=1))
    for k in range(count):  # nobody has more of an option, or of what is free, than of its own
        who = taken != k
        both = np.hstack([own, np.broadcast_to(variables[k], own.shape)])
        rows.add_rows(own_free[who] - slack, both[who], np.hstack([-own_gains, gains])[who])
    for f, free in enumerate(game.free):
        who = taken != count + f
        limit = np.where(has_own, -slack, 1e-12) - atoms @ free + own_free  # of what is free nothing can be moved
        rows.add_rows(limit[who], own[who], -own_gains[who])
    worth = np.zeros(size)
    for k in range(count):
        worth[variables[k]] = weights[taken == k].sum() * np.append(-units.cost, 1.0)
        rows.add_rows(ends, np.broadcast_to(variables[k], sides.shape), sides)
    matrix, limits = rows.matrix(size)
    bounds = [*zip(game.allocations.low, game.allocations.high, strict=True), units.price_range] * count
    found = scipy.optimize.linprog(-worth, matrix, limits, bounds=bounds, method="highs", options=HIGHS)
    if found.status != 0:
        return None
    made_options = found.x.reshape(count, d + 1)
    return float(rest - found.fun) * game.scale, Menu(made_options[:, :d], made_options[:, d] * game.scale)


def _in_units(game: MenuGame) -> tuple[MenuGame, np.ndarray, np.ndarray]:
    """``game`` in shares of its spread of values, its types and their chances: solvers' tolerances know no other units."""
    law, unit = game.law, game.scale
    assert law.atoms is not None
    assert law.weights is not None
    atoms, belief = law.atoms / unit, None if game.belief is None else game.belief / unit
    scaled = dataclasses.replace(law, atoms=atoms, low=law.low / unit, high=law.high / unit)
    return dataclasses.replace(game, law=scaled, cost=game.cost / unit, belief=belief), atoms, law.weights


def _sides(units: MenuGame) -> tuple[np.ndarray, np.ndarray]:
    """``[M, d + 1]`` and ``[M]``: what an option's allocation and price must obey, beside their bounds."""
    sides, ends = units.allocations.constraints()
    sides = np.column_stack([sides, np.zeros(len(sides))])
    if units.belief is None:
        return sides, ends
    return np.vstack([sides, np.append(units.belief, -1.0)]), np.append(ends, 0.0)


class BestMechanism(NamedTuple):
    """The most that any mechanism earns, game units, and a menu that earns it with ties for the seller.

    Where ``is_exact`` is False ``value`` is a bound, as time ran out.
    """

    value: float
    menu: Menu
    is_exact: bool


@functools.lru_cache(maxsize=8)
def best_of_all(game: MenuGame) -> BestMechanism | None:
    """The best of all mechanisms for finitely many types; None if there are more than 200.

    Every type has an option of its own, or takes what is free. Where what is free may be offered too, the first is enough, and
    a linear programme; else who takes what is decided by branch and bound.
    """
    assert game.law.atoms is not None
    count, bound, taken = len(game.law.atoms), None, np.arange(len(game.law.atoms))
    if count > MOST_TYPES:
        return None
    if not all(_may_be_offered(game, free) for free in game.free):
        decided = _who_takes_what(game)
        if decided is None:
            return None
        taken, bound = decided
    own = np.unique(taken[taken < count])  # options that nobody takes need not be possible
    taken = np.where(taken < count, np.searchsorted(own, taken), len(own) + taken - count)
    found = best_for(game, taken, len(own))
    if found is None:
        return None
    value, menu = found
    is_exact = bound is None or bound <= value + DECIDED * game.scale
    return BestMechanism(value if is_exact or bound is None else bound, _without_spares(menu, taken), is_exact)


def direct_mechanisms(game: MenuGame, commitment: Callable[[Menu], np.ndarray]) -> Region | None:
    """All that menus can come to: for each type an option of its own, which it likes as well as others' and what is free.

    None where what is free may not be an option too, at price 0: then who takes it matters, and mechanisms are not convex. None
    also where there are too many types for one table.

    Args:
      game: with finitely many types.
      commitment: of a menu that has an option for each type of positive chance, in their order.
    """
    units, atoms, weights = _in_units(game)
    atoms, weights = atoms[weights > 0], weights[weights > 0]
    count, d, free = len(atoms), game.law.dimension, len(game.free)
    sides, ends = _sides(units)
    total = count * (count - 1 + free + len(sides))
    if total * count * (d + 1) > MOST_NUMBERS or not all(_may_be_offered(game, one) for one in game.free):
        return None
    pairs = [(i, j) for i in range(count) for j in range(count) if i != j]
    gains = np.column_stack([atoms, -np.ones(count)])  # of each type, by an option's allocation and price
    rows, own = np.zeros((total, count, d + 1)), np.arange(count)
    for row, (i, j) in zip(rows, pairs, strict=False):
        row[i], row[j] = -gains[i], gains[i]
    stays, within = rows[len(pairs) :].reshape(count, free + len(sides), count, d + 1), slice(free, None)
    stays[own, :free, own], stays[own, within, own] = -gains[:, None], sides[None]
    limits = np.column_stack([-atoms @ game.free.T, np.tile(ends, (count, 1))])
    (low, high), span = units.price_range, game.allocations
    worth = (weights[:, None, None] * np.stack([np.tile(np.append(-units.cost, 1.0), (count, 1)), gains], axis=1)) * game.scale

    def made(x: np.ndarray) -> np.ndarray:
        options = x.reshape(count, d + 1)
        return commitment(Menu(options[:, :d], options[:, d] * game.scale))

    return Region(
        at_most=rows.reshape(total, -1),
        limits=np.concatenate([np.zeros(len(pairs)), limits.ravel()]),
        equal=np.zeros((0, count * (d + 1))),
        totals=np.zeros(0),
        low=np.tile(np.append(span.low, low), count),
        high=np.tile(np.append(span.high, high), count),
        leader=worth[:, 0].ravel(),
        leader_constant=0.0,
        followers=worth[:, 1].reshape(1, -1),
        followers_constant=np.zeros(1),
        commitment=made,
    )


def _may_be_offered(game: MenuGame, free: np.ndarray) -> bool:
    """Whether an option, at price 0, can be the same as what is ``free``."""
    is_there = np.allclose(game.allocations.project(free[None])[0], free, rtol=0.0, atol=1e-12)
    return is_there and (game.belief is None or float(game.belief @ free) <= 0.0)


def _without_spares(menu: Menu, taken: np.ndarray) -> Menu:
    """The options that some type takes, each once."""
    kept = np.unique(taken[taken < len(menu.prices)])
    options = np.column_stack([menu.allocations[kept], menu.prices[kept]])
    options = options[np.sort(np.unique(np.round(options, 9), axis=0, return_index=True)[1])]
    return Menu(options[:, :-1], options[:, -1])


def _who_takes_what(game: MenuGame) -> tuple[np.ndarray, float] | None:
    """What each type takes under a best mechanism, as for `best_for`, and an upper bound of what that earns.

    Variables are, for each type, its own option times whether it takes that (an allocation, a price, a switch), and a switch
    for each option that is free.
    """
    (units, atoms, weights), d, num_free = _in_units(game), game.law.dimension, len(game.free)
    count, width = len(atoms), game.law.dimension + 2 + len(game.free)
    place = np.arange(count * width).reshape(count, width)  # [a, p, own, free...]
    terms = np.concatenate([np.eye(d + 1), np.zeros((1, d + 1)), np.column_stack([game.free, np.zeros(num_free)])])
    (low, high), (sides, ends) = units.price_range, _sides(units)
    sides = np.concatenate([np.eye(d + 1), -np.eye(d + 1), sides])
    ends = np.concatenate([game.allocations.high, [high], -game.allocations.low, [-low], ends])
    rows: list[tuple[np.ndarray, np.ndarray, float, float]] = []  # columns, values, least, most
    for i, x in enumerate(atoms):
        gains = terms @ np.append(x, -1.0)  # what each variable of a type's adds to the gain of type i
        others = [place[j] for j in range(count) if j != i]
        rows += [(np.append(place[i], other), np.append(gains, -gains), 0.0, np.inf) for other in others]
        rows.append((place[i], gains, float((game.free @ x).max()), np.inf))
        rows.append((place[i, d + 1 :], np.ones(1 + num_free), 1.0, 1.0))
        for side, end in zip(sides, ends, strict=True):  # a times the switch is where a may be
            rows.append((place[i, : d + 2], np.append(side, -end), -np.inf, 0.0))
    columns, values = (np.concatenate([row[k] for row in rows]) for k in (0, 1))
    which = np.repeat(np.arange(len(rows)), [len(row[0]) for row in rows])
    matrix = scipy.sparse.csr_matrix((values, (which, columns)), (len(rows), place.size))
    least, most = (np.array([row[k] for row in rows]) for k in (2, 3))
    worth = (weights[:, None] * (terms @ np.append(-units.cost, 1.0))[None]).ravel()
    switches = np.zeros((count, width), int)
    switches[:, d + 1 :] = 1
    bounds = scipy.optimize.Bounds(np.where(switches, 0.0, -np.inf).ravel(), np.where(switches, 1.0, np.inf).ravel())
    found = scipy.optimize.milp(
        -worth,
        integrality=switches.ravel(),
        bounds=bounds,
        constraints=scipy.optimize.LinearConstraint(matrix, least, most),
        options={"time_limit": MOST_SECONDS, "mip_rel_gap": 0.0},
    )
    if found.x is None:
        return None
    chosen = found.x.reshape(count, width)[:, d + 1 :].argmax(axis=1)
    return np.where(chosen == 0, np.arange(count), count + chosen - 1), -float(found.mip_dual_bound) * game.scale


def improved_for_finite(game: MenuGame, menu: Menu, most_options: int) -> Menu:
    """``menu`` or a better one: the best of all if it needs no more options, or the best for who takes what now.

    Options are as a commitment in float32 has them, and far enough apart for types to tell.
    """
    atoms = game.law.atoms
    assert atoms is not None
    if len(atoms) > MOST_TYPES:
        return menu
    rounded = lambda menu: game.feasible(game.in_float32(menu))
    best = rounded(menu)
    most, whole = game.profit(best).value, game.with_free(menu)
    reach = float((np.abs(atoms) @ np.maximum(np.abs(game.allocations.low), np.abs(game.allocations.high))).max())
    tried = [((atoms @ whole.allocations.T - whole.prices).argmax(axis=1), len(menu.prices))] if len(menu.prices) else []
    everything = best_of_all(game)
    if everything is not None:
        options = np.concatenate([everything.menu.allocations, game.free])
        prices = np.append(everything.menu.prices, np.zeros(len(game.free)))
        gains = atoms @ options.T - prices
        margins = prices - options @ game.cost
        margins[len(everything.menu.prices) :] += CLOSE * game.scale  # what is free, where nothing else pays more
        tied = gains >= gains.max(axis=1, keepdims=True) - CLOSE * game.scale - 1e-9 * reach
        if 0 < len(everything.menu.prices) <= most_options:
            tried.append((np.where(tied, margins, -np.inf).argmax(axis=1), len(everything.menu.prices)))
        if len(atoms) <= most_options:
            tried.append((np.arange(len(atoms)), len(atoms)))
    slack = max(STRICT * game.scale, ROUNDING * reach)
    solved = [(best_for(game, taken, count, slack), taken) for taken, count in tried]
    menus = [_without_spares(found[1], taken) for found, taken in solved if found is not None]
    for better in (*menus, menu._replace(allocations=menu.allocations[:0], prices=menu.prices[:0])):  # last, to offer nothing
        tried_menu = rounded(better)
        value = game.profit(tried_menu).value
        if value > most:
            best, most = tried_menu, value
    return best
