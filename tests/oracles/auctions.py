"""Auctions by the definition, in plain loops: the bound by fluxes, as a linear programme with every variable."""

import itertools

import numpy as np
import scipy.optimize
import scipy.sparse

__all__ = ["flux_programme", "flux_surplus"]


def flux_programme(cells):
    """The bound for two bidders alike and two items, values uniform in [0, 1]: its value, and the fields ``w[i][j]``.

    ``w[i][j]`` has an axis for each value, bidder by bidder, of length ``cells``, and ``cells + 1`` along the value of bidder i
    for item j. No symmetry is used.
    """
    n, names = cells, {}

    def column(*name):
        return names.setdefault(name, len(names))

    rows, limits, low, high = [], [], {}, {}
    grid = list(itertools.product(range(n), repeat=4))
    for cell in grid:
        for i in range(2):
            flow = {}
            for j in range(2):
                for end in range(2):
                    face = list(cell)
                    face[2 * i + j] += end
                    k = column("w", i, j, *face)
                    low[k] = 0.0 if face[2 * i + j] == 0 else -np.inf
                    high[k] = 0.0 if face[2 * i + j] == n else np.inf
                    flow[k] = -n if end else n
            rows.append(flow)  # -div w <= 1
            limits.append(1.0)
    worth = {}
    for cell in grid:
        for j in range(2):
            for corner in itertools.product(range(2), repeat=2):
                z = column("z", j, *cell, *corner)
                low[z], high[z], worth[z] = 0.0, np.inf, 1.0 / (4 * n**4)
                for i in range(2):
                    face = list(cell)
                    face[2 * i + j] += corner[i]
                    rows.append({z: -1.0, column("w", i, j, *face): -1.0})  # z >= x - w
                    limits.append(-face[2 * i + j] / n)
    size = len(names)
    entries = [(r, k, v) for r, row in enumerate(rows) for k, v in row.items()]
    at, columns, values = (np.array(part) for part in zip(*entries, strict=True))
    matrix = scipy.sparse.csr_matrix((values, (at, columns)), (len(rows), size))
    bounds = [(low[k], high[k]) for k in range(size)]
    cost = np.array([worth.get(k, 0.0) for k in range(size)])
    found = scipy.optimize.linprog(cost, matrix, np.array(limits), bounds=bounds, method="highs-ipm")
    assert found.status == 0, found.message
    fields = [[np.zeros([n + (axis == 2 * i + j) for axis in range(4)]) for j in range(2)] for i in range(2)]
    for name, k in names.items():
        if name[0] == "w":
            fields[name[1]][name[2]][name[3:]] = found.x[k]
    return found.fun, fields


def flux_surplus(fields, values):
    """``[B]``: sum over items of the largest ``x - w``, or 0, at profiles ``values [B, n, m]`` in [0, 1]; one at a time."""
    found = np.zeros(len(values))
    for b, profile in enumerate(values):
        for j in range(profile.shape[1]):
            best = 0.0
            for i in range(len(profile)):
                field, axis = fields[i][j], i * profile.shape[1] + j
                n = field.shape[axis] - 1
                at = np.minimum((profile.ravel() * n).astype(int), n - 1)
                there = at.copy()
                there[axis] += 1
                part = profile.ravel()[axis] * n - at[axis]
                flow = (1 - part) * field[tuple(at)] + part * field[tuple(there)]
                best = max(best, profile[i, j] - flow)
            found[b] += best
    return found


def within(simplex, point):
    """Barycentric coordinates ``[m + 1]`` of ``point [m]`` in ``simplex [m + 1, m]``."""
    return np.linalg.solve(np.vstack([simplex.T, np.ones(len(simplex))]), np.append(point, 1.0))


def price_at(vertices, simplices, prices, point):
    """``[K]``: prices ``[V, K]`` that are linear on simplices, at ``point [m]``, by looking for the one around it."""
    shares = [within(vertices[simplex], point) for simplex in simplices]
    best = int(np.argmax([share.min() for share in shares]))
    assert shares[best].min() > -1e-9
    return shares[best] @ prices[simplices[best]]


def want_too_much(allocations, prices, simplices, vertices, k, q):
    """By how much both bidders may prefer options k and q to all others, for each pair of simplices: ``[T1, T2]``.

    A linear programme over x and t, as weights of the vertices of their simplices; ``prices`` are ``[V2, K]`` of bidder 1 and
    ``[V1, K]`` of bidder 2.
    """
    found = np.empty((len(simplices[0]), len(simplices[1])))
    others = [[o for o in range(len(allocations)) if o != own] for own in (k, q)]
    for a, one in enumerate(simplices[0]):
        for b, two in enumerate(simplices[1]):
            own = lambda o, one=one, two=two: [
                *(-vertices[0][one] @ (allocations[k] - allocations[o])),
                *(prices[0][two, k] - prices[0][two, o]),
            ]
            other = lambda r, one=one, two=two: [
                *(prices[1][one, q] - prices[1][one, r]),
                *(-vertices[1][two] @ (allocations[q] - allocations[r])),
            ]
            rows = [[1.0, *own(o)] for o in others[0]] + [[1.0, *other(r)] for r in others[1]]  # s <= f, s <= g
            ones = np.zeros((2, 1 + len(one) + len(two)))
            ones[0, 1 : 1 + len(one)], ones[1, 1 + len(one) :] = 1.0, 1.0
            cost = np.append(-1.0, np.zeros(ones.shape[1] - 1))
            bounds = [(None, None)] + [(0.0, None)] * (ones.shape[1] - 1)
            solved = scipy.optimize.linprog(cost, np.array(rows), np.zeros(len(rows)), ones, [1.0, 1.0], bounds=bounds)
            found[a, b] = -solved.fun
    return found


def mean_paid(allocations, prices, values):
    """The mean of what is paid at ``values [B, m]`` under one menu ``prices [K]``, option by option."""
    total = 0.0
    for value in values:
        gains = [value @ allocation - price for allocation, price in zip(allocations, prices, strict=True)]
        total += prices[int(np.argmax(gains))]
    return total / len(values)
