"""How followers who plan answer, as typed settings, a class for each rule. Free of JAX, for a quick command line."""

import dataclasses
from typing import TYPE_CHECKING, Any, Literal, get_args

from stackjax.errors import require, require_count, require_number, require_positive
from stackjax.settings import Kinded

if TYPE_CHECKING:
    from stackjax.markov.mean_field.rules import PopulationRule
    from stackjax.markov.rules import FollowerRule

__all__ = [
    "ContextualFollower",
    "ExactFollower",
    "MarkovFollowers",
    "MeanFieldFollowers",
    "QLearningFollower",
    "SoftmaxFollower",
    "SoftmaxPopulation",
    "check_pretraining",
]

Kind = Literal["exact", "softmax", "contextual", "q-learning"]
PopulationKind = Literal["equilibrium", "softmax"]
Ties = Literal["for", "against", "even"]  # as in answers, which needs JAX


@dataclasses.dataclass(frozen=True)
class MarkovFollowers(Kinded):
    """How a follower plans: a rule and the options of that rule, for example ``MarkovFollowers("softmax", temperature=0.1)``.

    Raises:
      InputError: there is no such rule, the rule has no such option, or a value is out of range.
    """

    kind: Kind = "exact"
    """The rule by which the follower answers; each has options of its own."""

    def build(self) -> "FollowerRule":
        """The `FollowerRule` that these settings describe."""
        from stackjax.markov.rules import RULES

        return RULES[self.kind](self)


@dataclasses.dataclass(frozen=True)
class ExactFollower(MarkovFollowers):
    kind: Kind = "exact"
    knows_time: bool = False
    """Whether the follower may do something else in every step of an episode, as backward induction would."""
    ties: Ties = "for"
    """What it does where it is indifferent: the leader's best, the leader's worst, or all with equal chances."""

    def __post_init__(self) -> None:
        require("knows_time", self.knows_time, isinstance(self.knows_time, bool), "True or False")
        require("ties", self.ties, self.ties in get_args(Ties), f"one of {', '.join(get_args(Ties))}")


@dataclasses.dataclass(frozen=True)
class SoftmaxFollower(MarkovFollowers):
    kind: Kind = "softmax"
    temperature: float = 0.1
    """Of the chances, which are proportional to exp(Q / temperature), game units; the follower knows the time."""

    def __post_init__(self) -> None:
        require_positive("temperature", self.temperature)


def check_pretraining(settings: Any) -> None:
    """Raise `InputError` unless the numbers of a pretraining are possible."""
    for name in ("updates", "batch"):
        require_count(name, getattr(settings, name))
    require_positive("pretraining_rate", settings.pretraining_rate)
    for width in settings.hidden_sizes:
        require_count("hidden_sizes", width)
    require_count("seed", settings.seed, least=0)
    require("seed", settings.seed, settings.seed < 2**31, "below 2**31")


@dataclasses.dataclass(frozen=True)
class ContextualFollower(MarkovFollowers):
    """Trained once, on random commitments, and then frozen; it sees the state and the whole commitment."""

    kind: Kind = "contextual"
    updates: int = 1000
    """Of its policy, before the leader trains."""
    batch: int = 64
    """Random commitments in an update."""
    tried: int = 32
    """Policies that it tries against each of them."""
    pretraining_rate: float = 5e-3
    """Adam's step size at the start."""
    hidden_sizes: tuple[int, ...] = (64, 64)
    """Widths of its hidden layers."""
    seed: int = 0
    """Of its pretraining; all seeds of a run meet the same follower."""

    def __post_init__(self) -> None:
        require_count("tried", self.tried)
        check_pretraining(self)


@dataclasses.dataclass(frozen=True)
class QLearningFollower(MarkovFollowers):
    """Learns from scratch against every commitment, by tabular Q-learning, and then plays greedily."""

    kind: Kind = "q-learning"
    episodes: int = 80
    """Episodes that it learns in, of the game's horizon (100 steps each where there is none)."""
    learning_rate: float = 0.1
    """α."""
    exploration: float = 0.1
    """ε, the chance of an action drawn at random."""
    discount: float = 0.9
    """γ of what it learns."""

    def __post_init__(self) -> None:
        require_count("episodes", self.episodes)
        for name in ("learning_rate", "exploration", "discount"):
            require_number(name, getattr(self, name), lambda share: 0 <= share <= 1, "at least 0 and at most 1")


@dataclasses.dataclass(frozen=True)
class MeanFieldFollowers(Kinded):
    """How a continuum of followers plans, for example ``MeanFieldFollowers("softmax", temperature=0.1)``.

    Raises:
      InputError: there is no such rule, the rule has no such option, or a value is out of range.
    """

    kind: PopulationKind = "equilibrium"
    """equilibrium: nobody gains by another plan. softmax: chances follow what actions cost at the prices they make."""

    def build(self) -> "PopulationRule":
        """The `PopulationRule` that these settings describe."""
        from stackjax.markov.mean_field.rules import RULES

        return RULES[self.kind](self)


@dataclasses.dataclass(frozen=True)
class EquilibriumPopulation(MeanFieldFollowers):
    kind: PopulationKind = "equilibrium"


@dataclasses.dataclass(frozen=True)
class SoftmaxPopulation(MeanFieldFollowers):
    kind: PopulationKind = "softmax"
    temperature: float = 0.1
    """Of the chances, which are proportional to exp(-Q / temperature) of costs Q in game units. The literature's 1/α."""

    def __post_init__(self) -> None:
        require_positive("temperature", self.temperature)
