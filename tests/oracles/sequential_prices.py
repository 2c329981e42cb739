"""Sequential prices by plain loops, from Brero et al. (2023), Section 4: who takes what, and what everybody is paid."""

import itertools

import numpy as np


def bundle_taken(values, prices, left, buy_when_indifferent):
    """The bundle (a set of items) of ``left`` that an agent takes: the best, of the fewest items, of the lowest indices."""
    count = len(prices)
    best, taken = None, ()
    for size in range(count + 1):
        for bundle in itertools.combinations(range(count), size):
            if not set(bundle) <= left:
                continue
            gain = values[sum(1 << j for j in bundle)] - sum(prices[j] for j in bundle)
            better = best is None or gain > best + 1e-9
            tied_with_nothing = buy_when_indifferent and taken == () and size and abs(gain - best) <= 1e-9
            if better or tied_with_nothing:
                best, taken = gain, bundle
    return set(taken)


def best_assignment(values):
    """The most that the items can be worth: every way to give each item to an agent, or to nobody."""
    count = int(np.log2(len(values[0])))
    most = 0.0
    for owners in itertools.product(range(-1, len(values)), repeat=count):
        held = [sum(1 << j for j in range(count) if owners[j] == i) for i in range(len(values))]
        most = max(most, sum(values[i][bundle] for i, bundle in enumerate(held)))
    return most


def play(values, choose, objective, buy_when_indifferent=False):
    """Payoffs ``[1 + N]`` if ``choose(visited, left)`` says whom to visit at which prices; ``values [N, 2^M]`` are true."""
    n, count = len(values), int(np.log2(len(values[0])))
    visited, left, held, paid = set(), set(range(count)), [set() for _ in range(n)], np.zeros(n)
    while left and len(visited) < n:
        agent, prices = choose(frozenset(visited), frozenset(left))
        taken = bundle_taken(values[agent], prices, left, buy_when_indifferent)
        visited.add(agent)
        left -= taken
        held[agent] = taken
        paid[agent] = sum(prices[j] for j in taken)
    worth = np.array([values[i][sum(1 << j for j in held[i])] for i in range(n)])
    welfare = worth.sum()
    leader = {"welfare": welfare, "revenue": paid.sum(), "welfare-loss": welfare - best_assignment(values)}[objective]
    return np.concatenate([[leader], worth - paid])


def best_order_and_prices(values, marginals, objective):
    """The best that prices for one item earn: every order, and all prices at values, recursively."""
    n = len(values)

    def best(left_agents):
        most = 0.0
        for agent in left_agents:
            rest = best(left_agents - {agent})
            worth, own = values[agent][:, 1], marginals[agent]
            for threshold in [*np.unique(worth), np.inf]:
                buys = worth >= threshold
                now = (own * worth * buys).sum()
                if objective == "revenue":
                    now = threshold * own[buys].sum() if buys.any() else 0.0
                most = max(most, now + own[~buys].sum() * rest)
        return most

    return best(frozenset(range(n)))


def best_drawn_prices(values, marginals, objective, prices):
    """The best of ``prices [P, M]`` at every step, recursively over agents and items that are left: a lower bound."""
    count = prices.shape[1]

    def best(left_agents, left):
        most = 0.0
        inside = [b for b in range(2**count) if b & ~left == 0]
        cost = prices @ np.array([[b >> j & 1 for b in inside] for j in range(count)], float)  # [P, bundles]
        for agent in left_agents:
            rest = np.array([best(left_agents - {agent}, left & ~b) for b in inside])
            taken = (values[agent][:, inside][None] - cost[:, None]).argmax(axis=2)  # [P, K]
            earned = values[agent][:, inside][np.arange(len(values[agent])), taken]
            if objective == "revenue":
                earned = np.take_along_axis(cost, taken, axis=1)
            most = max(most, ((earned + rest[taken]) @ marginals[agent]).max())
        return most

    return best(frozenset(range(len(values))), 2**count - 1)
