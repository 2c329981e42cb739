"""Which learning rule the followers use, as a typed setting. Free of JAX, so that the command line can show it quickly."""

import dataclasses
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from stackjax.followers.base import FollowerDynamics

__all__ = ["FollowersConfig"]


@dataclasses.dataclass(frozen=True)
class FollowersConfig:
    """How followers learn."""

    kind: Literal["multiplicative-weights"] = "multiplicative-weights"
    """The learning rule."""
    step_size: float = 0.1
    """ε: after a round, an action's weight is multiplied by (1 + ε) to the power of what it would have paid (scaled)."""
    feedback: Literal["sampled", "expected"] = "sampled"
    """Learn from the others' drawn actions (the paper's Algorithm 2) or from the expectation over their mixed play."""

    def build(self) -> "FollowerDynamics":
        from stackjax.followers.multiplicative_weights import multiplicative_weights

        return multiplicative_weights(self.step_size, feedback=self.feedback)
