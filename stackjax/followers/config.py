"""Which learning rule the followers use, as a typed setting. Free of JAX, so that the command line can show it quickly."""

import dataclasses
from typing import TYPE_CHECKING, Literal, get_args

from stackjax.errors import require, require_number, require_positive

if TYPE_CHECKING:
    from stackjax.followers.base import FollowerDynamics

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
]


@dataclasses.dataclass(frozen=True)
class FollowersConfig:
    """How followers learn."""

    kind: Kind = "multiplicative-weights"
    """The learning rule."""
    step_size: float = 0.1
    """ε of multiplicative-weights, optimistic-hedge and swap-regret: after a round, an action's weight is multiplied by
    (1 + ε) to the power of what it would have paid (scaled)."""
    feedback: Literal["sampled", "expected"] = "sampled"
    """Learn from the others' drawn actions (the paper's Algorithm 2) or from the expectation over their mixed play. exp3,
    fictitious-play, logit-response and q-learning always learn from drawn actions, best-response from the expectation."""
    exploration: float = 0.1
    """γ of exp3, in (0, 1]."""
    temperature: float = 0.05
    """τ of logit-response, in units of the game's payoff scale."""
    learning_rate: float = 0.1
    """α of q-learning, in (0, 1]."""
    discount: float = 0.0
    """δ of q-learning, in [0, 1)."""
    exploration_decay: float = 0.01
    """β of q-learning: in round t it explores with probability e^(-β t)."""
    initial_value: float = 0.0
    """What every Q of q-learning starts at, in units of the game's payoff scale."""
    memory: bool = False
    """Whether followers of q-learning see everybody's actions in the round before."""

    def __post_init__(self) -> None:
        require("kind", self.kind, self.kind in get_args(Kind), f"one of {', '.join(get_args(Kind))}")
        require("feedback", self.feedback, self.feedback in ("sampled", "expected"), "sampled or expected")
        for name in ("step_size", "exploration", "temperature", "learning_rate", "exploration_decay"):
            require_positive(name, getattr(self, name))
        require_number("learning_rate", self.learning_rate, lambda rate: rate <= 1, "above 0 and at most 1")
        require_number("initial_value", self.initial_value, lambda _: True, "a finite number")
        require("memory", self.memory, not self.memory or self.kind == "q-learning", "False unless kind is q-learning")
        require_number("discount", self.discount, lambda discount: 0 <= discount < 1, "at least 0 and below 1")
        require_number("exploration", self.exploration, lambda share: share <= 1, "above 0 and at most 1")

    def build(self) -> "FollowerDynamics":
        """The `FollowerDynamics` that these settings describe."""
        from stackjax.followers import best_response, exp3, multiplicative_weights, q_learning, regret_matching, swap_regret

        if self.kind == "multiplicative-weights":
            return multiplicative_weights.multiplicative_weights(self.step_size, feedback=self.feedback)
        if self.kind == "optimistic-hedge":
            return multiplicative_weights.optimistic_hedge(self.step_size, feedback=self.feedback)
        if self.kind == "regret-matching":
            return regret_matching.regret_matching(feedback=self.feedback)
        if self.kind == "regret-matching-plus":
            return regret_matching.regret_matching_plus(feedback=self.feedback)
        if self.kind == "exp3":
            return exp3.exp3(self.exploration)
        if self.kind == "swap-regret":
            return swap_regret.swap_regret(self.step_size, feedback=self.feedback)
        if self.kind == "fictitious-play":
            return best_response.fictitious_play()
        if self.kind == "logit-response":
            return best_response.logit_response(self.temperature)
        if self.kind == "q-learning":
            return q_learning.q_learning(
                self.learning_rate,
                discount=self.discount,
                exploration_decay=self.exploration_decay,
                initial_value=self.initial_value,
                memory=self.memory,
            )
        return best_response.best_response()
