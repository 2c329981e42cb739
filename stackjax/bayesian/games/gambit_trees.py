"""Gambit's text format for games in extensive form (.efg), read without Gambit, and their reduced strategic form."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from stackjax.bayesian.games.gambit_text import MOST_PAYOFFS, Nfg, Tokens
from stackjax.errors import InputError

__all__ = ["Efg", "Ending", "parse_efg", "strategic_form"]

MOST_NODES = 1_000_000
MOST_WORK = 200_000_000  # payoffs that are added up for a strategic form
ROUNDING = 1e-13  # of the terms of a sum
NOT_REACHED = "-"  # what a plan does where it never comes

Moves = tuple[tuple[int, int], ...]  # of one player: pairs of an information set and an action there


class Ending(NamedTuple):
    """A terminal node, or one that is on the way there: its probability if all players want to get there, ``payoffs [n]`` of
    the outcomes up to it, and the ``moves`` of each player that lead there.
    """

    chance: float
    payoffs: np.ndarray
    moves: tuple[Moves, ...]


class Efg(NamedTuple):
    """A game in extensive form: players' names, ``actions`` of each player's information sets, and how it may end.

    ``before[i][k]`` are the ways in which player i comes to its information set k: its own moves up to there.
    """

    title: str
    players: list[str]
    actions: list[list[list[str]]]
    before: list[list[set[Moves]]]
    endings: list[Ending]


class _Reader:
    """Nodes in the order of the file: each before those that it leads to."""

    def __init__(self, text: str) -> None:
        self.tokens = tokens = Tokens(text)
        title, players = tokens.head("EFG", "2")
        if not players:
            raise InputError("has no players")
        tokens.pass_word("a comment")
        self.game = Efg(title, players, [[] for _ in players], [[] for _ in players], [])
        self._places: dict[tuple[int, int], int] = {}  # information sets by player and number
        self._laws: dict[int, list[float]] = {}
        self._outcomes: dict[int, np.ndarray] = {}

    def read(self) -> Efg:
        n = len(self.game.players)
        left, count = [Ending(1.0, np.zeros(n), ((),) * n)], 0
        while left:
            count += 1
            if count > MOST_NODES:
                raise InputError(f"has more than {MOST_NODES} nodes")
            left += reversed(self._node(left.pop()))
        if self.tokens.kind != "end":
            raise self.tokens.wrong("the end")
        return self.game

    def _node(self, way: Ending) -> list[Ending]:
        """The next node, to which ``way`` leads: the ways to those that follow it."""
        tokens, game, kind = self.tokens, self.game, next((kind for kind in "cpt" if self.tokens.next_is(kind)), None)
        if kind is None:
            raise tokens.wrong("a node, 'c', 'p' or 't',")
        tokens.word("the node's name")
        if kind == "t":
            game.endings.append(way._replace(payoffs=way.payoffs + self._outcome()))
            return []
        if kind == "c":
            law, paid = self._law(), way.payoffs + self._outcome()
            return [Ending(way.chance * p, paid, way.moves) for p in law]
        player = tokens.count("a player's number", len(game.players)) - 1
        if player < 0:
            raise InputError("has a node of player 0")
        place, own = self._information_set(player), way.moves[player]
        game.before[player][place].add(own)
        paid = way.payoffs + self._outcome()
        made = lambda a: (*way.moves[:player], (*own, (place, a)), *way.moves[player + 1 :])
        return [Ending(way.chance, paid, made(a)) for a in range(len(game.actions[player][place]))]

    def _set_number(self) -> int:
        """That of an information set, whose name may be left out."""
        number = self.tokens.count("an information set's number", 10**9)
        self.tokens.pass_word("an information set's name")
        return number

    def _information_set(self, player: int) -> int:
        """Its place among the player's; its actions may be left out once they are known."""
        tokens, number, actions = self.tokens, self._set_number(), self.game.actions[player]
        given = tokens.words("an action's name") if tokens.kind == "brace" else None
        place = self._places.get((player, number))
        if place is None:
            if not given:
                raise tokens.wrong(f"actions of information set {number} of player {player + 1}")
            place = self._places[player, number] = len(actions)
            actions.append(given)
            self.game.before[player].append(set())
        elif given is not None and len(given) != len(actions[place]):
            raise tokens.wrong(f"{len(actions[place])} actions of information set {number} of player {player + 1}")
        return place

    def _law(self) -> list[float]:
        """The probabilities of chance's actions."""
        tokens, number = self.tokens, self._set_number()
        if tokens.next_is("{"):
            law = tokens.until_closed(lambda: (tokens.word("an action's name"), tokens.real("a probability"))[1])
            if min(law, default=-1.0) < 0 or abs(sum(law) - 1.0) > 1e-6:
                raise InputError(f"has chance moves with probabilities {', '.join(f'{p:g}' for p in law)}, which must sum to 1")
            self._laws[number] = law
        if number not in self._laws:
            raise tokens.wrong(f"actions and probabilities of chance's information set {number}")
        return self._laws[number]

    def _outcome(self) -> np.ndarray:
        """What an outcome pays; 0 is none, and others may be repeated by their number alone."""
        tokens, n = self.tokens, len(self.game.players)
        number = tokens.count("an outcome's number", 10**9)
        if number == 0:
            return np.zeros(n)
        tokens.pass_word("an outcome's name")
        if tokens.next_is("{"):
            self._outcomes[number] = np.array([tokens.real("a payoff") for _ in range(n)])
            tokens.need("}")
        if number not in self._outcomes:
            raise tokens.wrong(f"payoffs of outcome {number}")
        return self._outcomes[number]


def parse_efg(text: str) -> Efg:
    """A game from the content of an .efg file.

    Raises:
      InputError: it is none, or has more than a million nodes; says in which line.
    """
    return _Reader(text).read()


def strategic_form(game: Efg) -> Nfg:
    """The reduced strategic form: plans that say what to do wherever a player may come by following them.

    Raises:
      InputError: there are too many plans.
    """
    plans = [_plans(actions, before) for actions, before in zip(game.actions, game.before, strict=True)]
    shape, n = tuple(map(len, plans)), len(plans)
    size = math.prod(shape)
    if size * n > MOST_PAYOFFS or size * len(game.endings) > MOST_WORK * n:
        raise InputError(f"has {' x '.join(map(str, shape))} plans, which makes more than {MOST_PAYOFFS} payoffs")
    payoffs, size_of_terms = np.zeros((*shape, n)), np.zeros((*shape, n))
    for ending in game.endings:
        leads = [
            [k for k, plan in enumerate(own) if all(plan[place] == action for place, action in moves)]
            for own, moves in zip(plans, ending.moves, strict=True)
        ]
        payoffs[np.ix_(*leads)] += ending.chance * ending.payoffs
        size_of_terms[np.ix_(*leads)] += ending.chance * np.abs(ending.payoffs)
    payoffs[np.abs(payoffs) <= ROUNDING * size_of_terms] = 0.0  # gains and losses that cancel, but for rounding
    names = [[_called(plan, actions) for plan in own] for own, actions in zip(plans, game.actions, strict=True)]
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
