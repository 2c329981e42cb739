"""Settings of all that is sold, typed. Free of JAX, so that the command line can show them quickly."""

import dataclasses

from stackjax.errors import names_its_options, require_count, require_is

__all__ = ["AffineConfig", "MenuConfig", "PriceConfig", "SaleConfig"]

MOST_TYPES, MOST_DRAWS = 2**20, 2**18
MOST_LEVELS = 4
MOST_MENU_OPTIONS, MOST_JOINT_OPTIONS = 4096, 1024


@names_its_options
@dataclasses.dataclass(frozen=True)
class MenuConfig:
    """How menus are represented."""

    num_options: int | None = None
    """K, the most options that a menu has beside those that are free; by default 32, or as many as there are extreme
    allocations if these are more, up to 1024."""
    num_types: int = 2048
    """Sampled types of a batch, to which a menu is offered while it is learned."""

    def __post_init__(self) -> None:
        if self.num_options is not None:
            require_count("num_options", self.num_options, most=MOST_MENU_OPTIONS)
        require_count("num_types", self.num_types, least=16, most=MOST_TYPES)


@names_its_options
@dataclasses.dataclass(frozen=True)
class AffineConfig:
    """How affine maximisers are represented and learned."""

    num_options: int | None = None
    """K, joint allocations beside the one that gives nothing; by default 32, or twice as many as there are ways to give each
    item to somebody or nobody if these are more, up to 512."""
    num_auctions: int = 1024
    """Auctions of a step."""

    def __post_init__(self) -> None:
        if self.num_options is not None:
            require_count("num_options", self.num_options, most=MOST_JOINT_OPTIONS)
        require_count("num_auctions", self.num_auctions, most=MOST_DRAWS)


@names_its_options
@dataclasses.dataclass(frozen=True)
class PriceConfig:
    """How prices that depend on the other bidder's values are represented and learned."""

    cells: int | None = None
    """Cells along each value, of the mesh on which prices are linear; by default 8 for one item, 6 for two, 2 for three."""
    levels: int = 1
    """Shares of an item are multiples of one levels-th: more than 1 for lotteries."""
    num_auctions: int = 4096
    """Auctions of a step."""
    start: str = ""
    """The directory of an earlier run of the same game, on the same mesh or a coarser one that divides it: its best prices are
    where this run begins, and what is improved in the end."""

    def __post_init__(self) -> None:
        if self.cells is not None:
            require_count("cells", self.cells)
        require_count("levels", self.levels, most=MOST_LEVELS)
        require_count("num_auctions", self.num_auctions, least=16, most=MOST_DRAWS)
        require_is("start", self.start, str, "the directory of a run")


@names_its_options
@dataclasses.dataclass(frozen=True)
class SaleConfig:
    """How prices of a sequential sale are learned."""

    num_valuations: int = 512
    """Valuations that each bidder of a step may have."""

    def __post_init__(self) -> None:
        require_count("num_valuations", self.num_valuations, most=MOST_DRAWS)
