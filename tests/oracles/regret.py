"""Definitions 3.1 to 3.3 of Brero et al. (2023) by enumeration, one term at a time."""

import itertools

import numpy as np


def profiles(sizes):
    return itertools.product(*(range(size) for size in sizes))


def expected_payoffs(type_prior, payoffs, play):
    """The expectation of ``payoffs [K.., A..]`` under ``play [K.., A..]``."""
    return sum(
        type_prior[t] * play[t + a] * payoffs[t + a]
        for t in profiles(type_prior.shape)
        for a in profiles(payoffs.shape[type_prior.ndim :])
    )


def bcce_gap(type_prior, follower_payoffs, play):
    """The most that a follower gains, given a type of positive probability, by always playing one action."""
    num_actions = follower_payoffs.shape[1 + type_prior.ndim :]
    constant = lambda i: [[b] * num_actions[i] for b in range(num_actions[i])]
    return largest_gain(type_prior, follower_payoffs, play, constant)


def cce_gap(type_prior, follower_payoffs, play):
    """The most that a follower gains before its type is known, by any map from its types to actions, played whatever comes."""
    n = type_prior.ndim
    num_actions = follower_payoffs.shape[1 + n :]
    worst = 0.0
    for i in range(n):
        for plan in profiles([num_actions[i]] * type_prior.shape[i]):
            gain = 0.0
            for t in profiles(type_prior.shape):
                for a in profiles(num_actions):
                    instead = tuple(plan[t[i]] if j == i else action for j, action in enumerate(a))
                    difference = follower_payoffs[(i, *t, *instead)] - follower_payoffs[(i, *t, *a)]
                    gain += type_prior[t] * play[t + a] * difference
            worst = max(worst, gain)
    return worst


def ce_gap(type_prior, follower_payoffs, play):
    """The most that a follower gains, given a type of positive probability, by any map from actions to actions."""
    num_actions = follower_payoffs.shape[1 + type_prior.ndim :]
    every_map = lambda i: profiles([num_actions[i]] * num_actions[i])
    return largest_gain(type_prior, follower_payoffs, play, every_map)


def largest_gain(type_prior, follower_payoffs, play, deviations):
    n = type_prior.ndim
    num_actions = follower_payoffs.shape[1 + n :]
    worst = 0.0
    for i in range(n):
        for own_type in range(type_prior.shape[i]):
            here = [t for t in profiles(type_prior.shape) if t[i] == own_type]
            weight = sum(type_prior[t] for t in here)
            if weight <= 0:
                continue
            for instead in deviations(i):
                gain = 0.0
                for t in here:
                    for a in profiles(num_actions):
                        swapped = tuple(instead[action] if j == i else action for j, action in enumerate(a))
                        difference = follower_payoffs[(i, *t, *swapped)] - follower_payoffs[(i, *t, *a)]
                        gain += type_prior[t] / weight * play[t + a] * difference
                worst = max(worst, gain)
    return worst


def product_of_marginals(type_prior, play):
    """Independent play of every follower's average strategy by type."""
    n = type_prior.ndim
    num_actions = play.shape[n:]
    strategies = []
    for i in range(n):
        table = np.zeros((type_prior.shape[i], num_actions[i]))
        for own_type in range(type_prior.shape[i]):
            here = [t for t in profiles(type_prior.shape) if t[i] == own_type]
            weight = sum(type_prior[t] for t in here)
            for t in here:
                share = type_prior[t] / weight if weight > 0 else 1.0 / len(here)
                for a in profiles(num_actions):
                    table[own_type, a[i]] += share * play[t + a]
        strategies.append(table)
    product = np.zeros(play.shape)
    for t in profiles(type_prior.shape):
        for a in profiles(num_actions):
            product[t + a] = np.prod([strategies[i][t[i], a[i]] for i in range(n)])
    return product
