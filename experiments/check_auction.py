"""Checks the proof that two menus make an auction, in whole numbers: ``python experiments/check_auction.py FILE.npz``.

Bidder 1 with values x takes the option with the largest ``x · a_k - p_k(t)``, where t are bidder 2's values, and bidder 2 that
with the largest ``t · a_k - p_k(x)``. Prices are linear on simplices. For every simplex of x, every simplex of t and every two
options that give more of an item than there is, the file has weights mu and nu, at least 0 and not all 0, with which

    sum_o mu_o (x · (a_k - a_o) - p_k(t) + p_o(t)) + sum_r nu_r (t · (a_q - a_r) - p_q(x) + p_r(x)) <= 0

at all vertices, and so at all x and t there: bidders never both prefer k and q to all else. As prices are continuous, ties can
be broken so that no item is given twice. Nobody gains by a misreport, since a bidder's own prices do not depend on its report.
"""

import itertools
import sys

import numpy as np

MOST = 2**62


def mesh_of(cells, items):
    """The simplices that the box ``[0, 2 cells]^items`` must be cut into, sets of vertices: intervals, or squares in four."""
    found = set()
    for cell in itertools.product(range(0, 2 * cells, 2), repeat=items):
        if items == 1:
            found.add(frozenset({cell, (cell[0] + 2,)}))
        else:
            i, j = cell
            corners = [(i, j), (i + 2, j), (i + 2, j + 2), (i, j + 2)]
            found |= {frozenset({(i + 1, j + 1), corners[c], corners[c - 1]}) for c in range(4)}
    return found


def check(path):
    """How many sums were checked; raises ``ValueError`` where the proof does not hold."""

    def demand(holds, what):
        if not holds:
            raise ValueError(what)

    with np.load(path, allow_pickle=False) as file:
        data = {name: file[name] for name in file.files}
    demand(all(array.dtype.kind in "iu" for array in data.values()), "all numbers must be whole")
    data = {name: array.astype(np.int64) for name, array in data.items()}
    shares, levels, cells = data["shares"], int(data["levels"]), int(data["cells"])
    options, items = shares.shape
    demand(items in (1, 2) and cells >= 1 and levels >= 1, "one or two items, and a mesh")
    demand((shares >= 0).all() and (shares <= levels).all() and not shares[0].any(), "options give shares; the first nothing")
    vertices, simplices, prices = ([data[f"{name}_{i}"] for i in (1, 2)] for name in ("vertices", "simplices", "prices"))
    for own, cut in zip(vertices, simplices, strict=True):
        low, high = own.min(axis=0), own.max(axis=0)
        step = (high - low) // (2 * cells)
        demand((step == step[0]).all() and (low == low[0]).all() and step[0] > 0, "a box with equal sides")
        lattice, rest = np.divmod(own - low, step)
        demand(not rest.any() and (low + 2 * cells * step == high).all(), "vertices on the lattice")
        demand(len(np.unique(lattice, axis=0)) == len(lattice), "each vertex once")
        made = {frozenset(map(tuple, lattice[row].tolist())) for row in cut}
        demand(made == mesh_of(cells, items), "simplices that fill the box")
    for table, others in zip(prices, vertices[::-1], strict=True):
        demand(table.shape == (len(others), options) and not table[:, 0].any(), "a price at each vertex; nothing is free")
    pairs = [(k, q) for k in range(1, options) for q in range(1, options) if (shares[k] + shares[q]).max() > levels]
    demand({tuple(pair) for pair in data["conflicts"].tolist()} == set(pairs), "every two options in conflict")
    sizes, count = tuple(len(cut) for cut in simplices), 0
    for c, (k, q) in enumerate(data["conflicts"].tolist()):
        weights, chosen = data[f"weights_{c}"], data[f"chosen_{c}"]
        demand(chosen.shape == sizes and weights.shape[1] == 2 * (options - 1), "weights for every pair of simplices")
        demand((weights >= 0).all() and (weights.sum(axis=1) > 0).all(), "weights of at least 0, not all 0")
        demand((chosen >= 0).all() and (chosen < len(weights)).all(), "weights that there are")
        beside, against = ([o for o in range(options) if o != own] for own in (k, q))
        by_x = [vertices[0] @ (shares[k] - shares[beside]).T, levels * (prices[1][:, against] - prices[1][:, [q]])]
        by_t = [levels * (prices[0][:, beside] - prices[0][:, [k]]), vertices[1] @ (shares[q] - shares[against]).T]
        parts = [np.concatenate(part, axis=1) for part in (by_x, by_t)]
        size = sum(float(np.abs(part).max()) for part in parts) * float(weights.sum(axis=1).max())
        demand(size < MOST, "numbers that fit")
        most = [(part @ weights.T)[cut].max(axis=1) for part, cut in zip(parts, simplices, strict=True)]
        sums = np.take_along_axis(most[0], chosen, axis=1) + np.take_along_axis(most[1], chosen.T, axis=1).T
        demand((sums <= 0).all(), f"options {k} and {q}: a sum is above 0 at {int((sums > 0).sum())} pairs of simplices")
        count += chosen.size * (items + 1) ** 2
    return count


if __name__ == "__main__":
    try:
        print(f"an auction: {check(sys.argv[1]):,} sums are at most 0")
    except (IndexError, KeyError, OSError, ValueError) as error:
        sys.exit(f"not proved: {type(error).__name__}: {error}")
