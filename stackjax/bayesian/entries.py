"""The registered games of the Bayesian family, and their options. Free of JAX: a game's module is loaded when it is made."""

import dataclasses

from stackjax.registry import GameEntry

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


_MATRIX, _DESIGN = "stackjax.bayesian.games.normal_form", "stackjax.bayesian.games.matrix_design"
_MIXES = (("randomized", True),)
ENTRIES = (
    GameEntry("escape", f"{_MATRIX}:escape", "picks a row", "30"),
    GameEntry("escape-randomized", f"{_MATRIX}:escape", "mixes rows", "30", fixed=_MIXES),
    GameEntry("maintain", f"{_MATRIX}:maintain", "picks a row", "20"),
    GameEntry("maintain-randomized", f"{_MATRIX}:maintain", "mixes rows", "27.5", fixed=_MIXES),
    GameEntry("matrix-design", f"{_DESIGN}:MatrixDesign", "picks a bonus τ", "1"),
    GameEntry("matrix-design-payments", f"{_DESIGN}:MatrixDesignPayments", "promises payments by joint action", "10"),
    GameEntry(
        "allocation", "stackjax.bayesian.games.allocation:Allocation", "maps a message to an item", "m/3", AllocationOptions
    ),
    GameEntry(
        "posted-price-pi",
        "stackjax.bayesian.games.posted_price:posted_price_pi",
        "picks whom to visit at what price, by messages",
        "0 (m=1: -0.15)",
        PostedPricePiOptions,
    ),
    GameEntry(
        "posted-price-uniform",
        "stackjax.bayesian.games.posted_price:posted_price_uniform",
        "the same with uniform values",
        "at most 0",
        PostedPriceUniformOptions,
    ),
    GameEntry(
        "bertrand-platform",
        "stackjax.bayesian.games.bertrand_platform:BertrandPlatform",
        "sees prices, displays sellers up to a threshold",
        "1.126",
        BertrandPlatformOptions,
    ),
)
