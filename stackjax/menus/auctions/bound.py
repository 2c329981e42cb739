"""An upper bound on what any auction of two items earns from bidders whose values are uniform in [0, 1] and add up.

It is the linear programme of `stackjax.menus.bound` for the expected utility of one bidder, which is convex, with Border's
condition: an item cannot be promised to more bidders than can have it.
"""

import numpy as np

from stackjax.errors import require_count
from stackjax.menus.bound import Rows, certified_maximum, symmetric_cells
from stackjax.problem import Optimum

__all__ = ["auction_bound"]

MOST_CELLS, LEVELS = 40, 20


def auction_bound(bidders: int, cells: int = 20) -> Optimum:
    """No auction of two items earns more from ``bidders`` in Bayesian equilibrium, lotteries included.

    Items are alike, so that some best auction treats them alike; the programme is about such ones.

    Args:
      cells: N, of the lattice of a bidder's values in each dimension.

    Raises:
      InputError: ``bidders`` is not a positive whole number, or ``cells`` is not from 4 to 40.
      ArithmeticError: the linear programme failed.
    """
    require_count("bidders", bidders)
    require_count("cells", cells, least=4, most=MOST_CELLS)
    n, h, rows = cells, 1.0 / cells, Rows()
    cell = symmetric_cells(n)  # mean utilities
    face = cell.max() + 1 + np.arange((n + 1) * n).reshape(n + 1, n)  # where the first value is p / N, the second in a cell
    rows.add_lattice(cell, lambda step: h * float(step.clip(0).sum()))
    rows.add_line(face, h, 0.0)
    rows.add_line(face.T, h, 0.0)
    before, behind = face[:-1].ravel(), face[1:].ravel()
    rows.add(h / 2, (1.0, cell), (-1.0, before))
    rows.add(h / 2, (1.0, behind), (-1.0, cell))
    rows.add(0.0, (2.0, cell), (-1.0, before), (-1.0, behind))
    rows.add(0.0, (2.0, face[1:-1]), (-1.0, cell[:-1]), (-1.0, cell[1:]))
    rows.add(0.0, (1.5, cell[:-1]), (-0.5, cell[1:]), (-1.0, face[:-2]))
    rows.add(0.0, (1.5, cell[1:]), (-0.5, cell[:-1]), (-1.0, face[2:]))

    size = face[-1, -1] + 1
    low, high = [np.zeros(size)], [np.full(size, 2.0)]
    for q in np.arange(1, LEVELS) / LEVELS:  # Border: the types of any set of chance q have the item at most that often
        level, above = size, size + 1 + np.arange(n * n)
        rows.add(0.0, (1 / h, behind), (-1 / h, before), (-1.0, np.full(n * n, level)), (-1.0, above))
        taken = (1.0 - (1.0 - q) ** bidders) / bidders
        rows.add_rows(taken, np.append(above, level)[None], np.append(np.full(n * n, h**2), q)[None])
        low.append(np.zeros(n * n + 1))
        high.append(np.ones(n * n + 1))
        size += n * n + 1
    rows.add_rows(1.0 / bidders, np.append(behind, before)[None], np.repeat([h, -h], n * n)[None])
    worth = np.zeros(size)
    np.add.at(worth, cell.ravel(), -3.0 * h**2)
    worth[face[-1]] = 2.0 * h
    found = certified_maximum(worth, rows, np.concatenate(low), np.concatenate(high), "highs-ipm")
    return Optimum(bidders * found, "upper-bound")
