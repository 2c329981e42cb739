"""Games in extensive form of one's own, and of trees that were read. Free of JAX."""

import numbers
from collections.abc import Callable, Sequence
from typing import Any

from stackjax.bayesian.games.payoff_checks import check_spread
from stackjax.errors import InputError, near_matches, require_is
from stackjax.extensive.tree import Chance, Node, Tree
from stackjax.extensive.treeplex import ExtensiveGame
from stackjax.extensive.walking import walk

__all__ = ["game", "game_of_tree"]


def game(
    name: str,
    *,
    players: Sequence[str],
    node: Callable[[tuple[Any, ...]], Node],
    leader: int | str = 1,
    randomized: bool = True,
) -> ExtensiveGame:
    """A game of one's own: what stands at each history.

    Args:
      name: for people.
      players: their names.
      node: ``history -> `` a `Chance`, a `Decision` or a `Terminal`; a history is a tuple of all actions so far, also those of
        chance, as they were given.
      leader: who commits: its seat from 1, or its name.
      randomized: whether the leader mixes at each of its information sets, or takes one action at each.

    Raises:
      InputError: a node makes no sense, a player forgets, the tree is too large, or the leader or all others never move.
    """
    require_is("name", name, str, "a word")
    require_is("players", players, (list, tuple), "a list of names")
    for player in players:
        require_is("players", player, str, "a list of names")
    if len(set(players)) < len(players):
        raise InputError(f"players={tuple(players)} must have different names")
    if not callable(node):
        raise InputError(f"node={node!r:.60} must be a function of a history, a tuple of actions")

    def expand(history: tuple[Any, ...]) -> tuple[Node, Callable[[int], Any]]:
        found = node(history)

        def after(k: int) -> tuple[Any, ...]:
            actions = found.chances if isinstance(found, Chance) else found.actions  # type: ignore[union-attr]
            return (*history, tuple(actions)[k])

        return found, after

    return game_of_tree(name, walk(players, (), expand), leader=leader, randomized=randomized)


def game_of_tree(name: str, tree: Tree, *, leader: int | str = 1, randomized: bool = True) -> ExtensiveGame:
    """The game of a tree that was read; arguments and errors as those of `game`."""
    require_is("randomized", randomized, bool, "True or False")
    moves = [bool(sets) for sets in tree.set_names]
    first = _seat(tree.players, leader)
    if not moves[first]:
        raise InputError(f"player {first + 1} ({tree.players[first]}) never moves; it cannot lead")
    others = [seat for seat, does in enumerate(moves) if does and seat != first]
    if not others:
        raise InputError(f"game {name!r} needs a follower that moves; only player {first + 1} ({tree.players[first]}) does")
    for seat in (first, *others):
        check_spread(f"payoffs of player {seat + 1} ({tree.players[seat]})", tree.payoffs[:, seat])
    return ExtensiveGame(name, tree, (first, *others), randomized)


def _seat(players: tuple[str, ...], leader: Any) -> int:
    """The place of the leader among the players, from 0."""
    if isinstance(leader, str) and leader in players:
        return players.index(leader)
    given = int(leader) if isinstance(leader, str) and leader.isdecimal() else leader
    if isinstance(given, numbers.Integral) and not isinstance(given, bool) and 1 <= int(given) <= len(players):
        return int(given) - 1
    near = near_matches(leader, players) if isinstance(leader, str) else ""
    raise InputError(f"leader={leader!r} must be a seat from 1 to {len(players)}, or one of {', '.join(players)}.{near}")
