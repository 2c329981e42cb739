"""The most that any auction of several items earns from bidders with finitely many values, by a linear programme.

Bidders are alike and items are alike. The mean over all ways to rename them of a best auction is a best auction that treats
them alike, so that the programme is about such ones.
"""

import functools
import itertools
import math
from collections import Counter, defaultdict
from typing import Any

import numpy as np

from stackjax.errors import InputError, require, require_array, require_count, require_is
from stackjax.menus.bound import Rows, certified_maximum
from stackjax.menus.finite_types import HIGHS
from stackjax.problem import Optimum

__all__ = ["finite_optimum"]

MOST_VALUES, MOST_BIDDERS, MOST_ITEMS = 3, 20, 5
MOST_REPORTS = 10**6  # seconds, and half a gigabyte
Kind = tuple[int, ...]  # a bidder's type: which of the values each item has
Line = frozenset[tuple[int, float]]  # variables and their coefficients


def finite_optimum(values: Any, chances: Any, bayesian: bool = False, bidders: int = 2, items: int = 2) -> Optimum:
    """The most that any auction earns, lotteries included, where bidders' values of items are independent and add up.

    To take part and to tell the truth is best whatever the others report (dominant strategies); with ``bayesian``, on average
    over their types. Two items, each worth 1 or 2 with equal chances, earn from two bidders 3.125, or 3.1875 if ``bayesian``
    (Yao 2016, arXiv:1607.03685), and 3 if each is sold by itself.

    Args:
      values: ``[K]`` what an item may be worth to a bidder, game units; at most 3 values.
      chances: ``[K]`` how likely each is, the same for all bidders and items.
      bayesian: whether the truth need only be best on average.
      bidders: n, at most 20.
      items: m, at most 5.

    Returns:
      An `Optimum` by ``"lp"``, without a commitment. Its value comes from the dual, so that no auction earns more but for
      rounding; it is right to about 1e-7 of itself.

    Raises:
      InputError: an argument is not as above, or the programme is too large.
      ArithmeticError: the linear programme failed.
    """
    worths, weights = require_array("values", values).astype(np.float64), require_array("chances", chances).astype(np.float64)
    fits = worths.ndim == 1 and 1 <= len(worths) <= MOST_VALUES and np.isfinite(worths).all() and (worths >= 0).all()
    require("values", values, bool(fits), f"1 to {MOST_VALUES} finite numbers of at least 0")
    sound = weights.shape == worths.shape and (weights > 0).all() and abs(weights.sum() - 1.0) <= 1e-9
    require("chances", chances, bool(sound), "a positive number for each of values, and sum to 1")
    require_is("bayesian", bayesian, (bool, np.bool_), "True or False")
    require_count("bidders", bidders, most=MOST_BIDDERS)
    require_count("items", items, most=MOST_ITEMS)
    count = len(worths) ** items
    reports = bidders * count**2 * math.comb(count + bidders - 2, bidders - 1)
    if reports > MOST_REPORTS:
        raise InputError(
            f"bidders={bidders} and items={items} with {len(worths)} values are too many: there are {reports} cases of a "
            f"bidder, its type, its report and the others' reports, more than {MOST_REPORTS}"
        )
    unit = float(worths.max()) or 1.0
    return Optimum(unit * _most(worths / unit, weights, bool(bayesian), bidders, items), "lp")


def _most(worths: np.ndarray, weights: np.ndarray, bayesian: bool, bidders: int, items: int) -> float:
    """The programme, for values of at most 1: shares of items, and payments, which some best auction has between -m and m."""
    kinds = list(itertools.product(range(len(worths)), repeat=items))
    chance = {kind: math.prod(weights[list(kind)].tolist()) for kind in kinds}
    crowds = list(itertools.combinations_with_replacement(kinds, bidders - 1))  # the others, in no order
    weight = {crowd: _orders(crowd) * math.prod(chance[other] for other in crowd) for crowd in crowds}
    number: dict[Any, int] = {}

    @functools.cache
    def variable(own: Kind, crowd: tuple[Kind, ...], item: int) -> int:
        """The share of an item, or the payment (item m), of one bidder; the same however bidders and items are renamed."""
        names = []
        for order in itertools.permutations(range(items)):
            rename = lambda kind, order=order: tuple(kind[j] for j in order)
            names.append((rename(own), tuple(sorted(map(rename, crowd))), (*order, items).index(item)))
        return number.setdefault(min(names), len(number))

    def more(own: Kind, report: Kind | None, cases: dict[tuple[Kind, ...], float]) -> Line:
        """What a bidder has of a report, or of staying away, less what it has of the truth, over ``cases`` of the others."""
        found: dict[int, float] = defaultdict(float)
        for told, sign in ((report, 1.0), (own, -1.0)):
            for crowd, share in cases.items() if told is not None else ():
                for item in range(items):
                    found[variable(told, crowd, item)] += sign * share * float(worths[own[item]])
                found[variable(told, () if bayesian else crowd, items)] -= sign * share
        return frozenset((k, c) for k, c in found.items() if c)

    lines: dict[Line, float] = {}  # the most that each may come to
    for cases in [weight] if bayesian else [{crowd: 1.0} for crowd in crowds]:
        for own, report in itertools.product(kinds, [None, *kinds]):
            lines[more(own, report, cases)] = 0.0
    for everyone in itertools.combinations_with_replacement(kinds, bidders):
        others = [(*everyone[:i], *everyone[i + 1 :]) for i in range(bidders)]
        for item in range(items):
            given = Counter(variable(own, crowd, item) for own, crowd in zip(everyone, others, strict=True))
            lines[frozenset(given.items())] = 1.0
    lines.pop(frozenset(), None)

    worth, low, high = np.zeros(len(number)), np.zeros(len(number)), np.ones(len(number))
    for own, crowd in itertools.product(kinds, crowds):
        place = variable(own, () if bayesian else crowd, items)
        worth[place] += bidders * chance[own] * weight[crowd]
        low[place], high[place] = -items, items
    rows = Rows()
    for line, limit in lines.items():
        columns, coefficients = np.array(list(line)).T
        rows.add_rows(limit, columns.astype(int)[None], coefficients[None])
    return certified_maximum(worth, rows, low, high, options=HIGHS)


def _orders(crowd: tuple[Kind, ...]) -> int:
    """In how many orders these types may come."""
    return math.factorial(len(crowd)) // math.prod(math.factorial(count) for count in Counter(crowd).values())
