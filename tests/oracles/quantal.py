"""Followers who err, from their formulas: chances by `exp`, what they earn and lose, likelihoods of what was chosen.

Plain NumPy in float64. Sums and exponentials are written out, so that nothing is shared with the library.
"""

import math

import numpy as np


def chances(payoffs, rationality):
    """``[A]`` proportional to exp(λ v), for payoffs ``[A]``."""
    payoffs = np.asarray(payoffs, np.float64)
    best = max(payoffs)
    odds = [math.exp(rationality * (v - best)) if v < best else 1.0 for v in payoffs]
    return np.array(odds) / math.fsum(odds)


def subjective(features, weights):
    """``[A]`` proportional to exp(w1 c + w2 A0 + w3 A1), for features ``[A, 3]``."""
    utility = [math.fsum(w * f for w, f in zip(weights, row, strict=True)) for row in np.asarray(features, np.float64)]
    return chances(utility, 1.0)


def best_shares(payoffs):
    """``[A]`` equal shares to the best of payoffs ``[A]``."""
    payoffs = np.asarray(payoffs)
    return (payoffs == payoffs.max()) / (payoffs == payoffs.max()).sum()


def answer(payoffs, rationality):
    """``[K, A]`` the play at each type, for payoffs ``[K, A]``."""
    return np.stack([chances(row, rationality) for row in payoffs])


def leader_payoff(prior, play, leader):
    """Expected over types ``[K]`` and play ``[K, A]``, for the leader's payoffs ``[K, A]``."""
    return math.fsum(prior[k] * play[k, a] * leader[k, a] for k in range(len(prior)) for a in range(play.shape[1]))


def regret(prior, play, payoffs):
    """What a type of positive chance gains most by its best action instead of its ``play [K, A]``."""
    return max(
        max(payoffs[k]) - math.fsum(play[k, a] * payoffs[k, a] for a in range(play.shape[1]))
        for k in range(len(prior))
        if prior[k] > 0
    )


def log_likelihood(attacks, payoffs, rationality):
    """Of actions ``[m]`` under payoffs ``[m, A]``."""
    return math.fsum(math.log(chances(row, rationality)[a]) for a, row in zip(attacks, payoffs, strict=True))


def suqr_log_likelihood(attacks, coverages, rewards, penalties, weights):
    """Of targets ``[m]`` under coverages ``[m, A]``, rewards and penalties ``[A]``."""
    found = []
    for attacked, coverage in zip(attacks, coverages, strict=True):
        found.append(math.log(subjective(np.stack([coverage, rewards, penalties], axis=1), weights)[attacked]))
    return math.fsum(found)


def grid_optimum(leader, follower, prior, rationality, steps):
    """The best mix of two rows on a grid, and what it pays: payoffs are ``[K, 2, A]``."""
    values = []
    for share in np.linspace(0.0, 1.0, steps + 1):
        mix = np.array([share, 1.0 - share])
        play = answer(np.einsum("r,kra->ka", mix, follower), rationality)
        values.append((leader_payoff(prior, play, np.einsum("r,kra->ka", mix, leader)), share))
    return max(values)
