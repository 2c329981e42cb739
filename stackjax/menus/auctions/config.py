"""Settings of affine maximisers, typed. Free of JAX, so that the command line can show them quickly."""

import dataclasses

from stackjax.errors import names_its_options, require_count

__all__ = ["AffineConfig"]

MOST_OPTIONS, MOST_AUCTIONS = 1024, 2**18


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
        for name, most in (("num_options", MOST_OPTIONS), ("num_auctions", MOST_AUCTIONS)):
            if getattr(self, name) is not None:
                require_count(name, getattr(self, name), most=most)
