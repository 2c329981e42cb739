"""Learning rules from their definitions: each play is computed from the whole history, nothing is carried along.

Every function takes ``payoffs [t, A]``, what each action would have paid in the rounds so far, and ``actions [t]``, those
played, and returns the next mixed strategy ``[A]``. Feasible for the short histories of tests.
"""

import numpy as np


def normalised(weights):
    return weights / weights.sum()


def multiplicative_weights(payoffs, actions, step_size):
    return normalised(np.prod((1 + step_size) ** payoffs, axis=0))


def optimistic_hedge(payoffs, actions, step_size):
    doubled = np.concatenate([payoffs, payoffs[-1:]])
    return normalised(np.prod((1 + step_size) ** doubled, axis=0))


def regret_matching(payoffs, actions, plus=False):
    regrets = np.zeros(payoffs.shape[1])
    for row in payoffs:
        positive = np.maximum(regrets, 0)
        play = normalised(positive) if positive.sum() > 0 else np.full(len(row), 1 / len(row))
        regrets = regrets + row - play @ row
        if plus:
            regrets = np.maximum(regrets, 0)
    positive = np.maximum(regrets, 0)
    return normalised(positive) if positive.sum() > 0 else np.full(len(regrets), 1 / len(regrets))


def regret_matching_plus(payoffs, actions):
    return regret_matching(payoffs, actions, plus=True)


def exp3(payoffs, actions, exploration):
    """Auer et al. (2002), Figure 1."""
    num_actions = payoffs.shape[1]
    weights = np.ones(num_actions)
    for row, action in zip(payoffs, actions, strict=True):
        play = (1 - exploration) * normalised(weights) + exploration / num_actions
        estimate = row[action] / play[action]
        weights[action] *= np.exp(exploration * estimate / num_actions)
    return (1 - exploration) * normalised(weights) + exploration / num_actions


def stationary(matrix):
    """The left eigenvector of eigenvalue 1."""
    values, vectors = np.linalg.eig(matrix.T)
    vector = np.real(vectors[:, np.argmin(np.abs(values - 1))])
    return vector / vector.sum()


def swap_regret(payoffs, actions, step_size):
    """Blum and Mansour (2007), Section 3.2, with Hedge for each action."""
    num_actions = payoffs.shape[1]
    weights = np.ones((num_actions, num_actions))
    for row in payoffs:
        play = stationary(weights / weights.sum(axis=1, keepdims=True))
        for own in range(num_actions):
            weights[own] *= (1 + step_size) ** (play[own] * row)
    return stationary(weights / weights.sum(axis=1, keepdims=True))


def fictitious_play(payoffs, actions):
    mean = payoffs.mean(axis=0) if len(payoffs) else np.zeros(payoffs.shape[1])
    return normalised((mean >= mean.max() - 1e-12).astype(float))


def logit_response(payoffs, actions, temperature):
    mean = payoffs.mean(axis=0) if len(payoffs) else np.zeros(payoffs.shape[1])
    return normalised(np.exp((mean - mean.max()) / temperature))


def q_learning(payoffs, actions, learning_rate, exploration_decay):
    """Without a future: each value is a weighted mean of what its action paid, the older the less."""
    num_actions, num_rounds = payoffs.shape[1], len(payoffs)
    values = np.zeros(num_actions)
    for own in range(num_actions):
        paid = [row[own] for row, action in zip(payoffs, actions, strict=True) if action == own]
        values[own] = sum(learning_rate * (1 - learning_rate) ** age * reward for age, reward in enumerate(reversed(paid)))
    explore = np.exp(-exploration_decay * num_rounds)
    best = normalised((values >= values.max() - 1e-12).astype(float))
    return explore / num_actions + (1 - explore) * best


def best_response(payoffs, actions):
    last = payoffs[-1] if len(payoffs) else np.zeros(payoffs.shape[1])
    return normalised((last == last.max()).astype(float))
