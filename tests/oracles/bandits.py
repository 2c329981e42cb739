"""Bandits one pull at a time, in loops: UCB1 (Auer et al. 2002), epsilon-greedy, Thompson sampling of normal posteriors."""

import itertools

import numpy as np


def grid_of(num_nodes, points):
    """Every commitment, of the points given for each entry of an action, at each node; the last entry varies first."""
    return [np.reshape(arm, (num_nodes, len(points))) for arm in itertools.product(*list(points) * num_nodes)]


class Bandit:
    """What was paid to each arm, kept whole; an arm is worth its mean payoff, less what its mean gap costs, from 0 to 1."""

    def __init__(self, num_arms, payoff_range, unsettled=lambda gap: 0.0):
        self.low, self.high = payoff_range
        self.unsettled = unsettled
        self.payoffs = [[] for _ in range(num_arms)]
        self.gaps = [[] for _ in range(num_arms)]

    def paid(self, arm, payoff, gap=0.0):
        self.payoffs[arm].append(payoff)
        self.gaps[arm].append(gap)

    def pulls(self, arm):
        return len(self.payoffs[arm])

    def total(self):
        return sum(map(len, self.payoffs))

    def value(self, arm):
        """0 before its first pull."""
        if not self.payoffs[arm]:
            return 0.0
        mean = np.mean(self.payoffs[arm]) - self.unsettled(np.mean(self.gaps[arm]))
        return (mean - self.low) / (self.high - self.low)

    def ucb(self, exploration):
        """Every arm once, in order; then the largest upper confidence bound."""
        best, highest = None, -np.inf
        for arm in range(len(self.payoffs)):
            if self.pulls(arm) == 0:
                return arm
            bound = self.value(arm) + exploration * np.sqrt(np.log(self.total() + 1) / self.pulls(arm))
            if bound > highest:
                best, highest = arm, bound
        return best

    def epsilon_greedy(self, uniform, other, epsilon, decay=0.0):
        """The best so far; with chance ``epsilon / (1 + decay * pulls so far)`` the arm ``other``, which was drawn."""
        if uniform < epsilon / (1.0 + decay * self.total()):
            return other
        values = [self.value(arm) for arm in range(len(self.payoffs))]
        return values.index(max(values))

    def thompson(self, normals, mean, deviation, noise):
        """The largest of a draw from each arm's posterior: its value is normal, and so is what a pull adds to it."""
        drawn = []
        for arm, normal in enumerate(normals):
            precision, weighted = 1.0 / deviation**2, mean / deviation**2
            for _ in self.payoffs[arm]:  # one observation at a time
                precision, weighted = precision + 1.0 / noise**2, weighted + self.value(arm) / noise**2
            drawn.append(weighted / precision + normal / np.sqrt(precision))
        return drawn.index(max(drawn))

    def committed(self):
        """The best mean of those that were pulled; of several the one that was pulled most, and of these the first."""
        keys = [(self.pulls(arm) > 0, self.value(arm), self.pulls(arm), -arm) for arm in range(len(self.payoffs))]
        return keys.index(max(keys))
