"""Markov games of several followers by the definition, one commitment at a time, in plain Python: histories, no shortcuts.

A game has ``num_actions``, ``initial[s]``, ``successor[s][j][k]``, ``probability[s][j][k]``, ``leader[s][j]`` and
``followers[i][s][j]``; ``j`` numbers joint actions, the last follower's fastest.
"""

import itertools

import numpy as np

__all__ = [
    "best_reply_value",
    "equality_of",
    "greedy_after_q_learning",
    "joint_value",
    "learned_stages",
    "patch_chance",
    "patch_payoffs",
    "pure_stages",
    "stock_game",
    "together_by_stages",
    "value_by_stages",
    "welfare",
]


def _joint(game):
    return list(itertools.product(*map(range, game["num_actions"])))


def joint_value(game, policy, steps, discount):
    """What ``policy(t, s) -> chances of joint actions`` is worth: leader first, by the tree of all histories."""

    def onwards(t, s):
        total = np.zeros(1 + len(game["num_actions"]))
        if t == steps:
            return total
        for j, chance in enumerate(policy(t, s)):
            if chance == 0:
                continue
            paid = np.array([game["leader"][s][j], *(one[s][j] for one in game["followers"])], float)
            for k, probability in enumerate(game["probability"][s][j]):
                if probability > 0:
                    paid = paid + probability * discount * onwards(t + 1, game["successor"][s][j][k])
            total += chance * paid
        return total

    return sum(chance * onwards(0, s) for s, chance in enumerate(game["initial"]) if chance > 0)


def best_reply_value(game, policy, steps, discount, follower):
    """The most that a follower earns by any policy of its own, of all that there are, if the others keep to their part."""
    joint, states, count = _joint(game), len(game["leader"]), game["num_actions"][follower]
    values = []
    for plan in itertools.product(range(count), repeat=steps * states):

        def deviated(t, s, plan=plan):
            chances = np.zeros(len(joint))
            for j, chance in enumerate(policy(t, s)):
                actions = list(joint[j])
                actions[follower] = plan[t * states + s]
                chances[joint.index(tuple(actions))] += chance
            return chances

        values.append(joint_value(game, deviated, steps, discount)[1 + follower])
    return max(values)


def _stages(game, steps, discount, choose):
    """``[T][S]`` what ``choose`` makes of each stage's payoffs, ``[1 + N][S][J]`` leader first, last step first."""
    agents, states = 1 + len(game["num_actions"]), len(game["leader"])
    pays = np.array([game["leader"], *game["followers"]], float)
    values, found = np.zeros((agents, states)), []
    for _ in range(steps):
        worth = pays.copy()
        for s in range(states):
            for j in range(pays.shape[2]):
                for k, probability in enumerate(game["probability"][s][j]):
                    worth[:, s, j] += discount * probability * values[:, game["successor"][s][j][k]]
        chosen = choose(worth)
        values = (worth * chosen[None]).sum(axis=2)
        found.append(chosen)
    return np.array(found[::-1])


def _regrets(worth, actions, game):
    """``[N]`` what each follower would gain by another action in a stage, worth ``[N][J]``, if ``actions`` are played."""
    joint = _joint(game)
    found = []
    for i, count in enumerate(game["num_actions"]):
        others = [joint.index((*actions[:i], a, *actions[i + 1 :])) for a in range(count)]
        found.append(max(worth[i][other] for other in others) - worth[i][joint.index(tuple(actions))])
    return found


def pure_stages(game, steps, discount, ties, is_welfare, tie=1e-9):
    """``[T, S, J]`` in each stage the joint action of least largest regret, the leader's best or worst of equals."""
    joint = _joint(game)

    def choose(worth):
        chosen = np.zeros(worth.shape[1:])
        for s in range(worth.shape[1]):
            regret = np.array([max(_regrets(worth[1:, s], actions, game)) for actions in joint])
            likes = worth[1:, s].sum(axis=0) if is_welfare else worth[0, s]
            among = [j for j in range(len(joint)) if regret[j] <= regret.min() + tie]
            best = max(among, key=lambda j: likes[j]) if ties == "for" else min(among, key=lambda j: likes[j])
            chosen[s, best] = 1.0
        return chosen

    return _stages(game, steps, discount, choose)


def learned_stages(game, steps, discount, rounds, step_size):
    """``[T, S, J]`` what optimistic multiplicative weights play on average in each stage."""
    joint, actions = _joint(game), game["num_actions"]

    def choose(worth):
        own = worth[1:]
        spread = own.max() - own.min() or 1.0
        chosen = np.zeros(worth.shape[1:])
        for s in range(worth.shape[1]):
            sums, last = ([np.zeros(count) for count in actions] for _ in range(2))
            for _ in range(rounds):
                plays = []
                for total, once in zip(sums, last, strict=True):
                    raised = np.exp(step_size * (total + once) - np.max(step_size * (total + once)))
                    plays.append(raised / raised.sum())
                seen = [np.zeros(count) for count in actions]
                for j, profile in enumerate(joint):
                    chances = [plays[i][a] for i, a in enumerate(profile)]
                    chosen[s, j] += np.prod(chances) / rounds
                    for i, a in enumerate(profile):
                        seen[i][a] += np.prod([p for m, p in enumerate(chances) if m != i]) * own[i, s, j] / spread
                sums = [total + once for total, once in zip(sums, seen, strict=True)]
                last = seen
        return chosen

    return _stages(game, steps, discount, choose)


def equality_of(payoffs):
    """1 less the Gini index over its largest value; 0 for payoffs that differ and do not sum to anything positive."""
    n, total = len(payoffs), sum(payoffs)
    if n == 1 or len(set(payoffs)) == 1:
        return 1.0
    if total <= 0:
        return 0.0
    gini = sum(abs(x - y) for x in payoffs for y in payoffs) / (2 * n * total)
    return max(0.0, 1.0 - gini * n / (n - 1))


def welfare(objective, own, payoffs):
    """What a leader is paid of everybody's payoffs."""
    if objective == "utilitarian":
        return sum(payoffs) / len(payoffs)
    if objective == "nash":
        return 0.0 if min(payoffs) <= 0 else float(np.prod(payoffs)) ** (1 / len(payoffs))
    if objective == "rawls":
        return min(payoffs)
    if objective == "product":
        return equality_of(payoffs) * sum(payoffs)
    return own


def greedy_after_q_learning(game, first, *, start, episodes, steps, rate, discount, knows_time):
    """``[T, S, J]`` what followers do who learn at the same time without exploration, where outcomes are certain.

    ``first`` are their values at first, ``[T][S][A_i]`` each; one table ``[1][S][A_i]`` where they do not know the time.
    """
    joint, values = _joint(game), [np.array(table, float) for table in first]
    for _ in range(episodes):
        s = start
        for t in range(steps):
            now, later = (t, min(t + 1, steps - 1)) if knows_time else (0, 0)
            actions = tuple(int(table[now, s].argmax()) for table in values)
            j = joint.index(actions)
            after = game["successor"][s][j][int(np.argmax(game["probability"][s][j]))]
            targets = [
                game["followers"][i][s][j] + (discount * table[later, after].max() if t < steps - 1 else 0.0)
                for i, table in enumerate(values)
            ]
            for table, action, target in zip(values, actions, targets, strict=True):
                table[now, s, action] += rate * (target - table[now, s, action])
            s = after
    times, states = values[0].shape[:2]
    chosen = np.zeros((times, states, len(joint)))
    for t in range(times):
        for s in range(states):
            chosen[t, s, joint.index(tuple(int(table[t, s].argmax()) for table in values))] = 1.0
    return chosen


def value_by_stages(game, policy, deviator=None):
    """As `joint_value` of ``policy[t][s]`` chances of joint actions, backwards: for episodes whose tree is too large.

    With a ``deviator`` it is what that follower earns by its best policy instead, as `best_reply_value`.
    """
    pays, joint = np.array([game["leader"], *game["followers"]], float), _joint(game)
    states = pays.shape[1]
    values = np.zeros((len(pays), states))
    for t in reversed(range(len(policy))):
        worth = pays.copy()
        for s in range(states):
            for j in range(len(joint)):
                for k, probability in enumerate(game["probability"][s][j]):
                    worth[:, s, j] += probability * values[:, game["successor"][s][j][k]]
        for s in range(states):
            values[:, s] = worth[:, s] @ policy[t][s]
            if deviator is None:
                continue
            earned = np.zeros(game["num_actions"][deviator])
            for j, chance in enumerate(policy[t][s]):
                for a in range(len(earned)):
                    actions = (*joint[j][:deviator], a, *joint[j][deviator + 1 :])
                    earned[a] += chance * worth[1 + deviator, s, joint.index(actions)]
            values[1 + deviator, s] = earned.max()
    found = np.asarray(game["initial"]) @ values.T
    return found if deviator is None else float(found[1 + deviator])


def patch_payoffs(stocks, picks, rates, skills=(1.0, 0.7, 0.4), effort=0.1):
    """What a step of a commons with patches pays each follower: ``picks[i]`` is None or ``(patch, amount)``."""
    wanted = [sum(pick[1] for pick in picks if pick is not None and pick[0] == p) for p in range(len(stocks))]
    paid, pot = [], 0.0
    for pick, skill in zip(picks, skills, strict=True):
        if pick is None:
            paid.append(0.0)
            continue
        patch, amount = pick
        got = amount if wanted[patch] <= stocks[patch] else amount * stocks[patch] / wanted[patch]
        paid.append(skill * got * (1 - rates[patch]) - effort * amount)
        pot += skill * got * rates[patch]
    return np.array([one + pot / len(skills) for one in paid]), [max(0, s - w) for s, w in zip(stocks, wanted, strict=True)]


def patch_chance(rest):
    """That a patch grows by one."""
    return 3.6 * rest * (6 - rest) / 36


def stock_game(rates):
    """The commons of one stock under a rate for each of seven stocks, as the functions here take a game."""
    joint = list(itertools.product(range(3), repeat=3))
    followers = np.zeros((3, 7, len(joint)))
    successor, probability = np.zeros((7, len(joint), 2), int), np.zeros((7, len(joint), 2))
    for s in range(7):
        for j, amounts in enumerate(joint):
            picks = [(0, amount) if amount else None for amount in amounts]
            followers[:, s, j], (rest,) = patch_payoffs([s], picks, [rates[s]])
            successor[s, j] = rest, min(rest + 1, 6)
            probability[s, j] = 1 - patch_chance(rest), patch_chance(rest)
    return {
        "num_actions": (3, 3, 3),
        "initial": np.eye(7)[6],
        "successor": successor,
        "probability": probability,
        "leader": np.zeros((7, len(joint))),
        "followers": followers,
    }


def together_by_stages(patches, horizon):
    """The most that the followers of a commons with patches earn in sum, by dynamic programming over all stocks."""
    ways = [None, *((p, amount) for p in range(patches) for amount in (1, 2))]
    values = dict.fromkeys(itertools.product(range(7), repeat=patches), 0.0)
    for _ in range(horizon):
        after = {}
        for stocks in values:
            best = -np.inf
            for picks in itertools.product(ways, repeat=3):
                paid, rests = patch_payoffs(stocks, picks, [0.0] * patches)
                worth = paid.sum()
                for grown in itertools.product((0, 1), repeat=patches):
                    chance = np.prod([patch_chance(r) if g else 1 - patch_chance(r) for r, g in zip(rests, grown, strict=True)])
                    if chance > 0:
                        worth += chance * values[tuple(min(r + g, 6) for r, g in zip(rests, grown, strict=True))]
                best = max(best, worth)
            after[stocks] = best
        values = after
    return values[(6,) * patches]
