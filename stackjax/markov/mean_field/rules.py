"""How a continuum of followers answers, as a record of functions: what `MeanFieldFollowers` builds, one of `RULES`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import scipy

from stackjax.markov.followers import MeanFieldFollowers, SoftmaxPopulation
from stackjax.markov.mean_field.answers import TOLERANCE, equilibrium, softmax_population
from stackjax.types import Array

if TYPE_CHECKING:
    from stackjax.markov.mean_field.problem import MeanFieldProblem

__all__ = ["RULES", "PopulationRule"]

ROUNDING = 5e-8  # of a follower's payoff range


class PopulationRule(NamedTuple):
    """How a population answers. A rule of one's own is what the ``build`` of one's own `MeanFieldFollowers` returns.

    Attributes:
      answer: ``(problem, own [K, T, S, A]) -> (flow [K, T, S, A], error)`` where actions cost ``own`` beside prices; the error
        is by how much the field that followers answered differs from the one that they make.
      bound: ``problem -> `` what theory allows a follower to lose.
      is_best: whether nobody gains by another plan, so that the leader is held against its optimum.
    """

    answer: Callable[["MeanFieldProblem", Array], tuple[Array, Array]]
    bound: Callable[["MeanFieldProblem"], float | Array] = lambda problem: jnp.inf
    is_best: bool = False


def in_equilibrium(followers: MeanFieldFollowers) -> PopulationRule:
    """Nobody gains by another plan."""
    del followers  # it has no options
    answer = lambda problem, own: (equilibrium(problem.game, own, problem.tie_tolerance), jnp.zeros((), own.dtype))
    return PopulationRule(answer, lambda problem: 0.0, is_best=True)


def softmax(followers: SoftmaxPopulation) -> PopulationRule:
    """Chances by what actions cost at the prices that followers make themselves."""

    def answer(problem: "MeanFieldProblem", own: Array) -> tuple[Array, Array]:
        rounding = ROUNDING * problem.follower_range / followers.temperature  # of chances, in float32
        accuracy = (TOLERANCE + rounding) * float(np.abs(problem.game.quantity).max())
        return softmax_population(problem.game, own, followers.temperature, accuracy)

    def bound(problem: "MeanFieldProblem") -> float | Array:
        """In each period at most W((A - 1) / e) times the temperature, W being Lambert's."""
        most = int(problem.game.allowed.sum(axis=-1).max())
        per_period = float(scipy.special.lambertw((most - 1) / np.e).real)
        return problem.game.num_periods * per_period * followers.temperature

    return PopulationRule(answer, bound)


RULES: dict[str, Callable[[Any], PopulationRule]] = {"equilibrium": in_equilibrium, "softmax": softmax}
