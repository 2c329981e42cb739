"""Gambit's extensive form (.efg), read as a tree and written. Free of JAX."""

import pathlib
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from stackjax.bayesian.games.gambit_text import listed, number_text, quoted
from stackjax.bayesian.games.gambit_trees import parse_efg
from stackjax.bayesian.games.payoff_files import text_of
from stackjax.errors import InputError, require_is
from stackjax.extensive.making import game_of_tree
from stackjax.extensive.tree import CHANCE, LEAF, Chance, Decision, Named, Node, Terminal, Tree
from stackjax.extensive.treeplex import ExtensiveGame
from stackjax.extensive.walking import walk

__all__ = ["efg_text", "load_efg", "read_tree", "save_efg", "tree_of_text"]


def load_efg(path: str | pathlib.Path, *, leader: int | str = 1, randomized: bool = True) -> ExtensiveGame:
    """A game in extensive form from one of Gambit's files.

    Args:
      path: of the file; its text is UTF-8, or UTF-16 with a byte order mark.
      leader, randomized: as of `stackjax.extensive.game`.

    Raises:
      InputError: the file is missing or unreadable, holds no game, or one in which a player forgets; or as `game` does.
    """
    require_is("path", path, (str, pathlib.Path), "the path of a file that ends in .efg")
    file = pathlib.Path(path)
    return game_of_tree(file.stem, read_tree(file), leader=leader, randomized=randomized)


def read_tree(path: pathlib.Path) -> Tree:
    """The tree that the file at ``path`` holds; errors as those of `load_efg`."""
    if not path.is_file():
        raise InputError(f"game file {path} does not exist or is not a file")
    try:
        return tree_of_text(text_of(path), f"game file {path}")
    except (OSError, MemoryError) as error:
        raise InputError(f"game file {path} cannot be read: {error}") from error


def tree_of_text(text: str, what: str) -> Tree:
    """The tree that an .efg file's content is, called ``what``; outcomes on the way to an end are added up there."""
    try:
        found = parse_efg(text)
    except InputError as error:
        raise InputError(f"{what} is not a game in extensive form: it {error}") from error
    nodes = iter(found.nodes)
    names = _different([name or f"player {k + 1}" for k, name in enumerate(found.players)])
    sets = {(node.player, node.number, node.name) for node in found.nodes if node.kind == "p"}
    shared = Counter((player, name) for player, _, name in sets)

    def expand(paid: tuple[float, ...]) -> tuple[Node, Callable[[int], Any]]:
        node = next(nodes)
        if node.payoffs is not None:
            paid = tuple(old + new for old, new in zip(paid, node.payoffs, strict=True))
        after = lambda k: paid
        if node.kind == "t":
            return Terminal(paid), after
        actions = _different(node.actions)
        if node.kind == "c":
            return Chance(dict(zip(actions, node.law, strict=True))), after
        is_alone = node.name and shared[node.player, node.name] == 1
        name = node.name if is_alone else f"{node.name or 'set'} {node.number}"
        return Decision(node.player, Named((node.player, node.number), name), actions), after

    try:
        return walk(names, (0.0,) * len(names), expand)
    except InputError as error:
        raise InputError(f"{what}: {error}") from error


def _different(names: Iterable[str]) -> tuple[str, ...]:
    """``names``, with a number behind each that was there before."""
    found: list[str] = []
    for name in names:
        k, one = 1, name
        while one in found:
            k, one = k + 1, f"{name} ({k + 1})"
        found.append(one)
    return tuple(found)


def save_efg(game: ExtensiveGame, path: str | pathlib.Path) -> None:
    """Write ``game`` to one of Gambit's .efg files, which `load_efg` reads exactly. Players are in the tree's own order.

    Args:
      game: the game; who leads is not written.
      path: the file, which ends in ``.efg``; one that exists is replaced.

    Raises:
      InputError: the arguments are not such, or a name has a backslash where the format cannot hold one.
    """
    require_is("game", game, ExtensiveGame, "an ExtensiveGame, for example sx.make('kuhn')")
    require_is("path", path, (str, pathlib.Path), "the path of a file that ends in .efg")
    file = pathlib.Path(path)
    if file.suffix != ".efg":
        raise InputError(f"path={str(path)!r} must end in .efg")
    file.write_text(efg_text(game), encoding="utf-8")


def efg_text(game: ExtensiveGame) -> str:
    """The content of an .efg file that `tree_of_text` reads exactly."""
    tree, outcome = game.tree, 0
    first, child = tree.children
    ends = dict(zip(tree.leaves.tolist(), tree.payoffs.tolist(), strict=True))
    lines = [f"EFG 2 R {quoted(game.name)} {listed(tree.players)}", ""]
    for node, owner in enumerate(tree.owner.tolist()):
        if owner == LEAF:
            outcome += 1
            lines.append(f't "" {outcome} "" {{ {" ".join(map(number_text, ends[node]))} }}')
        elif owner == CHANCE:
            law = tree.chance[child[first[node] : first[node + 1]]].tolist()
            pairs = zip(tree.chance_names[node], law, strict=True)
            moves = " ".join(f"{quoted(name)} {number_text(p)}" for name, p in pairs)
            lines.append(f'c "" {node + 1} "" {{ {moves} }} 0')
        else:
            place = int(tree.infoset[node])
            told = f"{quoted(tree.set_names[owner][place])} {listed(tree.action_names[owner][place])}"
            lines.append(f'p "" {owner + 1} {place + 1} {told} 0')  # other readers need it wherever the set is met
    return "\n".join(lines) + "\n"
