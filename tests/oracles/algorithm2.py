"""Brero et al. (2023), Algorithm 2, as printed: weights, not logarithms; loops, not arrays."""

import itertools

import numpy as np


def pick(uniform, weights):
    """The index at which the running sum of ``weights`` first exceeds ``uniform`` times their total."""
    target, running = uniform * sum(weights), 0.0
    for index, weight in enumerate(weights):
        running += weight
        if target < running:
            return index
    return len(weights) - 1


def multiplicative_weights(type_prior, payoffs, epsilon, uniforms, expected=False):
    """Run the algorithm on given random numbers.

    Args:
      type_prior: joint ``[K_1, ..., K_N]``.
      payoffs: ``[N, K_1..K_N, A_1..A_N]``.
      uniforms: ``[T, 1 + N]``; each round spends the first on the types, the others on the followers' actions.
      expected: update on the expectation over the others' mixed play instead of their drawn actions.

    Returns:
      normalised weights, a list over followers of ``[K_i, A_i]``, and how often each (types, actions) profile occurred.
    """
    n = type_prior.ndim
    num_actions = payoffs.shape[1 + n :]
    weights = [np.ones((type_prior.shape[i], num_actions[i])) for i in range(n)]
    profiles = list(itertools.product(*(range(k) for k in type_prior.shape)))
    counts = np.zeros((*type_prior.shape, *num_actions))
    for row in uniforms:
        types = profiles[pick(row[0], [type_prior[p] for p in profiles])]
        actions = tuple(pick(row[1 + i], weights[i][types[i]]) for i in range(n))
        counts[types + actions] += 1
        before = [w / w.sum(axis=1, keepdims=True) for w in weights]
        for i in range(n):
            for own in range(num_actions[i]):
                if expected:
                    payoff = 0.0
                    for others in itertools.product(*(range(a) if j != i else [own] for j, a in enumerate(num_actions))):
                        chance = np.prod([before[j][types[j], others[j]] for j in range(n) if j != i])
                        payoff += chance * payoffs[(i, *types, *others)]
                else:
                    played = tuple(own if j == i else actions[j] for j in range(n))
                    payoff = payoffs[(i, *types, *played)]
                weights[i][types[i], own] *= (1.0 + epsilon) ** payoff
    return [w / w.sum(axis=1, keepdims=True) for w in weights], counts
