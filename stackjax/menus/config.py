"""Settings of menus, typed. Free of JAX, so that the command line can show them quickly."""

import dataclasses

from stackjax.errors import names_its_options, require_count

__all__ = ["MenuConfig"]

MOST_OPTIONS, MOST_TYPES = 4096, 2**20


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
        for name, least, most in (("num_options", 1, MOST_OPTIONS), ("num_types", 16, MOST_TYPES)):
            if getattr(self, name) is not None:
                require_count(name, getattr(self, name), least, most)
