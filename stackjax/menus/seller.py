"""What the problems of all sellers share: buyers take what is best for them, so that none learns and none has regrets."""

import abc
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.arrays import in_full
from stackjax.problem import Judged, Problem, Table, Worth
from stackjax.spaces import Box
from stackjax.types import Array, PRNGKey

__all__ = ["RevenueCertificate", "SellerProblem", "table_of"]


class RevenueCertificate(NamedTuple):
    """What a commitment earns, game units: ``revenue``, and the ``half_width`` of its 95 % interval, 0 where it is exact.

    ``draw`` is a number that further draws may begin with: those that describe the commitment.
    """

    revenue: Array
    half_width: Array
    draw: Array


class SellerProblem(Problem):
    """A `Problem` but for what is for sale and how.

    Attributes:
      game: the rules, with a ``name`` and ``is_exact``, whether a commitment is judged without draws.
      exactly, draws: how it is judged if it is exact, and by which draws if it is not, for people.
    """

    game: Any
    config: Any
    exactly: str
    draws: str

    gap_name = "regret"  # of the buyers: they answer best
    kernel = "argmax"
    answer_choices = (1,)  # what a buyer takes depends on its type: commitments are not told apart by answers
    settled_gap = 0.0
    tie_tolerance = 0.0

    @property
    def name(self) -> str:
        return self.game.name

    @property
    @abc.abstractmethod
    def commitments(self) -> Table: ...

    @property
    @abc.abstractmethod
    def buyers(self) -> str:
        """Who they are and what they do, for people."""

    @abc.abstractmethod
    def _earned(self, key: PRNGKey) -> Callable[[Array], Array]:
        """What a commitment earns from buyers that are drawn by ``key``."""

    @abc.abstractmethod
    def _certified(self, key: PRNGKey, commitment: Array) -> Any:
        """The certificate of a commitment, a tuple of what it earns and more; see `judge`."""

    @abc.abstractmethod
    def _described(self, commitment: Any, seen: Any) -> dict[str, Any]:
        """See `describe`; ``seen`` are the details of its judgement."""

    @property
    def judges_by_draws(self) -> bool:
        return not self.game.is_exact

    @in_full
    def worth(self, key: PRNGKey, commitments: Array, *, lasting: int = 0) -> Worth:
        """See `Problem`: all commitments meet the same buyers."""
        del lasting
        payoff = jax.lax.map(self._earned(key), commitments)
        return Worth(payoff, jnp.zeros_like(payoff), jnp.zeros_like(payoff), jnp.zeros((len(payoff), 1), jnp.int32))

    @in_full
    def judge(self, key: PRNGKey, commitment: Array, num_groups: int) -> Judged:
        """See `Problem`: exact, or on fresh draws; ``details`` is the certificate, and nobody regrets anything."""
        del num_groups
        found = self._certified(key, commitment)
        return Judged(found[0], jnp.zeros_like(found[0]), found)

    def improve(self, commitment: np.ndarray, num_evaluations: int) -> np.ndarray:
        """``commitment`` itself, unless a problem knows better."""
        del num_evaluations
        return commitment

    def describe(self, judged: Judged, commitments: Array, names: list[str]) -> list[dict[str, Any]]:
        """See `Problem`."""
        del names
        seen = jax.tree.map(np.asarray, judged.details)
        made = enumerate(np.asarray(commitments))
        return [self._described(one, jax.tree.map(lambda leaf, i=i: leaf[i], seen)) for i, one in made]

    def _entry(
        self,
        actions: np.ndarray,
        mechanism: list[str],
        value: float,
        half_width: float,
        worst: float | None = None,
        **numbers: Any,
    ) -> dict[str, Any]:
        """What `describe` says of a commitment; ties have no chance where there is no ``worst``."""
        observations = np.asarray(self.commitments.observations)
        return {
            "leader_payoff": value,
            "half_width": half_width,
            "worst_payoff": value if worst is None else worst,
            "regret": 0.0,
            **numbers,
            "commitment": {"observations": observations.tolist(), "actions": actions.tolist()},
            "mechanism": mechanism,
            "follower_play": [],
        }

    def evaluation_method(self) -> dict[str, Any]:
        """See `Problem`."""
        how = self.exactly if self.game.is_exact else f"{self.draws}, with a 95 % interval"
        return {"settled_gap": self.settled_gap, "words": f"{self.buyers}; {how}"}


def table_of(space: Box, observations: np.ndarray) -> Table:
    """Of these ``observations [O, D]``. Inside of other functions' traces too."""
    with jax.ensure_compile_time_eval():
        return Table(len(observations), space, jnp.asarray(observations, jnp.float32))
