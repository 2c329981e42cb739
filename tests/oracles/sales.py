"""Sequential sales by the definition, in plain NumPy: bidders draw values, look at all bundles left, and buy the best."""

import itertools

import numpy as np
import scipy.optimize

__all__ = ["average_revenue", "unit_demand_optimum", "values_of_bundles"]


def values_of_bundles(rng, valuations, items):
    """A value for each bundle (a tuple of items) that is offered."""
    most = {"unit-demand": 1, "three-demand": 3}.get(valuations, items)
    bundles = [bundle for s in range(1, most + 1) for bundle in itertools.combinations(range(items), s)]
    if valuations == "bundles":
        return {bundle: rng.uniform(0, np.sqrt(len(bundle))) for bundle in bundles}
    if valuations == "complements":
        single = rng.uniform(1, 2, items)
        return {bundle: single[list(bundle)].sum() + rng.uniform(-len(bundle), len(bundle)) for bundle in bundles}
    single = rng.uniform(0, 1, items)
    return {bundle: single[list(bundle)].sum() for bundle in bundles}


def average_revenue(rng, valuations, prices, items, count):
    """The mean over ``count`` sales under ``prices[bidder][items left][size - 1]``, and its standard error."""
    paid = np.zeros(count)
    for run in range(count):
        left = set(range(items))
        for table in prices:
            worth = values_of_bundles(rng, valuations, items)
            gains = {b: value - table[len(left)][len(b) - 1] for b, value in worth.items() if left.issuperset(b)}
            best = max(gains, key=gains.get, default=None)
            if best is not None and gains[best] > 0:
                paid[run] += table[len(left)][len(best) - 1]
                left -= set(best)
    return paid.mean(), paid.std() / np.sqrt(count)


def unit_demand_optimum(bidders, items):
    """``V(k) = max over p of (1 - p^k) (p + V'(k - 1)) + p^k V'(k)``, from the last bidder."""
    later = np.zeros(items + 1)
    for _ in range(bidders):
        now = np.zeros(items + 1)
        for k in range(1, items + 1):
            lost = lambda p, k=k, later=later: -((1 - p**k) * (p + later[k - 1]) + p**k * later[k])
            now[k] = -scipy.optimize.minimize_scalar(lost, bounds=(0, 1), method="bounded", options={"xatol": 1e-10}).fun
        later = now
    return later[items]
