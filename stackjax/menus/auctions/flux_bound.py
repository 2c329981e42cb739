"""An upper bound on what any strategy-proof auction earns, by fluxes: values are independent and uniform on boxes.

Fix what all others report. A strategy-proof auction that nobody is made to join gives bidder i a convex utility ``u >= 0`` of
its own values ``x``, whose slopes are what it is allocated. Take any field ``w`` on its box with ``-div w <= 1`` inside that
does not point out of the box. Then ``∫ w · ∇u <= ∫ u``, so that bidder i pays ``∫ (x · ∇u - u) <= ∫ (x - w) · ∇u``. An item
goes to one bidder, so that no auction earns more than the mean of ``sum over items of max(0, x_ij - w_ij)``, whatever the
fields are: they are a proof. The best fields on a lattice are a linear programme. For one bidder this is the dual of
Daskalakis, Deckelbaum and Tzamos (2017); the fields may differ with all others' values.
"""

import dataclasses
import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import scipy

from stackjax.errors import InputError, require, require_array, require_count, require_is
from stackjax.menus.bound import Rows
from stackjax.problem import Optimum

__all__ = ["Fluxes", "best_fluxes", "flux_bound"]

MOST_UNKNOWNS = 4_000_000  # beyond which a programme takes gigabytes
MOST_CELLS, MOST_PARTS = 100, 16
FINEST = (16, 8, 4, 2, 1)  # parts of a cell, by which fields are judged in the end
MOST_CORNERS = 30_000_000
ROUNDING = 1e-12  # of the largest value: more than what sums in float64 may be off

Axes = list[tuple[int, int]]


@dataclasses.dataclass(frozen=True, eq=False)
class Fluxes:
    """A field for each bidder, which proves a bound.

    Attributes:
      low, high: ``[n, m]`` the least and the largest values, game units.
      cells: N, of the lattice of each value.
      unit_demand: whether a bidder has use for one item at most.
      fields: ``fields[i][j]`` is the entry of bidder i's field for item j, in units of the side of its box. It has an axis for
        each bidder's value of each item, bidder by bidder, of length N, and N + 1 along the value of bidder i for item j: there
        it is linear from face to face of the N cells; along all others it is constant in a cell.
    """

    low: np.ndarray
    high: np.ndarray
    cells: int
    unit_demand: bool
    fields: list[list[np.ndarray]]

    def virtual_values(self, values: np.ndarray) -> np.ndarray:
        """``[B, n, m]``: each bidder's value of each item less what the field takes, at profiles ``values [B, n, m]``."""
        n, m = self.low.shape
        within = ((values - self.low) / (self.high - self.low)).reshape(len(values), n * m) * self.cells
        at = within.astype(int).clip(0, self.cells - 1)
        found = np.empty_like(values)
        for i, j in itertools.product(range(n), range(m)):
            ahead, part = at.copy(), within[:, i * m + j] - at[:, i * m + j]
            ahead[:, i * m + j] += 1
            field = self.fields[i][j]
            flow = (1.0 - part) * field[tuple(at.T)] + part * field[tuple(ahead.T)]
            found[:, i, j] = values[:, i, j] - flow * (self.high - self.low)[i, j]
        return found


class _Group(NamedTuple):
    """Values that compete: of ``axes``, bidder and item, one of the sets ``ways`` is served."""

    axes: Axes
    ways: list[tuple[int, ...]]


def _groups(n: int, m: int, unit_demand: bool) -> list[_Group]:
    """For each item who has it; under unit demand, for all items together, who is matched to which."""
    if not unit_demand:
        return [_Group([(i, j) for i in range(n)], [(i,) for i in range(n)]) for j in range(m)]
    axes = list(itertools.product(range(n), range(m)))
    ways = []
    for count in range(1, min(n, m) + 1):
        for who, what in itertools.product(itertools.combinations(range(n), count), itertools.permutations(range(m), count)):
            ways.append(tuple(axes.index(pair) for pair in zip(who, what, strict=True)))
    return [_Group(axes, ways)]


def flux_bound(low: Any, high: Any, cells: int = 6, parts: int = 3, unit_demand: bool = False) -> Optimum:
    """No strategy-proof auction earns more, lotteries included, if values are independent and uniform on boxes.

    Args:
      low, high: ``[n, m]`` the least and the largest value of each of n bidders for each of m items, game units.
      cells: N, of the lattice of each value; more make the bound tighter and take longer.
      parts: of each cell along each value, at whose ends the programme looks at what fields leave; likewise.
      unit_demand: whether a bidder has use for one item at most; else values add up.

    Raises:
      InputError: an argument is out of range, or the programme would not fit in memory.
      ArithmeticError: the linear programme failed.
    """
    return Optimum(_surplus(best_fluxes(low, high, cells, parts, unit_demand)), "upper-bound")


def best_fluxes(low: Any, high: Any, cells: int = 6, parts: int = 3, unit_demand: bool = False) -> Fluxes:
    """The fields that prove the bound.

    Args:
      low, high, cells, parts, unit_demand: as of `flux_bound`, which raises the same errors.
    """
    low, high = require_array("low", low).astype(float), require_array("high", high).astype(float)
    if low.ndim != 2 or not low.size or low.shape != high.shape:
        raise InputError(f"low and high must have one shape [bidders, items], not {low.shape} and {high.shape}")
    holds = bool(np.isfinite(high).all() and (low >= 0).all() and (low < high).all())
    require("high", high.tolist(), holds, f"finite and above low={low.tolist()}, which must be at least 0")
    require_count("cells", cells, most=MOST_CELLS)
    require_count("parts", parts, most=MOST_PARTS)
    require_is("unit_demand", unit_demand, bool, "True or False")
    (n, m), scale = low.shape, float(high.max())
    groups = _groups(n, m, unit_demand)
    needed = sum(cells ** (n * m) * (parts + 1) ** len(group.axes) for group in groups)
    if needed > MOST_UNKNOWNS:
        raise InputError(
            f"cells={cells} with parts={parts} is too many for {n} bidders and {m} items: the programme has {needed:,} "
            f"unknowns, at most {MOST_UNKNOWNS:,} fit"
        )
    fields = _solved(low / scale, high / scale, cells, parts, groups)
    return Fluxes(low, high, cells, unit_demand, [_admissible(own, i * m) for i, own in enumerate(fields)])


def _symmetries(low: np.ndarray, high: np.ndarray) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Ways to rename bidders, and items, that change nothing; some best fields are the same under all of them."""
    n, m = low.shape
    for who, what in itertools.product(itertools.permutations(range(n)), itertools.permutations(range(m))):
        if all((end[np.ix_(who, what)] == end).all() for end in (low, high)):
            yield who, what


class _Unknowns(NamedTuple):
    """Which variable each number is: ``field`` as `Fluxes.fields`, by axis; of each group ``above`` its surplus at corners."""

    field: dict[tuple[int, int], np.ndarray]
    above: list[np.ndarray]
    size: int


def _unknowns(low: np.ndarray, high: np.ndarray, cells: int, parts: int, groups: list[_Group]) -> _Unknowns:
    """What is the same under a symmetry is one variable."""
    axes: Axes = list(itertools.product(range(len(low)), range(low.shape[1])))
    corners = [(parts + 1,) * len(group.axes) for group in groups]
    shapes = [[cells + (pair == axis) for axis in axes] for pair in axes] + [[cells] * len(axes) + [*end] for end in corners]
    ends = np.cumsum([0, *(math.prod(shape) for shape in shapes)])
    plain = [start + np.arange(math.prod(shape)).reshape(shape) for start, shape in zip(ends, shapes, strict=False)]
    least = [block.copy() for block in plain]
    for who, what in _symmetries(low, high):
        renamed = [(who[i], what[j]) for i, j in axes]
        order = [axes.index(pair) for pair in renamed]
        for q, image in enumerate(order):
            np.minimum(least[q], plain[image].transpose(order), out=least[q])
        for q, group in enumerate(groups, len(axes)):
            there = [(who[i], what[j]) for i, j in group.axes]
            image, other = next(pair for pair in enumerate(groups) if set(pair[1].axes) == set(there))
            turned = order + [len(axes) + other.axes.index(pair) for pair in there]
            np.minimum(least[q], plain[len(axes) + image].transpose(turned), out=least[q])
    kept, flat = np.unique(np.concatenate([block.ravel() for block in least]), return_inverse=True)
    blocks = [part.reshape(shape) for part, shape in zip(np.split(flat, ends[1:-1]), shapes, strict=True)]
    return _Unknowns(dict(zip(axes, blocks, strict=False)), blocks[len(axes) :], len(kept))


def _solved(low: np.ndarray, high: np.ndarray, cells: int, parts: int, groups: list[_Group]) -> list[list[np.ndarray]]:
    """The fields as the linear programme has them, which is right up to its tolerance."""
    (n, m), side = low.shape, high - low
    axes: Axes = list(itertools.product(range(n), range(m)))
    shape = (cells,) * len(axes)
    field, above, size = _unknowns(low, high, cells, parts, groups)
    rows, lowest, highest = Rows(), np.full(size, -np.inf), np.full(size, np.inf)
    ends = lambda pair, end: np.take(field[pair], end, axis=axes.index(pair))
    cell = lambda pair, corner: np.take(field[pair], np.arange(cells) + corner, axis=axes.index(pair))
    for pair in axes:
        lowest[ends(pair, 0)], highest[ends(pair, cells)] = 0.0, 0.0
    for i in range(n):
        out = [(sign * cells, cell((i, j), corner)) for j in range(m) for corner, sign in ((1, -1.0), (0, 1.0))]
        _add_once(rows, np.ones(shape), out)
    worth, shares = np.zeros(size), _trapezoid(parts)
    for group, own in zip(groups, above, strict=True):
        lowest[own] = 0.0
        for corners in itertools.product(range(parts + 1), repeat=len(group.axes)):
            at: Any = (..., *corners)
            there = own[at]
            np.add.at(worth, there, shares[list(corners)].prod() / cells ** len(axes))
            for way in group.ways:
                value, terms = np.zeros(shape), [(-1.0, there)]
                for q in way:
                    pair, part = group.axes[q], corners[q] / parts
                    value = value + _along(low[pair] + side[pair] * (np.arange(cells) + part) / cells, axes.index(pair), shape)
                    between = [(end, share) for end, share in enumerate((1.0 - part, part)) if share > 0]
                    terms += [(-side[pair] * share, cell(pair, end)) for end, share in between]
                _add_once(rows, -value, terms)
    matrix, limits = rows.matrix(size)
    bounds = np.stack([lowest, highest], axis=1)
    found = scipy.optimize.linprog(worth, matrix, limits, bounds=bounds, method="highs-ipm")
    if found.x is None:
        raise ArithmeticError(f"the bound was not found: {found.message}")
    return [[found.x[field[i, j]] for j in range(m)] for i in range(n)]


def _add_once(rows: Rows, limits: np.ndarray, terms: list[tuple[float, np.ndarray]]) -> None:
    """As `Rows.add` does, but of rows that are the same by symmetry only one."""
    columns = np.stack([column.ravel() for _, column in terms], axis=1)
    order = columns.argsort(axis=1)
    sorted_columns = np.take_along_axis(columns, order, axis=1)
    coefficients = np.array([coefficient for coefficient, _ in terms])[order]
    _, kept = np.unique(np.column_stack([sorted_columns, coefficients]), axis=0, return_index=True)
    rows.add_rows(limits.ravel()[kept], sorted_columns[kept], coefficients[kept])


def _trapezoid(parts: int) -> np.ndarray:
    """``[parts + 1]`` weights of the trapezoidal rule on a cell; of a convex function it gives no less than the mean."""
    weights = np.full(parts + 1, 1.0 / parts)
    weights[[0, -1]] /= 2.0
    return weights


def _along(values: np.ndarray, axis: int, shape: tuple[int, ...]) -> np.ndarray:
    """``values`` along ``axis`` of an array of ``shape``."""
    return np.broadcast_to(values.reshape([-1 if k == axis else 1 for k in range(len(shape))]), shape)


def _admissible(own: list[np.ndarray], first: int) -> list[np.ndarray]:
    """A bidder's field, whose own values begin at axis ``first``, moved to where it obeys its conditions exactly."""
    inflow: Any = 0.0
    for j, field in enumerate(own):
        along = np.moveaxis(field, first + j, 0)
        along[0], along[-1] = np.maximum(along[0], 0.0), np.minimum(along[-1], 0.0)
        inflow = inflow + np.moveaxis((along[:-1] - along[1:]) * (len(along) - 1), 0, first + j)
    return [field / max(1.0, float(inflow.max())) for field in own]


def _surplus(fluxes: Fluxes) -> float:
    """The mean of the largest sum of virtual values, from above: it is convex along each value in a cell's parts."""
    (n, m), side, cells = fluxes.low.shape, fluxes.high - fluxes.low, fluxes.cells
    axes: Axes = list(itertools.product(range(n), range(m)))
    shape, total = (cells,) * len(axes), 0.0
    for group in _groups(n, m, fluxes.unit_demand):
        fits = lambda parts, group=group: (parts + 1) ** len(group.axes) * cells ** len(axes) <= MOST_CORNERS
        parts = next(filter(fits, FINEST), 1)
        weights = _trapezoid(parts)
        virtual = []  # of each axis, at each corner of a cell's parts
        for i, j in group.axes:
            axis, field = axes.index((i, j)), fluxes.fields[i][j]
            before, after = (np.take(field, np.arange(cells) + corner, axis=axis) for corner in (0, 1))
            at = [_along((np.arange(cells) + s) / cells, axis, shape) for s in np.arange(parts + 1) / parts]
            there = [before + (after - before) * s for s in np.arange(parts + 1) / parts]
            virtual.append([fluxes.low[i, j] + side[i, j] * (y - w) for y, w in zip(at, there, strict=True)])
        for corner in itertools.product(range(parts + 1), repeat=len(group.axes)):
            best = np.zeros(shape)
            for way in group.ways:
                np.maximum(best, sum(virtual[q][corner[q]] for q in way), out=best)
            total += float(best.mean()) * float(weights[list(corner)].prod())
    return total + ROUNDING * float(fluxes.high.sum())
