"""What a leader learns from: of what commitments are worth, or of episodes in which it is queried and then plays.

Free of JAX, so that the command line can show it quickly.
"""

import dataclasses
from typing import Literal

from stackjax.errors import names_its_options, require

__all__ = ["QueryConfig"]


@names_its_options
@dataclasses.dataclass(frozen=True)
class QueryConfig:
    """The leader's episode of Gerstgrasser and Parkes (2023), and four ways in which its learning fails.

    The leader is queried once in every public state, in order, without reward; that is what the follower answers. Then they
    play, and the leader acts afresh in each step. One setting that is not the default makes ``ppo`` learn from such episodes.
    """

    seen: Literal["visible", "hidden"] | None = None
    """Whether the leader learns from its queries (visible) or only from the steps after them (hidden). By default visible where
    another of these settings is on; where none is, the leader learns from what commitments are worth, without episodes."""
    phase: bool = False
    """Whether the leader sees if it is queried, so that it can promise one table and play another."""
    carried: bool = False
    """Whether followers that learn are carried over from one episode to the next, instead of starting over."""
    paid: bool = False
    """Whether the leader is also paid for the games in which its follower learns."""

    def __post_init__(self) -> None:
        require("queries.seen", self.seen, self.seen in (None, "visible", "hidden"), "visible, hidden or None")
        for name in ("phase", "carried", "paid"):
            value = getattr(self, name)
            require(f"queries.{name}", value, isinstance(value, bool), "True or False")

    @property
    def switched(self) -> str:
        """The first setting that makes the leader learn from episodes, for example ``queries.seen=hidden``; empty for none."""
        values = dataclasses.asdict(self)
        return next((f"queries.{name}={value}" for name, value in values.items() if value not in (None, False)), "")

    @property
    def hides(self) -> bool:
        """Whether queries are left out of what the leader learns from."""
        return self.seen == "hidden"

    @property
    def caveat(self) -> str:
        """What one must know of what a leader learned; empty where it learned from what commitments are worth."""
        if not self.switched:
            return ""
        outside = [
            "its queries were hidden from what it learned from" if self.hides else "",
            "it saw whether it was queried, so that it may promise one table and play another" if self.phase else "",
            "its followers were carried over from episode to episode" if self.carried else "",
            "it was paid while its followers still learned" if self.paid else "",
        ]
        said = "; ".join(words for words in outside if words) or "its queries were part of them, and nothing was hidden"
        return (
            f"Learned from episodes with queries: {said}. The leader's payoff is that of the table that it plays in the end, "
            "as it was learned; what it was paid in its last episodes stands beside it."
        )
