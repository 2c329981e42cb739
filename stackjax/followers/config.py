"""Which learning rule the followers use, as typed settings, a class for each rule. Free of JAX, for a quick command line."""

import dataclasses
import numbers
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from stackjax.errors import InputError, near_matches, require, require_number, require_positive

if TYPE_CHECKING:
    from stackjax.followers.base import FollowerDynamics

__all__ = ["FollowersConfig", "Kind", "check_options", "followers_type", "option_types"]

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
]
Feedback = Literal["sampled", "expected"]


@dataclasses.dataclass(frozen=True)
class FollowersConfig:
    """How followers learn: a rule and the options of that rule, for example ``FollowersConfig("q-learning", memory=True)``.

    What is made is an object of the rule's own class, whose fields are the options that the rule has.

    Raises:
      InputError: there is no such rule, the rule has no such option, or a value is out of range.
    """

    kind: Kind = "multiplicative-weights"
    """The learning rule; each has options of its own."""

    RULES: ClassVar[dict[str, type]] = {}

    def __new__(cls, kind: str | None = None, *_: Any, **options: Any) -> "FollowersConfig":
        rule: Any = cls if kind is None and cls is not FollowersConfig else followers_type(kind or "multiplicative-weights")
        check_options(rule, options)
        return object.__new__(rule)

    def __init_subclass__(cls) -> None:
        FollowersConfig.RULES[cls.__dict__["kind"]] = cls

    def __post_init__(self) -> None:
        require("kind", self.kind, self.kind == type(self).kind, f"{type(self).kind} in {type(self).__name__}")
        for name in ("step_size", "exploration", "temperature", "learning_rate", "exploration_decay"):
            if hasattr(self, name):
                require_positive(name, getattr(self, name))
        for name in ("learning_rate", "exploration"):
            require_number(name, getattr(self, name, 1.0), lambda share: share <= 1, "above 0 and at most 1")
        require_number("discount", getattr(self, "discount", 0.0), lambda share: 0 <= share < 1, "at least 0 and below 1")
        require_number("initial_value", getattr(self, "initial_value", 0.0), lambda _: True, "a finite number")
        feedback = getattr(self, "feedback", "sampled")
        require("feedback", feedback, feedback in get_args(Feedback), "sampled or expected")
        memory = getattr(self, "memory", False)
        require("memory", memory, isinstance(memory, bool), "True or False")

    def build(self) -> "FollowerDynamics":
        """The `FollowerDynamics` that these settings describe."""
        from stackjax.followers import best_response, exp3, multiplicative_weights, q_learning, regret_matching, swap_regret

        rules: dict[str, Any] = {
            "multiplicative-weights": multiplicative_weights.multiplicative_weights,
            "optimistic-hedge": multiplicative_weights.optimistic_hedge,
            "regret-matching": regret_matching.regret_matching,
            "regret-matching-plus": regret_matching.regret_matching_plus,
            "exp3": exp3.exp3,
            "swap-regret": swap_regret.swap_regret,
            "fictitious-play": best_response.fictitious_play,
            "logit-response": best_response.logit_response,
            "best-response": best_response.best_response,
            "q-learning": q_learning.q_learning,
        }
        options = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name != "kind"}
        return rules[self.kind](**options)

    def changed(self) -> dict[str, Any]:
        """The options that differ from their defaults; traced ones count as different."""
        found = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name != "kind"}
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        is_plain = lambda value: isinstance(value, (numbers.Real, str))
        return {name: value for name, value in found.items() if not (is_plain(value) and value == defaults[name])}


@dataclasses.dataclass(frozen=True)
class MultiplicativeWeights(FollowersConfig):
    kind: Kind = "multiplicative-weights"
    step_size: float = 0.1
    """ε: after a round, an action's weight is multiplied by (1 + ε) to the power of what it would have paid (scaled)."""
    feedback: Feedback = "sampled"
    """Learn from the others' drawn actions (the paper's Algorithm 2) or from the expectation over their mixed play."""


@dataclasses.dataclass(frozen=True)
class OptimisticHedge(FollowersConfig):
    kind: Kind = "optimistic-hedge"
    step_size: float = 0.1
    """ε, as of multiplicative-weights."""
    feedback: Feedback = "sampled"
    """Learn from the others' drawn actions or from the expectation over their mixed play."""


@dataclasses.dataclass(frozen=True)
class RegretMatching(FollowersConfig):
    kind: Kind = "regret-matching"
    feedback: Feedback = "sampled"
    """Learn from the others' drawn actions or from the expectation over their mixed play."""


@dataclasses.dataclass(frozen=True)
class RegretMatchingPlus(FollowersConfig):
    kind: Kind = "regret-matching-plus"
    feedback: Feedback = "sampled"
    """Learn from the others' drawn actions or from the expectation over their mixed play."""


@dataclasses.dataclass(frozen=True)
class Exp3(FollowersConfig):
    kind: Kind = "exp3"
    exploration: float = 0.1
    """γ, in (0, 1]."""


@dataclasses.dataclass(frozen=True)
class SwapRegret(FollowersConfig):
    kind: Kind = "swap-regret"
    step_size: float = 0.1
    """ε, as of multiplicative-weights."""
    feedback: Feedback = "sampled"
    """Learn from the others' drawn actions or from the expectation over their mixed play."""


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


def followers_type(kind: str) -> type[FollowersConfig]:
    """The class of the settings of rule ``kind``; raises `InputError` if there is no such rule."""
    rules = FollowersConfig.RULES
    if kind not in rules:
        raise InputError(f"kind={kind} must be one of {', '.join(rules)}.{near_matches(str(kind), rules)}")
    return rules[kind]


def option_types() -> dict[str, Any]:
    """The type of every option of any rule, by name."""
    return {field.name: field.type for rule in FollowersConfig.RULES.values() for field in dataclasses.fields(rule)}


def _names(rule: type) -> list[str]:
    return [field.name for field in dataclasses.fields(rule)]


def check_options(rule: type, names: Any) -> None:
    """Raise `InputError` for an option that ``rule`` does not have, naming the rules that do."""
    own = _names(rule)
    for name in names:
        if name not in own:
            owners = [kind for kind, other in FollowersConfig.RULES.items() if name in _names(other)]
            belongs = f"; it belongs to {', '.join(owners)}" if owners else f".{near_matches(name, option_types())}"
            raise InputError(f"{name} is not an option of {rule.kind}{belongs}")  # type: ignore[attr-defined]
