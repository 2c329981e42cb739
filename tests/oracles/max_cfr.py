"""MAX-CFR by given draws, in plain loops over a tree's nodes: one level of own nodes after another."""

import numpy as np


def _tried(q, n):
    """MAX-CFR's chances at a set: an untried action, else in proportion to exponentials of sums."""
    if (n == 0).any():
        return (n == 0) / (n == 0).sum()
    raised = np.exp((q - q.max()) * n.max())
    return raised / raised.sum()


def _first_beyond(chances, uniform):
    sums = np.cumsum(chances)[:-1]
    return int((uniform >= sums).sum())


def max_cfr_turn(game, known, p, opening, levels):
    """One turn of player ``p`` by given draws: every own node that can be met is visited, one level after another.

    ``known[player] = (q, n, total)`` are lists of an array for each set, changed in place. ``opening [G]`` are uniforms of the
    others' moves before the first own node; ``levels`` have ``(place [W], moves [G, W * A])``, of the own draw at each node and
    of the others' moves after each of its actions. Nodes after drawn actions come first on the next level.
    """
    tree = game.tree
    first, child = tree.children
    kids = lambda v: child[first[v] : first[v + 1]]
    width = game.treeplexes[p].num_actions

    def chances(who, i):
        return _tried(known[who][0][i], known[who][1][i])

    def arrived(v, uniforms):
        for uniform in uniforms:
            who = game.node_player[v]
            if who in (p, -2):
                break
            v = kids(v)[_first_beyond(tree.chance[kids(v)] if who == -1 else chances(who, game.node_set[v]), uniform)]
        return v

    def visit(nodes, level):
        """By node: newest samples of greedy actions less what is now known of them, which corrects what parents learn."""
        place, moves = levels[level]
        after, taken, olds = [], [], []
        for slot, v in enumerate(nodes):
            own = chances(p, game.node_set[v])
            taken.append(_first_beyond(own, place[slot]))
            after.append([arrived(one, moves[:, slot * width + a]) for a, one in enumerate(kids(v))])
            olds.append(own)
        places = [(slot, a) for slot, row in enumerate(after) for a, v in enumerate(row) if game.node_player[v] == p]
        places.sort(key=lambda at: taken[at[0]] != at[1])
        before = {at: known[p][0][game.node_set[after[at[0]][at[1]]]].max() for at in places}
        surprises = visit([after[slot][a] for slot, a in places], level + 1) if places else []
        learned = dict(zip(places, surprises, strict=True))
        found = []
        for slot, v in enumerate(nodes):
            i = game.node_set[v]
            q, n, total = (part[i] for part in known[p])
            pays = [
                tree.payoffs[np.searchsorted(tree.leaves, u), game.seats[p]] if first[u] == first[u + 1] else 0.0
                for u in after[slot]
            ]
            target = np.array(
                [before[slot, a] + learned[slot, a] if (slot, a) in learned else pays[a] for a in range(len(pays))]
            )
            greedy = q == q.max()
            q += (target - q) / (n + 1)
            n += 1
            total += olds[slot]
            found.append((target - q)[greedy].mean())
        return found

    start = arrived(0, opening)
    if game.node_player[start] == p:
        visit([start], 0)
