"""An upper bound on what any mechanism earns from a buyer whose type is uniform on a rectangle.

Every mechanism, lotteries included, gives the buyer a convex utility whose slopes are allocations, or what is free, and its
profit is linear in that utility's averages over cells and faces of a lattice. What these averages must obey exactly makes a
linear programme; its value is a bound with no error of discretisation. The bound is computed again from the dual, so that it
does not hang on the solver's tolerance.
"""

from collections.abc import Callable

import numpy as np
import scipy

from stackjax.errors import UnsolvedError, require_count, require_is
from stackjax.menus.allocations import BoxAllocations
from stackjax.menus.game import MenuGame
from stackjax.problem import Optimum

__all__ = ["Rows", "certified_maximum", "symmetric_cells", "upper_bound"]

STEPS = ((1, 0), (0, 1), (1, 1), (1, -1), (1, 2), (1, -2), (2, 1), (2, -1))
MOST_CELLS = 128


class Rows:
    """Rows ``sum of coefficient * variable <= limit`` of a sparse matrix, many at a time."""

    def __init__(self) -> None:
        self.count = 0
        self.entries: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self.limits: list[np.ndarray] = []

    def add(self, limit: float | np.ndarray, *terms: tuple[float, np.ndarray]) -> None:
        """Rows that are alike, each with one of the columns of every term; a term is its coefficient and these columns."""
        columns = np.stack([columns.ravel() for _, columns in terms], axis=1)
        self.add_rows(limit, columns, np.broadcast_to([coefficient for coefficient, _ in terms], columns.shape))

    def add_rows(self, limit: float | np.ndarray, columns: np.ndarray, coefficients: np.ndarray) -> None:
        """``[R]`` limits of rows ``[R, C]``."""
        rows = np.repeat(self.count + np.arange(len(columns)), columns.shape[1])
        self.entries.append((rows, columns.ravel(), coefficients.ravel()))
        self.limits.append(np.broadcast_to(limit, len(columns)))
        self.count += len(columns)

    def add_line(self, values: np.ndarray, most: float, least: float) -> None:
        """Along the first axis convex ``values`` grow by at most ``most`` a step, and fall by at most ``least``."""
        self.add(most, (1.0, values[1:]), (-1.0, values[:-1]))
        self.add(least, (1.0, values[:-1]), (-1.0, values[1:]))
        self.add(0.0, (2.0, values[1:-1]), (-1.0, values[2:]), (-1.0, values[:-2]))

    def add_lattice(self, cell: np.ndarray, most: Callable[[np.ndarray], float]) -> None:
        """Convex means over cells ``[N, N]`` grow by at most ``most`` of a step, there and back."""
        for step in STEPS:
            here, there = shifted(cell, step), shifted(cell, step, 1)
            self.add(most(np.array(step)), (1.0, there), (-1.0, here))
            self.add(most(-np.array(step)), (1.0, here), (-1.0, there))
            middle, after, prior = triples(cell, step)
            self.add(0.0, (2.0, middle), (-1.0, after), (-1.0, prior))

    def matrix(self, num_variables: int) -> tuple[scipy.sparse.csr_matrix, np.ndarray]:
        rows, columns, values = (np.concatenate(parts) for parts in zip(*self.entries, strict=True))
        shape = (self.count, num_variables)
        return scipy.sparse.csr_matrix((values, (rows, columns)), shape), np.concatenate(self.limits)


def upper_bound(game: MenuGame, cells: int = 48) -> Optimum:
    """No mechanism earns more from a buyer of ``game``.

    Args:
      cells: N, of the lattice in each dimension; more make the bound tighter and take longer.

    Raises:
      InputError: ``game`` is no `MenuGame`, or ``cells`` is not from 4 to 128.
      UnsolvedError: types are not uniform on a rectangle.
      ArithmeticError: the linear programme failed.
    """
    require_is("game", game, MenuGame, "a MenuGame, for example sx.make('menu-additive')")
    require_count("cells", cells, least=4, most=MOST_CELLS)
    if not game.law.is_box or game.law.dimension != 2:
        raise UnsolvedError(
            f"game {game.name!r}: the bound is for types uniform on a rectangle, as of sx.menus.uniform_box((0, 0), (1, 2))"
        )
    n, h, width = cells, 1.0 / cells, game.law.high - game.law.low
    reach = lambda *step: game.support(width * np.array(step, float))
    cell, faces, size = _variables(n, _is_symmetric(game))
    rows = Rows()
    rows.add_lattice(cell, lambda step: h * reach(*step))
    for (axis, end), face in faces.items():
        along = np.eye(2)[1 - axis]
        rows.add_line(face, h * reach(*along), h * reach(*-along))
        nearest, following = (np.take(cell, (k if end == 0 else n - 1 - k), axis=axis) for k in (0, 1))
        outward = np.eye(2)[axis] * (1 if end else -1)
        rows.add(h / 2 * reach(*outward), (1.0, face), (-1.0, nearest))
        rows.add(h / 2 * reach(*-outward), (1.0, nearest), (-1.0, face))
        rows.add(0.0, (1.5, nearest), (-0.5, following), (-1.0, face))

    start = (game.law.low - game.cost) / width
    worth = np.zeros(size)
    np.add.at(worth, cell.ravel(), -3.0 / n**2)
    for (axis, end), face in faces.items():
        worth[face] += (1.0 + start[axis] if end else -start[axis]) / n
    low, high = _limits(game, cell, faces, size)
    return Optimum(certified_maximum(worth, rows, low, high), "upper-bound")


def certified_maximum(
    worth: np.ndarray,
    rows: Rows,
    low: np.ndarray,
    high: np.ndarray,
    method: str = "highs-ds",
    options: dict[str, float] | None = None,
) -> float:
    """An upper bound on ``worth · x`` over ``rows`` and ``low <= x <= high``: the dual's value, computed again.

    ``method`` and ``options`` are `scipy.optimize.linprog`'s.

    Raises:
      ArithmeticError: the linear programme failed.
    """
    matrix, limits = rows.matrix(len(worth))
    bounds = np.stack([low, high], axis=1)
    found = scipy.optimize.linprog(-worth, matrix, limits, bounds=bounds, method=method, options=options)
    if found.status != 0:
        raise ArithmeticError(f"the bound was not found: {found.message}")
    dual = np.maximum(-found.ineqlin.marginals, 0.0)
    rest = worth - matrix.T @ dual
    return float(dual @ limits + np.maximum(rest * low, rest * high).sum())


def _is_symmetric(game: MenuGame) -> bool:
    """Whether nothing changes if the two goods are exchanged; then some best mechanism treats them alike."""
    sides, ends = game.allocations.constraints()
    swapped = {(*side[::-1], end) for side, end in zip(sides.tolist(), ends.tolist(), strict=True)}
    same = lambda rows: {tuple(row) for row in rows.tolist()} == {tuple(row[::-1]) for row in rows.tolist()}
    pairs = (game.law.low, game.law.high, game.cost, game.allocations.low, game.allocations.high)
    alike = all(pair[0] == pair[1] for pair in (*pairs, *([] if game.belief is None else [game.belief])))
    return alike and same(game.free) and swapped == {(*s, e) for s, e in zip(sides.tolist(), ends.tolist(), strict=True)}


def _variables(n: int, symmetric: bool) -> tuple[np.ndarray, dict[tuple[int, int], np.ndarray], int]:
    """Which variable is the mean over each cell ``[N, N]`` and over each face's cells, by axis and end; how many there are."""
    if not symmetric:
        faces = {(axis, end): n * n + (2 * axis + end) * n + np.arange(n) for axis in (0, 1) for end in (0, 1)}
        return np.arange(n * n).reshape(n, n), faces, n * n + 4 * n
    cell = symmetric_cells(n)
    count = n * (n + 1) // 2
    return cell, {(axis, end): count + end * n + np.arange(n) for axis in (0, 1) for end in (0, 1)}, count + 2 * n


def symmetric_cells(n: int) -> np.ndarray:
    """``[N, N]`` numbers from 0, the same for cells that mirror each other."""
    upper, cell = np.triu_indices(n), np.empty((n, n), int)
    cell[upper] = np.arange(len(upper[0]))
    cell.T[upper] = cell[upper]
    return cell


def shifted(cell: np.ndarray, step: tuple[int, int], times: int = 0) -> np.ndarray:
    """Where ``times`` times ``step`` leads from each of the cells from which it stays on the lattice."""
    n = len(cell)
    first, second = step
    from_first, from_second = np.arange(n - first), np.arange(max(0, -second), n - max(0, second))
    return cell[np.ix_(from_first + times * first, from_second + times * second)].ravel()


def triples(cell: np.ndarray, step: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cells with a neighbour on both sides: the middle, after it, before it."""
    n, (first, second) = len(cell), step
    middle = np.ix_(np.arange(first, n - first), np.arange(abs(second), n - abs(second)))
    rows, columns = middle
    return (
        cell[middle].ravel(),
        cell[np.ix_(rows.ravel() + first, columns.ravel() + second)].ravel(),
        cell[np.ix_(rows.ravel() - first, columns.ravel() - second)].ravel(),
    )


def _limits(
    game: MenuGame, cell: np.ndarray, faces: dict[tuple[int, int], np.ndarray], size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Least and largest averages: what is free gives the one, the other is that of a utility that is least somewhere.

    To add a constant to the utility costs as much profit, so that it is no more than what is free at its lowest; a type that
    no option may attract has no more than what is free, and others no more than their way from there can add.
    """
    n, low, high = len(cell), np.empty(size), np.empty(size)
    width, bottom = game.law.high - game.law.low, game.law.low
    ticks = (np.arange(n) + 0.5) / n

    def average(points: np.ndarray) -> np.ndarray:
        """A lower bound of the mean of a convex function over a cell or face: its value in the middle."""
        return (points @ game.free.T).max(axis=1)

    grid = bottom + np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 2) * width
    low[cell.ravel()] = average(grid)
    high[cell.ravel()] = _highest(game, grid, width / n)
    for (axis, end), face in faces.items():
        points = np.empty((n, 2))
        points[:, axis], points[:, 1 - axis] = float(end), ticks
        points = bottom + points * width
        low[face] = average(points)
        high[face] = _highest(game, points, np.where(np.arange(2) == axis, 0.0, width / n))
    return low, high


def _highest(game: MenuGame, points: np.ndarray, size: np.ndarray) -> np.ndarray:
    """An upper bound of the utility's mean over cells of ``size`` around ``points``."""
    if game.belief is None:
        corners = BoxAllocations(game.law.low, game.law.high).corners()
        most = max(game.support(a - b) for a in corners for b in corners)
        return np.full(len(points), most + float((corners @ game.free.T).max()))
    # The mean of |x - c| over an interval, entry by entry; allocations are no larger than those of their box.
    reach = np.maximum(np.maximum(np.abs(game.allocations.low), np.abs(game.allocations.high)), np.abs(game.free).max(axis=0))
    away, half = points - game.belief, size / 2
    safe = np.where(half > 0, half, 1.0)
    inside = np.where(half > 0, (away**2 + half**2) / (2 * safe), np.abs(away))
    mean = np.where(np.abs(away) >= half, np.abs(away), inside)
    return mean @ reach + max(0.0, float((game.belief @ game.free.T).max()))  # no option is worth more to it than nothing
