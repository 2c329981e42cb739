"""What a family of problems is: it turns the rules of a game into a `Problem`. Free of JAX.

Runs, sweeps, reports and the command line know families by this page alone, and find them in `stackjax.registry`.
"""

import dataclasses
import importlib
import pathlib
import types
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from stackjax.digits import as_known
from stackjax.errors import InputError, UnsolvedError, near_matches

if TYPE_CHECKING:
    from stackjax.problem import Optimum, Problem

__all__ = ["Family", "GameEntry", "GameSource", "NoOptions", "PayoffSource", "Solved", "check_options", "load"]

ABOUT_THE_RUN = (  # numbers of a seed that are no part of its certificate
    *("seed", "update", "mean_greedy_payoff", "mean_return", "stackelberg_episodes", "leader_decisions"),
    *("diverged_at", "settled", "optimum", "optimality_gap"),
)


class Solved(NamedTuple):
    """A game's exact optimum.

    Attributes:
      value: the leader's payoff, game units.
      method: how it is known.
      content: all there is to say, for ``stackjax solve --json``.
      words: the same in lines, the first of them in one sentence.
    """

    value: float
    method: str
    content: dict[str, Any]
    words: list[str]

    @classmethod
    def of(
        cls,
        what: str,
        found: Any,
        content: dict[str, Any] | None = None,
        lines: Iterable[str] = (),
        *,
        size: float = 1.0,
        against: str = "ties",
    ) -> "Solved":
        """In the words that all families share.

        Args:
          what: the game, for people.
          found: what has a ``value``, a ``method`` and perhaps a ``half_width`` or a ``weak_value``, for example an `Optimum`.
          content: by default the value and the method; arrays become lists.
          lines: what follows the first sentence.
          size: of payoffs, see `as_known`.
          against: what the weak value is against.
        """
        width, weak = getattr(found, "half_width", 0.0), getattr(found, "weak_value", None)
        about = f" ± {width:.2g}" if width else ""
        worse = "" if weak is None else f"; with {against} against the leader {as_known(weak, size)}"
        first = f"{what}: {as_known(found.value, size)}{about} ({found.method}){worse}"
        content = content or {"value": found.value, "method": found.method}
        plain = {name: value.tolist() if hasattr(value, "tolist") else value for name, value in content.items()}
        return cls(found.value, found.method, plain, [first, *lines])


def check_options(game: str, options: type, given: Iterable[str]) -> None:
    """Raise `InputError` for an option that a game, whose options are a dataclass, does not have."""
    known = [field.name for field in dataclasses.fields(options)]
    for name in given:
        if name not in known:
            allowed = f"its options are {', '.join(known)}" if known else "it has no options"
            raise InputError(f"game {game!r} has no option {name!r}; {allowed}.{near_matches(name, known)}")


def load(place: str) -> Any:
    """What stands at ``"module:attribute"``."""
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(module), attribute)


@dataclasses.dataclass(frozen=True)
class NoOptions:
    """This game has no options."""


@dataclasses.dataclass(frozen=True)
class GameEntry:
    """A registered game: how to make it and what there is to say about it."""

    name: str
    factory: str | Callable[..., Any]  # "module:attribute", or the callable itself
    summary: str
    optimum: str
    options: type = NoOptions
    fixed: tuple[tuple[str, Any], ...] = ()
    family: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether the library brings it, whose tests check it."""
        return isinstance(self.factory, str) and self.factory.startswith("stackjax.")


@dataclasses.dataclass(frozen=True)
class GameSource:
    """Where a game comes from; a subclass says how it is made.

    Attributes:
      name: of the game.
      options: a frozen dataclass of its options.
      family: the name of its family.
    """

    name: str
    options: type
    family: str

    def build(self, options: dict[str, Any]) -> Any:
        """The game; raises `InputError` where it cannot be made."""
        raise NotImplementedError

    @property
    def is_code(self) -> bool:
        """Whether somebody else's code makes it, so that a run keeps what it comes to."""
        return False

    @property
    def argument(self) -> str | None:
        """What a command line calls it; None for a game that only Python can make."""
        return None

    def to_dict(self, problem: "Problem") -> dict[str, Any]:
        """What ``config.json`` remembers of where it comes from."""
        del problem
        return {}


@dataclasses.dataclass(frozen=True)
class PayoffSource(GameSource):
    """A game of payoffs that were read, which a run remembers: their file may be gone.

    Attributes:
      make: the game, of its options.
      remembered: what ``config.json`` holds of a problem's payoffs.
      argument: what a command line calls it, if it knows it.
      file: that they were read from.
    """

    make: Callable[..., Any] = dataclasses.field(repr=False, compare=False)
    remembered: Callable[["Problem"], dict[str, Any]]
    argument: str | None = None
    file: pathlib.Path | None = None

    def build(self, options: dict[str, Any]) -> Any:
        return self.make(**options)

    def to_dict(self, problem: "Problem") -> dict[str, Any]:
        called = {} if self.argument is None else {"argument": self.argument}
        return {**called, **({"payoff_file": str(self.file)} if self.file else {}), **self.remembered(problem)}


class Family:
    """A family of problems.

    Attributes:
      name: of the family.
      rules_at, problem_at: where `rules` and `build` find the class of its games, and that of its problems, as
        ``"module:attribute"``, unless a family says otherwise. A problem is made of a game and an object for each section.
      sections: settings beside the game's own options, by section: frozen dataclasses, or classes in kinds (`Kinded`).
      traced: sections, or single settings such as ``game.weight``, whose real numbers may be tracers, so that a sweep over them
        is one program. The checks of such a setting let tracers pass, as `require_number` does.
      solver: the name of the one that it is solved by unless another is asked for.
      entries: the games that it brings.
      prefixes, endings: of what `find` reads, for example ``openspiel:`` and ``.json``; prefixes go first.
    """

    name: ClassVar[str]
    rules_at: ClassVar[str]
    problem_at: ClassVar[str]
    sections: ClassVar[dict[str, type]] = {}
    traced: ClassVar[tuple[str, ...]] = ()
    solver: ClassVar[str] = "direct"  # for what is known of solvers, see benchmarks/README.md
    entries: ClassVar[tuple[GameEntry, ...]] = ()
    prefixes: ClassVar[tuple[str, ...]] = ()
    endings: ClassVar[tuple[str, ...]] = ()

    def rules(self) -> type:
        """The class of this family's games."""
        return load(self.rules_at)

    def build(self, game: Any, settings: dict[str, Any]) -> "Problem":
        """The problem of ``game``; ``settings`` has an object for every section."""
        return load(self.problem_at)(game, *(settings[name] for name in self.sections))

    def defaults(self) -> dict[str, Any]:
        """The settings that are used unless others are asked for, by section."""
        return {name: section() for name, section in self.sections.items()}

    def solver_for(self, game: Any) -> str:
        """The name of the solver of ``game`` unless another is asked for."""
        del game
        return self.solver

    def tables(self, problem: "Problem") -> dict[str, Any]:
        """What the game comes to, as arrays that a run keeps beside a game that is code; empty where nothing is known of it."""
        del problem
        return {}

    def vary(self, problem: "Problem", settings: dict[str, Any], options: dict[str, Any]) -> "Problem":
        """``problem`` with other numbers, which may be tracers: those of ``settings``, and of the game's ``options``."""
        raise NotImplementedError(f"the family {self.name} has no traced settings")

    def resolved(self, problem: "Problem", settings: dict[str, Any]) -> dict[str, Any]:
        """``settings`` as dicts for ``config.json``, with every default written out."""
        chosen = self.chosen(problem)
        return {name: {**dataclasses.asdict(section), **chosen.get(name, {})} for name, section in settings.items()}

    def chosen(self, problem: "Problem") -> dict[str, dict[str, Any]]:
        """The defaults that depend on the game, by section."""
        del problem
        return {}

    def check(self, game: Any) -> None:
        """Raise `InputError` for a user's game that breaks the rules of the family."""
        del game

    def solve(self, game: Any) -> Solved:
        """The exact optimum of ``game``, by default what is `claimed`; raises `UnsolvedError` where it cannot be had."""
        found = self.claimed(game)
        if found is None:
            raise UnsolvedError(f"the optimum of {game.name!r} is not known")
        return Solved.of(game.name, found)

    def solve_against(self, game: Any, settings: dict[str, Any]) -> Solved:
        """The same with other ``settings``, for example other followers: what the problem claims, which is judged.

        Raises:
          UnsolvedError: it is not known.
        """
        from stackjax.claims import checked, judged_words

        problem = self.build(game, settings).prepare()
        claim, words = problem.optimum(), problem.evaluation_method()["words"]
        judged = judged_words(problem, claim)
        found = checked(problem, claim, judged)
        if found is None:
            why = problem.why_unknown and f": {problem.why_unknown}"
            raise UnsolvedError(f"the optimum of {game.name!r} with followers {words} is not known{why}")
        content = {"value": found.value, "method": found.method, "commitment": found.commitment, "followers": words}
        told = judged["mechanism"] if judged is not None and found.commitment is not None else []
        return Solved.of(game.name, found, content, [*(f"  {line}" for line in told), f"followers {words}"])

    def claimed(self, game: Any) -> "Optimum | None":
        """What the problem of ``game``, with the usual settings, claims as its optimum."""
        return self.build(game, self.defaults()).optimum()

    def find(self, text: str) -> GameSource | None:
        """What ``text`` means, which has one of the `prefixes` or `endings`; None where it is another's."""
        raise NotImplementedError

    def given(self, problem: "Problem") -> dict[str, Any]:
        """What ``config.json`` remembers of a game that was made in Python, if that is all there is to it; else empty."""
        del problem
        return {}

    def stored(self, content: dict[str, Any]) -> GameSource | None:
        """A source that a finished run remembers by itself in its ``config.json``, or None."""
        del content
        return None

    def certificates(self, entry: dict[str, Any]) -> dict[str, Any]:
        """The certificates in a seed's ``entry`` of ``result.json``, by the way in which followers play (one may be enough).

        Unless a family says otherwise, one that has the numbers, and the lists of numbers, that the problem puts there.
        """
        numbers = {
            name: value
            for name, value in entry.items()
            if name not in ABOUT_THE_RUN
            and value != []
            and all(isinstance(one, (int, float)) for one in (value if isinstance(value, list) else [value]))
        }
        return {"": types.SimpleNamespace(**numbers)}
