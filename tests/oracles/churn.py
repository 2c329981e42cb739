"""Plain references for `stackjax.rashomon.measures`: sums over pairs, as the definitions have them."""

import itertools

import numpy as np


def apart(one, other):
    """How far two outcomes are apart: 0 or 1 for names, total variation for chances."""
    if np.ndim(one) == 0:
        return float(one != other)
    return 0.5 * sum(abs(a - b) for a, b in zip(one, other, strict=True))


def churn(one, other, weights):
    return sum(weight * apart(a, b) for weight, a, b in zip(weights, one, other, strict=True))


def disagreement(outcomes, distinct):
    members = range(len(outcomes))
    pairs = [(i, j) for i, j in itertools.product(members, members) if not distinct or i != j]
    return [np.mean([apart(outcomes[i][t], outcomes[j][t]) for i, j in pairs]) for t in range(len(outcomes[0]))]


def ambiguity(outcomes, member, weights):
    most = [max(apart(other[t], outcomes[member][t]) for other in outcomes) for t in range(len(weights))]
    return float(np.dot(weights, most))


def total_churn(outcomes, member, weights):
    return sum(churn(other, outcomes[member], weights) for other in outcomes)
