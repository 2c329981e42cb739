"""ABCs, MAX-CFR, Boltzmann Q-learning and external sampling event by event, on a tree's nodes; compiled where numba is there.

Plain loops as in the code of "Adaptive branching through child stationarity" (ABCs): nodes are stepped one at a time, children
are kept in ring buffers, verdicts in a cache. What players a commitment leaves out are chances like others.
"""

from typing import NamedTuple

import numpy as np
from scipy.stats import chi2

try:
    from numba import njit
except ImportError:
    njit = lambda function=None, **_: function if function else lambda f: f

BUFFER, FEWEST, FORGET = 1000, 10, 0.05
ABCS, MAXCFR, BQL, HEDGE = range(4)


class Nodes(NamedTuple):
    """The tree: who moves, the place of its set, children, chances, what ends pay, and each node's kind as a child."""

    who: np.ndarray
    where: np.ndarray
    first: np.ndarray
    child: np.ndarray
    chance: np.ndarray
    pays: np.ndarray
    kinds: np.ndarray


class State(NamedTuple):
    """By player, set and action, changed in place; ``held`` is the temperature, and how many nodes and iterations were."""

    held: np.ndarray
    q: np.ndarray
    n: np.ndarray
    total: np.ndarray
    buffer: np.ndarray
    filled: np.ndarray
    verdict: np.ndarray
    critical: np.ndarray
    most: int
    mode: int
    counts: np.ndarray
    fixed: np.ndarray
    is_fixed: np.ndarray


def arrays(game, learners):
    """The tree as arrays: who moves, children, and the kind of each node as a child of its player's last sequence.

    ``learners`` are places among the game's players, leader 0; the others' chances come with each run.
    """
    tree = game.tree
    first, child = tree.children
    who, where = game.node_player.astype(np.int64), game.node_set.astype(np.int64)
    pays = np.zeros((len(game.seats), len(who)))
    pays[:, tree.leaves] = tree.payoffs[:, list(game.seats)].T
    kinds = np.zeros((len(game.seats), len(who)), np.int64)
    most = 1
    for p in learners:
        known = {}
        for v in range(len(who)):
            if who[v] == p or who[v] == -2:
                of = known.setdefault(int(game.node_rows[p, v]), {})
                kinds[p, v] = of.setdefault(("node", v) if who[v] == p else ("end", float(pays[p, v])), len(of))
                most = max(most, len(of))
    widest = max(one.num_actions for one in game.treeplexes)
    sets = max(one.num_sets for one in game.treeplexes)
    counts = np.ones((len(game.seats), sets), np.int64)
    for p, one in enumerate(game.treeplexes):
        counts[p, : one.num_sets] = one.choices
    nodes = Nodes(who, where, first.astype(np.int64), child.astype(np.int64), tree.chance, pays, kinds)
    return nodes, most, counts, widest


@njit(cache=False)
def _draw(chances, count):
    at, left = 0, np.random.random()
    while at < count - 1 and left >= chances[at]:
        left -= chances[at]
        at += 1
    return at


@njit(cache=False)
def _stationary(s, p, i, a):
    """The verdict on a sequence, from the cache if it is there."""
    if s.mode != 0:
        return s.mode == 2
    if s.verdict[p, i, a] >= 0:
        return s.verdict[p, i, a] == 1
    length = min(s.filled[p, i, a], BUFFER)
    found = True
    if length >= FEWEST:
        older, newer = np.zeros(s.most), np.zeros(s.most)
        half = length // 2
        start = s.filled[p, i, a] - length
        for k in range(length):
            kind = s.buffer[p, i, a, (start + k) % BUFFER]
            if k < half:
                older[kind] += 1
            else:
                newer[kind] += 1
        columns = 0
        for k in range(s.most):
            columns += older[k] + newer[k] > 0
        if columns > 1:
            statistic = 0.0
            for k in range(s.most):
                both = older[k] + newer[k]
                if both > 0:
                    for side in range(2):
                        seen = older[k] if side == 0 else newer[k]
                        expected = both * (half if side == 0 else length - half) / length
                        off = abs(seen - expected)
                        if columns == 2:
                            off = off - min(0.5, off)
                        statistic += off * off / expected
            found = statistic <= s.critical[columns - 1]
    s.verdict[p, i, a] = 1 if found else 0
    return found


@njit(cache=False)
def _explore(s, p, i):
    count = s.counts[p, i]
    chances = np.zeros(s.q.shape[2])
    if s.is_fixed[p]:
        chances[:count] = s.fixed[p, i, :count]
        return chances
    if s.mode == 3:
        scale = 1.0
    else:
        untried = 0
        for a in range(count):
            untried += s.n[p, i, a] == 0
        if untried > 0:
            for a in range(count):
                chances[a] = (1.0 if s.n[p, i, a] == 0 else 0.0) / untried
            return chances
        largest = 0.0
        for a in range(count):
            largest = max(largest, s.n[p, i, a])
        if s.mode == 2:
            scale = 1.0 / max(s.held[0], 1.0 / largest)
        else:
            calm = True
            for a in range(count):
                calm = calm and _stationary(s, p, i, a)
            scale = 1.0 / s.held[0] if calm else largest
    best = -np.inf
    for a in range(count):
        best = max(best, s.q[p, i, a])
    sum_ = 0.0
    for a in range(count):
        chances[a] = np.exp((s.q[p, i, a] - best) * scale)
        sum_ += chances[a]
    return chances / sum_


@njit(cache=False)
def _advance(t, s, p, v):
    """From a node to the next of ``p``, or the end."""
    while t.who[v] != p and t.who[v] != -2:
        kids = t.first[v + 1] - t.first[v]
        if t.who[v] == -1:
            at, left = 0, np.random.random()
            while at < kids - 1 and left >= t.chance[t.child[t.first[v] + at]]:
                left -= t.chance[t.child[t.first[v] + at]]
                at += 1
        else:
            at = _draw(_explore(s, t.who[v], t.where[v]), kids)
        v = t.child[t.first[v] + at]
    return v


@njit(cache=False)
def _visit(t, s, p, v, reach):
    i = t.where[v]
    count = s.counts[p, i]
    sigma = _explore(s, p, i)
    taken = _draw(sigma, count)
    nexts = np.full(count, -1)
    olds = np.zeros((count, s.q.shape[2]))
    for a in range(count):
        if s.mode == 2 and a != taken:
            continue
        nexts[a] = _advance(t, s, p, t.child[t.first[v] + a])
        s.held[1] += 1
        if s.mode == 0:
            s.buffer[p, i, a, s.filled[p, i, a] % BUFFER] = t.kinds[p, nexts[a]]
            s.filled[p, i, a] += 1
        if t.who[nexts[a]] == p:
            olds[a] = s.q[p, t.where[nexts[a]]]
    values = np.zeros(count)
    followed = np.zeros(count)
    for a in range(count):
        if nexts[a] >= 0 and t.who[nexts[a]] == p:
            followed[a] = not _stationary(s, p, i, a)
            if s.mode == 3 or a == taken or followed[a] > 0:
                values[a] = _visit(t, s, p, nexts[a], reach * sigma[a])
    if s.mode == 3:
        value = 0.0
        for a in range(count):
            if t.who[nexts[a]] == -2:
                values[a] = t.pays[p, nexts[a]]
            s.q[p, i, a] += values[a]
            value += sigma[a] * values[a]
            s.n[p, i, a] += 1
            s.total[p, i, a] += reach * sigma[a]
        return value
    for a in range(count):
        if nexts[a] < 0:
            continue
        if t.who[nexts[a]] == -2:
            target = t.pays[p, nexts[a]]
        else:
            j = t.where[nexts[a]]
            width = s.counts[p, j]
            best = olds[a, :width].max()
            target = best
            if followed[a] > 0:
                equals, correction = 0, 0.0
                for b in range(width):
                    if olds[a, b] == best:
                        equals += 1
                        newest = s.n[p, j, b] * s.q[p, j, b] - (s.n[p, j, b] - 1) * olds[a, b]
                        correction += newest - s.q[p, j, b]
                target += correction / equals
        s.q[p, i, a] += (target - s.q[p, i, a]) / (s.n[p, i, a] + 1)
        s.n[p, i, a] += 1
    if s.mode == 2:
        sigma = _explore(s, p, i)
    for a in range(count):
        s.total[p, i, a] += sigma[a]
    return 0.0


@njit(cache=False)
def _run(t, s, learners, until, most_iterations, cooling, seed):
    """Iterations until so many nodes or iterations; carries on where it stopped. Returns nothing: ``s`` is changed."""
    if seed >= 0:
        np.random.seed(seed)
    while s.held[1] < until and s.held[2] < most_iterations:
        if np.random.random() < FORGET:
            s.verdict[:] = -1
        for p in learners:
            v = _advance(t, s, p, 0)
            if t.who[v] == p:
                _visit(t, s, p, v, 1.0)
        s.held[2] += 1
        if s.held[2] % 20 == 0:
            s.held[0] *= cooling


class Learning:
    """Players of a game who learn by ``mode``; leader 0 and others who do not learn keep to ``fixed[player] [I, A]``."""

    def __init__(self, game, mode=ABCS, fixed=None, seed=0, significance=0.05, cooling=None, temperature=1.0):
        self.game, self.seed, self.fixed = game, seed, fixed or {}
        learners = [p for p in range(len(game.seats)) if p not in self.fixed]
        self.tree, most, counts, widest = arrays(game, learners)
        self.learners = np.array(learners)
        shape = (len(game.seats), counts.shape[1], widest)
        chances, is_fixed = np.zeros(shape), np.zeros(len(game.seats), np.bool_)
        for p, made in self.fixed.items():
            is_fixed[p], chances[p, : made.shape[0], : made.shape[1]] = True, made
        critical = np.concatenate([[0.0], chi2.isf(significance, np.arange(1, most + 1))])
        self.cooling = {BQL: 0.995}.get(mode, 0.99) if cooling is None else cooling
        held = np.array([temperature, 0.0, 0.0])  # temperature, nodes, iterations
        ring = np.zeros((*shape, BUFFER if mode == ABCS else 1), np.int16)
        self.state = State(
            *(held, np.zeros(shape), np.zeros(shape), np.zeros(shape)),
            *(ring, np.zeros(shape, np.int64), np.full(shape, -1, np.int64), critical, most, mode, counts),
            *(chances, is_fixed),
        )

    def run(self, nodes=np.inf, iterations=np.inf):
        """Carry on until so many nodes were stepped, or iterations made."""
        _run(self.tree, self.state, self.learners, float(nodes), float(iterations), self.cooling, self.seed)
        self.seed = -1
        return self

    @property
    def nodes(self):
        return self.state.held[1]

    def _of(self, array):
        """``array [P, I, A]`` as behaviours of all players, leader first."""
        found = []
        for p, one in enumerate(self.game.treeplexes):
            own = array[p, : one.num_sets, : one.num_actions] * one.mask
            total = own.sum(axis=1, keepdims=True)
            even = one.mask / one.choices[:, None]
            made = np.where(total > 0, own / np.where(total > 0, total, 1.0), even)
            found.append(self.fixed.get(p, made))
        return found

    def average(self):
        """Behaviours of all players, leader first: cumulative policies, normalised."""
        return self._of(self.state.total)

    def last(self):
        """The likeliest by Q alone: a best action at each set."""
        q = np.where(self.state.n > 0, self.state.q, -np.inf)
        return self._of((q == q.max(axis=2, keepdims=True)).astype(float))


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
