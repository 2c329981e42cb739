"""Which learning rule the followers use, as typed settings, a class for each rule. Free of JAX, for a quick command line."""

import dataclasses
import importlib
from typing import TYPE_CHECKING, Literal, get_args

from stackjax.errors import InputError, require, require_number, require_positive
from stackjax.settings import Kinded

if TYPE_CHECKING:
    from stackjax.bayesian.followers.base import FollowerDynamics

__all__ = ["FollowersConfig", "Kind"]

Kind = Literal[
    "multiplicative-weights",
    "optimistic-hedge",
    "regret-matching",
    "regret-matching-plus",
    "exp3",
    "swap-regret",
    "fictitious-play",
    "logit-response",
    "best-response",
    "q-learning",
    "quantal",
    "suqr",
]
Feedback = Literal["sampled", "expected"]
MODULES = {  # where the function is, unless in a module of the same name
    **dict.fromkeys(("optimistic-hedge", "exp3", "swap-regret"), "multiplicative_weights"),
    **dict.fromkeys(("fictitious-play", "logit-response"), "best_response"),
    "regret-matching-plus": "regret_matching",
    "suqr": "quantal",
}
MOST_STEP = 1e6  # beyond it followers answer the last round alone, and float32 ends


@dataclasses.dataclass(frozen=True)
class FollowersConfig(Kinded):
    """How followers learn: a rule and the options of that rule, for example ``FollowersConfig("q-learning", memory=True)``.

    What is made is an object of the rule's own class, whose fields are the options that the rule has.

    Raises:
      InputError: there is no such rule, the rule has no such option, or a value is out of range.
    """

    kind: Kind = "multiplicative-weights"
    """The learning rule; each has options of its own."""

    def __post_init__(self) -> None:
        for name in ("step_size", "exploration", "temperature", "learning_rate", "exploration_decay"):
            if hasattr(self, name):
                require_positive(name, getattr(self, name))
        if hasattr(self, "step_size"):
            require_number("step_size", self.step_size, lambda size: size <= MOST_STEP, f"at most {MOST_STEP:g}")
        for name in ("learning_rate", "exploration"):
            require_number(name, getattr(self, name, 1.0), lambda share: share <= 1, "above 0 and at most 1")
        require_number("discount", getattr(self, "discount", 0.0), lambda share: 0 <= share < 1, "at least 0 and below 1")
        require_number("initial_value", getattr(self, "initial_value", 0.0), lambda _: True, "a finite number")
        feedback = getattr(self, "feedback", "sampled")
        require("feedback", feedback, feedback in get_args(Feedback), "sampled or expected")
        least = "a finite number of at least 0"
        require_number("rationality", getattr(self, "rationality", 0.0), lambda number: number >= 0, least)
        weights = getattr(self, "weights", ())
        is_three = isinstance(weights, tuple) and len(weights) in (0, 3)
        require("weights", weights, is_three, "three numbers: of coverage, of the reward and of the penalty")
        for weight in weights:
            require_number("weights", weight, lambda _: True, "three finite numbers")
        memory = getattr(self, "memory", False)
        require("memory", memory, isinstance(memory, bool), "True or False")

    def build(self) -> "FollowerDynamics":
        """The `FollowerDynamics` that these settings describe."""
        if getattr(self, "weights", None) == ():
            raise InputError("suqr followers need weights, which have no default: --followers.weights W1 W2 W3, see fit_suqr")
        function = self.kind.replace("-", "_")
        module = importlib.import_module(f"stackjax.bayesian.followers.{MODULES.get(self.kind, function)}")
        return getattr(module, function)(**self.options())


@dataclasses.dataclass(frozen=True)
class MultiplicativeWeights(FollowersConfig):
    kind: Kind = "multiplicative-weights"
    step_size: float = 0.1
    """ε: after a round, an action's weight is multiplied by (1 + ε) to the power of what it would have paid (scaled)."""
    feedback: Feedback = "sampled"
    """Learn from the others' drawn actions (the paper's Algorithm 2) or from the expectation over their mixed play."""


@dataclasses.dataclass(frozen=True)
class OptimisticHedge(MultiplicativeWeights):
    kind: Kind = "optimistic-hedge"


@dataclasses.dataclass(frozen=True)
class RegretMatching(FollowersConfig):
    kind: Kind = "regret-matching"
    feedback: Feedback = "sampled"
    """Learn from the others' drawn actions or from the expectation over their mixed play."""


@dataclasses.dataclass(frozen=True)
class RegretMatchingPlus(RegretMatching):
    kind: Kind = "regret-matching-plus"


@dataclasses.dataclass(frozen=True)
class Exp3(FollowersConfig):
    kind: Kind = "exp3"
    exploration: float = 0.1
    """γ, in (0, 1]."""


@dataclasses.dataclass(frozen=True)
class SwapRegret(MultiplicativeWeights):
    kind: Kind = "swap-regret"


@dataclasses.dataclass(frozen=True)
class FictitiousPlay(FollowersConfig):
    kind: Kind = "fictitious-play"


@dataclasses.dataclass(frozen=True)
class LogitResponse(FollowersConfig):
    kind: Kind = "logit-response"
    temperature: float = 0.05
    """τ, in units of the game's payoff scale."""


@dataclasses.dataclass(frozen=True)
class BestResponse(FollowersConfig):
    kind: Kind = "best-response"


@dataclasses.dataclass(frozen=True)
class QLearning(FollowersConfig):
    kind: Kind = "q-learning"
    learning_rate: float = 0.1
    """α, in (0, 1]."""
    discount: float = 0.0
    """δ, in [0, 1)."""
    exploration_decay: float = 0.01
    """β: in round t a follower explores with probability e^(-β t)."""
    initial_value: float = 0.0
    """What every Q starts at, in units of the game's payoff scale."""
    memory: bool = False
    """Whether followers see everybody's actions in the round before."""


@dataclasses.dataclass(frozen=True)
class Quantal(FollowersConfig):
    kind: Kind = "quantal"
    rationality: float = 0.76
    """λ, at least 0: of one follower's actions one that pays v, game units, has a chance proportional to e^(λ v)."""


@dataclasses.dataclass(frozen=True)
class Suqr(FollowersConfig):
    kind: Kind = "suqr"
    weights: tuple[float, ...] = ()
    """w1, w2, w3, which must be given: one follower's chances are proportional to e^(w1 c + w2 A0 + w3 A1), where c is how
    likely an action is covered, A0 what it pays uncovered, A1 covered. Fit them to attacks, see fit_suqr."""
