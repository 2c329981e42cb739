"""What `direct` keeps, how parents weigh, where a commitment climbs to, and what an answer costs to leave: in plain loops."""

import itertools

import numpy as np


def merged(kept, new, num_answers, most_alike, room, unsettled):
    """The best of both lists of (commitments, answers, score, payoff, gap, groups), equal commitments put together.

    Scores are payoffs less ``unsettled(gap)``, and maybe less something else. First looks (parts of a group) do not count
    beside whole groups.
    Rows of (commitment, place of the answer, score, payoff, gap, groups), answer by answer.
    """
    known = {}
    for one in (kept, new):
        for commitment, answer, *numbers in zip(*one, strict=True):
            if numbers[-1] > 0:
                known.setdefault(tuple(commitment), (tuple(answer), []))[1].append(numbers)
    by_answer = {}
    for commitment, (answer, seen) in known.items():
        scores, payoffs, gaps, groups = np.array(seen, np.float64).T
        weights = np.floor(groups) if groups.max() >= 1 else groups
        mean = lambda values, weights=weights: (values * weights).sum() / weights.sum()
        gap = max(0.0, gaps[weights > 0].max())
        unpunished = scores + np.array([unsettled(one) for one in gaps])
        row = (
            commitment,
            mean(unpunished) - unsettled(gap),
            mean(payoffs),
            gap,
            np.floor(groups).sum() + min(0.5, (groups % 1.0).sum()),
        )
        by_answer.setdefault(answer, []).append(row)
    for rows in by_answer.values():
        rows.sort(key=lambda row: -row[1])
    ordered = sorted(by_answer.values(), key=lambda rows: -rows[0][1])
    num_answers = min(num_answers, room)
    share = min(room // min(num_answers, len(ordered)), most_alike)
    stays = [(place, rows) for place, rows in enumerate(ordered[:num_answers])]
    whole = [(row[1], -place) for place, rows in enumerate(ordered) for row in rows if row[-1] >= 1]
    if whole and -max(whole)[1] >= num_answers:
        stays.append((num_answers, ordered[-max(whole)[1]]))
    return [(row[0], place, *row[1:]) for place, rows in stays for row in rows[:share]][:room]


def weights_by_rank(size, most):
    """Of ``size`` parents, the best first, at most ``most``; they sum to 1."""
    weights = [np.log(min(size, most) + 0.5) - np.log(rank) for rank in range(1, min(size, most) + 1)]
    return np.array(weights) / sum(weights)


def slack_and_loss(prior, followers, leader, answer):
    """For each follower, type and action: what playing it instead of the answer costs the follower, and the leader.

    The follower's cost is given its type; the leader's counts the chance of the type.
    """
    num_types = prior.shape
    num_actions = leader.shape[prior.ndim :]
    starts = np.concatenate([[0], np.cumsum(num_types)])
    slack, loss = [], []
    for i, kinds in enumerate(num_types):
        for own in range(kinds):
            weight = sum(prior[t] for t in itertools.product(*map(range, num_types)) if t[i] == own)
            for action in range(num_actions[i]):
                cost = leader_cost = 0.0
                for types in itertools.product(*map(range, num_types)):
                    if types[i] != own:
                        continue
                    obey = [int(answer[starts[j] + types[j]]) for j in range(len(num_types))]
                    deviate = list(obey)
                    deviate[i] = action
                    cost += prior[types] * (followers[i][(*types, *obey)] - followers[i][(*types, *deviate)])
                    leader_cost += prior[types] * (leader[(*types, *obey)] - leader[(*types, *deviate)])
                slack.append(cost / weight if weight > 0 else 0.0)
                loss.append(leader_cost)
    return np.array(slack), np.array(loss)


def affine_scaling(start, payoff_slope, slack, slack_slopes, share, kept=None):
    """One step of Dikin's method for a linear programme over the unit box where no slack may fall below 0.

    What ``kept [O, D]`` says of a point stays as it is, by multipliers.
    """
    metric = np.diag(1.0 / start**2 + 1.0 / (1.0 - start) ** 2)
    for room, slope in zip(slack, slack_slopes, strict=True):
        metric += np.outer(slope, slope) / room**2
    kept = np.zeros((0, len(start))) if kept is None else kept
    none = np.zeros((len(kept), len(kept)))
    whole = np.block([[metric, kept.T], [kept, none]])
    direction = np.linalg.solve(whole, np.concatenate([payoff_slope, np.zeros(len(kept))]))[: len(start)]
    ways = [*(-slack_slopes @ direction / slack), *(-direction / start), *(direction / (1.0 - start))]
    return start + share / max(ways) * direction


def box_child(parents, weights, step, mix, noise, picks, coins, per_node, per_entry, spread, fresh):
    """One child of ``parents [m, O, d]`` in the unit box, of the kind that the last coin says; see `children.box_children`.

    ``picks`` four uniforms that choose parents among those that count, ``coins`` seven, ``mix [m]`` and ``noise [O, d]``
    Gaussian, the others uniforms ``[O, 1]`` and three times ``[O, d]``.
    """
    count = (weights > 0).sum()
    start, second, third, fourth = (parents[int(u * count)] for u in picks)
    *_, nodes, width = parents.shape
    if coins[6] < 0.6:  # their mean and covariance
        deviations = mix[:count] / np.sqrt(count)
        factors = weights[:count] + 1.2 * (deviations - deviations.mean())
        child = np.tensordot(factors, parents[:count], 1) + 0.5 * step * noise
    elif coins[6] < 0.8:  # differential evolution
        child = start + (0.5 + 0.5 * coins[5]) * (third - fourth) + 0.1 * step * noise
    else:
        child = start.copy()
        if coins[4] < 0.5:  # two parents crossed, by nodes or by entries
            takes_second = per_node < 0.5 if coins[0] < 0.5 else per_entry < 0.5
            child = np.where(takes_second, second, start)
        share = 1.0 if coins[2] < 0.5 else 1.0 / width
        for node in range(nodes):
            if per_node[node] * nodes < 1.5 or coins[1] < 0.3:
                changed = spread[node] < share
                moved = child[node] + step ** coins[3] * noise[node]
                child[node, changed] = (fresh[node] if coins[5] < 0.5 else moved)[changed]
    return np.clip(child, 0.0, 1.0)
