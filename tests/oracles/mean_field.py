"""The market with tariffs from its description: every path of a battery, and a convex programme over how many follow each."""

import itertools

import numpy as np
import scipy.optimize

__all__ = ["Market", "equilibrium_of_paths", "softmax_by_recursion"]

DEMAND = [[0.6, 1.2, 0.8, 0.5], [0.7, 1.8, 1.0, 0.6]]
SOLAR = [2.0, 0.3, 0.0, 0.0]


def paths():
    """Every feasible sequence of moves of a battery of two units that is empty at first."""
    found = []
    for moves in itertools.product((-1, 0, 1), repeat=4):
        levels = np.cumsum(moves)
        if (levels >= 0).all() and (levels <= 2).all():
            found.append(moves)
    return np.array(found)


class Market:
    """Paths ``[P, T]``, what the equipped buy along each, and what the market makes of a mix of them."""

    def __init__(self, tariff):
        self.moves, self.tariff = paths(), np.asarray(tariff, float)
        self.bought = np.array(DEMAND[1]) - SOLAR + self.moves + 0.1 * (self.moves == 1)
        self.own = (self.tariff * np.maximum(self.bought, 0)).sum(axis=1) + 0.02 * np.abs(self.moves).sum(axis=1)

    def field(self, mix):
        return 0.5 * np.array(DEMAND[0]) + 0.5 * mix @ self.bought

    def costs(self, field):
        """``[P]`` of each path at the prices of ``field``."""
        return self.bought @ (0.2 + field) + self.own

    def payoff(self, mix, equity):
        """Social cost, and the difference of what the two types pay of their incomes, the equal charge included."""
        field = self.field(mix)
        wear = 0.5 * mix @ (0.02 * np.abs(self.moves).sum(axis=1))
        collected = [self.tariff @ np.array(DEMAND[0]), mix @ (self.tariff * np.maximum(self.bought, 0)).sum(axis=1)]
        charge = 0.6 - 0.5 * sum(collected)
        bills = [(0.2 + field) @ DEMAND[0] + collected[0] + charge, mix @ self.costs(field) + charge]
        return -(0.2 * field + field**2 / 2).sum() - wear - equity * (bills[0] / 1.0 - bills[1] / 3.0)


def equilibrium_of_paths(market):
    """The mix of paths at which none is cheaper than those in use: the minimum of the potential."""
    potential = lambda mix: (0.2 * market.field(mix) + market.field(mix) ** 2 / 2).sum() + 0.5 * mix @ market.own
    slope = lambda mix: 0.5 * market.costs(market.field(mix))
    count = len(market.moves)
    found = scipy.optimize.minimize(
        potential,
        np.full(count, 1.0 / count),
        jac=slope,
        bounds=[(0, 1)] * count,
        constraints={"type": "eq", "fun": lambda mix: mix.sum() - 1, "jac": lambda mix: np.ones(count)},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    return found.x


def softmax_by_recursion(market, alpha, rounds=20_000):
    """The mix of paths of softmax followers: chances from each history's best cost to go, prices damped to a fixed point."""
    field, damping = np.zeros(4), min(0.5, 2.0 / alpha)
    for _ in range(rounds):
        price = 0.2 + field

        def to_go(t, level, price=price):
            if t == 4:
                return 0.0
            able = [move for move in (-1, 0, 1) if 0 <= level + move <= 2]
            return min(one_step(t, move, price) + to_go(t + 1, level + move, price) for move in able)

        def one_step(t, move, price):
            n = DEMAND[1][t] - SOLAR[t] + move + 0.1 * (move == 1)
            return price[t] * n + market.tariff[t] * max(n, 0) + 0.02 * abs(move)

        mix, cache = np.ones(len(market.moves)), {}
        for p, moves in enumerate(market.moves):
            level = 0
            for t, move in enumerate(moves):
                if (t, level) not in cache:
                    able = [m for m in (-1, 0, 1) if 0 <= level + m <= 2]
                    q = np.array([one_step(t, m, price) + to_go(t + 1, level + m) for m in able])
                    chance = np.exp(-alpha * (q - q.min()))
                    cache[t, level] = dict(zip(able, chance / chance.sum(), strict=True))
                mix[p] *= cache[t, level][move]
                level += move
        moved = market.field(mix) - field
        field = field + damping * moved
        if np.abs(moved).max() < 1e-9:
            break
    return mix
