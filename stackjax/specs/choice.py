"""Which of several commitments that pay the leader alike a run chooses: its second objective. Free of JAX."""

import dataclasses
from typing import Any

from stackjax.errors import InputError, require_number

__all__ = ["NAMES", "Choice"]

NAMES = ("followers", "least-follower", "equality", "revenue", "robust", "simplicity", "nearest")


@dataclasses.dataclass(frozen=True)
class Choice:
    """A second objective.

    Attributes:
      second: one of `NAMES`, see `stackjax.rashomon.among`.
      slack: what it may cost the leader, game units.
      nearest: for ``"nearest"`` the commitment ``[O, ...]`` as nested lists.
    """

    second: str
    slack: float = 0.0
    nearest: Any = None

    def __post_init__(self) -> None:
        if self.second not in NAMES:
            raise InputError(f"second={self.second!r} must be one of {', '.join(NAMES[:-1])} or nearest:RUN")
        require_number("slack", self.slack, lambda slack: slack >= 0, "at least 0")

    def to_dict(self) -> dict[str, Any]:
        """As ``config.json`` holds it, without what is not used."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}
