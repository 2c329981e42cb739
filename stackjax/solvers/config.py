"""Settings of the searches that need no network, typed. Free of JAX, so that the command line can show them quickly."""

import dataclasses

from stackjax.errors import require, require_count, require_number

__all__ = ["DirectConfig", "SearchConfig"]

LARGEST_POPULATION = 10_000_000


@dataclasses.dataclass(frozen=True)
class SearchConfig:
    """Settings of `search`, the best of many random commitments."""

    num_updates: int = 200
    """Batches of random commitments."""
    population: int = 256
    """Commitments in a batch, one Stackelberg episode each."""

    def __post_init__(self) -> None:
        _check_size(self.num_updates, self.population)


@dataclasses.dataclass(frozen=True)
class DirectConfig:
    """Settings of `direct`, which evolves commitments in several islands."""

    num_updates: int = 200
    """Updates; steps are annealed, and islands given up, over so many."""
    population: int = 256
    """Stackelberg episodes an update, over all islands."""
    num_islands: int = 4
    """Populations that keep their own elite, so that one basin does not decide. They are given up one by one, worst first:
    what is left of the run breeds from the best."""
    islands_until: float = 0.6
    """Share of the run after which one island's descendants alone are left."""
    elite_share: float = 0.2
    """Of an island's share of the population, how many commitments it keeps, best first."""
    recheck_share: float = 0.1
    """Of an island's share of the population, how many of its best commitments meet a fresh group of followers again."""
    trusted_groups: int = 8
    """Groups of followers that a commitment must have met before it counts as the best found."""
    smoothing: float = 0.3
    """Discrete actions: how far an update moves an island's probabilities towards what its elite does."""
    least_probability: float = 0.05
    """Discrete actions: the share of every probability that stays uniform."""
    first_step: float = 0.3
    """Actions in a box: standard deviation of a change at the start, as a share of the box."""
    last_step: float = 1e-6
    """Actions in a box: the same at the end."""

    tremble: float = 1e-5
    """Actions in a box: standard deviation of the error with which a commitment is played while it is tried, as a share of the
    box, so that what is found does not hang on how a follower's tie happens to break."""

    def __post_init__(self) -> None:
        _check_size(self.num_updates, self.population)
        require_count("num_islands", self.num_islands)
        require_count("trusted_groups", self.trusted_groups)
        fits = self.population % self.num_islands == 0 and self.population >= 4 * self.num_islands
        require("population", self.population, fits, f"a multiple of num_islands={self.num_islands}, and at least 4 times it")
        for name in ("elite_share", "islands_until", "recheck_share", "smoothing", "least_probability"):
            require_number(name, getattr(self, name), lambda share: 0 < share < 1, "between 0 and 1")
        least = "at most elite_share, which is what is kept to be checked"
        require("recheck_share", self.recheck_share, self.recheck_share <= self.elite_share, least)
        for name in ("first_step", "last_step"):
            require_number(name, getattr(self, name), lambda step: 0 < step <= 1, "above 0 and at most 1")
        require_number("tremble", self.tremble, lambda size: 0 <= size < 1, "at least 0 and below 1")
        require("last_step", self.last_step, self.last_step <= self.first_step, "at most first_step")

    @property
    def island_size(self) -> int:
        """Episodes of an island in an update."""
        return self.population // self.num_islands

    @property
    def num_elites(self) -> int:
        """Commitments that an island keeps, at least two."""
        return max(2, round(self.elite_share * self.island_size))

    @property
    def num_rechecked(self) -> int:
        """Of them, those that are checked again in an update, at least one."""
        return max(1, round(self.recheck_share * self.island_size))


def _check_size(num_updates: int, population: int) -> None:
    require_count("num_updates", num_updates)
    require_count("population", population)
    require("num_updates", num_updates, num_updates < 2**31, "below 2**31")
    require("population", population, population <= LARGEST_POPULATION, f"at most {LARGEST_POPULATION}")
