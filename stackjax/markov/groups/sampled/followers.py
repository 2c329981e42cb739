"""How followers of a game that is played out answer, as typed settings. Free of JAX, for a quick command line."""

import dataclasses
from typing import Any, Literal

from stackjax.errors import InputError, require_count, require_number, require_positive
from stackjax.markov.followers import check_pretraining
from stackjax.markov.groups.followers import GroupFollowers
from stackjax.settings import Kinded

__all__ = ["PlayedContextual", "PlayedGroupFollowers"]

Kind = Literal["contextual"]


@dataclasses.dataclass(frozen=True)
class PlayedGroupFollowers(Kinded):
    """How followers of a game that is played out answer, for example ``PlayedGroupFollowers("contextual", updates=100)``.

    Raises:
      InputError: there is no such rule, the rule has no such option, or a value is out of range.
    """

    kind: Kind = "contextual"
    """The rule by which followers answer: policies that are trained together beforehand and then frozen."""

    @classmethod
    def of(cls, kind: str) -> Any:
        """See `Kinded`; rules that need a table are named with the family that takes them."""
        if kind in GroupFollowers.KINDS and kind not in cls.KINDS:
            raise InputError(
                f"kind={kind} must be contextual for a game that is played out: {kind} needs a table of states, which games "
                "of the family 'groups' have"
            )
        return super().of(kind)


@dataclasses.dataclass(frozen=True)
class PlayedContextual(PlayedGroupFollowers):
    """Trained together once, against random commitments, and then frozen; each sees what the leader sees, the time, what the
    leader does here, and what it does at a fixed sample of observations.
    """

    kind: Kind = "contextual"
    updates: int = 100
    """Of their policies, before the leader trains."""
    batch: int = 64
    """Random commitments in an update."""
    episodes: int = 16
    """Episodes under each of them."""
    probes: int = 24
    """Observations at which followers know what the leader does, wherever they are."""
    pretraining_rate: float = 2e-3
    """Adam's step size at the start; falls linearly to zero."""
    entropy_coefficient: float = 0.03
    """Weight of the entropy of what they do, at the start; falls linearly to zero."""
    hidden_sizes: tuple[int, ...] = (64, 64)
    """Widths of the hidden layers (tanh)."""
    deviation_updates: int = 60
    """Of a learner that looks, where a commitment is judged, for what a follower could gain by another policy."""
    deviation_episodes: int = 256
    """Episodes in each of them."""
    seed: int = 0
    """Of their pretraining; all seeds of a run meet the same followers."""

    def __post_init__(self) -> None:
        check_pretraining(self)
        for name in ("episodes", "probes", "deviation_updates", "deviation_episodes"):
            require_count(name, getattr(self, name))
        require_positive("pretraining_rate", self.pretraining_rate)
        require_number("entropy_coefficient", self.entropy_coefficient, lambda weight: weight >= 0, "at least 0")
