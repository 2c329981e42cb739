"""What a mix of two or three rows can pay, by all corners: every set of inequalities that meet in a point, tried by itself.

Payoffs are ``[rows, columns]``; the follower takes its best column, of equals any.
"""

import itertools

import numpy as np

CLOSE = 1e-9


def corners(follower, column, leader, floor):
    """The mixes at which ``column`` is a best answer and pays the leader ``floor``, by their corners ``[C, rows]``."""
    rows = len(follower)
    limits = [*(follower[:, [column]] - follower).T, *np.eye(rows)]  # each of these @ mix is at least 0
    limits.append(leader[:, column] - floor)  # as a mix sums to 1
    found = []
    for active in itertools.combinations(limits, rows - 1):
        system = np.vstack([np.ones(rows), *active])
        if abs(np.linalg.det(system)) < 1e-12:
            continue
        mix = np.linalg.solve(system, np.eye(rows)[0])
        if (np.array(limits) @ mix >= -CLOSE).all():
            found.append(mix)
    return np.array(found).reshape(-1, rows)


def optimum(leader, follower):
    """The most that the leader is paid, ties for it."""
    every = [corners(follower, column, leader, -1e3) @ leader[:, column] for column in range(leader.shape[1])]
    return max(paid.max() for paid in every if len(paid))


def follower_range(leader, follower, floor):
    """The least and the most that the follower is paid where the leader is paid ``floor``, and how many columns do that."""
    every = [corners(follower, column, leader, floor) @ follower[:, column] for column in range(leader.shape[1])]
    paid = [one for one in every if len(one)]
    return min(one.min() for one in paid), max(one.max() for one in paid), len(paid)
