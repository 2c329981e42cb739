"""The registered games in extensive form, and their options. Free of JAX and NumPy: games are loaded when they are made."""

import dataclasses

from stackjax.families import GameEntry

__all__ = ["ENTRIES", "TreeOptions"]


@dataclasses.dataclass(frozen=True)
class TreeOptions:
    leader: int | str = 1
    """Who commits: a seat from 1, or a player's name."""
    randomized: bool = True
    """Whether the leader mixes at each of its information sets, or takes one action at each."""


@dataclasses.dataclass(frozen=True)
class KuhnOptions(TreeOptions):
    players: int = 2
    """How many, at least 2."""
    cards: int | None = None
    """Different cards in the deck; by default one more than players."""
    rake: float = 0.0
    """The house's share of what the winner gains."""


@dataclasses.dataclass(frozen=True)
class LeducOptions(TreeOptions):
    rake: float = 0.0
    """The house's share of what the winner gains."""


@dataclasses.dataclass(frozen=True)
class InspectionOptions(TreeOptions):
    periods: int = 4
    """How many there are."""
    inspections: int = 2
    """In how many of them the inspector may inspect."""


@dataclasses.dataclass(frozen=True)
class SheriffOptions(TreeOptions):
    bribe: int = 2
    """The largest."""
    items: int = 2
    """The most that the smuggler may load."""
    rounds: int = 2
    """Of bargaining."""


@dataclasses.dataclass(frozen=True)
class HaggleOptions(TreeOptions):
    values: tuple[float, ...] = (1.0, 2.0, 3.0)
    """Of the buyer, equally likely."""
    prices: tuple[float, ...] = (1.0, 2.0, 3.0)
    """That the seller may name."""
    delta: float = 0.8
    """δ, what a round later is worth to both."""
    rounds: int = 2
    """How many there are."""


@dataclasses.dataclass(frozen=True)
class PatrolOptions(TreeOptions):
    steps: int = 3
    """How many the attacker must pass."""
    reward: float = 1.0
    """Of the attacker who has passed all of them."""


@dataclasses.dataclass(frozen=True)
class RandomTreeOptions(TreeOptions):
    tree_seed: int = 0
    """Of the payoffs."""
    levels: int = 4
    """Moves of both together."""
    actions: int = 2
    """At each of them."""


_AT = "stackjax.extensive.games"
_SMALL = f"{_AT}.small"
ENTRIES = (
    GameEntry("kuhn", f"{_AT}.kuhn:kuhn", "plays Kuhn poker by known odds", "-1/18", KuhnOptions),
    GameEntry("leduc", f"{_AT}.leduc:leduc", "plays Leduc poker by known odds", "-0.085606424", LeducOptions),
    GameEntry("inspection", f"{_SMALL}:inspection", "inspects in a few of many periods", "-3/11", InspectionOptions),
    GameEntry("sheriff", f"{_SMALL}:sheriff", "smuggles, or inspects, with bribes", "6/7", SheriffOptions),
    GameEntry("signalling", f"{_SMALL}:signalling", "signals, or answers signals", "4", TreeOptions),
    GameEntry("haggle", f"{_SMALL}:haggle", "names a price in each round", "4/3 (ties against: 5/6)", HaggleOptions),
    GameEntry("patrol", f"{_SMALL}:patrol", "searches a row in each step", "0.05", PatrolOptions),
    GameEntry("random-tree", f"{_SMALL}:random_game", "plays a tree of random payoffs", "0.9919853", RandomTreeOptions),
)
