"""Games by name. Free of JAX: a game's module is loaded when it is made."""

import contextlib
import dataclasses
import importlib
import inspect
import types
import typing
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from stackjax.errors import InputError, near_matches

if TYPE_CHECKING:
    from stackjax.games.base import Game

__all__ = ["GameEntry", "NoOptions", "definition", "entry", "forget", "make", "register", "registered_games"]


@dataclasses.dataclass(frozen=True)
class NoOptions:
    """This game has no options."""


@dataclasses.dataclass(frozen=True)
class GameEntry:
    """A registered game: how to make it and what there is to say about it."""

    name: str
    factory: "str | Callable[..., Game]"  # "module:attribute", or the callable itself
    summary: str
    optimum: str
    options: type = NoOptions
    fixed: tuple[tuple[str, Any], ...] = ()

    def build(self, **options: Any) -> "Game":
        """The game with ``options`` over the defaults; raises `InputError` for an option it does not have."""
        known = [field.name for field in dataclasses.fields(self.options)]
        for option in options:
            if option not in known:
                allowed = f"its options are {', '.join(known)}" if known else "it has no options"
                raise InputError(f"game {self.name!r} has no option {option!r}; {allowed}.{near_matches(option, known)}")
        factory = self.factory
        if isinstance(factory, str):
            module, _, attribute = factory.partition(":")
            factory = getattr(importlib.import_module(module), attribute)
        game = factory(**dict(self.fixed), **options)
        from stackjax.games.base import Game

        if not isinstance(game, Game):
            raise InputError(
                f"game {self.name!r} cannot be made: its factory must return an sx.Game, but returned {game!r:.80}"
                f"{definition(factory)}"
            )
        return game


@dataclasses.dataclass(frozen=True)
class AllocationOptions:
    num_messages: int = 3
    """m, messages that the follower can send."""
    num_items: int = 3
    """Equally likely items that the follower may want."""


@dataclasses.dataclass(frozen=True)
class PostedPricePiOptions:
    num_messages: int = 2
    """m, messages that each agent can send; 1 is the plain sequential price mechanism."""
    epsilon: float = 0.2
    """ε of the paper: agent 1's value is 1/(2ε) with probability ε, else 1/2."""
    buy_when_indifferent: bool = False
    """Whether an agent buys at a price equal to its value."""


@dataclasses.dataclass(frozen=True)
class PostedPriceUniformOptions:
    num_types: int = 3
    """Values of each agent: linspace(0, 1, num_types), equally likely."""
    num_messages: int = 2
    """m, messages that each agent can send; 1 is the plain sequential price mechanism."""
    num_agents: int = 2
    """Agents, each of whom may want the one item."""
    buy_when_indifferent: bool = False
    """Whether an agent buys at a price equal to its value."""


@dataclasses.dataclass(frozen=True)
class BertrandPlatformOptions:
    num_prices: int = 4
    """Prices that a seller can ask, evenly spaced."""
    lowest_price: float = 1.05
    """The lowest of them."""
    highest_price: float = 1.7
    """The highest of them."""
    num_sellers: int = 2
    """Sellers, all alike."""
    quality: float = 2.0
    """a of logit demand: what a good is worth to consumers on average."""
    cost: float = 1.0
    """c: what a unit costs its seller."""
    scale: float = 0.25
    """μ of logit demand: how much consumers differ."""
    outside: float = 0.0
    """a_0 of logit demand: what buying nothing is worth."""


_MATRIX, _DESIGN = "stackjax.games.normal_form", "stackjax.games.matrix_design"
_MIXES = (("randomized", True),)
_BUILT_IN = (
    GameEntry("escape", f"{_MATRIX}:escape", "picks a row", "30"),
    GameEntry("escape-randomized", f"{_MATRIX}:escape", "mixes rows", "30", fixed=_MIXES),
    GameEntry("maintain", f"{_MATRIX}:maintain", "picks a row", "20"),
    GameEntry("maintain-randomized", f"{_MATRIX}:maintain", "mixes rows", "27.5", fixed=_MIXES),
    GameEntry("matrix-design", f"{_DESIGN}:MatrixDesign", "picks a bonus τ", "1"),
    GameEntry("matrix-design-payments", f"{_DESIGN}:MatrixDesignPayments", "promises payments by joint action", "10"),
    GameEntry("allocation", "stackjax.games.allocation:Allocation", "maps a message to an item", "m/3", AllocationOptions),
    GameEntry(
        "posted-price-pi",
        "stackjax.games.posted_price:posted_price_pi",
        "picks whom to visit at what price, by messages",
        "0 (m=1: -0.15)",
        PostedPricePiOptions,
    ),
    GameEntry(
        "posted-price-uniform",
        "stackjax.games.posted_price:posted_price_uniform",
        "the same with uniform values",
        "at most 0",
        PostedPriceUniformOptions,
    ),
    GameEntry(
        "bertrand-platform",
        "stackjax.games.bertrand_platform:BertrandPlatform",
        "sees prices, displays sellers up to a threshold",
        "1.126",
        BertrandPlatformOptions,
    ),
)
_ENTRIES: dict[str, GameEntry] = {built_in.name: built_in for built_in in _BUILT_IN}


def register(name: str, factory: "Callable[..., Game]", *, summary: str = "", optimum: str = "unknown") -> None:
    """Make a game available by name, in Python and (from a ``.py`` file) on the command line.

    Args:
      name: what `make` will know it by.
      factory: returns the game; its keyword parameters, each with a default, are the game's options. An option is of the type
        that its annotation names, or else of its default's.
      summary, optimum: a few words for `stackjax list`.

    Raises:
      InputError: the name is taken, ``factory`` cannot make a game, or a parameter has no default or no type.
    """
    if name in _ENTRIES:
        raise InputError(f"name={name!r} is already registered; choose another")
    if not callable(factory):
        raise InputError(f"factory of {name!r} must be a class or a function that returns the game, not {factory!r:.80}")
    if inspect.isabstract(factory):
        missing = ", ".join(sorted(factory.__abstractmethods__))  # type: ignore[attr-defined]
        raise InputError(f"factory of {name!r}: class {factory.__name__} does not define {missing}")
    fields = []
    for parameter in inspect.signature(factory).parameters.values():
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
    _ENTRIES[name] = GameEntry(name, factory, summary, optimum, options)


def _kind_of(parameter: inspect.Parameter, factory: "Callable[..., Game]") -> Any:
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


def definition(factory: "str | Callable[..., Game]") -> str:
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
    """All registered games, the built-in ones first."""
    return list(_ENTRIES.values())


def entry(name: str) -> GameEntry:
    """The entry of ``name``; raises `InputError` with near matches if there is none."""
    if name not in _ENTRIES:
        known = ", ".join(_ENTRIES)
        raise InputError(f"game {name!r} is not registered.{near_matches(name, _ENTRIES)} Registered: {known}")
    return _ENTRIES[name]


def make(name: str, **options: Any) -> "Game":
    """The registered game ``name`` with ``options``, for example ``make("allocation", num_messages=2)``.

    Raises:
      InputError: the name or an option is unknown (the message lists near matches), or a value is out of range.
    """
    return entry(name).build(**options)
