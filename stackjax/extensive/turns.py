"""Players who learn from draws, in turn: what they have in common. No batch axes: callers ``vmap``."""

import abc
import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from stackjax.extensive.induced import normalised
from stackjax.extensive.treeplex import ExtensiveGame, Treeplex
from stackjax.extensive.walks import Walk
from stackjax.types import Array, PRNGKey

__all__ = ["Estimates", "Explorers", "InTurn", "estimates", "explored"]

COOLED_AFTER = 20  # iterations
COLDEST = 1e-12


@dataclasses.dataclass(frozen=True, eq=False)
class InTurn(abc.ABC):
    """How players learn, those of ``learners`` in turn; all others keep to fixed behaviours.

    A state is a NamedTuple with ``iterations``, an int32.

    Args:
      game: the rules.
      learners: players, leader 0.
    """

    game: ExtensiveGame
    learners: tuple[int, ...]

    @abc.abstractmethod
    def start(self, dtype: Any) -> Any:
        """The state in which nothing is known."""

    @abc.abstractmethod
    def turn(self, state: Any, key: PRNGKey, i: int, fixed: dict[int, Array]) -> Any:
        """The state once the ``i``-th of those who learn has had its turn."""

    @abc.abstractmethod
    def average(self, state: Any, i: int) -> Array:
        """``[I, A]`` what the ``i``-th who learns played on average."""

    @abc.abstractmethod
    def last(self, state: Any, i: int) -> Array:
        """``[I, A]`` what the ``i``-th who learns plays next."""

    def steps(self, state: Any, key: PRNGKey, count: int, fixed: dict[int, Array]) -> Any:
        """``count`` more iterations; ``fixed [I, A]`` are the behaviours of those who do not learn, leader 0.

        The same ``key`` makes the same iterations, in one call or in several.
        """

        def step(state: Any, _: None) -> tuple[Any, None]:
            keys = jax.random.split(jax.random.fold_in(key, state.iterations), len(self.learners))
            for i, own_key in enumerate(keys):
                state = self.turn(state, own_key, i, fixed)
            return state._replace(iterations=state.iterations + 1), None

        return jax.lax.scan(step, state, None, length=count)[0]


class Estimates(NamedTuple):
    """What a player who learns from draws knows.

    Attributes:
      values: ``[I, A]`` the mean of what each action was found to be worth, Q.
      visits: ``[I, A]`` of how many.
      played: ``[I, A]`` sums of the chances with which it was played.
    """

    values: Array
    visits: Array
    played: Array


def estimates(treeplex: Treeplex, dtype: Any) -> Estimates:
    """Nothing known."""
    return Estimates(*(jnp.zeros(treeplex.mask.shape, dtype),) * 3)


def explored(values: Array, visits: Array, legal: Array, scale: Array) -> Array:
    """``[..., A]`` chances: an untried action while there are any, else in proportion to ``exp(values * scale)``.

    Args:
      values: ``[..., A]``.
      visits: ``[..., A]``.
      legal: bool ``[..., A]``.
      scale: ``[...]``.
    """
    untried = (legal & (visits == 0)).astype(values.dtype)
    kept = jnp.where(legal, values, -jnp.inf)
    behind = kept - kept.max(axis=-1, keepdims=True)  # before it is scaled: a fused product is not rounded as its largest is
    raised = jnp.exp(behind * scale[..., None])
    weights = jnp.where(untried.any(axis=-1, keepdims=True), untried, raised)
    return weights / weights.sum(axis=-1, keepdims=True)


@dataclasses.dataclass(frozen=True, eq=False)
class Explorers(InTurn):
    """Players who walk the tree. Their state has ``estimates``, an entry for each who learns.

    Args:
      temperature: of exploration at first, game units; may be traced.
      cooling: what it is multiplied by after every 20 iterations.
    """

    temperature: Any
    cooling: float
    walks: tuple[Walk, ...] = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "walks", tuple(Walk.of(self.game, player) for player in self.learners))

    @abc.abstractmethod
    def chances(self, state: Any, i: int, sets: Array) -> Array:
        """``[W, A]`` what the ``i``-th who learns plays next at ``sets [W]``."""

    def average(self, state: Any, i: int) -> Array:
        return normalised(self.walks[i].treeplex, state.estimates[i].played)

    def last(self, state: Any, i: int) -> Array:
        return self.chances(state, i, jnp.arange(self.walks[i].treeplex.num_sets, dtype=jnp.int32))

    def policy(self, state: Any, fixed: dict[int, Array]) -> Callable[[int, Array], Array]:
        """``(player, sets [W]) -> [W, A]``, what everybody plays."""

        def of(player: int, sets: Array) -> Array:
            if player in self.learners:
                return self.chances(state, self.learners.index(player), sets)
            return fixed[player][sets]

        return of

    def cooled(self, state: Any, dtype: Any) -> Array:
        """The temperature now."""
        times = (state.iterations // COOLED_AFTER).astype(dtype)
        return jnp.maximum(jnp.asarray(self.temperature, dtype) * jnp.asarray(self.cooling, dtype) ** times, COLDEST)
