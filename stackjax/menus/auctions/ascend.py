"""Prices moved up the slope of the revenue by linear programmes, which keep the certificate that menus are compatible.

For fixed weights the certificate is linear in all prices of both bidders: see `compatible`. A step goes as far up the slope as
a trust region and these rows let it, and is taken if the revenue rises and the menus, with weights chosen anew, are compatible.
Of weights that certify the prices, those are chosen that leave most room up the slope.
"""

from typing import NamedTuple

import numpy as np
import scipy

from stackjax.menus.auctions.compatible import MOST_PROGRAMMES, Certificate, certificate
from stackjax.menus.auctions.priced import Menus, Tables
from stackjax.menus.auctions.revenue import mean_payment
from stackjax.menus.bound import Rows
from stackjax.menus.finite_types import HIGHS

__all__ = ["Ascent", "Ties", "ascended", "revenue", "ties_of"]

FIRST_STEP, LAST_STEP = 0.02, 2e-4  # of the largest value: how far a price may move in one step
NEAR = 2.05  # steps below 0, from where a row cannot rise above it
EXCESS_COST = 10.0  # per row, while menus are repaired
REPAIRS, SIMPLE_REPAIRS = 12, 4  # rounds in all, and without weights of linear programmes
TOLERANCE = 2e-7  # of the largest value: what programmes may leave above 0 on the way
ROUNDED = 0.25  # of a unit: how far below a multiple a price may be that rounds to it
WORTHWHILE = 1e-7  # of the largest value: what large steps must bring so that they are tried again
LAST_MOVES = 50.0  # units: how far prices move where they become whole units


class Ties(NamedTuple):
    """Which variable each price is: int ``[V2, 1 + K]`` and ``[V1, 1 + K]``, below ``size``; that number stands for price 0."""

    first: np.ndarray
    second: np.ndarray
    size: int

    def tables(self, free: np.ndarray) -> Tables:
        """The prices ``[V2, 1 + K]`` of bidder 1 and ``[V1, 1 + K]`` of bidder 2."""
        whole = np.append(free, np.zeros(1, free.dtype))
        return whole[self.first], whole[self.second]

    def free(self, tables: Tables) -> np.ndarray:
        """``[F]`` the means of all prices that are one variable."""
        return self.summed(tables) / np.bincount(self._places, minlength=self.size + 1)[: self.size]

    def summed(self, tables: Tables) -> np.ndarray:
        """``[F]`` sums, for example of slopes by every price."""
        return np.bincount(self._places, np.concatenate([table.ravel() for table in tables]), self.size + 1)[: self.size]

    @property
    def _places(self) -> np.ndarray:
        return np.concatenate([self.first.ravel(), self.second.ravel()])


def ties_of(menus: Menus) -> Ties:
    """Prices are the same where bidders are alike, and where items are renamed."""
    sizes, options = [len(mesh.vertices) for mesh in menus.meshes], len(menus.shares)
    tables = [np.arange(sizes[1] * options).reshape(sizes[1], options)]
    tables.append(tables[0] if menus.alike else sizes[1] * options + np.arange(sizes[0] * options).reshape(sizes[0], options))
    least = [table.copy() for table in tables]
    for names, first, second, _, _ in menus.item_swaps:
        for table, own, vertices in zip(least, tables, (second, first), strict=True):
            np.minimum(table, own[vertices][:, names], out=table)
    for table in least:
        table[:, 0] = np.iinfo(int).max  # nothing is free
    _, number = np.unique(np.concatenate([table.ravel() for table in least]), return_inverse=True)
    first, second = np.split(number, [least[0].size])
    return Ties(first.reshape(least[0].shape), second.reshape(least[1].shape), int(number.max()))


def revenue(menus: Menus, ties: Ties, free: np.ndarray) -> tuple[float, np.ndarray]:
    """What both bidders pay on average if each has what it wants, and the slopes ``[F]``."""
    tables, (one, two) = ties.tables(free), menus.meshes
    paid, slopes = mean_payment(two, menus.allocations, tables[0], one.low, one.high, menus.counts[1])
    if menus.alike:
        return 2 * paid, ties.summed((slopes, slopes))
    other, other_slopes = mean_payment(one, menus.allocations, tables[1], two.low, two.high, menus.counts[0])
    return paid + other, ties.summed((slopes, other_slopes))


class Ascent(NamedTuple):
    """Prices ``free [F]``, whole units times `Menus.unit`, whether they are certified, and the revenue after each step."""

    free: np.ndarray
    holds: bool
    revenues: list[float]


def ascended(menus: Menus, ties: Ties, free: np.ndarray, num_steps: int, most: float) -> Ascent:
    """Compatible prices near ``free [F]`` at a local optimum of the revenue.

    Args:
      num_steps: steps that are taken at most.
      most: the highest price.
    """
    for simple_rounds in (SIMPLE_REPAIRS, 0):
        repaired = _repaired(menus, ties, np.clip(free, 0.0, most), most, simple_rounds)
        found = _climbed(menus, ties, repaired, num_steps, most)
        while found.holds and len(found.revenues) <= num_steps:  # with large steps again, which often leave a local optimum
            further = _climbed(menus, ties, found.free, num_steps - len(found.revenues), most)
            if not further.holds or further.revenues[-1] < found.revenues[-1] + WORTHWHILE * menus.scale:
                break
            found = further._replace(revenues=[*found.revenues, *further.revenues[1:]])
        if found.holds:
            break
    return found


def _looked(
    menus: Menus, ties: Ties, free: np.ndarray, slopes: np.ndarray, step: float, most_programmes: int = MOST_PROGRAMMES
) -> Certificate:
    """The certificate of ``free``, with weights that leave room up ``slopes``."""
    ahead = ties.tables(free + step * slopes / max(float(np.abs(slopes).max()), 1e-300))
    return certificate(menus, ties.tables(free), NEAR * step, TOLERANCE * menus.scale, ahead, most_programmes)


def _repaired(menus: Menus, ties: Ties, free: np.ndarray, most: float, simple_rounds: int) -> np.ndarray:
    """``free`` moved until it is compatible, as far as that can be had.

    Weights of linear programmes, which fit one set of prices alone, are left out in the first ``simple_rounds``.
    """
    step = FIRST_STEP * menus.scale
    for round in range(REPAIRS):
        slopes = revenue(menus, ties, free)[1]
        found = _looked(menus, ties, free, slopes, step, 0 if round < simple_rounds else MOST_PROGRAMMES)
        if found.holds:
            break
        moved = _moved(menus, ties, free, found, slopes, max(step, 2.0 * found.worst), most, excess=True)
        if moved is None:
            break
        free = moved
    return free


def _climbed(menus: Menus, ties: Ties, free: np.ndarray, num_steps: int, most: float) -> Ascent:
    """From compatible prices up the slope of the revenue."""
    step, (value, slopes) = FIRST_STEP * menus.scale, revenue(menus, ties, free)
    found, values = _looked(menus, ties, free, slopes, step), [value]
    for _ in range(num_steps):
        if step < LAST_STEP * menus.scale or not found.holds:
            break
        moved = _moved(menus, ties, free, found, slopes, step, most)
        if moved is not None:
            new, new_slopes = revenue(menus, ties, moved)
            better = _looked(menus, ties, moved, new_slopes, step) if new > value else None
            if better is not None and better.holds:
                free, found, value, slopes = moved, better, new, new_slopes
                values.append(value)
                continue
        step /= 2.0
        found = _looked(menus, ties, free, slopes, step)
    return _in_units(menus, ties, free, most, values)


def _in_units(menus: Menus, ties: Ties, free: np.ndarray, most: float, values: list[float]) -> Ascent:
    """``free`` in whole units, moved by so little that the certificate is exact, if that can be."""
    unit = float(menus.unit)
    for attempt in range(REPAIRS):
        free = np.floor(free / unit + ROUNDED) * unit
        first, second = map(menus.in_units, ties.tables(free))
        found = certificate(menus, (first, second), LAST_MOVES * unit)
        value, slopes = revenue(menus, ties, free)
        if found.holds:
            return Ascent(free, True, [*values, value])
        margin = unit * 2.0**attempt
        moved = _moved(menus, ties, free, found, slopes, LAST_MOVES * margin, most, margin, excess=True)
        if moved is None:
            break
        free = moved
    return Ascent(np.floor(free / unit + ROUNDED) * unit, False, values)


def _moved(
    menus: Menus,
    ties: Ties,
    free: np.ndarray,
    found: Certificate,
    slopes: np.ndarray,
    step: float,
    most: float,
    margin: float = 0.0,
    excess: bool = False,
) -> np.ndarray | None:
    """``free`` moved by at most ``step`` up ``slopes``, so that the rows of ``found`` are at most ``-margin``.

    With ``excess`` they may be more, at a cost. None if the programme has no solution.
    """
    rows, sums = _rows(menus, ties, free, found, -NEAR * step - margin)
    if not rows.count:
        return np.clip(free + step * np.sign(slopes), 0.0, most)
    matrix, limits = rows.matrix(ties.size + 1)
    lowest, highest = np.maximum(-step, -free), np.minimum(step, most - free)
    over = np.flatnonzero(sums > -margin) if excess else np.zeros(0, int)
    slack = scipy.sparse.csr_matrix((-np.ones(len(over)), (over, np.arange(len(over)))), (rows.count, len(over)))
    worth = np.concatenate([slopes, [0.0], np.full(len(over), -EXCESS_COST)])
    ends = np.concatenate([lowest, [0.0], np.zeros(len(over))]), np.concatenate([highest, [0.0], np.full(len(over), np.inf)])
    moves = np.asarray(abs(matrix).sum(axis=1)).ravel() > 1e-12  # but for sums in which all prices cancel
    limits = limits - margin * moves
    whole = scipy.sparse.hstack([matrix, slack], format="csr")
    solved = scipy.optimize.linprog(-worth, whole, limits, bounds=np.stack(ends, axis=1), method="highs", options=HIGHS)
    return None if solved.x is None else free + solved.x[: ties.size]


def _rows(menus: Menus, ties: Ties, free: np.ndarray, found: Certificate, least: float) -> tuple[Rows, np.ndarray]:
    """The certificate's rows by changes of prices, those whose sums are above ``least``; and the sums ``[R]``."""
    tables, rows, sums = ties.tables(free), Rows(), [np.zeros(0)]
    half, (first, second) = len(menus.shares) - 1, menus.simplices
    for (k, q), (pairs, weights, chosen) in found.weighted.items():
        parts, share = menus.preferences(k, q, tables), weights / weights.sum(axis=1, keepdims=True) / menus.levels
        by_x, by_t = (part @ share.T for part in parts)
        highest = by_x[first].max(axis=1), by_t[second].max(axis=1)
        near = highest[0][pairs[:, 0], chosen] + highest[1][pairs[:, 1], chosen] > least
        (at, to), c = pairs[near].T, chosen[near]
        v, w = first[at][:, :, None], second[to][:, None]
        codes = np.unique((c[:, None, None] * len(by_x) + v) * len(by_t) + w)
        c, v, w = codes // (len(by_x) * len(by_t)), codes // len(by_t) % len(by_x), codes % len(by_t)
        total = by_x[v, c] + by_t[w, c]
        c, v, w, total = (part[total > least] for part in (c, v, w, total))
        mu, nu = share[c, :half] * menus.levels, share[c, half:] * menus.levels
        columns = [ties.first[w, k], *ties.first[w][:, menus.others[k]].T, ties.second[v, q]]
        columns += [*ties.second[v][:, menus.others[q]].T]
        entries = [-mu.sum(axis=1, keepdims=True), mu, -nu.sum(axis=1, keepdims=True), nu]
        rows.add_rows(-total, np.stack(columns, axis=1), np.concatenate(entries, axis=1))
        sums.append(total)
    return rows, np.concatenate(sums)
