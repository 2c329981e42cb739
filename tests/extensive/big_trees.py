"""Random games in extensive form of some 2,000 ends, general-sum and with chance, in several shapes."""

from collections.abc import Callable
from typing import Any

import numpy as np

from stackjax.extensive import Chance, Decision, ExtensiveGame, Terminal, game

__all__ = ["SHAPES", "big_game"]


def _law(rng: np.random.Generator, count: int) -> Chance:
    return Chance(dict(zip(map(str, range(count)), rng.dirichlet(np.ones(count)).tolist(), strict=True)))


def _wide(law: Chance, history: tuple[str, ...]) -> Any:
    """20 states, ten actions each, of which the follower sees odd or even."""
    if not history:
        return law
    state, moves = int(history[0]), history[1:]
    if not moves:
        return Decision("leader", ("state", state % 5), tuple(map(str, range(10))))
    if len(moves) == 1:
        return Decision("follower", ("state", state // 5, "saw", int(moves[0]) % 2), tuple(map(str, range(10))))
    return None


def _deep(law: Chance, history: tuple[str, ...]) -> Any:
    """80 moves in turn, stop or go on, which pays both more and more; the follower knows the state, the leader nothing."""
    if not history:
        return law
    state, moves = int(history[0]), history[1:]
    if len(moves) == 80 or (moves and moves[-1] == "stop"):
        return None
    player = len(moves) % 2
    return Decision(player, (len(moves), state) if player else (len(moves),), ("stop", "go"))


def _sets(law: Chance, history: tuple[str, ...]) -> Any:
    """500 states that the leader knows; the follower, who moves once, sees a twentieth of them."""
    if not history:
        return law
    state, moves = int(history[0]), history[1:]
    if not moves:
        return Decision("leader", ("leader", state), ("left", "right"))
    return Decision("follower", ("follower", state % 20), ("up", "down")) if len(moves) == 1 else None


def _turns(law: Chance, history: tuple[str, ...]) -> Any:
    """Two states that nobody sees, ten moves in turn: 341 sets of the leader, 682 of the follower."""
    if not history:
        return law
    moves = history[1:]
    if len(moves) == 10:
        return None
    player = len(moves) % 2
    seen = (player, *(move if k % 2 == player or k % 4 < 2 else "?" for k, move in enumerate(moves)))
    return Decision(player, seen, ("0", "1"))


SHAPES: dict[str, tuple[Callable[[Chance, tuple[str, ...]], Any], int]] = {
    "wide": (_wide, 20),
    "deep": (_deep, 25),
    "sets": (_sets, 500),
    "turns": (_turns, 2),
}


def big_game(shape: str, seed: int = 0) -> ExtensiveGame:
    """A game of a shape; payoffs are normal, those of the two correlated by -0.3, and told to six digits."""
    rng = np.random.default_rng(seed)
    at, states = SHAPES[shape]
    law = _law(rng, states)

    def node(history: tuple[str, ...]) -> Any:
        found = at(law, history)
        if found is not None:
            return found
        first, second = rng.normal(size=2)
        pays = np.array([first, -0.3 * first + np.sqrt(0.91) * second]) + 0.02 * len(history)
        return Terminal(pays.round(6).tolist())

    return game(f"big-{shape}", players=("leader", "follower"), node=node)
