"""A game's tree, walked node by node and checked on the way. Free of JAX."""

import dataclasses
import math
import numbers
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from stackjax.errors import InputError, near_matches, require_is
from stackjax.extensive.tree import CHANCE, LEAF, Chance, Decision, Named, Node, Terminal, Tree

__all__ = ["MOST_LEAVES", "too_many_leaves", "walk"]

MOST_LEAVES = 2_000_000
MOST_LEVELS = 1_000  # information sets of one player on a path
MOST_MOVES = 4_000  # of everybody on a path
MOST_OFF = 1e-6  # 1, of the sum of chances
RECALL = "games need perfect recall"


class _Way(NamedTuple):
    """What leads to a node that is not yet visited: ``own`` is each player's last set and action."""

    state: Any
    parent: int
    move: int
    chance: float
    own: tuple[tuple[int, int], ...]
    path: tuple[str, ...]


@dataclasses.dataclass
class _Set:
    """An information set: the own set and action before it, how many of its own come before."""

    name: str
    actions: tuple[str, ...]
    before: tuple[int, int]
    level: int


def too_many_leaves(most: int) -> InputError:
    """That a game has more than the ``most`` that it may have."""
    return InputError(f"the game has more than {most} leaves, the most that a game in extensive form may have")


def walk(players: Sequence[str], root: Any, expand: Callable[[Any], tuple[Node, Callable[[int], Any]]]) -> Tree:
    """The whole tree of a game.

    Args:
      players: their names.
      root: the state at the start.
      expand: ``state -> (node, after)``: what stands there, and the state after each of its actions, by number. It is called in
        depth-first order, the first action's first.

    Raises:
      InputError: a node makes no sense, a player forgets, or there are too many leaves; says where.
    """
    return _Walk(tuple(players)).all(root, expand)


class _Walk:
    """The tree as far as it was visited."""

    def __init__(self, players: tuple[str, ...]) -> None:
        self.players = players
        self.owner: list[int] = []
        self.infoset: list[int] = []
        self.ways: list[tuple[int, int, float]] = []  # parent, move and chance of each node
        self.leaves: list[int] = []
        self.payoffs: list[tuple[float, ...]] = []
        self.sets: list[list[_Set]] = [[] for _ in players]
        self.places: dict[Hashable, tuple[int, int]] = {}
        self.chance_names: dict[int, tuple[str, ...]] = {}

    def all(self, root: Any, expand: Callable[[Any], tuple[Node, Callable[[int], Any]]]) -> Tree:
        left = [_Way(root, -1, -1, 1.0, ((-1, -1),) * len(self.players), ())]
        while left:
            way = left.pop()
            node, after = expand(way.state)
            self.ways.append(way[1:4])
            if isinstance(node, Terminal):
                self._terminal(node, way)
            elif isinstance(node, Chance):
                names, chances = self._chance(node, way)
                steps = enumerate(zip(names, chances, strict=True))
                here = len(self.owner) - 1
                found = [_Way(after(k), here, k, chance, way.own, (*way.path, name)) for k, (name, chance) in steps]
                left += reversed(found)
            elif isinstance(node, Decision):
                player, place, actions = self._decision(node, way)
                here, own = len(self.owner) - 1, way.own
                moved = lambda k, p=player, i=place, own=own: (*own[:p], (i, k), *own[p + 1 :])
                found = [_Way(after(k), here, k, 1.0, moved(k), (*way.path, name)) for k, name in enumerate(actions)]
                left += reversed(found)
            else:
                raise InputError(f"node {_at(way.path)} is {node!r:.60}; it must be a Chance, a Decision or a Terminal")
            if len(way.path) > MOST_MOVES:
                raise InputError(f"a path has more than {MOST_MOVES} moves; games in extensive form must end earlier")
        return self._tree()

    def _visit(self, owner: int, infoset: int = -1) -> None:
        self.owner.append(owner)
        self.infoset.append(infoset)

    def _terminal(self, node: Terminal, way: _Way) -> None:
        values = tuple(node.payoffs)
        if len(values) != len(self.players):
            raise InputError(f"the end {_at(way.path)} pays {len(values)} players, but there are {len(self.players)}")
        for value in values:
            if not (_is_real(value) and math.isfinite(value)):
                raise InputError(f"the end {_at(way.path)} pays {value!r}; every payoff must be a finite number")
        if len(self.leaves) == MOST_LEAVES:
            raise too_many_leaves(MOST_LEAVES)
        self.leaves.append(len(self.owner))
        self.payoffs.append(tuple(float(value) for value in values))
        self._visit(LEAF)

    def _chance(self, node: Chance, way: _Way) -> tuple[tuple[str, ...], list[float]]:
        require_is("chances", node.chances, Mapping, f"a dict of chances by action; so it is {_at(way.path)}")
        for action, chance in node.chances.items():
            if not (_is_real(chance) and chance >= 0):  # False for NaN
                raise InputError(f"chance {_at(way.path)} takes {action!r} with {chance!r}; a chance must be at least 0")
        chances = [float(chance) for chance in node.chances.values()]
        if not abs(sum(chances) - 1.0) <= MOST_OFF:
            raise InputError(f"chances {_at(way.path)} sum to {sum(chances):.9g}, but must sum to 1")
        names = tuple(map(str, node.chances))
        self.chance_names[len(self.owner)] = names
        self._visit(CHANCE)
        return names, chances

    def _decision(self, node: Decision, way: _Way) -> tuple[int, int, tuple[str, ...]]:
        require_is("actions", node.actions, Sequence, f"a list of names; so it is {_at(way.path)}")
        player, actions = self._seat(node.player, way), tuple(map(str, node.actions))
        if not actions or len(set(actions)) < len(actions):
            raise InputError(
                f"the decision {_at(way.path)} has actions ({', '.join(actions)}); it needs one or more, all different"
            )
        key, name = node.infoset if isinstance(node.infoset, Named) else (node.infoset, _called(node.infoset))
        try:
            known = self.places.get(key)
        except TypeError as error:
            raise InputError(f"infoset={key!r:.60} must be hashable, for example a tuple or a word") from error
        if known is None:
            place = len(self.sets[player])
            before = way.own[player]
            level = 0 if before[0] < 0 else self.sets[player][before[0]].level + 1
            if level >= MOST_LEVELS:
                raise InputError(
                    f"player {player + 1} moves more than {MOST_LEVELS} times on a path, the most that it may move"
                )
            self.sets[player].append(_Set(name, actions, before, level))
            self.places[key] = player, place
        else:
            self._check_again(player, actions, known, way)
            place = known[1]
        self._visit(player, place)
        return player, place, self.sets[player][place].actions

    def _check_again(self, player: int, actions: tuple[str, ...], known: tuple[int, int], way: _Way) -> None:
        """Raise `InputError` unless a set that was met before may be met here."""
        owner, place = known
        found = self.sets[owner][place]
        what = f'set "{found.name}"'
        if owner != player:
            raise InputError(
                f"{what} is of player {owner + 1}, and {_at(way.path)} of player {player + 1}; a set is of one player"
            )
        if len(actions) != len(found.actions):
            raise InputError(f"{what} has {len(found.actions)} actions, and {_at(way.path)} {len(actions)}; it must be as many")
        if actions != found.actions:
            first, second = ", ".join(found.actions), ", ".join(actions)
            raise InputError(f"{what} has actions ({first}), and {_at(way.path)} ({second}); they must be the same")
        if way.own[player] == found.before:
            return
        who = f"player {player + 1}"
        if place in [before for before, _ in self._own_way(player, way.own[player])]:
            raise InputError(f"{who} is absent-minded: {what} is met again {_at(way.path)}; {RECALL}")
        first, second = (self._own_words(player, one) for one in (found.before, way.own[player]))
        if first == second:  # the same words at other sets
            first, second = (self._own_words(player, one, sets=True) for one in (found.before, way.own[player]))
        raise InputError(f"{who} forgets: {what} is reached after ({first}), and after ({second}); {RECALL}")

    def _own_way(self, player: int, last: tuple[int, int]) -> list[tuple[int, int]]:
        found = []
        while last[0] >= 0:
            found.append(last)
            last = self.sets[player][last[0]].before
        return found[::-1]

    def _own_words(self, player: int, last: tuple[int, int], sets: bool = False) -> str:
        steps = [(self.sets[player][place], action) for place, action in self._own_way(player, last)]
        return ", ".join(f"{one.actions[action]} at {one.name}" if sets else one.actions[action] for one, action in steps)

    def _seat(self, player: Any, way: _Way) -> int:
        seats, names = range(len(self.players)), ", ".join(self.players)
        if isinstance(player, numbers.Integral) and not isinstance(player, bool) and int(player) in seats:
            return int(player)
        if isinstance(player, str) and player in self.players:
            return self.players.index(player)
        near = near_matches(player, self.players) if isinstance(player, str) else ""
        raise InputError(
            f"player={player!r} {_at(way.path)} must be a place from 0 to {len(self.players) - 1}, or one of {names}.{near}"
        )

    def _tree(self) -> Tree:
        parent, move, chance = zip(*self.ways, strict=True)
        return Tree(
            self.players,
            np.asarray(self.owner, np.int32),
            np.asarray(self.infoset, np.int32),
            np.asarray(parent, np.int32),
            np.asarray(move, np.int32),
            np.asarray(chance, np.float64),
            np.asarray(self.leaves, np.int32),
            np.asarray(self.payoffs, np.float64).reshape(-1, len(self.players)),
            tuple(np.asarray([one.before for one in own], np.int32).reshape(-1, 2) for own in self.sets),
            tuple(tuple(one.name for one in own) for own in self.sets),
            tuple(tuple(one.actions for one in own) for own in self.sets),
            self.chance_names,
        )


def _is_real(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _at(path: tuple[str, ...]) -> str:
    return f"after {', '.join(path)}" if path else "at the root"


def _called(infoset: Any) -> str:
    """An information set in words."""
    return " ".join(map(str, infoset)) or "the start" if isinstance(infoset, tuple) else str(infoset)
