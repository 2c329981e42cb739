"""How a follower who plans answers, as typed settings, a class for each rule. Free of JAX, for a quick command line."""

import dataclasses
from typing import Literal, get_args

from stackjax.errors import require, require_positive
from stackjax.settings import Kinded

__all__ = ["ExactFollower", "MarkovFollowers", "SoftmaxFollower"]

Kind = Literal["exact", "softmax"]
Ties = Literal["for", "against", "even"]  # as in answers, which needs JAX


@dataclasses.dataclass(frozen=True)
class MarkovFollowers(Kinded):
    """How a follower plans: a rule and the options of that rule, for example ``MarkovFollowers("softmax", temperature=0.1)``.

    Raises:
      InputError: there is no such rule, the rule has no such option, or a value is out of range.
    """

    kind: Kind = "exact"
    """The rule by which the follower answers; each has options of its own."""


@dataclasses.dataclass(frozen=True)
class ExactFollower(MarkovFollowers):
    kind: Kind = "exact"
    knows_time: bool = False
    """Whether the follower may do something else in every step of an episode, as backward induction would."""
    ties: Ties = "for"
    """What it does where it is indifferent: the leader's best, the leader's worst, or all with equal chances."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require("knows_time", self.knows_time, isinstance(self.knows_time, bool), "True or False")
        require("ties", self.ties, self.ties in get_args(Ties), f"one of {', '.join(get_args(Ties))}")


@dataclasses.dataclass(frozen=True)
class SoftmaxFollower(MarkovFollowers):
    kind: Kind = "softmax"
    temperature: float = 0.1
    """Of the chances, which are proportional to exp(Q / temperature), game units; the follower knows the time."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive("temperature", self.temperature)
