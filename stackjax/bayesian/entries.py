"""The registered games of the Bayesian family, and their options. Free of JAX: a game's module is loaded when it is made."""

import dataclasses
from typing import Literal

from stackjax.families import GameEntry

__all__ = ["ENTRIES"]


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


@dataclasses.dataclass(frozen=True)
class SequentialPricesOptions:
    num_agents: int = 3
    """N, agents with independent values."""
    num_items: int = 2
    """M, distinct items."""
    num_messages: int = 2
    """m, messages that each agent can send; 1 is the mechanism without messages."""
    num_types: int = 2
    """Values that an agent may have for an item, linspace(lowest, 1, num_types), equally likely and independent."""
    demand: int = 1
    """How many items an agent wants at most; its value is the sum of the best of those it gets."""
    lowest: float = 0.3
    """The lowest value of an item."""
    objective: Literal["welfare-loss", "welfare", "revenue"] = "welfare-loss"
    """What the leader is paid: welfare less the best for the true values (at most 0), welfare, or revenue."""
    buy_when_indifferent: bool = False
    """Whether an agent that gains nothing by its best bundle takes it."""


@dataclasses.dataclass(frozen=True)
class CopiesOptions:
    num_copies: int = 2
    """Pairs of agents, with an item each."""
    num_messages: int = 2
    """m, messages that each agent can send."""


@dataclasses.dataclass(frozen=True)
class AllocationsOptions:
    num_followers: int = 4
    """Followers, each of whom wants one of the items."""
    num_messages: int = 2
    """m, messages that each can send."""
    num_items: int = 3
    """Equally likely items that a follower may want."""


@dataclasses.dataclass(frozen=True)
class SideBySideOptions:
    num_copies: int = 4
    """Copies of the game, with a follower each."""


_AT, _MIXES = "stackjax.bayesian.games", (("randomized", True),)
_MATRIX, _DESIGN, _COPIES, _PRICE = f"{_AT}.normal_form", f"{_AT}.matrix_design", f"{_AT}.copies", f"{_AT}.posted_price"
_POSTS, _DISPLAYS = "picks whom to visit at what price, by messages", "sees prices, displays sellers up to a threshold"
_ASKS, _UNIFORM = "picks whom to visit at what prices of several items", "the same with uniform values"
ENTRIES = (
    GameEntry("escape", f"{_MATRIX}:escape", "picks a row", "30"),
    GameEntry("escape-randomized", f"{_MATRIX}:escape", "mixes rows", "30", fixed=_MIXES),
    GameEntry("maintain", f"{_MATRIX}:maintain", "picks a row", "20"),
    GameEntry("maintain-randomized", f"{_MATRIX}:maintain", "mixes rows", "27.5", fixed=_MIXES),
    GameEntry("matrix-design", f"{_DESIGN}:MatrixDesign", "picks a bonus τ", "1"),
    GameEntry("matrix-design-payments", f"{_DESIGN}:MatrixDesignPayments", "promises payments by joint action", "10"),
    GameEntry("allocation", f"{_AT}.allocation:Allocation", "maps a message to an item", "m/3", AllocationOptions),
    GameEntry("posted-price-pi", f"{_PRICE}:posted_price_pi", _POSTS, "0 (m=1: -0.15)", PostedPricePiOptions),
    GameEntry("posted-price-uniform", f"{_PRICE}:posted_price_uniform", _UNIFORM, "at most 0", PostedPriceUniformOptions),
    GameEntry("bertrand-platform", f"{_AT}.bertrand_platform:BertrandPlatform", _DISPLAYS, "1.126", BertrandPlatformOptions),
    GameEntry("sequential-prices", f"{_AT}.sequential_prices:sequential_prices", _ASKS, "at most 0", SequentialPricesOptions),
    GameEntry("copies", f"{_COPIES}:copies", "posted-price-pi several times over, seeing all messages", "0", CopiesOptions),
    GameEntry("allocations", f"{_COPIES}:allocations", "allocation several times over", "n m/3", AllocationsOptions),
    GameEntry("maintains", f"{_COPIES}:maintains", "maintain several times over", "20 n", SideBySideOptions),
    GameEntry("threats", f"{_COPIES}:threats", "threatens to fight those who enter its markets", "n", SideBySideOptions),
)
