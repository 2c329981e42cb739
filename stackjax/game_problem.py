"""What problems of several families share: they are the rules of a game, and say of each commitment what it comes to."""

import abc
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.errors import UnsolvedError
from stackjax.problem import Judged, Optimum, Problem, Table
from stackjax.spaces import Space
from stackjax.types import Array

__all__ = ["GameProblem"]


class GameProblem(Problem):
    """A `Problem` but for how followers answer.

    Attributes:
      game: the rules, with a ``name``.
      settled_share: the largest gap at which followers count as settled, as a share of ``follower_range``, game units.
    """

    game: Any
    settled_share: float = 0.0

    @property
    def name(self) -> str:
        return self.game.name

    @property
    def leader_actions(self) -> Space:
        """What the leader chooses from at each node."""
        return self.game.leader_actions

    @abc.abstractmethod
    def _observations(self) -> Any:
        """``[O, D]`` what the leader sees at its nodes."""

    @cached_property
    def commitments(self) -> Table:
        with jax.ensure_compile_time_eval():  # inside of other functions' traces too
            observations = jnp.asarray(self._observations())
            return Table(len(observations), self.leader_actions, observations)

    @property
    def follower_range(self) -> float:
        return 0.0

    @property
    def settled_gap(self) -> float:
        return self.settled_share * self.follower_range

    @abc.abstractmethod
    def _claimed(self) -> Optimum | str | None:
        """See `optimum`; a sentence, `UnsolvedError` or `ArithmeticError` says why it is not known."""

    @cached_property
    def _optimum(self) -> Optimum | None:
        try:
            found = self._claimed()
        except (ArithmeticError, UnsolvedError) as error:  # a linear programme that failed costs no run
            found = str(error)
        if isinstance(found, str):
            self.__dict__["why_unknown"] = found
            return None
        return found

    def optimum(self) -> Optimum | None:
        """See `Problem`."""
        return self._optimum

    @abc.abstractmethod
    def _described(self, actions: np.ndarray, seen: Any) -> dict[str, Any]:
        """What `describe` says of the commitment ``actions [O, ...]``; ``seen`` are the details of its judgement."""

    def describe(self, judged: Judged, commitments: Array, names: list[str]) -> list[dict[str, Any]]:
        """See `Problem`."""
        del names
        seen, made = jax.tree.map(np.asarray, judged.details), np.asarray(commitments)
        return [self._described(one, jax.tree.map(lambda leaf, i=i: leaf[i], seen)) for i, one in enumerate(made)]

    def _entry(self, actions: np.ndarray, mechanism: list[str], play: list[str], **numbers: Any) -> dict[str, Any]:
        """What is always said of a commitment, and ``numbers``."""
        observations = np.asarray(self.commitments.observations).tolist()
        made = {"observations": observations, "actions": actions.tolist()}
        return {**numbers, "commitment": made, "mechanism": mechanism, "follower_play": play}
