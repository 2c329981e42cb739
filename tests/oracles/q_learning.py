"""ε-greedy Q-learning followers with memory (Calvano et al. 2020, Section II), one loop, one number at a time."""

import itertools
import math

import numpy as np

from tests.oracles.algorithm2 import pick


def q_learners(
    type_prior, payoffs, uniforms, first, *, learning_rate, discount, exploration_decay, initial_value=0.0, memory=False
):
    """Run the learners on given random numbers.

    Args:
      uniforms: ``[T, 1 + N]``; each round spends the first on the types, the others on the followers' actions.
      first: the joint action remembered at first, a tuple.

    Returns:
      Q values by (type, last joint action or None), a list over followers, and how often each (types, actions) occurred.
    """
    n = type_prior.ndim
    num_actions = payoffs.shape[1 + n :]
    profiles = list(itertools.product(*(range(k) for k in type_prior.shape)))
    joint = list(itertools.product(*(range(a) for a in num_actions))) if memory else [None]
    q = [
        {(k, m): np.full(num_actions[i], float(initial_value)) for k in range(type_prior.shape[i]) for m in joint}
        for i in range(n)
    ]
    own_prior = [[sum(type_prior[t] for t in profiles if t[i] == k) for k in range(type_prior.shape[i])] for i in range(n)]
    counts = np.zeros((*type_prior.shape, *num_actions))
    last = first if memory else None
    for time, row in enumerate(uniforms):
        epsilon = math.exp(-exploration_decay * time)
        types = profiles[pick(row[0], [type_prior[p] for p in profiles])]
        actions = []
        for i in range(n):
            values = q[i][types[i], last]
            best = [value == max(values) for value in values]
            chances = [epsilon / num_actions[i] + (1 - epsilon) * is_best / sum(best) for is_best in best]
            actions.append(pick(row[1 + i], chances))
        actions = tuple(actions)
        counts[types + actions] += 1
        now = actions if memory else None
        for i in range(n):
            ahead = sum(own_prior[i][k] * max(q[i][k, now]) for k in range(type_prior.shape[i]))
            target = payoffs[(i, *types, *actions)] + discount * ahead
            q[i][types[i], last][actions[i]] += learning_rate * (target - q[i][types[i], last][actions[i]])
        last = now
    return q, counts
