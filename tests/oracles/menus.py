"""Menus by the definition, in plain NumPy and SciPy: what a sample of buyers takes, and the best mechanism for few types."""

import numpy as np
import scipy.optimize

__all__ = ["best_mechanism", "sampled_profit"]


def sampled_profit(types, allocations, prices, cost):
    """What ``types [n, d]`` pay less cost, each taking the option with the largest ``a · x - p``, free ones among them."""
    total, taken = 0.0, np.zeros(len(prices))
    for x in types:
        k = int(np.argmax(allocations @ x - prices))
        total += prices[k] - allocations[k] @ cost
        taken[k] += 1
    return total / len(types), taken / len(types)


def best_mechanism(atoms, weights, cost, free):
    """The most that any mechanism earns, allocations in [0, 1], by a linear programme: an allocation and a payment a type.

    No type prefers another's, or what is free.
    """
    count, d = atoms.shape
    size = count * (d + 1)
    rows, limits = [], []
    for i in range(count):
        for j in range(count):
            if i != j:
                row = np.zeros(size)
                row[j * d : (j + 1) * d] += atoms[i]
                row[i * d : (i + 1) * d] -= atoms[i]
                row[count * d + j] -= 1.0
                row[count * d + i] += 1.0
                rows.append(row)
                limits.append(0.0)
        for option in free:
            row = np.zeros(size)
            row[i * d : (i + 1) * d] = -atoms[i]
            row[count * d + i] = 1.0
            rows.append(row)
            limits.append(-float(option @ atoms[i]))
    worth = np.concatenate([np.repeat(weights, d) * -np.tile(cost, count), weights])
    bounds = [(0.0, 1.0)] * (count * d) + [(None, None)] * count
    found = scipy.optimize.linprog(-worth, np.array(rows), np.array(limits), bounds=bounds, method="highs")
    assert found.status == 0, found.message
    return -found.fun
