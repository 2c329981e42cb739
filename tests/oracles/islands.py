"""What an island keeps, and how its elite weighs, one commitment at a time."""

import numpy as np


def merged(kept, new, count):
    """The best ``count`` of both lists of (commitments, score, payoff, gap, groups), equal commitments put together."""
    known = {}
    for one in (kept, new):
        for commitment, score, payoff, gap, groups in zip(*one, strict=True):
            if groups > 0:
                known.setdefault(tuple(commitment), []).append((score, payoff, gap, groups))
    rows = []
    for commitment, seen in known.items():
        scores, payoffs, gaps, groups = np.array(seen, np.float64).T
        mean = lambda values, groups=groups: (values * groups).sum() / groups.sum()
        rows.append((commitment, mean(scores), mean(payoffs), max(0.0, gaps.max()), groups.sum()))
    rows.sort(key=lambda row: -row[1])
    return [np.array(column) for column in zip(*rows[:count], strict=True)]


def weights_by_rank(score):
    among = [i for i in np.argsort(-score) if score[i] > -np.inf]
    weights = np.zeros(len(score))
    for rank, i in enumerate(among, 1):
        weights[i] = np.log(len(among) + 0.5) - np.log(rank)
    return weights / weights.sum()
