"""Auctions for finitely many values by the definition, in plain loops: every bidder, item and profile by itself."""

import itertools

import numpy as np
import scipy.optimize

__all__ = ["best_auction", "best_auction_of_one_item"]

TOLERANCES = ("primal_feasibility_tolerance", "dual_feasibility_tolerance")


def best_auction(values, chances, bayesian, bidders, items):
    """The most that any auction earns, by a linear programme: for each profile and bidder shares of the items and a payment.

    A bidder compares a report with the truth for each of the others' types, or, if ``bayesian``, on average over them.
    """
    kinds = list(itertools.product(range(len(values)), repeat=items))
    chance = {kind: np.prod([chances[k] for k in kind]) for kind in kinds}
    profiles = list(itertools.product(kinds, repeat=bidders))
    place = {profile: p * bidders * (items + 1) for p, profile in enumerate(profiles)}
    size = len(profiles) * bidders * (items + 1)

    def gain(kind, bidder, profile):
        """What ``bidder`` of type ``kind`` has where ``profile`` is reported, as coefficients."""
        row, start = np.zeros(size), place[profile] + bidder * (items + 1)
        for j in range(items):
            row[start + j] = values[kind[j]]
        row[start + items] = -1.0
        return row

    rows, limits = [], []
    for bidder in range(bidders):
        everyone_else = list(itertools.product(kinds, repeat=bidders - 1))
        told = lambda report, others, i=bidder: (*others[:i], report, *others[i:])
        weight = lambda others: np.prod([chance[other] for other in others])
        for kind in kinds:
            for report in [None, *kinds]:  # None is to stay away
                if report == kind:
                    continue
                better = []
                for others in everyone_else:
                    row = -gain(kind, bidder, told(kind, others))
                    better.append(row if report is None else row + gain(kind, bidder, told(report, others)))
                if bayesian:
                    better = [sum(weight(others) * row for others, row in zip(everyone_else, better, strict=True))]
                rows += better
                limits += [0.0] * len(better)
    for profile in profiles:
        for j in range(items):
            row = np.zeros(size)
            for bidder in range(bidders):
                row[place[profile] + bidder * (items + 1) + j] = 1.0
            rows.append(row)
            limits.append(1.0)
    worth = np.zeros(size)
    for profile in profiles:
        for bidder in range(bidders):
            worth[place[profile] + bidder * (items + 1) + items] = np.prod([chance[kind] for kind in profile])
    bounds = ([(0.0, 1.0)] * items + [(None, None)]) * (len(profiles) * bidders)
    matrix, exact = scipy.sparse.csr_matrix(np.array(rows)), dict.fromkeys(TOLERANCES, 1e-10)
    found = scipy.optimize.linprog(-worth, matrix, limits, bounds=bounds, method="highs", options=exact)
    assert found.status == 0, found.message
    return -found.fun


def best_auction_of_one_item(values, chances, bidders):
    """Myerson's: the mean over profiles of the largest ironed virtual value, or nothing where all are negative.

    The virtual value is the slope of what a price that sells with a chance earns, ironed that of its concave hull.
    """
    order = np.argsort(values)[::-1]
    blocks, sold, earned = [], 0.0, 0.0  # of values from the top: chance and what it adds
    for k in order:
        adds = values[k] * (sold + chances[k]) - earned
        sold, earned = sold + chances[k], earned + adds
        blocks.append([chances[k], adds])
        while len(blocks) > 1 and blocks[-2][1] / blocks[-2][0] < blocks[-1][1] / blocks[-1][0]:
            share, more = blocks.pop()
            blocks[-1] = [blocks[-1][0] + share, blocks[-1][1] + more]
    total = 0.0
    for profile in itertools.product(blocks, repeat=bidders):
        best = max(adds / share for share, adds in profile)
        total += np.prod([share for share, _ in profile]) * max(best, 0.0)
    return total
