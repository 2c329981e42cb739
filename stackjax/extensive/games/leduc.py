"""Leduc poker: six cards, two rounds of bets, a public card between them. Free of JAX."""

from typing import Any, NamedTuple

from stackjax.extensive.games.kuhn import check_rake
from stackjax.extensive.making import game
from stackjax.extensive.tree import Chance, Decision, Named, Node, Terminal
from stackjax.extensive.treeplex import ExtensiveGame

__all__ = ["leduc"]

CARDS = ("J1", "J2", "Q1", "Q2", "K1", "K2")
RAISES = (2, 4)  # by round
MOST_RAISES = 2  # in a round


class _Table(NamedTuple):
    """Where a history has come to: chips of both, moves of each round, who is to move; ``is_over`` of the round."""

    chips: tuple[int, int]
    rounds: tuple[tuple[str, ...], ...]
    player: int
    is_over: bool
    folded: int | None


def leduc(*, rake: float = 0.0, leader: int | str = 1, randomized: bool = True) -> ExtensiveGame:
    """Leduc poker: one of six cards each, an ante of 1, a round of bets, a public card, and a second round.

    Raises are of 2, then of 4, at most two in a round. Who pairs the public card wins, else the higher rank; equal ranks share.
    Suits mean nothing, but are seen, as in OpenSpiel's.

    Args:
      rake: the house's share of what the winner gains.
      leader, randomized: as of `stackjax.extensive.game`.

    Raises:
      InputError: the rake is no share.

    References: Southey et al. (2005).
    """
    check_rake(rake)

    def deal(left: list[str]) -> Chance:
        return Chance(dict.fromkeys(left, 1.0 / len(left)))

    def node(history: tuple[Any, ...]) -> Node:
        cards = tuple(action for action in history if action in CARDS)
        left = [card for card in CARDS if card not in cards]
        if len(cards) < 2:
            return deal(left)
        table = _table(history[2:])
        if table.folded is not None or (table.is_over and len(cards) == 3):
            return Terminal(_paid(cards, table, rake))
        if table.is_over and len(cards) == 2:
            return deal(left)
        here = table.rounds[len(cards) - 2]
        actions = ["fold"] if here[-1:] == ("raise",) else []
        actions += ["call" if actions else "check"]
        actions += ["raise"] if here.count("raise") < MOST_RAISES else []
        own = cards[table.player]
        seen = [own, *table.rounds[0], *(f"public {card}" for card in cards[2:]), *table.rounds[1]]
        return Decision(table.player, Named((table.player, own, history[2:]), " ".join(seen)), actions)

    return game("leduc", players=("player 1", "player 2"), node=node, leader=leader, randomized=randomized)


def _table(moves: tuple[str, ...]) -> _Table:
    """What moves after the deal, with the public card among them, come to."""
    chips, rounds, k, player, is_over = [1, 1], [[], []], 0, 0, False  # type: ignore[var-annotated]
    for move in moves:
        if move in CARDS:
            k, player, is_over = 1, 0, False
            continue
        rounds[k].append(move)
        if move == "fold":
            return _Table((chips[0], chips[1]), tuple(map(tuple, rounds)), player, True, player)
        if move != "check":
            chips[player] = max(chips) + (RAISES[k] if move == "raise" else 0)
        is_over = move == "call" or rounds[k] == ["check", "check"]
        player = 1 - player
    return _Table((chips[0], chips[1]), tuple(map(tuple, rounds)), player, is_over, None)


def _paid(cards: tuple[str, ...], table: _Table, rake: float) -> tuple[float, float]:
    if table.folded is not None:
        winner = 1 - table.folded
    else:
        ranks = [CARDS.index(card) // 2 for card in cards]
        strength = [len(CARDS) + ranks[k] if ranks[k] == ranks[2] else ranks[k] for k in range(2)]
        if strength[0] == strength[1]:
            return 0.0, 0.0
        winner = int(strength[1] > strength[0])
    gain, loss = table.chips[1 - winner] * (1.0 - rake), -float(table.chips[1 - winner])
    return (gain, loss) if winner == 0 else (loss, gain)
