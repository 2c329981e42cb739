"""The extensive family as runs and the command line know it: its games, its settings, and what is read."""

import dataclasses
import hashlib
import pathlib
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar, cast

from stackjax.errors import InputError
from stackjax.extensive.entries import ENTRIES, TreeOptions
from stackjax.extensive.followers import ExtensiveFollowers
from stackjax.families import Family, GameEntry, GameSource, PayoffSource, Solved

if TYPE_CHECKING:
    from stackjax.extensive.problem import ExtensiveProblem
    from stackjax.extensive.tree import Tree
    from stackjax.extensive.treeplex import ExtensiveGame
    from stackjax.problem import Problem

__all__ = ["EXTENSIVE"]

MOST_REMEMBERED = 1_000_000  # characters of a game in config.json


def _of_tree(name: str, tree: "Tree", **options: Any) -> "ExtensiveGame":
    from stackjax.extensive.making import game_of_tree

    return game_of_tree(name, tree, **options)


def _remembered(problem: "Problem") -> dict[str, Any]:
    """A game as ``config.json`` holds it: as the text of an .efg file, or what tells it where that is too long."""
    from stackjax.extensive.readers.efg import efg_text

    text = efg_text(cast("ExtensiveProblem", problem).game)
    return {"efg": text} if len(text) <= MOST_REMEMBERED else {"efg_sha256": _digest(text)}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class ExtensiveFamily(Family):
    """The leader commits to a behaviour at each of its information sets; followers, who move several times, answer."""

    name = "extensive"
    rules_at = "stackjax.extensive.treeplex:ExtensiveGame"
    problem_at = "stackjax.extensive.problem:ExtensiveProblem"
    sections: ClassVar = {"followers": ExtensiveFollowers}
    traced = ("followers.temperature",)
    entries: ClassVar[tuple[GameEntry, ...]] = ENTRIES
    prefixes: ClassVar[tuple[str, ...]] = ("openspiel:",)
    endings: ClassVar[tuple[str, ...]] = (".efg",)

    def vary(self, problem: "Problem", settings: dict[str, Any], options: dict[str, Any]) -> "Problem":
        del options  # none is traced
        known: Any = problem
        return dataclasses.replace(known, followers=settings["followers"])

    def chosen(self, problem: "Problem") -> dict[str, dict[str, Any]]:
        return {"followers": dataclasses.asdict(cast("ExtensiveProblem", problem).resolved)}

    def tables(self, problem: "Problem") -> dict[str, Any]:
        game = cast("ExtensiveProblem", problem).game
        return {"rows": game.leaf_rows, "chance": game.leaf_chance, "paid": game.leaf_paid}

    def solve(self, game: "ExtensiveGame") -> Solved:
        from stackjax.extensive.optimum.solve import solve_extensive
        from stackjax.extensive.optimum.words import optimum_words

        found, (low, high) = solve_extensive(game), game.payoff_ranges[0]
        told = {name: value for name, value in found._asdict().items() if value is not None and name != "bound"}
        if not found.closed:
            told = {**told, "value": found.bound, "best_found": found.value}
        about = SimpleNamespace(value=found.bound, method=found.method)
        if found.weak_closed:
            about.weak_value = found.weak_value
        return Solved.of(game.name, about, told, optimum_words(game, found), size=high - low)

    def find(self, text: str) -> GameSource:
        kind, _, name = text.partition(":")
        if kind == "openspiel":
            from stackjax.extensive.readers.openspiel import openspiel_tree

            return self._source(name.partition("(")[0], openspiel_tree(name), text)
        from stackjax.extensive.readers.efg import read_tree

        file = pathlib.Path(text).resolve()
        return self._source(file.stem, read_tree(file), str(file), file)

    def given(self, problem: "Problem") -> dict[str, Any]:
        game = cast("ExtensiveProblem", problem).game
        found = _remembered(problem)
        return {**found, "efg_leader": game.seats[0] + 1, "efg_randomized": game.randomized} if "efg" in found else {}

    def stored(self, content: dict[str, Any]) -> GameSource | None:
        if "efg_sha256" in content:
            return self._read_again(content.get("argument", ""), content["efg_sha256"])
        if "efg" not in content:
            return None
        from stackjax.extensive.readers.efg import tree_of_text

        tree, fixed = tree_of_text(content["efg"], "the game of this run"), {}
        if "efg_leader" in content:
            fixed = {"leader": content["efg_leader"], "randomized": content["efg_randomized"]}
        return self._source(content["game"], tree, content.get("argument"), **fixed)

    def _read_again(self, text: str, digest: str) -> GameSource:
        """A game that is too large for ``config.json``, from where it was."""
        from stackjax.extensive.readers.efg import efg_text

        if not text.startswith(self.prefixes) and not text.endswith(self.endings):
            raise InputError(f"argument={text!r} in config.json must be a file in .efg or a game of OpenSpiel")
        source = self.find(text)
        if _digest(efg_text(source.build({}))) != digest:
            raise InputError(f"{text} was changed after the run was trained; bring it back as it was, or train again")
        return source

    def _source(
        self, name: str, tree: "Tree", called: str | None, file: pathlib.Path | None = None, **fixed: Any
    ) -> GameSource:
        return PayoffSource(name, TreeOptions, self.name, partial(_of_tree, name, tree, **fixed), _remembered, called, file)


EXTENSIVE = ExtensiveFamily()
