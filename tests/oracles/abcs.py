"""ABCs, MAX-CFR, Boltzmann Q-learning and external sampling event by event, on a game's nodes; compiled where numba is there.

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


class Graph(NamedTuple):
    """A game whose nodes several ways may lead to; a child has a larger number than its parents.

    ``who [V]`` moves (-1 chance, -2 nobody), at the set ``where [V]``. The edges of ``v`` are ``first[v]`` to ``first[v + 1]``,
    with ``child [E]``, ``chance [E]`` and what players ``gain [P, E]`` there. Ends pay ``pays [P, V]``. ``choices`` are the
    numbers of actions, by player and set.
    """

    who: np.ndarray
    where: np.ndarray
    first: np.ndarray
    child: np.ndarray
    chance: np.ndarray
    gain: np.ndarray
    pays: np.ndarray
    choices: tuple[np.ndarray, ...]


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
    kinds: np.ndarray
    met: np.ndarray


def graph_of(game):
    """A tree as a graph, leader 0."""
    tree = game.tree
    first, child = tree.children
    pays = np.zeros((len(game.seats), len(tree.owner)))
    pays[:, tree.leaves] = tree.payoffs[:, list(game.seats)].T
    gain = np.zeros((len(game.seats), len(child)))
    who, where = game.node_player.astype(np.int64), game.node_set.astype(np.int64)
    edges = first.astype(np.int64), child.astype(np.int64), tree.chance[child]
    return Graph(who, where, *edges, gain, pays, tuple(one.choices.astype(np.int64) for one in game.treeplexes))


def kinds_of(graph, p):
    """``[V]`` a number for each node of ``p`` and each end, the same for all that are alike to ``p``; and how many there are.

    Ends are alike that pay ``p`` alike. A node gets the least number that none has which may follow an action beside it.
    """
    following = [set()] * len(graph.who)
    for v in range(len(graph.who) - 1, -1, -1):
        below = graph.child[graph.first[v] : graph.first[v + 1]]
        mine = graph.who[v] in (p, -2)
        following[v] = {v} if mine else set().union(*(following[u] for u in below))
    after = {}
    for v in np.flatnonzero(graph.who == p).tolist():
        for a, u in enumerate(graph.child[graph.first[v] : graph.first[v + 1]]):
            after.setdefault((int(graph.where[v]), a), set()).update(following[u])
    what = lambda v: ("end", float(graph.pays[p, v])) if graph.who[v] == -2 else ("node", v)
    number, beside = {}, {}
    for nodes in after.values():
        alike = {what(v) for v in nodes}
        for one in alike:
            beside.setdefault(one, set()).update(alike)
    for one in sorted(beside, key=str):
        taken = {number[other] for other in beside[one] if other in number}
        number[one] = next(k for k in range(len(taken) + 1) if k not in taken)
    found = np.array([number.get(what(v), 0) if graph.who[v] in (p, -2) else 0 for v in range(len(graph.who))], np.int64)
    return found, 1 + max(number.values(), default=0)


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
    """From a node to the next of ``p``, or the end, and what ``p`` gains on the way."""
    gained = 0.0
    while t.who[v] != p and t.who[v] != -2:
        kids = t.first[v + 1] - t.first[v]
        if t.who[v] == -1:
            at, left = 0, np.random.random()
            while at < kids - 1 and left >= t.chance[t.first[v] + at]:
                left -= t.chance[t.first[v] + at]
                at += 1
        else:
            at = _draw(_explore(s, t.who[v], t.where[v]), kids)
        gained += t.gain[p, t.first[v] + at]
        v = t.child[t.first[v] + at]
    return v, gained


@njit(cache=False)
def _visit(t, s, p, v, reach):
    i = t.where[v]
    count = s.counts[p, i]
    is_first = s.met[p, i] < s.held[2]  # in this pass: an action branches once, the drawn one is always followed
    s.met[p, i] = s.held[2]
    sigma = _explore(s, p, i)
    taken = _draw(sigma, count)
    nexts = np.full(count, -1)
    gains = np.zeros(count)
    olds = np.zeros((count, s.q.shape[2]))
    for a in range(count):
        if s.mode == 2 and a != taken:
            continue
        nexts[a], gains[a] = _advance(t, s, p, t.child[t.first[v] + a])
        gains[a] += t.gain[p, t.first[v] + a]
        s.held[1] += 1
        if s.mode == 0:
            s.buffer[p, i, a, s.filled[p, i, a] % BUFFER] = s.kinds[p, nexts[a]]
            s.filled[p, i, a] += 1
        if t.who[nexts[a]] == p:
            olds[a] = s.q[p, t.where[nexts[a]]]
    values = np.zeros(count)
    followed = np.zeros(count)
    for a in range(count):
        if nexts[a] >= 0 and t.who[nexts[a]] == p:
            followed[a] = not _stationary(s, p, i, a)
            if s.mode == 3 or a == taken or (is_first and followed[a] > 0):
                values[a] = _visit(t, s, p, nexts[a], reach * sigma[a])
            else:
                followed[a] = 0.0
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
        target += gains[a]
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
            v, _ = _advance(t, s, p, 0)
            if t.who[v] == p:
                _visit(t, s, p, v, 1.0)
        s.held[2] += 1
        if s.held[2] % 20 == 0:
            s.held[0] *= cooling


class Learning:
    """Players of a game who learn by ``mode``; leader 0 and others who do not learn keep to ``fixed[player] [I, A]``."""

    def __init__(self, game, mode=ABCS, fixed=None, seed=0, significance=0.05, cooling=None, temperature=1.0):
        graph = game if isinstance(game, Graph) else graph_of(game)
        self.graph, self.seed, self.fixed = graph, seed, fixed or {}
        players = len(graph.choices)
        self.learners = np.array([p for p in range(players) if p not in self.fixed])
        kinds, most = zip(*(kinds_of(graph, p) for p in range(players)), strict=True)
        most = max(most[p] for p in self.learners)
        counts = np.ones((players, max(map(len, graph.choices))), np.int64)
        for p, choices in enumerate(graph.choices):
            counts[p, : len(choices)] = choices
        shape = (*counts.shape, counts.max())
        chances, is_fixed = np.zeros(shape), np.zeros(players, np.bool_)
        for p, made in self.fixed.items():
            is_fixed[p], chances[p, : made.shape[0], : made.shape[1]] = True, made
        critical = np.concatenate([[0.0], chi2.isf(significance, np.arange(1, most + 1))])
        self.cooling = {BQL: 0.995}.get(mode, 0.99) if cooling is None else cooling
        held = np.array([temperature, 0.0, 0.0])  # temperature, nodes, iterations
        ring = np.zeros((*shape, BUFFER if mode == ABCS else 1), np.int16)
        self.state = State(
            *(held, np.zeros(shape), np.zeros(shape), np.zeros(shape)),
            *(ring, np.zeros(shape, np.int64), np.full(shape, -1, np.int64), critical, most, mode, counts),
            *(chances, is_fixed, np.stack(kinds), np.full(counts.shape, -1.0)),
        )

    def run(self, nodes=np.inf, iterations=np.inf):
        """Carry on until so many nodes were stepped, or iterations made."""
        _run(self.graph, self.state, self.learners, float(nodes), float(iterations), self.cooling, self.seed)
        self.seed = -1
        return self

    @property
    def nodes(self):
        return self.state.held[1]

    def _of(self, array):
        """``array [P, I, A]`` as behaviours of all players, leader first."""
        found = []
        for p, choices in enumerate(self.graph.choices):
            mask = np.arange(choices.max()) < choices[:, None]
            own = array[p, : len(choices), : choices.max()] * mask
            total = own.sum(axis=1, keepdims=True)
            made = np.where(total > 0, own / np.where(total > 0, total, 1.0), mask / choices[:, None])
            found.append(self.fixed.get(p, made))
        return found

    def average(self):
        """Behaviours of all players, leader first: cumulative policies, normalised."""
        return self._of(self.state.total)

    def last(self):
        """The likeliest by Q alone: a best action at each set."""
        q = np.where(self.state.n > 0, self.state.q, -np.inf)
        return self._of((q == q.max(axis=2, keepdims=True)).astype(float))

    def explored(self, p):
        """``[I, A]`` what player ``p`` plays next."""
        return np.array([_explore(self.state, p, i) for i in range(len(self.graph.choices[p]))])
