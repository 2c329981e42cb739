"""The best sequential price mechanism without messages, by dynamic programming over the agents and the items that are left."""

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import scipy

__all__ = ["best_without_messages"]

MOST_CHOICES = 1_000  # ways in which the types of an agent could take bundles
MOST_PRICES = 1_000_000  # prices of all items, by the types of an agent
MOST_STATES = 5_000_000  # sets of agents, by sets of items, by choices
STRICT = 1e-7  # by how much a type must prefer what it takes, as a share of the largest value

Choice = tuple[int, ...]  # what each type takes: a place in `_Stage.bundles`


class _Stage(NamedTuple):
    """An agent, and the items that are left: what its types may take."""

    worth: np.ndarray  # [K, 2^M] of values over the largest one
    own: np.ndarray  # [K] chances of types
    bundles: list[int]  # of what is left
    items: list[int]
    holds: np.ndarray  # [bundles, items]

    @staticmethod
    def of(worth: np.ndarray, own: np.ndarray, left: int) -> "_Stage":
        bundles = [b for b in range(worth.shape[1]) if b & ~left == 0]
        items = [j for j in range(worth.shape[1].bit_length() - 1) if left >> j & 1]
        holds = np.array([[b >> j & 1 for j in items] for b in bundles], float).reshape(len(bundles), len(items))
        return _Stage(worth / worth.max(), own, bundles, items, holds)

    @property
    def wants_one(self) -> bool:
        """Whether a bundle is worth no more than the best of its items, to all types."""
        singles = self.worth[:, [1 << j for j in self.items]]
        best = np.where(self.holds[None] > 0, singles[:, None], 0.0).max(axis=2, initial=0.0)
        return bool(np.array_equal(best, self.worth[:, self.bundles]))


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
    offers = []
    for one in members:
        worth, own = values[one[0]], marginals[one[0]]
        scale, stages = float(worth.max()) or 1.0, [_Stage.of(worth, own, left) for left in range(num_sets)]
        found = []
        for stage in reversed(stages):  # the largest set of items first: there is most to try
            choices = _choices(stage)
            if choices is None:
                return None
            found.append(_offers(stage, choices, objective, scale))
        offers.append(found[::-1])
    if math.prod(map(float, sizes)) * sum(len(each) for one in offers for each in one) > MOST_STATES:
        return None
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


def _choices(stage: _Stage) -> Iterable[Choice] | None:
    """What types take at all prices, and maybe what no prices bring about; None if that is too much."""
    if stage.wants_one:
        return _choices_of_one(stage)
    count = float(len(stage.bundles)) ** len(stage.worth)
    return itertools.product(range(len(stage.bundles)), repeat=len(stage.worth)) if count <= MOST_CHOICES else None


def _choices_of_one(stage: _Stage) -> list[Choice] | None:
    """What types take who want one item each, at all prices.

    Prices that bring about a choice satisfy p_a - p_b < v_a - v_b, and p_a < v_a, for some types. If any do, the lengths of
    shortest paths do, with every difference made smaller by a little: a sum of such differences, of one for each item at most.
    """
    worth = stage.worth[:, [1 << j for j in stage.items]]  # [K, items]
    count, little = worth.shape[1], 10 * STRICT
    above = 1.0 + (count + 1) * little  # beyond all values
    ends = [np.unique(np.append(worth[:, a], above)) - little for a in range(count)]
    found = [ends]
    for _ in range(count - 1):
        further = [[ends[b][:, None] + (worth[:, a] - worth[:, b])[None] - little for b in range(count)] for a in range(count)]
        ends = [_distinct(np.concatenate([one.ravel() for one in each]), above) for each in further]
        found.append(ends)
    grids = [_distinct(np.concatenate([one[a] for one in found]), above) for a in range(count)]
    if math.prod(float(len(grid)) for grid in grids) * len(worth) > MOST_PRICES:
        return None
    prices = np.stack(np.meshgrid(*grids, indexing="ij"), axis=-1).reshape(-1, count) if count else np.zeros((1, 0))
    gains = np.concatenate([np.zeros((len(prices), len(worth), 1)), worth[None] - prices[:, None]], axis=2)
    places = np.array([0, *(stage.bundles.index(1 << j) for j in stage.items)])
    return [tuple(choice) for choice in np.unique(places[gains.argmax(axis=2)], axis=0).tolist()]


def _distinct(prices: np.ndarray, most: float) -> np.ndarray:
    return np.unique(np.round(prices[(prices >= 0.0) & (prices <= most)], 10))


def _offers(
    stage: _Stage, choices: Iterable[Choice], objective: str, scale: float
) -> list[tuple[float, list[tuple[int, float]]]]:
    """What can be made of an agent: what it earns, and the chances of the bundles it takes."""
    found: dict[tuple[tuple[int, float], ...], float] = {}  # the most for the same chances
    is_known = stage.wants_one and objective != "revenue"  # that some prices bring about every choice
    for choice in choices:
        paid = 0.0 if is_known else _most_paid(stage, choice)
        if paid is None:
            continue
        welfare = float(sum(stage.own[k] * stage.worth[k, stage.bundles[c]] for k, c in enumerate(choice)))
        chances: dict[int, float] = {}
        for k, c in enumerate(choice):
            chances[stage.bundles[c]] = chances.get(stage.bundles[c], 0.0) + float(stage.own[k])
        taken = tuple(sorted((bundle, round(chance, 12)) for bundle, chance in chances.items()))
        found[taken] = max(found.get(taken, 0.0), scale * (paid if objective == "revenue" else welfare))
    return [(earned, list(taken)) for taken, earned in found.items()]


def _most_paid(stage: _Stage, choice: Choice) -> float | None:
    """The most that types pay who strictly prefer what they take; None where no prices make them."""
    if not stage.items:
        return 0.0
    rows, limits = [], []
    for k, c in enumerate(choice):
        for other in range(len(stage.bundles)):
            if other != c:  # v(c) - p(c) >= v(other) - p(other) + strict
                rows.append(stage.holds[c] - stage.holds[other])
                limits.append(stage.worth[k, stage.bundles[c]] - stage.worth[k, stage.bundles[other]] - STRICT)
    sold = sum(stage.own[k] * stage.holds[c] for k, c in enumerate(choice))
    bounds = [(0.0, None)] * len(stage.items)
    solved = scipy.optimize.linprog(-sold, np.array(rows), np.array(limits), bounds=bounds)
    return -float(solved.fun) if solved.status == 0 else None
