"""Markov games by the definition, one commitment at a time, in plain Python: histories, all policies, no shortcuts."""

import itertools

import numpy as np

__all__ = [
    "best_endless_values",
    "best_stationary_values",
    "best_timed_values",
    "greedy_after_q_learning",
    "value_of",
    "visits_of",
]


def value_of(game, policy, steps, discount):
    """What ``policy(t, s) -> chances of actions`` is worth: ``(leader, follower)``, by the tree of all histories.

    ``game`` has ``initial[s]``, ``successor[s][a][k]``, ``probability[s][a][k]``, ``leader[s][a]`` and ``follower[s][a]``.
    """

    def onwards(t, s):
        if t == steps:
            return 0.0, 0.0
        totals = [0.0, 0.0]
        for a, chance in enumerate(policy(t, s)):
            if chance == 0:
                continue
            paid = [game["leader"][s][a], game["follower"][s][a]]
            for k, probability in enumerate(game["probability"][s][a]):
                if probability == 0:
                    continue
                later = onwards(t + 1, game["successor"][s][a][k])
                paid = [x + probability * discount * y for x, y in zip(paid, later, strict=True)]
            totals = [x + chance * y for x, y in zip(totals, paid, strict=True)]
        return tuple(totals)

    starts = [(chance, onwards(0, s)) for s, chance in enumerate(game["initial"]) if chance > 0]
    return tuple(sum(chance * value[i] for chance, value in starts) for i in range(2))


def _best(values, tie):
    """``(follower's best, leader's best and worst among the follower's best)``."""
    most = max(follower for _, follower in values)
    among = [leader for leader, follower in values if follower >= most - tie]
    return most, max(among), min(among)


def best_stationary_values(game, steps, discount, tie=1e-9):
    """Over all deterministic policies that are the same in every step."""
    states, actions = len(game["leader"]), len(game["leader"][0])
    one_hot = lambda a: [float(a == b) for b in range(actions)]
    tables = itertools.product(range(actions), repeat=states)
    return _best([value_of(game, lambda t, s, table=table: one_hot(table[s]), steps, discount) for table in tables], tie)


def best_timed_values(game, steps, discount, tie=1e-9):
    """Over all deterministic policies that know the time, by recursion over the tree of histories."""

    def onwards(t, s):
        if t == steps:
            return 0.0, 0.0, 0.0
        found = []
        for a in range(len(game["leader"][s])):
            own, high, low = game["follower"][s][a], game["leader"][s][a], game["leader"][s][a]
            for k, probability in enumerate(game["probability"][s][a]):
                later = onwards(t + 1, game["successor"][s][a][k])
                own += probability * discount * later[0]
                high += probability * discount * later[1]
                low += probability * discount * later[2]
            found.append((own, high, low))
        most = max(own for own, _, _ in found)
        among = [entry for entry in found if entry[0] >= most - tie]
        return most, max(high for _, high, _ in among), min(low for _, _, low in among)

    starts = [(chance, onwards(0, s)) for s, chance in enumerate(game["initial"]) if chance > 0]
    return tuple(sum(chance * value[i] for chance, value in starts) for i in range(3))


def visits_of(game, policy, steps, discount):
    """How often an episode under ``policy[s][a]`` comes to each state, discounted, by the tree of all histories."""
    visits = [0.0] * len(game["initial"])

    def onwards(t, s, weight):
        if t == steps or weight == 0:
            return
        visits[s] += weight * discount**t
        for a, chance in enumerate(policy[s]):
            for k, probability in enumerate(game["probability"][s][a]):
                onwards(t + 1, game["successor"][s][a][k], weight * float(chance) * probability)

    for s, chance in enumerate(game["initial"]):
        onwards(0, s, float(chance))
    return visits


def greedy_after_q_learning(values, after, pays, *, start, episodes, steps, rate, discount):
    """The greedy actions after Q-learning without exploration where ``after[s][a]`` is certain; the last step has no future."""
    values = [list(row) for row in values]
    for _ in range(episodes):
        s = start
        for t in range(steps):
            a = values[s].index(max(values[s]))
            future = 0.0 if t == steps - 1 else discount * max(values[after[s][a]])
            values[s][a] += rate * (pays[s][a] + future - values[s][a])
            s = after[s][a]
    return [row.index(max(row)) for row in values]


def best_endless_values(game, discount, tie=1e-9):
    """Over all policies of an episode without an end: ``(follower, leader's best and worst)``, averages, by linear equations.

    A policy is best if it is worth as much as the best in every state.
    """
    states, actions = len(game["leader"]), len(game["leader"][0])
    found = []
    for table in itertools.product(range(actions), repeat=states):
        moves = np.zeros((states, states))
        for s, a in enumerate(table):
            for k, chance in enumerate(game["probability"][s][a]):
                moves[s, game["successor"][s][a][k]] += chance
        pays = np.array([[game[who][s][a] for s, a in enumerate(table)] for who in ("follower", "leader")])
        found.append((1.0 - discount) * np.linalg.solve(np.eye(states) - discount * moves, pays.T).T)
    worths = np.array(found)  # [policies, 2, S]
    most = worths[:, 0].max(axis=0)
    size = max(1.0, np.abs(most).max())
    among = worths[(worths[:, 0] >= most - tie * size).all(axis=1), 1] @ np.asarray(game["initial"])
    return float(most @ np.asarray(game["initial"])), float(among.max()), float(among.min())
