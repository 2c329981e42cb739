"""The best sequential price mechanism without messages, by dynamic programming over the agents and the items that are left."""

import itertools
import math
from collections.abc import Sequence

import numpy as np
import scipy

__all__ = ["best_without_messages"]

MOST_CHOICES = 1_000  # ways in which the types of an agent could take bundles
MOST_STATES = 5_000_000  # sets of agents, by sets of items, by choices
STRICT = 1e-7  # by how much a type must prefer what it takes, as a share of the largest value


def best_without_messages(values: Sequence[np.ndarray], marginals: Sequence[np.ndarray], objective: str) -> float | None:
    """The supremum of expected welfare or revenue; None where there is too much to try.

    Agents are independent, so that nothing is learned of those who are left: what is still to be had depends on who and what is
    left. For each agent and set of items all ways in which its types can take bundles are tried that some prices bring about.

    Args:
      values: for each agent ``[K_i, 2^M]`` by bundle.
      marginals: ``[K_i]``.
      objective: ``"revenue"``, or anything else for welfare.
    """
    num_sets = values[0].shape[1]
    kinds: dict[tuple[bytes, bytes], list[int]] = {}  # agents who are alike share what can be made of them
    for i, (worth, own) in enumerate(zip(values, marginals, strict=True)):
        kinds.setdefault((worth.tobytes(), own.tobytes()), []).append(i)
    members = list(kinds.values())
    sizes = [len(one) + 1 for one in members]
    inside = [sum(b & ~left == 0 for b in range(num_sets)) for left in range(num_sets)]
    ways = [float(n) ** len(values[one[0]]) if n > 2 else len(values[one[0]]) + 1 for one in members for n in inside]
    if max(ways) > MOST_CHOICES or math.prod(map(float, sizes)) * sum(ways) > MOST_STATES:
        return None
    offers = [[_offers(values[one[0]], marginals[one[0]], left, objective) for left in range(num_sets)] for one in members]
    best: dict[tuple[tuple[int, ...], int], float] = {}
    for numbers in itertools.product(*(range(size) for size in sizes)):  # smaller ones come first
        for left in range(num_sets):
            most = 0.0
            for kind, number in enumerate(numbers):
                if not number or not left:
                    continue
                after = (*numbers[:kind], number - 1, *numbers[kind + 1 :])
                for earned, chances in offers[kind][left]:
                    most = max(most, earned + sum(chance * best[after, left & ~b] for b, chance in chances))
            best[numbers, left] = most
    return float(best[tuple(size - 1 for size in sizes), num_sets - 1])


def _offers(worth: np.ndarray, own: np.ndarray, left: int, objective: str) -> list[tuple[float, list[tuple[int, float]]]]:
    """What can be made of an agent while ``left`` is there: what it earns, and the chances of the bundles it takes."""
    inside = [b for b in range(worth.shape[1]) if b & ~left == 0]
    items = [j for j in range(worth.shape[1].bit_length() - 1) if left >> j & 1]
    holds = np.array([[b >> j & 1 for j in items] for b in inside], float).reshape(len(inside), len(items))
    scale, found = float(worth.max()), []
    if len(items) == 1:  # a price: those buy whose value is as high
        value = worth[:, inside[1]]
        for price in [*np.unique(value), np.inf]:
            sells, sold = value >= price, float(own[value >= price].sum())
            earned = float((own * value * sells).sum())
            if objective == "revenue":
                earned = float(price) * sold if sold else 0.0
            found.append((earned, [(inside[1], sold), (0, 1.0 - sold)]))
        return found
    for choice in itertools.product(range(len(inside)), repeat=len(worth)):
        rows, limits = [], []
        for k, c in enumerate(choice):
            for other in range(len(inside)):
                if other != c:  # v(c) - p(c) >= v(other) - p(other) + strict
                    rows.append(holds[c] - holds[other])
                    limits.append((worth[k, inside[c]] - worth[k, inside[other]]) / scale - STRICT)
        sold = sum(own[k] * holds[c] for k, c in enumerate(choice))
        if items:
            solved = scipy.optimize.linprog(-sold, np.array(rows), np.array(limits), bounds=[(0.0, None)] * len(items))
            if solved.status not in (0, 3):
                continue
            earned = -solved.fun * scale if objective == "revenue" and solved.status == 0 else 0.0
        else:
            earned = 0.0
        if objective != "revenue":
            earned = float(sum(own[k] * worth[k, inside[c]] for k, c in enumerate(choice)))
        chances: dict[int, float] = {}
        for k, c in enumerate(choice):
            chances[inside[c]] = chances.get(inside[c], 0.0) + float(own[k])
        found.append((float(earned), list(chances.items())))
    return found
