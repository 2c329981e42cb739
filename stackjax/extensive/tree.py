"""Games in extensive form as trees of nodes: what stands at each history, and the whole tree as flat arrays. Free of JAX."""

import dataclasses
from collections.abc import Hashable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

__all__ = ["CHANCE", "LEAF", "Chance", "Decision", "Named", "Node", "Terminal", "Tree"]

CHANCE, LEAF = -1, -2  # in place of the player who moves


@dataclasses.dataclass(frozen=True)
class Chance:
    """A move of chance: the probability of each of its actions, by name."""

    chances: Mapping[Any, float]


@dataclasses.dataclass(frozen=True)
class Decision:
    """A move of a player.

    Attributes:
      player: its place among the players, from 0, or its name.
      infoset: all that it knows here, anything hashable: histories with the same are one information set. It is also the set's
        name in tables.
      actions: what it chooses from, two or more names as a rule; the same wherever the set is met.
    """

    player: int | str
    infoset: Hashable
    actions: Sequence[Any]


@dataclasses.dataclass(frozen=True)
class Terminal:
    """The end: what each player is paid, game units."""

    payoffs: Sequence[float]


Node = Chance | Decision | Terminal


class Named(NamedTuple):
    """An information set's ``key`` where its name alone does not tell it from others."""

    key: Hashable
    name: str


@dataclasses.dataclass(frozen=True, eq=False)
class Tree:
    """Nodes in depth-first order, each before those that follow it, the first action's first. NumPy.

    Attributes:
      players: their names, by seat.
      owner: int32 ``[V]`` the seat of who moves at a node, from 0; `CHANCE` or `LEAF`.
      infoset: int32 ``[V]`` the place of the node's information set among its owner's, in the order of the tree; else -1.
      parent: int32 ``[V]`` the node before; -1 at the root.
      move: int32 ``[V]`` which action of the node before leads here; -1 at the root.
      chance: ``[V]`` the probability of that action where chance moves, else 1.
      leaves: int32 ``[Z]`` the nodes at which the game ends.
      payoffs: ``[Z, P]`` what each player is paid there, game units.
      before: for each player int32 ``[I, 2]``, the own information set and action that come before each of its sets; -1, -1 for
        none.
      set_names, action_names: for each player what its sets are called, and the actions at each.
      chance_names: what actions are called at each node of chance.
    """

    players: tuple[str, ...]
    owner: np.ndarray
    infoset: np.ndarray
    parent: np.ndarray
    move: np.ndarray
    chance: np.ndarray
    leaves: np.ndarray
    payoffs: np.ndarray
    before: tuple[np.ndarray, ...]
    set_names: tuple[tuple[str, ...], ...]
    action_names: tuple[tuple[tuple[str, ...], ...], ...]
    chance_names: dict[int, tuple[str, ...]]

    @cached_property
    def depth(self) -> np.ndarray:
        """int32 ``[V]`` how many moves were made before each node."""
        found = np.zeros(len(self.parent), np.int32)
        for node, parent in enumerate(self.parent[1:].tolist(), 1):
            found[node] = found[parent] + 1
        return found

    @cached_property
    def by_depth(self) -> list[np.ndarray]:
        """The nodes at depth 0, 1, ...."""
        order = np.argsort(self.depth, kind="stable").astype(np.int32)
        return np.split(order, np.cumsum(np.bincount(self.depth))[:-1])

    @cached_property
    def reach(self) -> np.ndarray:
        """``[V]`` the probability of a node if all players want to get there."""
        found = self.chance.copy()
        for nodes in self.by_depth[1:]:
            found[nodes] *= found[self.parent[nodes]]
        return found

    @cached_property
    def children(self) -> tuple[np.ndarray, np.ndarray]:
        """``(first [V + 1], child [V - 1])``: the nodes after ``v``, by action, are ``child[first[v] : first[v + 1]]``."""
        first = np.zeros(len(self.parent) + 1, np.int64)
        np.cumsum(np.bincount(self.parent[1:], minlength=len(self.parent)), out=first[1:])
        return first, (np.argsort(self.parent[1:], kind="stable") + 1).astype(np.int32)

    def actions_at(self, node: int) -> tuple[str, ...]:
        """What actions are called at a node; none at the end."""
        owner = int(self.owner[node])
        if owner < 0:
            return self.chance_names.get(node, ())
        return self.action_names[owner][int(self.infoset[node])]

    def path(self, node: int) -> tuple[str, ...]:
        """The actions that lead to a node."""
        found: list[str] = []
        while self.parent[node] >= 0:
            node, move = int(self.parent[node]), int(self.move[node])
            found.append(self.actions_at(node)[move])
        return tuple(reversed(found))
