"""A game in extensive form as flat arrays: each player's treeplex, and what leaves pay by the players' sequences. Free of JAX.

A *sequence* of a player is an information set of its own and an action there, which stand for all of its moves up to there. Set
``I`` and action ``a`` are row ``I * A + a``; one more row, the last, is the empty sequence, of nobody's moves.
"""

import dataclasses
import hashlib
from functools import cached_property

import numpy as np

from stackjax.extensive.tree import CHANCE, LEAF, Tree

__all__ = ["ExtensiveGame", "Masses", "Treeplex"]

MOST_CELLS, MOST_CELLS_A_LEAF = 300_000, 64  # of a table of sequences that is worth having; on CPUs up to some 80 a leaf


@dataclasses.dataclass(frozen=True, eq=False)
class Treeplex:
    """A player's information sets ``I``, the later the more of its own come before; actions ``A`` padded. NumPy.

    Attributes:
      parent: int32 ``[I]`` the row of the sequence that comes before each set; in ascending order within a level.
      mask: bool ``[I, A]`` which actions there are.
      levels: bounds ``[D + 1]``: sets ``levels[l]`` to ``levels[l + 1]`` have ``l`` own sets before them.
      set_names: ``[I]``.
      action_names: ``[I]``, the names of each set's actions.
    """

    parent: np.ndarray
    mask: np.ndarray
    levels: tuple[int, ...]
    set_names: tuple[str, ...]
    action_names: tuple[tuple[str, ...], ...]

    @property
    def num_sets(self) -> int:
        return self.mask.shape[0]

    @property
    def num_actions(self) -> int:
        """A, the most of any set."""
        return self.mask.shape[1]

    @property
    def empty(self) -> int:
        """The row of the empty sequence."""
        return self.mask.size

    @property
    def num_rows(self) -> int:
        """Q, with that of the empty sequence, and those of actions that there are not."""
        return self.mask.size + 1

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """``(first, end)`` of the sets of each level."""
        return tuple(zip(self.levels[:-1], self.levels[1:], strict=True))

    @cached_property
    def by_level(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """int32 ``[D, W]`` the sets of each level, padded with set 0; ``[I]`` where each is among these, level by level; and
        ``[D, W]`` the same sets, padded with ``I + 1``: ``I`` is for the empty sequence.
        """
        widest = max(end - first for first, end in self.spans)
        place = np.full((len(self.spans), widest), self.num_sets + 1, np.int32)
        for level, (first, end) in enumerate(self.spans):
            place[level, : end - first] = np.arange(first, end)
        is_set = place < self.num_sets
        return np.where(is_set, place, 0), np.flatnonzero(is_set).astype(np.int32), place

    @cached_property
    def choices(self) -> np.ndarray:
        """int ``[I]`` how many actions each set has."""
        return self.mask.sum(axis=1)

    @cached_property
    def ways(self) -> np.ndarray:
        """``[I, A]`` how many sequences after which the player does not move again begin with each action."""
        found = np.append(np.zeros(self.mask.size), 0.0)
        for infoset in reversed(range(self.num_sets)):
            first = infoset * self.num_actions
            own = slice(first, first + int(self.choices[infoset]))
            found[own] = np.maximum(found[own], 1.0)
            found[self.parent[infoset]] += found[own].sum()
        return found[:-1].reshape(self.mask.shape)


@dataclasses.dataclass(frozen=True)
class Masses:
    """How likely nodes of a player's sets are, apart from its own moves: sums of ``chance`` times the others' plans.

    Attributes:
      sets: int32 ``[E]``, in ascending order.
      rows: int32 ``[1 + N, E]`` the others' sequences; the own are the empty one.
      chance: ``[E]``.
    """

    sets: np.ndarray
    rows: np.ndarray
    chance: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class ExtensiveGame:
    """A game in extensive form in which the leader commits and ``N`` followers answer. Players are leader first.

    Leaves with the same sequences of all players are one entry ``L``; entries are in the order of the followers' sequences.

    Attributes:
      name: for people.
      tree: its nodes, players by seat.
      seats: of the players, leader first, from 0; a player that never moves has none.
      randomized: whether the leader mixes at each of its sets, or takes one action at each.
    """

    name: str
    tree: Tree
    seats: tuple[int, ...]
    randomized: bool = True

    @cached_property
    def player_names(self) -> tuple[str, ...]:
        """Leader first."""
        return tuple(self.tree.players[seat] for seat in self.seats)

    @property
    def num_followers(self) -> int:
        """N, those who move."""
        return len(self.seats) - 1

    @cached_property
    def _ordered(self) -> tuple[tuple[Treeplex, np.ndarray], ...]:
        return tuple(_treeplex(self.tree, seat) for seat in self.seats)

    @cached_property
    def treeplexes(self) -> tuple[Treeplex, ...]:
        """Leader first."""
        return tuple(treeplex for treeplex, _ in self._ordered)

    @cached_property
    def node_set(self) -> np.ndarray:
        """int32 ``[V]`` the place of a node's set in its player's treeplex; -1 where nobody of them moves."""
        found = np.full(len(self.tree.owner), -1, np.int32)
        for seat, (_, place) in zip(self.seats, self._ordered, strict=True):
            own = self.tree.owner == seat
            found[own] = place[self.tree.infoset[own]]
        return found

    @cached_property
    def node_player(self) -> np.ndarray:
        """int32 ``[V]`` who moves at a node, leader 0; `CHANCE` or `LEAF`."""
        found = np.where(self.tree.owner == LEAF, LEAF, CHANCE).astype(np.int32)
        for player, seat in enumerate(self.seats):
            found[self.tree.owner == seat] = player
        return found

    @cached_property
    def node_rows(self) -> np.ndarray:
        """int32 ``[1 + N, V]`` each player's sequence on the way to a node."""
        tree, who, where = self.tree, self.node_player, self.node_set
        found = np.array([[one.empty] for one in self.treeplexes], np.int32).repeat(len(who), axis=1)
        for nodes in tree.by_depth[1:]:
            before = tree.parent[nodes]
            found[:, nodes] = found[:, before]
            for player, treeplex in enumerate(self.treeplexes):
                moved = who[before] == player
                found[player, nodes[moved]] = where[before[moved]] * treeplex.num_actions + tree.move[nodes[moved]]
        return found

    @cached_property
    def _leaves(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        tree, leaves = self.tree, self.tree.leaves
        rows, chance = self.node_rows[:, leaves], tree.reach[leaves]
        kept, place = _distinct(np.roll(rows, -1, axis=0))
        sums = [chance, *(chance * tree.payoffs[:, seat] for seat in self.seats)]
        chance, *paid = (np.bincount(place, one, minlength=len(kept)) for one in sums)
        return rows[:, kept], chance, np.stack(paid)

    @property
    def leaf_rows(self) -> np.ndarray:
        """int32 ``[1 + N, L]`` the players' sequences that lead to each entry of leaves."""
        return self._leaves[0]

    @property
    def leaf_chance(self) -> np.ndarray:
        """``[L]`` the probability of an entry if all players want to get there."""
        return self._leaves[1]

    @property
    def leaf_paid(self) -> np.ndarray:
        """``[1 + N, L]`` the sum of that probability times payoffs, game units."""
        return self._leaves[2]

    @cached_property
    def leaf_profile(self) -> np.ndarray:
        """int32 ``[L]`` which profile of followers' sequences leads to each entry, in ascending order."""
        changed = (np.diff(self.leaf_rows[1:], axis=1) != 0).any(axis=0)
        return np.concatenate([[0], np.cumsum(changed)]).astype(np.int32)

    @cached_property
    def profile_rows(self) -> np.ndarray:
        """int32 ``[N, M]`` the profiles of followers' sequences that lead to leaves."""
        return self.leaf_rows[1:, np.unique(self.leaf_profile, return_index=True)[1]]

    def masses(self, player: int) -> Masses:
        """How likely the nodes of a player's sets are, leader 0."""
        return self._masses[player]

    @property
    def is_dense(self) -> bool:
        """Whether `by_sequences` has so few zeros that a product of matrices is faster than sums over leaves."""
        cells = self.treeplexes[0].num_rows * self.treeplexes[1].num_rows
        return len(self.seats) == 2 and cells <= min(MOST_CELLS, MOST_CELLS_A_LEAF * self.leaf_rows.shape[1])

    @cached_property
    def by_sequences(self) -> np.ndarray:
        """``[2, Q_1, Q_0]`` what pairs of sequences, the lone follower's and the leader's, pay the leader and it."""
        found = np.zeros((2, self.treeplexes[1].num_rows, self.treeplexes[0].num_rows))
        for table, paid in zip(found, self.leaf_paid, strict=True):
            np.add.at(table, (self.leaf_rows[1], self.leaf_rows[0]), paid)
        return found

    @cached_property
    def _masses(self) -> tuple[Masses, ...]:
        found = []
        for player, treeplex in enumerate(self.treeplexes):
            nodes = np.flatnonzero(self.node_player == player)
            rows, sets, chance = self.node_rows[:, nodes], self.node_set[nodes], self.tree.reach[nodes]
            rows[player] = treeplex.empty
            kept, place = _distinct(np.concatenate([sets[None], rows]))
            found.append(Masses(sets[kept], rows[:, kept], np.bincount(place, chance, minlength=len(kept))))
        return tuple(found)

    @cached_property
    def payoff_ranges(self) -> tuple[tuple[float, float], ...]:
        """The least and the most that each player is paid, leader first, game units."""
        return tuple((float(own.min()), float(own.max())) for own in self.tree.payoffs[:, list(self.seats)].T)

    @cached_property
    def digest(self) -> str:
        """A SHA-256 of all that the game comes to, but for names."""
        found = hashlib.sha256(repr((self.seats, self.randomized)).encode())
        tree = self.tree
        for array in (tree.owner, tree.infoset, tree.parent, tree.move, tree.chance, tree.payoffs):
            found.update(np.ascontiguousarray(array).tobytes())
        return found.hexdigest()


def _treeplex(tree: Tree, seat: int) -> tuple[Treeplex, np.ndarray]:
    """A player's treeplex, and int32 ``[I]`` the place there of each of its sets in the tree's order."""
    before, actions = tree.before[seat], tree.action_names[seat]
    count, widest = len(actions), max(map(len, actions))
    level = np.zeros(count, np.int32)
    for k, (parent, _) in enumerate(before.tolist()):  # a set comes after those before it
        level[k] = 0 if parent < 0 else level[parent] + 1
    place, parents, levels = np.zeros(count, np.int32), np.full(count, count * widest, np.int32), [0]
    for depth in range(int(level.max()) + 1):
        here = np.flatnonzero(level == depth)
        if depth:
            parents[here] = place[before[here, 0]] * widest + before[here, 1]
        here = here[np.argsort(parents[here], kind="stable")]
        place[here] = levels[-1] + np.arange(len(here))
        levels.append(levels[-1] + len(here))
    order = np.argsort(place)
    mask = np.arange(widest) < np.array([len(actions[k]) for k in order])[:, None]
    names = tuple(tree.set_names[seat][k] for k in order)
    return Treeplex(parents[order], mask, tuple(levels), names, tuple(actions[k] for k in order)), place


def _distinct(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of columns ``keys [K, E]``, the first row most important: one of each kind in order, and the kind of each column."""
    order = np.lexsort(keys[::-1])
    is_new = np.concatenate([[True], (np.diff(keys[:, order], axis=1) != 0).any(axis=0)])
    place = np.empty(len(order), np.int64)
    place[order] = np.cumsum(is_new) - 1
    return order[is_new], place
