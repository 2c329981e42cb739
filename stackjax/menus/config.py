"""Settings of all that is sold, typed. Free of JAX, so that the command line can show them quickly."""

import dataclasses

from stackjax.errors import names_its_options, require_count

__all__ = ["AffineConfig", "MenuConfig", "SaleConfig"]

MOST_TYPES, MOST_DRAWS = 2**20, 2**18
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
class SaleConfig:
    """How prices of a sequential sale are learned."""

    num_valuations: int = 512
    """Valuations that each bidder of a step may have."""

    def __post_init__(self) -> None:
        require_count("num_valuations", self.num_valuations, most=MOST_DRAWS)
