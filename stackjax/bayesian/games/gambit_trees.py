"""Gambit's text format for games in extensive form (.efg), read without Gambit, and their reduced strategic form."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from stackjax.bayesian.games.gambit_text import MOST_PAYOFFS, Nfg, Tokens
from stackjax.errors import InputError

__all__ = ["Efg", "EfgNode", "parse_efg", "strategic_form"]

MOST_NODES = 1_000_000
MOST_WORK = 200_000_000  # payoffs that are added up for a strategic form
ROUNDING = 1e-13  # of the terms of a sum
NOT_REACHED = "-"  # what a plan does where it never comes

Moves = tuple[tuple[int, int], ...]  # of one player: pairs of an information set and an action there


class EfgNode(NamedTuple):
    """A node as the file has it.

    Attributes:
      kind: ``c`` where chance moves, ``p`` where a player does, ``t`` at the end.
      player: who moves, from 0; -1 for nobody.
      number: of the information set.
      name: of the information set, where the file tells one.
      actions: what they are called.
      law: chance's probabilities.
      payoffs: ``[n]`` of the node's outcome; None where it has none.
    """

    kind: str
    player: int = -1
    number: int = 0
    name: str = ""
    actions: tuple[str, ...] = ()
    law: tuple[float, ...] = ()
    payoffs: tuple[float, ...] | None = None


class Efg(NamedTuple):
    """A game in extensive form: players' names, and nodes in the order of the file, each before those that it leads to."""

    title: str
    players: list[str]
    nodes: list[EfgNode]


class _Ending(NamedTuple):
    """A terminal node, or one that is on the way there: its probability if all players want to get there, ``payoffs [n]`` of
    the outcomes up to it, and the ``moves`` of each player that lead there.
    """

    chance: float
    payoffs: np.ndarray
    moves: tuple[Moves, ...]


class _Reader:
    """Nodes one after the other."""

    def __init__(self, text: str) -> None:
        self.tokens = tokens = Tokens(text)
        title, players = tokens.head("EFG", "2")
        if not players:
            raise InputError("has no players")
        tokens.pass_word("a comment")
        self.game = Efg(title, players, [])
        self._sets: dict[tuple[int, int], tuple[str, tuple[str, ...]]] = {}  # by player and number
        self._laws: dict[int, tuple[tuple[str, ...], tuple[float, ...]]] = {}
        self._outcomes: dict[int, tuple[float, ...]] = {}

    def read(self) -> Efg:
        left = 1
        while left:
            if len(self.game.nodes) == MOST_NODES:
                raise InputError(f"has more than {MOST_NODES} nodes")
            self.game.nodes.append(self._node())
            left += len(self.game.nodes[-1].actions) - 1
        if self.tokens.kind != "end":
            raise self.tokens.wrong("the end")
        return self.game

    def _node(self) -> EfgNode:
        tokens, kind = self.tokens, next((kind for kind in "cpt" if self.tokens.next_is(kind)), None)
        if kind is None:
            raise tokens.wrong("a node, 'c', 'p' or 't',")
        tokens.word("the node's name")
        if kind == "t":
            return EfgNode(kind, payoffs=self._outcome())
        if kind == "c":
            number, name = self._set_number()
            actions, law = self._law(number)
            return EfgNode(kind, -1, number, name, actions, law, self._outcome())
        player = tokens.count("a player's number", len(self.game.players)) - 1
        if player < 0:
            raise InputError("has a node of player 0")
        number, name = self._set_number()
        name, actions = self._information_set(player, number, name)
        return EfgNode(kind, player, number, name, actions, (), self._outcome())

    def _set_number(self) -> tuple[int, str]:
        """That of an information set, and its name, which may be left out."""
        number = self.tokens.count("an information set's number", 10**9)
        return number, self.tokens.word("an information set's name") if self.tokens.kind == "word" else ""

    def _information_set(self, player: int, number: int, name: str) -> tuple[str, tuple[str, ...]]:
        """Its name and actions, which may be left out once they are known."""
        tokens = self.tokens
        given = tuple(tokens.words("an action's name")) if tokens.kind == "brace" else None
        if (player, number) not in self._sets:
            if not given:
                raise tokens.wrong(f"actions of information set {number} of player {player + 1}")
            self._sets[player, number] = name, given
        known = self._sets[player, number]
        if given is not None and len(given) != len(known[1]):
            raise tokens.wrong(f"{len(known[1])} actions, not {len(given)}, of information set {number} of player {player + 1}")
        return known

    def _law(self, number: int) -> tuple[tuple[str, ...], tuple[float, ...]]:
        """Chance's actions and their probabilities."""
        tokens = self.tokens
        if tokens.next_is("{"):
            pairs = tokens.until_closed(lambda: (tokens.word("an action's name"), tokens.real("a probability")))
            law = tuple(p for _, p in pairs)
            if min(law, default=-1.0) < 0 or abs(sum(law) - 1.0) > 1e-6:
                raise InputError(f"has chance moves with probabilities {', '.join(f'{p:g}' for p in law)}, which must sum to 1")
            self._laws[number] = tuple(name for name, _ in pairs), law
        if number not in self._laws:
            raise tokens.wrong(f"actions and probabilities of chance's information set {number}")
        return self._laws[number]

    def _outcome(self) -> tuple[float, ...] | None:
        """What an outcome pays; 0 is none, and others may be repeated by their number alone."""
        tokens, count = self.tokens, len(self.game.players)
        number = tokens.count("an outcome's number", 10**9)
        if number == 0:
            return None
        tokens.pass_word("an outcome's name")
        if tokens.next_is("{"):
            paid = tuple(tokens.until_closed(lambda: tokens.real("a payoff")))
            if len(paid) != count:
                raise InputError(f"has outcome {number}, which pays {len(paid)} players, but there are {count}")
            self._outcomes[number] = paid
        if number not in self._outcomes:
            raise tokens.wrong(f"payoffs of outcome {number}")
        return self._outcomes[number]


def parse_efg(text: str) -> Efg:
    """A game from the content of an .efg file.

    Raises:
      InputError: it is none, or has more than a million nodes; says in which line.
    """
    return _Reader(text).read()


def _played_out(game: Efg) -> tuple[list[list[list[str]]], list[list[set[Moves]]], list[_Ending]]:
    """Actions of each player's information sets, the ways in which it comes to each (its own moves), and how the game ends."""
    n = len(game.players)
    actions: list[list[list[str]]] = [[] for _ in range(n)]
    before: list[list[set[Moves]]] = [[] for _ in range(n)]
    places: dict[tuple[int, int], int] = {}
    endings, left = [], [_Ending(1.0, np.zeros(n), ((),) * n)]
    for node in game.nodes:
        way = left.pop()
        way = way._replace(payoffs=way.payoffs + (np.zeros(n) if node.payoffs is None else node.payoffs))
        if node.kind == "t":
            endings.append(way)
        elif node.kind == "c":
            left += [way._replace(chance=way.chance * p) for p in reversed(node.law)]
        else:
            player, own = node.player, way.moves[node.player]
            place = places.setdefault((player, node.number), len(actions[player]))
            if place == len(actions[player]):
                actions[player].append(list(node.actions))
                before[player].append(set())
            before[player][place].add(own)
            for a in reversed(range(len(node.actions))):
                left.append(way._replace(moves=(*way.moves[:player], (*own, (place, a)), *way.moves[player + 1 :])))
    return actions, before, endings


def strategic_form(game: Efg) -> Nfg:
    """The reduced strategic form: plans that say what to do wherever a player may come by following them.

    Raises:
      InputError: there are too many plans.
    """
    sets, before, endings = _played_out(game)
    plans = [_plans(actions, ways) for actions, ways in zip(sets, before, strict=True)]
    shape, n = tuple(map(len, plans)), len(plans)
    size = math.prod(shape)
    if size * n > MOST_PAYOFFS or size * len(endings) > MOST_WORK * n:
        raise InputError(f"has {' x '.join(map(str, shape))} plans, which makes more than {MOST_PAYOFFS} payoffs")
    payoffs, size_of_terms = np.zeros((*shape, n)), np.zeros((*shape, n))
    for ending in endings:
        leads = [
            [k for k, plan in enumerate(own) if all(plan[place] == action for place, action in moves)]
            for own, moves in zip(plans, ending.moves, strict=True)
        ]
        payoffs[np.ix_(*leads)] += ending.chance * ending.payoffs
        size_of_terms[np.ix_(*leads)] += ending.chance * np.abs(ending.payoffs)
    payoffs[np.abs(payoffs) <= ROUNDING * size_of_terms] = 0.0  # gains and losses that cancel, but for rounding
    names = [[_called(plan, actions) for plan in own] for own, actions in zip(plans, sets, strict=True)]
    return Nfg(game.title, game.players, names, payoffs)


def _plans(actions: list[list[str]], before: list[set[Moves]]) -> list[tuple[int | None, ...]]:
    """An action for each information set that a plan may come to, None for the others, in the order of the tree."""
    found: list[tuple[int | None, ...]] = []
    left: list[list[int | None]] = [[None] * len(actions)]
    least = 1
    while left:
        plan = left.pop()
        is_met = lambda k, plan=plan: any(all(plan[place] == action for place, action in way) for way in before[k])
        met: Iterator[int] = (k for k in range(len(actions)) if plan[k] is None and is_met(k))
        if not found:  # on the way to the first plan: every choice at the sets that are met belongs to another plan
            sets = list(met)
            least, met = max(least, math.prod(len(actions[k]) for k in sets)), iter(sets)
        k = next(met, None)
        if k is None:
            found.append(tuple(plan))
        if max(least, len(found)) > MOST_PAYOFFS:
            raise InputError(f"has a player with more than {MOST_PAYOFFS} plans")
        if k is None:
            continue
        left += [[*plan[:k], action, *plan[k + 1 :]] for action in reversed(range(len(actions[k])))]
    return found


def _called(plan: tuple[int | None, ...], actions: list[list[str]]) -> str:
    steps = [NOT_REACHED if action is None else own[action] for action, own in zip(plan, actions, strict=True)]
    return ", ".join(steps) or NOT_REACHED
