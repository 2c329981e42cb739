"""How a continuum of followers answers, as typed settings, a class for each rule. Free of JAX, for a quick command line."""

import dataclasses
from typing import TYPE_CHECKING, Literal

from stackjax.errors import require_positive
from stackjax.settings import Kinded

if TYPE_CHECKING:
    from stackjax.markov.mean_field.rules import PopulationRule

__all__ = ["MeanFieldFollowers", "SoftmaxPopulation"]

Kind = Literal["equilibrium", "softmax"]


@dataclasses.dataclass(frozen=True)
class MeanFieldFollowers(Kinded):
    """How the population plans, for example ``MeanFieldFollowers("softmax", temperature=0.1)``.

    Raises:
      InputError: there is no such rule, the rule has no such option, or a value is out of range.
    """

    kind: Kind = "equilibrium"
    """equilibrium: nobody gains by another plan. softmax: chances follow what actions cost at the prices they make."""

    def build(self) -> "PopulationRule":
        """The `PopulationRule` that these settings describe."""
        from stackjax.markov.mean_field.rules import RULES

        return RULES[self.kind](self)


@dataclasses.dataclass(frozen=True)
class EquilibriumPopulation(MeanFieldFollowers):
    kind: Kind = "equilibrium"


@dataclasses.dataclass(frozen=True)
class SoftmaxPopulation(MeanFieldFollowers):
    kind: Kind = "softmax"
    temperature: float = 0.1
    """Of the chances, which are proportional to exp(-Q / temperature) of costs Q in game units. The literature's 1/α."""

    def __post_init__(self) -> None:
        require_positive("temperature", self.temperature)
