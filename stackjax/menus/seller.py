"""What the problems of all sellers share: buyers take what is best for them, so that none learns and none has regrets."""

import abc
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.arrays import in_full
from stackjax.game_problem import GameProblem
from stackjax.problem import Judged, Worth
from stackjax.types import Array, PRNGKey

__all__ = ["RevenueCertificate", "SellerProblem"]


class RevenueCertificate(NamedTuple):
    """What a commitment earns, game units: ``revenue``, and the ``half_width`` of its 95 % interval, 0 where it is exact.

    ``draw`` is a number that further draws may begin with: those that describe the commitment.
    """

    revenue: Array
    half_width: Array
    draw: Array


class SellerProblem(GameProblem):
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
    tie_tolerance = 0.0

    @property
    @abc.abstractmethod
    def buyers(self) -> str:
        """Who they are and what they do, for people."""

    @abc.abstractmethod
    def _earned(self, key: PRNGKey) -> Callable[[Array], tuple[Array, Array]]:
        """What a commitment earns from buyers that are drawn by ``key``, and what each of them is left with, ``[N]``."""

    def _at_worst(self, commitment: Array) -> Array:
        """What a commitment earns with ties against the seller, where they have a chance."""
        raise NotImplementedError

    @abc.abstractmethod
    def _certified(self, key: PRNGKey, commitment: Array) -> Any:
        """The certificate of a commitment, a tuple of what it earns and more; see `judge`."""

    @property
    def ties_have_no_chance(self) -> bool:
        """As where types have a density."""
        return True

    @property
    def judges_by_draws(self) -> bool:
        return not self.game.is_exact

    @in_full
    def worth(self, key: PRNGKey, commitments: Array, *, lasting: int = 0) -> Worth:
        """See `Problem`: all commitments meet the same buyers."""
        del lasting
        payoff, followers = jax.lax.map(self._earned(key), commitments)
        nothing, worst = jnp.zeros_like(payoff), payoff
        if not self.ties_have_no_chance:
            worst = jax.lax.map(self._at_worst, commitments)  # apart, so that it is not computed unless it is asked for
        return Worth(payoff, nothing, nothing, jnp.zeros((len(payoff), 1), jnp.int32), followers, worst)

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

    def _sold(
        self, actions: np.ndarray, words: list[str], value: float, half_width: float, worst: float | None = None, **more: Any
    ) -> dict[str, Any]:
        """What `describe` says of a commitment; ties have no chance where there is no ``worst``."""
        worst_payoff = value if worst is None else worst
        earned = {"leader_payoff": value, "half_width": half_width, "worst_payoff": worst_payoff, "regret": 0.0}
        return self._entry(actions, words, [], **earned, **more)

    def evaluation_method(self) -> dict[str, Any]:
        """See `Problem`."""
        how = self.exactly if self.game.is_exact else f"{self.draws}, with a 95 % interval"
        return {"settled_gap": self.settled_gap, "words": f"{self.buyers}; {how}"}
