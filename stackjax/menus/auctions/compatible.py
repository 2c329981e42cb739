"""Whether two bidders who both take the best of their menus can ever want the same item: an exact test, with a certificate.

Let bidder 1's values ``x`` be in a simplex of its mesh and bidder 2's values ``t`` in one of its own. How much bidder 1 prefers
option k to o, ``f = x · (a_k - a_o) - p_k(t) + p_o(t)``, and bidder 2 option q to r, ``g = t · (a_q - a_r) - p_q(x) + p_r(x)``,
are affine there. Options k and q, which together take more of an item than there is, are both best at some profile inside only
if all f and g are at least 0 there. By the minimax theorem no profile has them all positive exactly if weights exist, at least
0 and 1 in all, with which the sum of all f and g is at most 0 at every pair of vertices: these weights are the certificate. It
holds for every profile of values, whatever their law.

The sum is one function of x and one of t, so that only their largest values at the vertices count.
"""

from typing import NamedTuple

import numpy as np
import scipy

from stackjax.menus.auctions.priced import WHOLE, Menus, Tables
from stackjax.menus.bound import Rows
from stackjax.menus.finite_types import HIGHS

__all__ = ["Certificate", "Weighted", "certificate"]

FINE = 2**24  # of which the weights of linear programmes are whole parts
BETTER = 1e-5  # by how much a sum must be lower than a single function, as a share of the largest value
CHUNK = 8_000_000  # numbers at a time
MOST_PROGRAMMES = 2000


class Weighted(NamedTuple):
    """Of two options in conflict: int ``pairs [M, 2]`` of simplices, and ``chosen [M]``, the row of int ``weights [C, 2K]``."""

    pairs: np.ndarray
    weights: np.ndarray
    chosen: np.ndarray


class Certificate(NamedTuple):
    """What proves that menus are compatible, or where they are not.

    Attributes:
      worst: the largest weighted sum, game units: both bidders prefer what they cannot both have by no more than that.
      failing: int ``[M, 4]``: the simplices of bidders 1 and 2, and the options, of which the sum is too large.
      weighted: by the options (k, q) in conflict, but for those that symmetry settles.
    """

    worst: float
    failing: np.ndarray
    weighted: dict[tuple[int, int], Weighted]

    @property
    def holds(self) -> bool:
        """Whether no profile of values makes both bidders want more of an item than there is."""
        return not len(self.failing)


def certificate(
    menus: Menus,
    prices: Tables,
    keep: float = 0.0,
    tolerance: float = 0.0,
    ahead: Tables | None = None,
    most_programmes: int = MOST_PROGRAMMES,
) -> Certificate:
    """See `Certificate`. Of prices in whole units (see `Menus.in_units`) it is exact; of game units up to rounding.

    Args:
      prices: ``[V2, 1 + K]`` of bidder 1 and ``[V1, 1 + K]`` of bidder 2.
      keep: where the best single function is not below ``-keep``, sums are tried too, game units.
      tolerance: up to which sums may be above 0, game units.
      ahead: prices of the same kind; of weights that hold, those are chosen with which the sum is lowest there.
      most_programmes: pairs for which weights beyond `Menus.candidates` are searched for; none where more would need them.
    """
    is_exact = np.issubdtype(prices[0].dtype, np.integer)
    size = WHOLE * menus.levels / (float(menus.unit) if is_exact else 1.0)  # of a game unit, in what sums are in
    single, worst, failing, weighted = 2 * len(menus.shares) - 2, 0.0, [np.zeros((0, 4), int)], {}
    for (k, q), pairs in menus.wanted.items():
        parts = menus.preferences(k, q, prices)
        sums = menus.largest(parts, menus.candidates)
        values, chosen = _lowest(sums[0][:, :single], sums[1][:, :single], pairs)
        near = np.flatnonzero(values >= -keep * size)
        mixed, which = _lowest(sums[0][:, single:], sums[1][:, single:], pairs[near])
        lower = mixed < values[near] - BETTER * menus.scale * size
        lower |= (mixed <= tolerance * size) & (values[near] > tolerance * size)
        values[near[lower]], chosen[near[lower]] = mixed[lower], which[lower] + single
        if ahead is not None:
            near = near[values[near] <= tolerance * size]
            there = menus.largest(menus.preferences(k, q, ahead), menus.candidates)
            for part in np.array_split(near, 1 + len(near) * len(menus.candidates) // CHUNK):
                at, to = pairs[part].T
                holds = sums[0][at] + sums[1][to] <= np.maximum(values[part], 0)[:, None]
                chosen[part] = np.where(holds, there[0][at] + there[1][to], np.inf).argmin(axis=1)
        weights, bad = menus.candidates, np.flatnonzero(values > tolerance * size)
        if 0 < len(bad) <= most_programmes:
            at = [part[of[pairs[bad, i]]] for i, (part, of) in enumerate(zip(parts, menus.simplices, strict=True))]
            found = _by_programme(*(part / size for part in at))
            totals = WHOLE * sum((part * found[:, None]).sum(axis=2).max(axis=1) for part in at)
            better = -(-totals // found.sum(axis=1)) if is_exact else totals / found.sum(axis=1)  # rounded up
            lower = better < values[bad]
            values[bad[lower]], chosen[bad[lower]] = better[lower], len(weights) + np.flatnonzero(lower)
            weights, bad = np.concatenate([weights, found]), bad[values[bad] > tolerance * size]
        failing.append(np.column_stack([pairs[bad], np.broadcast_to([k, q], (len(bad), 2))]))
        worst = max(worst, values.max(initial=0.0) / size)
        weighted[k, q] = Weighted(pairs, weights, chosen)
    return Certificate(float(worst), np.concatenate(failing), weighted)


def _lowest(first: np.ndarray, second: np.ndarray, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of the sums ``first [T1, C] + second [T2, C]`` at each of ``pairs [M, 2]`` the lowest ``[M]``, and which it is."""
    size = max(1, CHUNK // first.shape[1])
    values, chosen = np.empty(len(pairs), first.dtype), np.empty(len(pairs), int)
    for i in range(0, len(pairs), size):
        part = slice(i, i + size)
        sums = first[pairs[part, 0]] + second[pairs[part, 1]]
        chosen[part] = sums.argmin(axis=1)
        values[part] = np.take_along_axis(sums, chosen[part, None], axis=1)[:, 0]
    return values, chosen


def _by_programme(by_x: np.ndarray, by_t: np.ndarray) -> np.ndarray:
    """int ``[B, 2K]`` weights, in `FINE` parts, with the least largest sum of ``by_x`` and ``by_t [B, m + 1, 2K]``."""
    sums = (by_x[:, :, None] + by_t[:, None]).reshape(len(by_x), -1, by_x.shape[2])
    count, corners, width = sums.shape
    unknown = np.arange(count * (width + 1)).reshape(count, width + 1)  # of each pair its weights, then their largest sum
    rows, ones = Rows(), Rows()
    rows.add_rows(0.0, np.repeat(unknown, corners, axis=0), np.insert(sums, width, -1.0, axis=2).reshape(-1, width + 1))
    ones.add_rows(1.0, unknown[:, :-1], np.ones((count, width)))
    cost, bounds = np.tile(np.append(np.zeros(width), 1.0), count), [*[(0.0, 1.0)] * width, (None, None)] * count
    matrices = (*rows.matrix(unknown.size), *ones.matrix(unknown.size))
    found = scipy.optimize.linprog(cost, *matrices, bounds=bounds, method="highs", options=HIGHS)
    if found.x is None:
        return np.full((count, width), FINE // width)
    return np.round(np.maximum(found.x[unknown[:, :-1]], 0.0) * FINE).astype(np.int64)
