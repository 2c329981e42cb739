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
