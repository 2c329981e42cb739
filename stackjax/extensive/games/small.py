"""Inspections, signals, haggling, patrols and bribes: small games of one leader and one follower. Free of JAX."""

import itertools
from typing import Any

import numpy as np

from stackjax.errors import InputError, require, require_count, require_number
from stackjax.extensive.making import game
from stackjax.extensive.tree import Chance, Decision, Named, Node, Terminal
from stackjax.extensive.treeplex import ExtensiveGame

__all__ = ["haggle", "inspection", "patrol", "random_game", "sheriff", "signalling"]

CAUGHT, MISSED = (-0.5, -1.0), (-1.0, 1.0)
SIGNALLED = {"gl": (4, 10), "gr": (0, 6), "bl": (6, 0), "br": (0, 6)}
CHANGE_COST, RETREAT = 0.1, -0.05
MOST_ROUNDS = 12
MOST_LEVELS = 20
HIDDEN = {"0": 0.4, "1": 0.6}
CORRELATION = -0.3


def inspection(*, periods: int = 4, inspections: int = 2, leader: int | str = 1, randomized: bool = True) -> ExtensiveGame:
    """In each period the inspector may use one of its few inspections, and the inspectee, unseeing, acts legally or violates.

    Both then learn whether there was an inspection; a violation ends the game. A violation that is caught pays -1/2 and -1, one
    that is missed -1 and 1; if there is none, nobody is paid.

    Args:
      periods: how many there are.
      inspections: how many of them the inspector may inspect.
      leader, randomized: as of `stackjax.extensive.game`.

    Raises:
      InputError: a number is out of range.

    References: Dresher (1962), Maschler (1966), von Stengel (2016).
    """
    require_count("periods", periods, most=MOST_ROUNDS)
    require_count("inspections", inspections, least=0, most=periods)

    def node(history: tuple[Any, ...]) -> Node:
        past: list[str] = []
        used, moves = 0, list(history)
        for period in range(periods):
            seen = ", ".join(past) or "first period"
            can = used < inspections
            if can and not moves:
                return Decision("inspector", ("inspector:", seen), ("wait", "inspect"))
            inspects = can and moves.pop(0) == "inspect"
            if not moves:
                return Decision("inspectee", ("inspectee:", seen), ("legal", "violate"))
            if moves.pop(0) == "violate":
                return Terminal(CAUGHT if inspects else MISSED)
            used += inspects
            past.append(f"{period + 1} {'inspected' if inspects else 'not'}")
        return Terminal((0.0, 0.0))

    return game("inspection", players=("inspector", "inspectee"), node=node, leader=leader, randomized=randomized)


def sheriff(
    *, bribe: int = 2, items: int = 2, rounds: int = 2, leader: int | str = 1, randomized: bool = True
) -> ExtensiveGame:
    """The smuggler loads items; in each round it offers a bribe and the sheriff says whether it would inspect. The last counts.

    If the sheriff lets it pass the smuggler is paid its items less the bribe, and the sheriff the bribe. If it inspects, each
    item costs the smuggler 2 and pays the sheriff 2; if there are none, the smuggler is paid 3 and the sheriff loses 3.

    Args:
      bribe: the largest.
      items: the most.
      rounds: of bargaining.
      leader, randomized: as of `stackjax.extensive.game`.

    Raises:
      InputError: a number is out of range.

    References: Farina, Ling, Fang and Sandholm (2019).
    """
    require_count("bribe", bribe, least=0, most=20)
    require_count("items", items, most=20)
    require_count("rounds", rounds, most=MOST_ROUNDS)

    def node(history: tuple[Any, ...]) -> Node:
        if not history:
            return Decision("smuggler", "load", tuple(f"{k} items" for k in range(items + 1)))
        loaded, said = int(history[0].split()[0]), history[1:]
        public = ", ".join(said) or "the start"
        if len(said) == 2 * rounds:
            offer = int(said[-2].split()[1])
            if said[-1] == "let pass":
                return Terminal((loaded - offer, offer))
            return Terminal((-2 * loaded, 2 * loaded) if loaded else (3, -3))
        if len(said) % 2 == 0:
            return Decision("smuggler", (f"{history[0]} loaded,", public), tuple(f"bribe {k}" for k in range(bribe + 1)))
        return Decision("sheriff", public, ("inspect", "let pass"))

    return game("sheriff", players=("smuggler", "sheriff"), node=node, leader=leader, randomized=randomized)


def signalling(*, leader: int | str = 1, randomized: bool = True) -> ExtensiveGame:
    """A sender, good or bad with equal chances, sends X or Y; the receiver, who sees only that, plays l or r.

    Args:
      leader, randomized: as of `stackjax.extensive.game`.

    References: von Stengel and Forges (2008), figure 1.
    """

    def node(history: tuple[Any, ...]) -> Node:
        if not history:
            return Chance({"g": 0.5, "b": 0.5})
        if len(history) == 1:
            return Decision("sender", f"type {history[0]}", ("X", "Y"))
        if len(history) == 2:
            return Decision("receiver", f"signal {history[1]}", ("l", "r"))
        return Terminal(SIGNALLED[history[0] + history[2]])

    return game("signalling", players=("sender", "receiver"), node=node, leader=leader, randomized=randomized)


def haggle(
    *,
    values: tuple[float, ...] = (1.0, 2.0, 3.0),
    prices: tuple[float, ...] = (1.0, 2.0, 3.0),
    delta: float = 0.8,
    rounds: int = 2,
    leader: int | str = 1,
    randomized: bool = True,
) -> ExtensiveGame:
    """In each round the seller names a price, and the buyer, whose value is its own secret, buys or waits.

    Args:
      values: of the buyer, equally likely.
      prices: that the seller may name.
      delta: what a round later is worth to both.
      rounds: how many there are.
      leader, randomized: as of `stackjax.extensive.game`.

    Raises:
      InputError: a number is out of range, or there are equal values or prices.

    References: Stokey (1979), Riley and Zeckhauser (1983).
    """
    for name, numbers in (("values", values), ("prices", prices)):
        require(name, numbers, isinstance(numbers, (tuple, list)) and len(numbers) > 0, "one or more numbers")
        for number in numbers:
            require_number(name, number, lambda number: number >= 0, "finite numbers of at least 0")
        require(name, numbers, len(set(numbers)) == len(numbers), "different numbers")
    require_number("delta", delta, lambda share: 0 <= share <= 1, "at least 0 and at most 1")
    require_count("rounds", rounds, most=MOST_ROUNDS)

    def node(history: tuple[Any, ...]) -> Node:
        if not history:
            return Chance({f"value {value:g}": 1.0 / len(values) for value in values})
        value = values[[f"value {one:g}" for one in values].index(history[0])]
        named, at = history[1::2], (len(history) - 1) // 2
        if history[-1] == "buy":
            price = prices[[f"price {one:g}" for one in prices].index(named[-1])]
            return Terminal((delta ** (at - 1) * price, delta ** (at - 1) * (value - price)))
        if len(history) % 2 == 0:
            return Decision("buyer", (history[0], *named), ("buy", "wait"))
        if at == rounds:
            return Terminal((0.0, 0.0))
        return Decision("seller", named, tuple(f"price {price:g}" for price in prices))

    return game("haggle", players=("seller", "buyer"), node=node, leader=leader, randomized=randomized)


def patrol(*, steps: int = 3, reward: float = 1.0, leader: int | str = 1, randomized: bool = True) -> ExtensiveGame:
    """A guard searches one of two rows in each step, while an attacker crosses, in a row of its own, or turns back.

    In the same row the attacker is caught, which pays 1 and -1; turning back pays 0 and -0.05; all steps passed pay -1 and the
    reward. Each change of row costs the attacker 0.1. The guard then learns whether the attacker was in row 0, the attacker
    nothing.

    Args:
      steps: how many there are.
      reward: of the attacker who has passed all of them.
      leader, randomized: as of `stackjax.extensive.game`.

    Raises:
      InputError: a number is out of range.
    """
    require_count("steps", steps, most=MOST_ROUNDS)
    require_number("reward", reward, lambda number: True, "a finite number")

    def node(history: tuple[Any, ...]) -> Node:
        searched, rows = history[0::2], history[1::2]
        went = [row for row in rows if row != "turn back"]
        cost = CHANGE_COST * sum(one != other for one, other in itertools.pairwise(went))
        if len(searched) > len(rows):
            return Decision("attacker", _past("attacker", rows), ("row 0", "row 1", "turn back"))
        if rows and rows[-1] == "turn back":
            return Terminal((0.0, RETREAT - cost))
        if rows and rows[-1] == searched[-1]:
            return Terminal((1.0, -1.0 - cost))
        if len(rows) == steps:
            return Terminal((-1.0, reward - cost))
        return Decision("guard", _past("guard", searched), ("row 0", "row 1"))  # if it goes on, the other row was taken

    return game("patrol", players=("guard", "attacker"), node=node, leader=leader, randomized=randomized)


def _past(who: str, rows: tuple[str, ...]) -> str:
    return f"{who} after {', '.join(rows)}" if rows else f"{who} at first"


def random_game(
    *, tree_seed: int = 0, levels: int = 4, actions: int = 2, leader: int | str = 1, randomized: bool = True
) -> ExtensiveGame:
    """A tree of random payoffs: a hidden move of chance, then moves in turn of which the other sees no more than odd or even.

    Args:
      tree_seed: of the payoffs.
      levels: moves of both together.
      actions: at each of them.
      leader, randomized: as of `stackjax.extensive.game`.

    Raises:
      InputError: a number is out of range.
    """
    require_count("tree_seed", tree_seed, least=0)
    require_count("levels", levels, least=2, most=MOST_LEVELS)
    require_count("actions", actions, least=2)
    count = 2 * actions**levels
    if count > 500_000:
        raise InputError(f"levels={levels} and actions={actions} make {count} leaves; they must make at most 500000")
    first, second = np.random.default_rng(tree_seed).normal(size=(count, 2)).T
    paid = np.stack([first, CORRELATION * first + np.sqrt(1.0 - CORRELATION**2) * second], axis=1)
    names = tuple(map(str, range(actions)))

    def node(history: tuple[Any, ...]) -> Node:
        if not history:
            return Chance(HIDDEN)
        moves = [int(move) for move in history[1:]]
        if len(moves) == levels:
            place = int(history[0])
            for move in moves:
                place = place * actions + move
            return Terminal(paid[place].tolist())
        player = len(moves) % 2
        seen = [str(move) if k % 2 == player else ("even", "odd")[move % 2] for k, move in enumerate(moves)]
        return Decision(player, Named((player, *seen), " ".join(["after", *seen] if seen else ["at first"])), names)

    return game("random-tree", players=("leader", "follower"), node=node, leader=leader, randomized=randomized)
