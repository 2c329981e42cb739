"""How followers of games in extensive form answer, as typed settings, a class for each rule. Free of JAX."""

import dataclasses
from typing import TYPE_CHECKING, Any, Literal, get_args

from stackjax.errors import InputError, require, require_count, require_number, require_positive
from stackjax.settings import Kinded

if TYPE_CHECKING:
    from stackjax.extensive.rules import FollowerRule

__all__ = [
    "AbcsFollowers",
    "AutoFollowers",
    "BoltzmannFollowers",
    "CfrFollowers",
    "CfrPlusFollowers",
    "DcfrFollowers",
    "ExactFollower",
    "ExtensiveFollowers",
    "LcfrFollowers",
    "SampledCfrFollowers",
    "SoftmaxFollower",
]

Kind = Literal["auto", "exact", "softmax", "cfr", "cfr-plus", "dcfr", "lcfr", "es-mccfr", "bql", "abcs"]
INSTEAD = "--followers.kind cfr-plus"
LASTING = 10  # times the iterations, where commitments are judged
Played = Literal["auto", "empirical", "average"]
Counted = Literal["visits", "reach"]
Shown = Literal["average", "last"]
Ties = Literal["for", "against", "even"]  # as in exact, which needs JAX


@dataclasses.dataclass(frozen=True)
class ExtensiveFollowers(Kinded):
    """How followers answer: a rule and its options, for example ``ExtensiveFollowers("softmax", temperature=0.1)``.

    Raises:
      InputError: there is no such rule, the rule has no such option, or a value is out of range.
    """

    kind: Kind = "auto"
    """The rule by which followers answer, each with options of its own; auto: exact for one follower, cfr-plus for several."""

    def resolved(self, num_followers: int) -> Any:
        """The settings of the rule itself, for a game of so many followers.

        Raises:
          InputError: the rule is not for as many.
        """
        if num_followers > 1 and self.kind in ("exact", "softmax"):
            raise InputError(f"{self.kind} answers are for one follower; this game has {num_followers}: {INSTEAD}")
        return self

    def lasting(self) -> Any:
        """The settings where commitments are judged."""
        iterations = getattr(self, "iterations", None)
        return self if iterations is None else dataclasses.replace(self, iterations=LASTING * iterations)  # type: ignore[call-arg]

    def build(self) -> "FollowerRule":
        """The `FollowerRule` that these settings describe."""
        from stackjax.extensive.learning import RULES

        return RULES[self.kind](self)


@dataclasses.dataclass(frozen=True)
class ExactFollower(ExtensiveFollowers):
    """A best reply."""

    kind: Kind = "exact"
    ties: Ties = "for"
    """What it does where it is indifferent: the leader's best, the leader's worst, or all with equal chances."""

    def __post_init__(self) -> None:
        require("ties", self.ties, self.ties in get_args(Ties), f"one of {', '.join(get_args(Ties))}")


@dataclasses.dataclass(frozen=True)
class AutoFollowers(ExtensiveFollowers):
    """Whatever suits the game."""

    kind: Kind = "auto"
    ties: Ties = "for"
    """Of one follower, which answers exactly: what it does where it is indifferent."""

    def __post_init__(self) -> None:
        require("ties", self.ties, self.ties in get_args(Ties), f"one of {', '.join(get_args(Ties))}")

    def resolved(self, num_followers: int) -> Any:
        if num_followers > 1 and self.ties == "for":
            return CfrPlusFollowers()
        return ExactFollower(ties=self.ties).resolved(num_followers)


@dataclasses.dataclass(frozen=True)
class SoftmaxFollower(ExtensiveFollowers):
    """A quantal reply, agent by agent: it errs at each of its sets and knows that it will."""

    kind: Kind = "softmax"
    temperature: float = 0.1
    """Of the chances, which are proportional to exp(what an action pays once one is there / temperature), game units."""

    def __post_init__(self) -> None:
        require_positive("temperature", self.temperature)


@dataclasses.dataclass(frozen=True)
class CfrFollowers(ExtensiveFollowers):
    """Counterfactual regret minimisation: regret matching at each information set."""

    kind: Kind = "cfr"
    iterations: int = 1000
    """While the leader searches; ten times as many where commitments are judged."""
    alternating: bool = False
    """Whether each follower sees what those before it have just learned, instead of all learning at once."""
    play: Played = "auto"
    """What counts as played: all that was played on the way (empirical), or each one's average; auto: empirical, average if
    alternating. Of one follower both are the same."""

    def __post_init__(self) -> None:
        require_count("iterations", self.iterations)
        require("alternating", self.alternating, isinstance(self.alternating, bool), "True or False")
        require("play", self.play, self.play in get_args(Played), f"one of {', '.join(get_args(Played))}")
        if self.alternating and self.play == "empirical":
            raise InputError("play=empirical must be average with alternating=True: then no profile is played as a whole")


@dataclasses.dataclass(frozen=True)
class CfrPlusFollowers(CfrFollowers):
    """The same without negative regrets, iterations weighted by their number."""

    kind: Kind = "cfr-plus"


@dataclasses.dataclass(frozen=True)
class LcfrFollowers(CfrFollowers):
    """The same, regrets and plans weighted by the number of the iteration."""

    kind: Kind = "lcfr"


@dataclasses.dataclass(frozen=True)
class DcfrFollowers(CfrFollowers):
    """The same, earlier regrets and plans discounted by powers of the number of the iteration."""

    kind: Kind = "dcfr"
    alpha: float = 1.5
    """Of positive regrets, which are multiplied by t^α / (t^α + 1)."""
    beta: float = 0.0
    """Of negative regrets, likewise."""
    gamma: float = 2.0
    """Of plans, weighted by t^γ."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("alpha", "beta"):
            require_number(name, getattr(self, name), lambda power: True, "a finite number")
        require_number("gamma", self.gamma, lambda power: 0 <= power <= 5, "at least 0 and at most 5")


@dataclasses.dataclass(frozen=True)
class SampledCfrFollowers(ExtensiveFollowers):
    """Regret matching by external sampling: one draw of all others' actions in each iteration."""

    kind: Kind = "es-mccfr"
    iterations: int = 10_000
    """While the leader searches; ten times as many where commitments are judged."""

    def __post_init__(self) -> None:
        require_count("iterations", self.iterations)


@dataclasses.dataclass(frozen=True)
class BoltzmannFollowers(ExtensiveFollowers):
    """Q-learning with softmax exploration that cools down."""

    kind: Kind = "bql"
    iterations: int = 10_000
    """While the leader searches; ten times as many where commitments are judged."""
    temperature: float = 1.0
    """Of the chances at first, game units."""
    cooling: float = 0.995
    """What the temperature is multiplied by after every 20 iterations."""
    play: Shown = "average"
    """What counts as played: the average on the way, or what would be played last."""

    def __post_init__(self) -> None:
        require_count("iterations", self.iterations)
        require_positive("temperature", self.temperature)
        require_number("cooling", self.cooling, lambda share: 0 < share <= 1, "above 0 and at most 1")
        require("play", self.play, self.play in get_args(Shown), f"one of {', '.join(get_args(Shown))}")


@dataclasses.dataclass(frozen=True)
class AbcsFollowers(BoltzmannFollowers):
    """Adaptive branching: Boltzmann Q-learning where the world looks stationary, counterfactual learning where it does not."""

    kind: Kind = "abcs"
    cooling: float = 0.99
    """What the temperature is multiplied by after every 20 iterations."""
    significance: float = 0.05
    """Of the test for whether what follows an action has changed; 0: it never has, 1: it always has (MAX-CFR)."""
    window: int = 500
    """The most visits of the test's first stretch; the others have about two thirds of it."""
    frontier: int = 16
    """The most own nodes on a level that one iteration goes on from."""
    average: Counted = "visits"
    """What averages count: every visit alike, or by how likely one's own moves lead there."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_number("significance", self.significance, lambda share: 0 <= share <= 1, "at least 0 and at most 1")
        require_count("window", self.window, least=5)
        require_count("frontier", self.frontier)
        require("average", self.average, self.average in get_args(Counted), f"one of {', '.join(get_args(Counted))}")
