"""Families of problems, and games, by name. Free of JAX: a game's module is loaded when it is made."""

import contextlib
import dataclasses
import functools
import inspect
import types
import typing
from collections.abc import Callable, Iterable
from typing import Any

from stackjax import plugins
from stackjax.errors import InputError, near_matches, require_is
from stackjax.families import Family, GameEntry, check_options, load

__all__ = [
    "definition",
    "entry",
    "families",
    "family_of_class",
    "forget",
    "forget_family",
    "make",
    "register",
    "register_family",
    "registered_games",
]

HOMES = (
    "stackjax.bayesian.family:FAMILY",
    "stackjax.markov.groups.family:GROUPS",
    "stackjax.markov.family:MARKOV",
    "stackjax.markov.family:MEAN_FIELD",
    "stackjax.markov.groups.sampled.family:PLAYED_GROUPS",
    "stackjax.menus.family:MENUS",
    "stackjax.menus.family:SALES",
    "stackjax.menus.family:AUCTIONS",
    "stackjax.menus.family:MENU_AUCTIONS",
    "stackjax.menus.family:PERSUASION",
    "stackjax.bayesian.games.security.family:SECURITY",
    "stackjax.extensive.family:EXTENSIVE",
)  # the families that the library brings; a new one is a line here

TRAIN_PARAMETERS = (  # of sx.train, so that no game may have options of these names
    *("game", "seeds", "seed", "out", "solver", "resume", "overwrite", "mesh"),
    *("stop_at_optimum", "polish", "patience", "second", "slack", "progress", "log"),
)

_FAMILIES: dict[str, Family] = {}
_ENTRIES: dict[str, GameEntry] = {}


def families() -> dict[str, Family]:
    """All families by name: the library's own, then those of plugins."""
    _load()
    plugins.load()
    return _FAMILIES


@functools.cache
def _load() -> None:
    for home in HOMES:
        _add(load(home))


def _add(family: Family) -> None:
    taken = [name for name in (entry.name for entry in family.entries) if name in _ENTRIES]
    if family.name in _FAMILIES or taken:
        raise InputError(f"name={(taken or [family.name])[0]!r} is already registered; choose another")
    _FAMILIES[family.name] = family
    _ENTRIES.update({entry.name: dataclasses.replace(entry, family=family.name) for entry in family.entries})


def register_family(family: Family) -> None:
    """Make a family, and the games that it brings, known to `sx.train` and the command line.

    Raises:
      InputError: its name, or that of one of its games, is taken.
    """
    _load()
    _add(family)


def forget_family(name: str) -> None:
    """Undo `register_family`, with all games of the family."""
    _FAMILIES.pop(name, None)
    forget([entry.name for entry in registered_games() if entry.family == name])


def register(
    name: str, factory: Callable[..., Any], *, summary: str = "", optimum: str = "unknown", family: str | None = None
) -> None:
    """Make a game available by name, in Python and (from a ``.py`` file) on the command line.

    Args:
      name: what `make` will know it by.
      factory: returns the game; its keyword parameters, each with a default, are the game's options. An option is of the type
        that its annotation names, or else of its default's.
      summary, optimum: a few words for `stackjax list`.
      family: the name of the game's family; by default that of the class that ``factory`` is or says it returns, or else
        ``"bayesian"``.

    Raises:
      InputError: the name is taken, ``factory`` cannot make a game, or a parameter has no default or no type.
    """
    require_is("name", name, str, "a word, which sx.make and the command line know the game by")
    if family is not None and family not in families():
        raise InputError(f"family={family!r} must be one of {', '.join(families())}.{near_matches(family, families())}")
    if name in {entry.name for entry in registered_games()}:
        raise InputError(f"name={name!r} is already registered; choose another")
    if not callable(factory):
        raise InputError(f"factory of {name!r} must be a class or a function that returns the game, not {factory!r:.80}")
    if inspect.isabstract(factory):
        missing = ", ".join(sorted(factory.__abstractmethods__))  # type: ignore[attr-defined]
        raise InputError(f"factory of {name!r}: class {factory.__name__} does not define {missing}")
    fields = []
    for parameter in inspect.signature(factory).parameters.values():
        if parameter.name in TRAIN_PARAMETERS:
            raise InputError(f"factory of {name!r}: parameter {parameter.name!r} is one of sx.train's own; choose another name")
        if parameter.default is inspect.Parameter.empty:
            raise InputError(f"factory of {name!r}: parameter {parameter.name!r} needs a default to be an option")
        if type(parameter.default).__hash__ is None:
            raise InputError(
                f"factory of {name!r}: the default of {parameter.name!r} must be a value that cannot change, such as a tuple, "
                f"not {parameter.default!r:.80}"
            )
        kind = _kind_of(parameter, factory)
        if kind is type(None):
            raise InputError(
                f"factory of {name!r}: parameter {parameter.name!r} is None by default, so its annotation must say what else "
                f"it can be, as in {parameter.name}: float | None = None"
            )
        fields.append((parameter.name, kind, dataclasses.field(default=parameter.default)))
    options = dataclasses.make_dataclass("Options", fields, frozen=True)
    _ENTRIES[name] = GameEntry(name, factory, summary, optimum, options, family=family or _family_of(factory))


def _family_of(factory: Callable[..., Any]) -> str:
    """The family whose games ``factory`` makes, as far as one can tell before it has made one."""
    kind: Any = factory
    if not isinstance(factory, type):
        with contextlib.suppress(Exception):
            kind = typing.get_type_hints(factory)["return"]
    owner = family_of_class(kind) if isinstance(kind, type) else None
    return next(iter(families())) if owner is None else owner.name


def family_of_class(kind: type) -> Family | None:
    """The family whose games a class is one of; of several the one that says most about them. None if there is none."""
    found = [family for family in families().values() if issubclass(kind, family.rules())]
    return max(found, key=lambda family: len(family.rules().__mro__), default=None)


def _kind_of(parameter: inspect.Parameter, factory: Callable[..., Any]) -> Any:
    """The type of an option: its annotation, which may be a string, or else the type of its default."""
    default = parameter.default
    kind: Any = next((plain for plain in (bool, int, float, str) if isinstance(default, plain)), type(default))
    if parameter.annotation is not inspect.Parameter.empty:
        function: Any = factory.__init__ if isinstance(factory, type) else factory  # type: ignore[misc]
        function = inspect.unwrap(getattr(function, "func", function))  # that of a partial
        one = types.SimpleNamespace(__annotations__={"it": parameter.annotation})  # a bad annotation must not cost the others
        with contextlib.suppress(Exception):
            hint = typing.get_type_hints(one, getattr(function, "__globals__", {}))["it"]
            kind = hint | None if default is None else hint
    return kind


def definition(factory: str | Callable[..., Any]) -> str:
    """`` (FILE:LINE)`` of a factory's definition, or an empty string where there is none."""
    try:
        return f" ({inspect.getsourcefile(factory)}:{inspect.getsourcelines(factory)[1]})"  # type: ignore[arg-type]
    except (TypeError, OSError):
        return ""


def forget(names: Iterable[str]) -> None:
    """Make registered ``names`` free again."""
    for name in names:
        _ENTRIES.pop(name, None)


def registered_games() -> list[GameEntry]:
    """All registered games: the library's own, then those of plugins."""
    families()
    return list(_ENTRIES.values())


def entry(name: str) -> GameEntry:
    """The entry of ``name``; raises `InputError` with near matches if there is none."""
    families()
    if name not in _ENTRIES:
        known = ", ".join(_ENTRIES)
        raise InputError(f"game {name!r} is not registered.{near_matches(name, _ENTRIES)} Registered: {known}")
    return _ENTRIES[name]


def make(name: str, **options: Any) -> Any:
    """The registered game ``name`` with ``options``, for example ``make("allocation", num_messages=2)``.

    Raises:
      InputError: the name or an option is unknown (the message lists near matches), or a value is out of range.
    """
    require_is("name", name, str, "a registered name, for example 'maintain'")
    return _built(entry(name), options)


def _built(known: GameEntry, options: dict[str, Any]) -> Any:
    """The game with ``options`` over the defaults; raises `InputError` for an option it does not have."""
    check_options(known.name, known.options, options)
    factory = known.factory
    if isinstance(factory, str):
        factory = load(factory)
    game = factory(**dict(known.fixed), **options)
    rules = families()[known.family].rules()
    if not isinstance(game, rules):
        owner = family_of_class(type(game))
        returned = f"{game!r:.80}" if owner is None else f"a {type(game).__name__}; register it with family={owner.name!r}"
        raise InputError(
            f"game {known.name!r} cannot be made: its factory must return a {rules.__name__}, but returned {returned}"
            f"{definition(factory)}"
        )
    return game
