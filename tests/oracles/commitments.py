"""Values of mixed commitments in small matrix games by trying every vertex, in fractions: no tolerance at all."""

import itertools
from fractions import Fraction

import numpy as np


def mixed_value(leader, follower, ties):
    """The strong or weak Stackelberg value of ``[rows, columns]`` payoffs, for a leader who mixes rows."""
    leader, follower = ([[Fraction(float(x)) for x in row] for row in table] for table in (leader, follower))
    rows, columns = range(len(leader)), range(len(leader[0]))
    values = []
    for column in columns:
        gains = [[follower[r][c] - follower[r][column] for r in rows] for c in columns]
        same = [c for c in columns if not any(gains[c])]
        others = [gains[c] for c in columns if c not in same]
        if ties == "weak" and others and largest([[-gain for gain in row] for row in others], []) <= 0:
            continue  # nowhere strictly best
        counted = same if ties == "weak" else [column]
        values.append(largest([[leader[r][c] for r in rows] for c in counted], others))
    return float(max(value for value in values if value is not None))


def largest(objectives, at_most_zero):
    """The largest minimum of ``objectives`` over distributions that keep ``at_most_zero`` so; None if there is none."""
    num_rows = len(objectives[0])
    ones = [Fraction(1)] * num_rows
    limits = [[*(-Fraction(r == s) for s in range(num_rows)), Fraction(0)] for r in range(num_rows)]
    limits += [[*row, Fraction(0)] for row in at_most_zero] + [[*(-x for x in row), Fraction(1)] for row in objectives]
    best = None
    for tight in itertools.combinations(limits, num_rows):
        point = solution([[*ones, Fraction(0)], *tight])
        if point is not None and all(sum(a * x for a, x in zip(row, point, strict=True)) <= 0 for row in limits):
            best = point[-1] if best is None else max(best, point[-1])
    return best


def solution(matrix):
    """What solves the square system whose first right-hand side is 1 and the others 0; None if singular."""
    rows = [[*row, Fraction(i == 0)] for i, row in enumerate(matrix)]
    for c in range(len(rows)):
        pivot = next((i for i in range(c, len(rows)) if rows[i][c]), None)
        if pivot is None:
            return None
        rows[c], rows[pivot] = rows[pivot], rows[c]
        rows[c] = [x / rows[c][c] for x in rows[c]]
        for i in range(len(rows)):
            if i != c and rows[i][c]:
                rows[i] = [x - rows[i][c] * y for x, y in zip(rows[i], rows[c], strict=True)]
    return [row[-1] for row in rows]


def games_with_a_column_nearly_mixed(seed, count):
    """Small whole numbers; the follower's last column is a mix of the others but for some 1e-8: a thin region, or none."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        rows, others = rng.integers(2, 4, size=2)
        leader = rng.integers(-2, 3, size=(rows, others + 1)).astype(float)
        follower = rng.integers(-3, 4, size=(rows, others + 1)).astype(float)
        weights = [0.5, 0.5] if others == 2 else [0.25, 0.25, 0.5]
        follower[:, -1] = follower[:, :-1] @ weights + rng.choice([-1.0, 0.0, 1.0]) * 10.0 ** rng.integers(-9, -6)
        yield leader, follower
