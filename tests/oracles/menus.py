"""Menus by the definition, in plain NumPy and SciPy: what a sample of buyers takes, the best mechanism for finite types."""

import itertools

import numpy as np
import scipy.optimize

__all__ = ["best_mechanism", "best_of_all_menus", "sampled_profit"]


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


def best_of_all_menus(atoms, weights, sides, cost, free, belief=None):
    """The most that any mechanism earns: a programme for each way in which types take an option of their own or a free one.

    ``sides`` are the lows and highs of what may be offered; prices are not bounded but by ``belief``, which no option may
    attract. Ties go to the seller.
    """
    count, d = atoms.shape
    best = -np.inf
    for taken in itertools.product(range(-1, len(free)), repeat=count):  # -1 is an option of one's own
        own = [i for i in range(count) if taken[i] < 0]
        place = {i: k * (d + 1) for k, i in enumerate(own)}
        size = len(own) * (d + 1)
        rows, limits, feasible = [], [], True
        for i, x in enumerate(atoms):
            mine, held = np.zeros(size), 0.0
            if taken[i] < 0:
                mine[place[i] : place[i] + d + 1] = np.append(x, -1.0)
            else:
                held = float(free[taken[i]] @ x)
            for j in own:
                if j != i:
                    other = np.zeros(size)
                    other[place[j] : place[j] + d + 1] = np.append(x, -1.0)
                    rows.append(other - mine)
                    limits.append(held)
            if taken[i] < 0 and belief is not None:
                rows.append(np.zeros(size))
                rows[-1][place[i] : place[i] + d + 1] = np.append(belief, -1.0)
                limits.append(0.0)
            for option in free:
                if taken[i] < 0:
                    rows.append(-mine)
                    limits.append(-float(option @ x))
                elif float(option @ x) > held + 1e-12:
                    feasible = False
        if not feasible:
            continue
        earned = sum(weights[i] * -float(cost @ free[taken[i]]) for i in range(count) if taken[i] >= 0)
        if own:
            worth = np.concatenate([weights[i] * np.append(-cost, 1.0) for i in own])
            bounds = [*zip(*sides, strict=True), (None, None)] * len(own)
            matrix = (np.array(rows), np.array(limits)) if rows else (None, None)
            found = scipy.optimize.linprog(-worth, *matrix, bounds=bounds, method="highs")
            if found.status != 0:
                continue
            earned -= found.fun
        best = max(best, earned)
    return best
