"""What problems of one follower who plans, and of several, share: the game, its length, what is trained beforehand."""

import abc
import dataclasses
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from stackjax.game_problem import GameProblem
from stackjax.markov.answers import Length, tie_of
from stackjax.markov.game import InducedMarkovGame, MarkovGame
from stackjax.markov.played import played
from stackjax.problem import Judged, Played, Solver
from stackjax.types import Array, PyTree

__all__ = ["PlannedProblem", "by_name", "nested"]


def nested(arrays: dict[str, np.ndarray]) -> PyTree:
    """The tree of dicts whose `by_name` is ``arrays``."""
    return traverse_util.unflatten_dict({name: jnp.asarray(array) for name, array in arrays.items()}, sep="/")


def by_name(tree: PyTree) -> dict[str, np.ndarray]:
    """A tree of dicts as arrays by name."""
    return {name: np.asarray(array) for name, array in traverse_util.flatten_dict(tree, sep="/").items()}


class PlannedProblem(GameProblem):
    """A `Problem` of a `MarkovGame`, but for how followers answer.

    Attributes:
      game: the rules.
      followers: how followers answer; its numbers may be tracers.
      policy: what a rule of followers has trained beforehand, see `prepare`; None for most.
    """

    game: MarkovGame
    followers: Any
    policy: PyTree

    gap_name = "exploitability"
    kernel = "dynamic programming"
    judges_roughly = True  # in float32; `describe` tells ties in float64

    @cached_property
    def rule(self) -> Any:
        """How followers answer."""
        return self.followers.build()

    def prepare(self, arrays: dict[str, np.ndarray] | None = None) -> Any:
        """With what the rule trains beforehand: of ``arrays``, which `prepared` gave, or trained now."""
        if self.rule.pretrain is None:
            return self
        known: Any = self  # a dataclass
        return dataclasses.replace(known, policy=nested(arrays) if arrays else self.rule.pretrain(self))

    def prepared(self) -> dict[str, np.ndarray]:
        """What `prepare` worked out, by name."""
        return {} if self.policy is None else by_name(self.policy)

    @cached_property
    def pretraining(self) -> Any:
        """What followers that were trained beforehand lose against best ones, over commitments; None for others."""
        return None if self.rule.regret is None or self.policy is None else self.rule.regret(self)

    def _observations(self) -> Array:
        return jax.vmap(self.game.observe)(jnp.arange(self.game.num_states, dtype=jnp.int32))

    @property
    def length(self) -> Length:
        return Length.of(self.game.horizon, self.game.discount)

    def _range(self, agent: int) -> tuple[float, float]:
        """Bounds of what an episode pays."""
        low, high = self.game.competing_bounds[agent]
        return self.length.weight * low, self.length.weight * max(high, low + 1e-9)

    @property
    def payoff_range(self) -> tuple[float, float]:
        return self._range(0)

    @property
    def follower_range(self) -> float:
        """The largest of any follower."""
        ranges = (self._range(1 + i) for i in range(self.game.num_followers))
        return float(max(high - low for low, high in ranges))

    def tie_in(self, dtype: Any) -> float:
        """See `tie_of`; the largest of any follower."""
        return max(tie_of(self.game, self.length, dtype, 1 + i) for i in range(self.game.num_followers))

    @property
    def tie_tolerance(self) -> float:
        return self.tie_in(jnp.result_type(float))

    @property
    @abc.abstractmethod
    def _tells_ties(self) -> bool:
        """Whether followers break ties, which float64 tells."""

    @abc.abstractmethod
    def _answered(self, commitments: Array) -> tuple[InducedMarkovGame, Array]:
        """What ``commitments [B, O, ...]`` leave to followers, and the policy ``[(T,) S, J, B]`` of fresh ones."""

    def played(self, judged: Judged, commitments: Array) -> list[Played] | None:
        """See `Problem`; of fresh followers, where answers are drawn."""
        del judged
        groups = self.num_groups if self.rule.is_drawn else 1
        about = self.game, lambda: self.length, self._answered
        return played(*about, commitments, groups=groups, in_double=self._tells_ties)

    def own(self, config: Any) -> Solver | None:
        """See `MarkovGame.own`."""
        return self.game.own(config)

    def yardsticks(self) -> dict[str, float]:
        """See `MarkovGame.yardsticks`."""
        return self.game.yardsticks()
