"""Counterfactual regret minimisation node by node: plain recursions in float64, as Zinkevich et al. (2007) write them.

Players are seats; a policy is ``{(seat, set): chances}``. Nodes are those of `tests.oracles.extensive.nodes_of`.
"""

import numpy as np

from tests.oracles.extensive import pure, reduced_plans, sets_of

KINDS = {  # what positive and negative regrets are multiplied by after iteration t, and the weight of its plan
    "cfr": lambda t, a, b, g: (1.0, 1.0, 1.0),
    "cfr-plus": lambda t, a, b, g: (1.0, 0.0, float(t)),
    "dcfr": lambda t, a, b, g: (t**a / (t**a + 1), t**b / (t**b + 1), float(t) ** g),
    "lcfr": lambda t, a, b, g: (t / (t + 1), t / (t + 1), float(t)),
}


class Learning:
    """The regrets of the seats that learn, and the average of what they played; other seats keep to ``fixed``."""

    def __init__(self, nodes, seats, fixed=None, kind="cfr", alternating=True, alpha=1.5, beta=0.0, gamma=2.0):
        self.nodes, self.seats, self.kind, self.alternating = nodes, tuple(seats), KINDS[kind], alternating
        self.options = alpha, beta, gamma
        self.policy = dict(fixed or {})
        self.regret, self.sums, self.iteration = {}, {}, 0
        for seat in self.seats:
            for place, count in sets_of(nodes, seat).items():
                self.policy[seat, place] = np.full(count, 1 / count)
                self.regret[seat, place], self.sums[seat, place] = np.zeros(count), np.zeros(count)

    def value(self, node, seat, others, own, regret, visits):
        """What a node pays ``seat``; on the way its regrets, weighted by the others' reach, and where its own plan comes."""
        if node[0] == "t":
            return node[1][seat]
        if node[0] == "c":
            parts = zip(node[1], node[2], strict=True)
            return sum(p * self.value(below, seat, others * p, own, regret, visits) for p, below in parts)
        who, place, below = node[1:]
        chances = self.policy[who, place]
        if who != seat:
            parts = zip(chances, below, strict=True)
            return sum(p * self.value(one, seat, others * p, own, regret, visits) for p, one in parts)
        visits[who, place] = own * chances
        paid = np.array([self.value(one, seat, others, own * p, regret, visits) for p, one in zip(chances, below, strict=True)])
        value = chances @ paid
        regret[who, place] = regret.get((who, place), 0.0) + others * (paid - value)
        return value

    def step(self):
        """One iteration. Returns what it pays each seat that learns, by the plans before it, if all learn at once."""
        self.iteration += 1
        above, below, weight = self.kind(self.iteration, *self.options)
        late, paid = {}, []
        for seat in self.seats:
            regret, visits = {}, {}
            paid.append(self.value(self.nodes, seat, 1.0, 1.0, regret, visits))
            for key, one in regret.items():
                summed = self.regret[key] + one
                self.regret[key] = np.where(summed > 0, summed * above, summed * below)
                self.sums[key] = self.sums[key] + weight * visits[key]
                positive = np.maximum(self.regret[key], 0.0)
                late[key] = positive / positive.sum() if positive.sum() > 0 else np.full(len(one), 1 / len(one))
            if self.alternating:
                self.policy |= late
        self.policy |= late
        return paid

    def average(self):
        """The policy of the averages; all actions alike where no plan came."""
        found = dict(self.policy)
        for key, sums in self.sums.items():
            found[key] = sums / sums.sum() if sums.sum() > 0 else np.full(len(sums), 1 / len(sums))
        return found


def best_value(nodes, seat, policy):
    """What a best reply of ``seat`` to a policy earns, set by set, deepest first."""
    counts, reached, order = sets_of(nodes, seat), {}, []

    def collect(node, chance):
        if node[0] == "t":
            return
        if node[0] == "p" and node[1] == seat:
            if node[2] not in reached:
                reached[node[2]] = []
                order.append(node[2])
            reached[node[2]].append((chance, node))
            for below in node[3]:
                collect(below, chance)
            return
        chances = node[1] if node[0] == "c" else policy[node[1], node[2]]
        for p, below in zip(chances, node[-1], strict=True):
            collect(below, chance * p)

    chosen = {}

    def worth(node):
        if node[0] == "t":
            return node[1][seat]
        if node[0] == "p" and node[1] == seat:
            return worth(node[3][decide(node[2])])
        chances = node[1] if node[0] == "c" else policy[node[1], node[2]]
        return sum(p * worth(below) for p, below in zip(chances, node[-1], strict=True) if p)

    def decide(place):
        if place not in chosen:
            paid = [sum(p * worth(node[3][a]) for p, node in reached[place] if p) for a in range(counts[place])]
            chosen[place] = int(np.argmax(paid))
        return chosen[place]

    collect(nodes, 1.0)
    return worth(nodes)


def expected(node, policy):
    """``[P]`` what everybody is paid."""
    if node[0] == "t":
        return np.asarray(node[1])
    chances = node[1] if node[0] == "c" else policy[node[1], node[2]]
    return sum(p * expected(below, policy) for p, below in zip(chances, node[-1], strict=True) if p)


def nash_conv(nodes, seats, policy):
    """The sum over ``seats`` of what a best reply gains."""
    paid = expected(nodes, policy)
    return sum(best_value(nodes, seat, policy) - paid[seat] for seat in seats)


def mixture_gap(nodes, seat, policies, weights):
    """What ``seat`` gains by the best reduced plan of its own against a mixture of policies, all plans tried."""
    weights = np.asarray(weights) / np.sum(weights)
    earned = sum(w * expected(nodes, one)[seat] for w, one in zip(weights, policies, strict=True))
    best = -np.inf
    for plan in reduced_plans(nodes, seat):
        own = {(seat, k): chances for k, chances in pure(nodes, seat, plan).items()}
        best = max(best, sum(w * expected(nodes, one | own)[seat] for w, one in zip(weights, policies, strict=True)))
    return best - earned
