"""Settings of sequential sales, typed. Free of JAX, so that the command line can show them quickly."""

import dataclasses

from stackjax.errors import names_its_options, require_count

__all__ = ["SaleConfig"]

MOST_VALUATIONS = 2**18


@names_its_options
@dataclasses.dataclass(frozen=True)
class SaleConfig:
    """How prices of a sequential sale are learned."""

    num_valuations: int = 512
    """Valuations that each bidder of a step may have."""

    def __post_init__(self) -> None:
        require_count("num_valuations", self.num_valuations, most=MOST_VALUATIONS)
