"""Kuhn poker: one card each, one bet. Free of JAX."""

import itertools
from typing import Any

from stackjax.errors import require_count, require_number
from stackjax.extensive.making import game
from stackjax.extensive.tree import Chance, Decision, Named, Node, Terminal
from stackjax.extensive.treeplex import ExtensiveGame

__all__ = ["check_rake", "kuhn"]

MOST_CARDS = 13
FACES = {3: "JQK", 4: "JQKA"}


def check_rake(rake: float) -> None:
    """Raise `InputError` unless it is a share."""
    require_number("rake", rake, lambda share: 0 <= share <= 1, "at least 0 and at most 1")


def kuhn(
    *, players: int = 2, cards: int | None = None, rake: float = 0.0, leader: int | str = 1, randomized: bool = True
) -> ExtensiveGame:
    """Kuhn poker: after an ante of 1 players check or bet 1 in turn; once there is a bet the others fold or call, once each.

    The highest card still in wins the pot: its player gains what the others have lost, less the house's share.

    Args:
      players: how many, at least 2.
      cards: different cards in the deck; by default one more than players.
      rake: the house's share of what the winner gains.
      leader, randomized: as of `stackjax.extensive.game`.

    Raises:
      InputError: a number is out of range.

    References: Kuhn (1950); with several players Szafron, Gibson and Sturtevant (2013).
    """
    require_count("players", players, least=2, most=6)
    count = players + 1 if cards is None else cards
    require_count("cards", count, least=players, most=MOST_CARDS)
    check_rake(rake)
    faces = FACES.get(count) or [str(card) for card in range(count)]
    every = list(itertools.permutations(range(count), players))
    deals = dict.fromkeys(every, 1.0 / len(every))

    def node(history: tuple[Any, ...]) -> Node:
        if not history:
            return Chance(deals)
        cards, moves = history[0], history[1:]
        first = moves.index("bet") if "bet" in moves else None
        if len(moves) == (players if first is None else first + players):
            return Terminal(_paid(cards, moves, first, rake))
        player = len(moves) % players
        seen = "" if not moves else f" after {', '.join(moves)}"
        if first is not None and players == 2:
            seen = " facing a bet"
        name = Named((player, cards[player], moves), f"{faces[cards[player]]}{seen}")
        return Decision(player, name, ("check", "bet") if first is None else ("fold", "call"))

    names = tuple(f"player {k + 1}" for k in range(players))
    return game("kuhn", players=names, node=node, leader=leader, randomized=randomized)


def _paid(cards: tuple[int, ...], moves: tuple[str, ...], first: int | None, rake: float) -> list[float]:
    """What players gain: of those who are in, the highest card has the pot."""
    count = len(cards)
    chips = [1] * count
    is_in = [first is None] * count
    if first is not None:
        for k, move in enumerate(moves[first:], first):
            if move != "fold":
                chips[k % count], is_in[k % count] = 2, True
    winner = max((card, k) for k, card in enumerate(cards) if is_in[k])[1]
    gains = [-float(own) for own in chips]
    gains[winner] = (sum(chips) - chips[winner]) * (1.0 - rake)
    return gains
