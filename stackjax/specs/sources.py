"""Where a run's game comes from: a registered name, a Python file, what a family reads, or Python itself."""

import dataclasses
import hashlib
import pathlib
import re
from typing import TYPE_CHECKING, Any

from stackjax import registry
from stackjax.errors import InputError, require_is
from stackjax.families import Family, GameSource, NoOptions, check_options
from stackjax.specs.game_files import build_game, load_games

if TYPE_CHECKING:
    from stackjax.problem import Problem

__all__ = ["GivenGame", "check_same_file", "digest_of", "family_of", "find_game", "resolve_options", "stored_game"]


@dataclasses.dataclass(frozen=True)
class NamedGame(GameSource):
    """A registered game. One that is not of this library is checked whenever it is made."""

    @property
    def argument(self) -> str:
        return self.name

    def build(self, options: dict[str, Any]) -> Any:
        game = registry.make(self.name, **options)
        if not registry.entry(self.name).is_ours:
            registry.families()[self.family].check(game)
        return game


@dataclasses.dataclass(frozen=True)
class FileGame(GameSource):
    """A game that a Python file registers; it is checked whenever it is made."""

    path: pathlib.Path
    is_code = True

    @property
    def argument(self) -> str:
        return f"{self.path}:{self.name}"

    def build(self, options: dict[str, Any]) -> Any:
        game = build_game(self.name, self.path, options)
        registry.families()[self.family].check(game)
        return game

    def to_dict(self, problem: "Problem") -> dict[str, Any]:
        return {"python_file": str(self.path), "python_file_sha256": hashlib.sha256(self.path.read_bytes()).hexdigest()}


@dataclasses.dataclass(frozen=True)
class GivenGame(GameSource):
    """A game that was made in Python: it is known to this process alone."""

    game: Any
    is_code = True

    @staticmethod
    def of(game: Any) -> "GivenGame":
        """``game``, checked; raises `InputError` unless it is one of some family's."""
        owner = registry.family_of_class(type(game))
        kinds = tuple(family.rules() for family in registry.families().values())
        words = " or ".join(f"a {kind.__name__}" for kind in kinds)
        require_is("game", game, kinds, f"a registered name (see stackjax list), a file, or {words}")
        assert owner is not None
        owner.check(game)
        return GivenGame(game.name, NoOptions, owner.name, game)

    def build(self, options: dict[str, Any]) -> Any:
        del options
        return self.game

    def to_dict(self, problem: "Problem") -> dict[str, Any]:
        known = registry.families()[self.family].given(problem)
        return known or {
            "game_object": f"{type(self.game).__module__}.{type(self.game).__qualname__}",
            "game_digest": digest_of(problem),
        }


def digest_of(problem: "Problem") -> str:
    """A SHA-256 of what the game's functions come to: the program of one commitment's worth, and the numbers in it.

    It is another for another game, for other followers, and for another version of JAX. It does not see into callbacks.
    """
    import jax

    from stackjax.acting import Leader, Policy

    table, found = problem.commitments, hashlib.sha256()
    if isinstance(table, Policy):
        leader = Leader(lambda observation, uniforms: table.actions.zeros(), lambda action: action)
        lowered = jax.jit(lambda key: problem.play(key, leader, 2, 1)).lower(jax.random.key(0))  # type: ignore[attr-defined]
    else:
        made = jax.ShapeDtypeStruct((1, table.num_nodes, *table.actions.shape), table.actions.zeros().dtype)
        lowered = jax.jit(problem.worth).lower(jax.random.key(0), made)
    # Numbers stand in the text in full, also those of functions within functions; what calls back stands there as an address.
    found.update(re.sub(r'backend_config = "[^"]*"', "", lowered.as_text(debug_info=False)).encode())
    return found.hexdigest()


def family_of(source: GameSource) -> Family:
    """The family of a source's game."""
    return registry.families()[source.family]


def find_game(text: str) -> GameSource:
    """What the user means by ``text``: a registered game, ``FILE.py[:NAME]``, or what a family reads, such as a payoff file.

    Raises:
      InputError: there is no such game or file; near matches are named.
    """
    for family in registry.families().values():
        found = family.find(text) if text.startswith(family.prefixes) else None
        if found is not None:
            return found
    endings = tuple(ending for family in registry.families().values() for ending in family.endings)
    path, colon, name = text.rpartition(".py:")
    if colon and not ("/" in name and name.endswith((".py", *endings))):  # else the colon belongs to a folder's name
        return _python_game(pathlib.Path(f"{path}.py").resolve(), name)
    if text.endswith(".py"):
        return _python_game(pathlib.Path(text).resolve(), "")
    for family in registry.families().values():
        found = family.find(text) if text.lower().endswith(family.endings) else None
        if found is not None:
            return found
    if "/" in text or pathlib.Path(text).suffix in (".csv", ".txt", ".npy", ".yaml"):
        raise InputError(f"game file {text} must end in {', '.join(endings)} or .py")
    return _registered(text)


def _registered(name: str) -> NamedGame:
    entry = registry.entry(name)
    return NamedGame(name, entry.options, entry.family)


def _python_game(path: pathlib.Path, name: str) -> GameSource:
    names = load_games(path)
    if not names:
        raise InputError(f"game file {path} registers no games; add sx.register('name', YourGame) at its end")
    if not name and len(names) > 1:
        raise InputError(f"game file {path} registers {', '.join(names)}; choose one as {path.name}:NAME")
    chosen = name or names[0]
    if chosen not in names:
        raise InputError(f"game file {path} does not register {chosen!r}; it registers {', '.join(names)}")
    entry = registry.entry(chosen)
    return FileGame(chosen, entry.options, entry.family, path)


def stored_game(content: dict[str, Any], game_file: pathlib.Path | None) -> GameSource:
    """The source of the run that wrote ``content`` into ``config.json``.

    Args:
      game_file: the Python file of the game, which is executed; it must be the one that the run was trained on. A run may come
        from somebody else, so the file that it names is not executed unless the user names it too.

    Raises:
      InputError: ``game_file`` is missing, changed or given in vain, or the game was made in Python.
    """
    if "python_file" in content and game_file is None:
        raise InputError(
            "the game of this run is a Python file, which would be executed; if you trust it, add --game "
            f"{content['python_file']}"
        )
    if game_file is not None and "python_file" not in content:
        raise InputError(f"--game {game_file}: the game of this run is not a Python file")
    if game_file is not None:
        if not game_file.is_file():
            raise InputError(f"game file {game_file} does not exist or is not a file")
        check_same_file(game_file, content["python_file_sha256"])
        return find_game(f"{game_file}:{content['game']}")
    if "game_object" in content:
        raise InputError("the game of this run was made in Python, not named; use sx.evaluate_commitment there")
    stored = (family.stored(content) for family in registry.families().values())
    # Only by its name: a run may come from somebody else, and what it names must not be opened, let alone executed.
    return next((source for source in stored if source is not None), None) or _registered(str(content["game"]))


def check_same_file(path: pathlib.Path, digest: str) -> None:
    """Raise `InputError` unless the Python file of a game is the one that a run was trained on, which has this SHA-256."""
    if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
        raise InputError(f"game file {path} was changed after the run was trained; bring it back as it was, or train again")


def resolve_options(source: GameSource, options: dict[str, Any]) -> dict[str, Any]:
    """All options of a game, ``options`` over the defaults; raises `InputError` for one that it does not have."""
    check_options(source.name, source.options, options)
    return dataclasses.asdict(source.options(**options))
