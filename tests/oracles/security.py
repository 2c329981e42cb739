"""Leaders against one follower with types, from the formulas: every profile of answers, bisection on the level, trial.

Payoffs of security games are ``(D1, D0, A1, A0)``, each ``[types, targets]``: defender and attacker, covered and uncovered.
"""

import itertools

import numpy as np
import scipy.optimize


def random_instance(targets, types, seed):
    """Section 3 of the specification: the payoffs, and the types' chances, in this order of draws."""
    rng = np.random.default_rng(seed)
    ends = [(1, 10), (-10, -1), (-10, -1), (1, 10)]
    payoffs = [rng.uniform(low, high, size=(types, targets)) for low, high in ends]
    return payoffs, rng.dirichlet(np.ones(types))


def random_matrices(seed, types, rows, columns):
    """Payoffs ``[type, row, column]`` of the leader and the follower, and the types' chances."""
    rng = np.random.default_rng(seed)
    leader, follower = rng.normal(size=(2, types, rows, columns))
    return leader, follower, rng.dirichlet(np.ones(types))


def small_integers(targets, types, seed):
    """A security game with whole payoffs, so that attackers are often indifferent; some targets cannot be guarded at all."""
    rng = np.random.default_rng(seed)
    D0, A1 = rng.integers(-4, 3, size=(2, types, targets))
    payoffs = [D0 + rng.integers(0, 4, size=D0.shape), D0, A1, A1 + rng.integers(0, 4, size=A1.shape)]
    return [table.astype(float) for table in payoffs], rng.dirichlet(np.ones(types))


def coverage_value(payoffs, prior, coverage, ties_for=True, close=1e-9):
    """What the defender gets where each type takes its best target; targets within ``close`` are tied."""
    D1, D0, A1, A0 = payoffs
    u, v = coverage * D1 + (1 - coverage) * D0, coverage * A1 + (1 - coverage) * A0
    tied = v >= v.max(axis=1, keepdims=True) - close
    best = np.where(tied, u, -np.inf).max(axis=1) if ties_for else np.where(tied, u, np.inf).min(axis=1)
    return float(prior @ best)


def best_coverage(payoffs, prior, guards):
    """The defender's strong optimum: for each profile of attacked targets one linear programme."""
    D1, D0, A1, A0 = payoffs
    types, targets = D1.shape
    best = -np.inf
    for profile in itertools.product(range(targets), repeat=types):
        objective, constant, rows, limits = np.zeros(targets), 0.0, [np.ones(targets)], [guards]
        for k, a in enumerate(profile):
            objective[a] += prior[k] * (D1[k, a] - D0[k, a])
            constant += prior[k] * D0[k, a]
            for b in range(targets):
                row = np.zeros(targets)
                row[b] += A1[k, b] - A0[k, b]
                row[a] -= A1[k, a] - A0[k, a]
                rows.append(row)
                limits.append(A0[k, a] - A0[k, b])
        found = scipy.optimize.linprog(-objective, np.array(rows), limits, bounds=(0, 1), method="highs")
        if found.status == 0:
            best = max(best, constant - found.fun)
    return best


def best_mix(leader, follower, prior):
    """The strong optimum of a leader who mixes rows: one linear programme for each profile of columns."""
    types, rows, columns = leader.shape
    best = -np.inf
    for profile in itertools.product(range(columns), repeat=types):
        objective = sum(prior[k] * leader[k, :, a] for k, a in enumerate(profile))
        gains = np.concatenate([(follower[k] - follower[k][:, [a]]).T for k, a in enumerate(profile)])
        found = scipy.optimize.linprog(
            -objective, gains, np.zeros(len(gains)), np.ones((1, rows)), [1.0], bounds=(0, 1), method="highs"
        )
        if found.status == 0:
            best = max(best, -found.fun)
    return best


def best_row(leader, follower, prior):
    """The best row, ties for the leader."""
    tied = follower >= follower.max(axis=2, keepdims=True) - 1e-12
    return float((prior @ np.where(tied, leader, -np.inf).max(axis=2)).max())


def origami(payoffs, guards):
    """One type: the level at which the guards are used up, by bisection; then the best target at that level.

    Returns:
      The strong value, the level and the coverage; for targets that a guard makes less attractive, and the defender better off.
    """
    D1, D0, A1, A0 = (np.ravel(table) for table in payoffs)
    need = lambda level: np.clip((A0 - level) / (A0 - A1), 0.0, 1.0)
    low, high = A1.max(), A0.max()
    if need(low).sum() <= guards:
        high = low
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (low, middle) if need(middle).sum() <= guards else (middle, high)
    coverage = need(high)
    attacked = coverage * A1 + (1 - coverage) * A0 >= high - 1e-9
    return float((coverage * D1 + (1 - coverage) * D0)[attacked].max()), high, coverage


def quantal_value(payoffs, rationality, coverage):
    """One type that attacks with chances in proportion to exp(rationality * its payoff); ``coverage [..., targets]``."""
    D1, D0, A1, A0 = (np.ravel(table) for table in payoffs)
    u, v = coverage * D1 + (1 - coverage) * D0, rationality * (coverage * A1 + (1 - coverage) * A0)
    weights = np.exp(v - v.max(axis=-1, keepdims=True))
    return (weights * u).sum(axis=-1) / weights.sum(axis=-1)


def quantal_best(payoffs, guards, rationality, parts):
    """The best of all coverages in steps of ``1 / parts``; few targets only."""
    targets = payoffs[0].size
    grid = np.array(list(itertools.product(range(parts + 1), repeat=targets)))
    return float(quantal_value(payoffs, rationality, grid[grid.sum(axis=1) <= guards * parts] / parts).max())
