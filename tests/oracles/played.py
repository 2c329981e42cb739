"""What happens in an episode of a Markov game, by the tree of all histories; and in auctions and sales, bid by bid."""

import numpy as np


def often(game, policy, steps, discount):
    """``[S, J]`` how often an episode is in a state and takes a joint action there, discounted.

    ``game`` has ``initial[s]``, ``successor[s][j][k]`` and ``probability[s][j][k]``; ``policy(t, s)`` are chances of actions.
    """
    found = np.zeros(np.shape(game["probability"])[:2])

    def onwards(t, s, weight):
        if t == steps or weight == 0:
            return
        for j, chance in enumerate(policy(t, s)):
            found[s, j] += weight * chance * discount**t
            for k, probability in enumerate(game["probability"][s][j]):
                onwards(t + 1, game["successor"][s][j][k], weight * chance * probability)

    for s, chance in enumerate(game["initial"]):
        onwards(0, s, float(chance))
    return found


def affine_utilities(allocations, weights, boosts, values):
    """``[n]`` what bidders are left with on average over ``values [B, n, m]``, of an affine maximiser's payments."""
    count = len(weights)
    left = np.zeros(count)
    for one in values:
        worth = (allocations * one).sum(axis=2) * weights + 0.0  # [K, n], weighted
        chosen = int((worth.sum(axis=1) + boosts).argmax())
        for i in range(count):
            others = worth.sum(axis=1) - worth[:, i] + boosts
            left[i] += (allocations[chosen, i] * one[i]).sum() - (others.max() - others[chosen]) / weights[i]
    return left / len(values)


def sale_utilities(rng, prices, items, count, worths):
    """``[n]`` what bidders are left with on average over ``count`` sales under ``prices[bidder][items left][size]``, of values
    ``worths(rng)``, a dict by bundle; and its standard errors.
    """
    left_with = np.zeros((count, len(prices)))
    for run in range(count):
        left = set(range(items))
        for bidder, table in enumerate(prices):
            gains = {b: v - table[len(left)][len(b)] for b, v in worths(rng).items() if left.issuperset(b)}
            best = max(gains, key=gains.get, default=None)
            if best is not None and gains[best] > 0:
                left_with[run, bidder] = gains[best]
                left -= set(best)
    return left_with.mean(axis=0), left_with.std(axis=0) / np.sqrt(count)


def affine_at(allocations, weights, boosts, value):
    """What bidders have ``[n, m]`` and pay ``[n]`` at ``value [n, m]``, option by option."""
    count, bidders, items = allocations.shape
    everybody = range(bidders)
    worth = [
        [weights[i] * sum(allocations[k, i, j] * value[i, j] for j in range(items)) for i in everybody] for k in range(count)
    ]
    score = lambda k, without: boosts[k] + sum(worth[k][i] for i in everybody if i != without)
    chosen = max(range(count), key=lambda k: score(k, None))
    paid = [(max(score(k, i) for k in range(count)) - score(chosen, i)) / weights[i] for i in everybody]
    return allocations[chosen], np.array(paid)


def drawn_one_by_one(shares, value, paid):
    """By who has which item, as a tuple of 0 and 1: its chance if each is drawn by itself, and what is left to bidders with
    ``value [n, m]`` who have ``paid``.
    """
    bidders, items = shares.shape
    found = {}

    def onwards(item, has, chance):
        if chance < 1e-9:
            return
        if item == items:
            found[tuple(has.ravel())] = chance, (has * value).sum(axis=1) - paid
            return
        onwards(item + 1, has, chance * (1.0 - shares[:, item].sum()))
        for i in range(bidders):
            more = has.copy()
            more[i, item] = 1.0
            onwards(item + 1, more, chance * shares[i, item])

    onwards(0, np.zeros(shares.shape), 1.0)
    return found


def sale_at(prices, left, worth, after):
    """What bidders buy and are left with, who come one after another: ``prices[bidder][left][option]``, ``worth(bidder, left,
    option)``, None where an option is not there, and ``after(left, option)``.
    """
    bought, kept = [], []
    for bidder, table in enumerate(prices):
        gains = {0: 0.0}
        for option in range(1, len(table[left])):
            value = worth(bidder, left, option)
            if value is not None:
                gains[option] = value - table[left][option]
        best = max(gains, key=gains.get)
        bought.append(best)
        kept.append(gains[best])
        left = after(left, best)
    return bought, kept
