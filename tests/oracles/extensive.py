"""Games in extensive form node by node: plain recursions, and best replies by trying every reduced plan."""

import zlib

import numpy as np

from stackjax.extensive import Chance, Decision, Terminal


def nodes_of(game):
    """Nested tuples of a game's tree: ``("t", payoffs)``, ``("c", chances, below)`` or ``("p", seat, set, below)``."""
    tree = game.tree
    below = [[] for _ in tree.owner]
    for node, parent in enumerate(tree.parent):
        if parent >= 0:
            below[parent].append(node)
    ends = dict(zip(tree.leaves.tolist(), tree.payoffs, strict=True))

    def nested(node):
        if node in ends:
            return ("t", ends[node])
        deeper = [nested(one) for one in below[node]]
        if tree.owner[node] < 0:
            return ("c", [float(tree.chance[one]) for one in below[node]], deeper)
        return ("p", int(tree.owner[node]), int(tree.infoset[node]), deeper)

    return nested(0)


def values(nodes, behaviours):
    """``[P]`` what everybody is paid if seat ``p`` plays ``behaviours[p][set]``, chances of its actions."""
    if nodes[0] == "t":
        return nodes[1]
    chances = nodes[1] if nodes[0] == "c" else behaviours[nodes[1]][nodes[2]]
    return sum(chance * values(below, behaviours) for chance, below in zip(chances, nodes[-1], strict=True) if chance)


def sets_of(nodes, seat):
    """``{set: number of actions}`` of a seat, in the order in which they are met."""
    found = {nodes[2]: len(nodes[3])} if nodes[0] == "p" and nodes[1] == seat else {}
    for below in nodes[-1] if nodes[0] != "t" else ():
        found |= sets_of(below, seat)
    return found


def met(nodes, seat, plan):
    """The sets of a seat that may be met if it does what ``plan`` says where it says anything."""
    if nodes[0] == "t":
        return set()
    if nodes[0] == "p" and nodes[1] == seat:
        place = nodes[2]
        return {place} | (met(nodes[3][plan[place]], seat, plan) if place in plan else set())
    return set().union(*(met(below, seat, plan) for below in nodes[-1]))


def reduced_plans(nodes, seat):
    """Every way to choose an action at the sets that are met by choosing so."""
    counts, found, left = sets_of(nodes, seat), [], [{}]
    while left:
        plan = left.pop()
        open_sets = sorted(met(nodes, seat, plan) - plan.keys())
        if open_sets:
            left += [plan | {open_sets[0]: action} for action in range(counts[open_sets[0]])]
        else:
            found.append(plan)
    return found


def pure(nodes, seat, plan):
    """The behaviour of a reduced plan: anything where it does not come."""
    return {k: np.eye(count)[plan.get(k, 0)] for k, count in sets_of(nodes, seat).items()}


def best_replies(nodes, seat, behaviours, leader, plans=None, close=1e-12):
    """What the best reduced plans of a seat pay: ``(own payoff, most of the leader's, least of it)``."""
    tried = reduced_plans(nodes, seat) if plans is None else plans
    paid = np.array([values(nodes, behaviours | {seat: pure(nodes, seat, plan)}) for plan in tried])
    best = paid[:, seat].max()
    kept = paid[paid[:, seat] >= best - close, leader]
    return best, kept.max(), kept.min()


def random_node(seed, players=2, depth=4):
    """A game of random rules, as a function of histories: who moves, what is seen, how it ends; perfect recall by construction.

    A player's set is what it did at its last one and what it saw of the move before this; payoffs are small whole numbers, so
    that there are ties, and chances are multiples of 1/8.
    """
    draw = lambda *key: np.random.default_rng([seed, zlib.crc32(repr(key).encode())])

    def facts(history):
        """Of each player what it knows, and its own moves so far."""
        known = [()] * players
        for k in range(len(history)):
            node = at(history[:k])
            if isinstance(node, Decision):
                known[node.player] = (*node.infoset, history[k])
        return known

    def at(history):
        rng = draw("node", *history)
        if len(history) >= depth or (len(history) >= players and rng.random() < 0.15):
            return Terminal(rng.integers(-3, 4, players).astype(float).tolist())
        kind = int(rng.integers(-1, players)) if len(history) >= players else len(history)
        if kind < 0:
            parts = rng.multinomial(6, [0.5, 0.5]) + 1
            return Chance({f"c{k}": part / 8 for k, part in enumerate(parts.tolist())})
        own = facts(history)[kind]
        seen = int(history[-1][-1]) % 2 if history and rng.random() < 0.7 else 2
        key = (kind, *own, seen)
        count = int(draw("actions", *map(str, key)).integers(2, 4))
        return Decision(kind, key, [f"a{k}" for k in range(count)])

    return at


def random_commitment(rng, counts):
    """Chances of multiples of 1/8, some of them 0, at each set."""
    return {k: rng.multinomial(8, np.ones(count) / count) / 8 for k, count in counts.items()}
