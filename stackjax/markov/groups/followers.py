"""How several followers who plan answer, as typed settings, a class for each rule. Free of JAX, for a quick command line."""

import dataclasses
from typing import TYPE_CHECKING, Literal, get_args

from stackjax.errors import require, require_count, require_number, require_positive
from stackjax.markov.followers import check_pretraining
from stackjax.settings import Kinded

if TYPE_CHECKING:
    from stackjax.markov.groups.rules import GroupRule

__all__ = ["ContextualGroup", "GroupFollowers", "JointQLearning", "LogitGroup", "NoRegretGroup", "PureGroup"]

Kind = Literal["no-regret", "pure", "softmax", "q-learning", "contextual"]
Ties = Literal["for", "against"]


@dataclasses.dataclass(frozen=True)
class GroupFollowers(Kinded):
    """How followers come to a joint policy, for example ``GroupFollowers("pure", ties="against")``. They know the time.

    Raises:
      InputError: there is no such rule, the rule has no such option, or a value is out of range.
    """

    kind: Kind = "no-regret"
    """The rule by which followers answer; each has options of its own."""

    def build(self) -> "GroupRule":
        """The `GroupRule` that these settings describe."""
        from stackjax.markov.groups.rules import RULES

        return RULES[self.kind](self)


@dataclasses.dataclass(frozen=True)
class NoRegretGroup(GroupFollowers):
    """Optimistic multiplicative weights in every step and state, last step first; what is played is averaged over rounds."""

    kind: Kind = "no-regret"
    rounds: int = 200
    """Rounds in each step and state, while the leader searches."""
    lasting_rounds: int = 1000
    """The same where commitments are judged."""
    step_size: float = 10.0
    """Of the weights, for payoffs that are divided by their range in the step."""

    def __post_init__(self) -> None:
        require_count("rounds", self.rounds)
        require_count("lasting_rounds", self.lasting_rounds)
        require_positive("step_size", self.step_size)


@dataclasses.dataclass(frozen=True)
class PureGroup(GroupFollowers):
    """A pure equilibrium of every step and state, where there is one; else the joint action that is regretted least."""

    kind: Kind = "pure"
    ties: Ties = "for"
    """Of several equilibria, the leader's best or its worst."""

    def __post_init__(self) -> None:
        require("ties", self.ties, self.ties in get_args(Ties), f"one of {', '.join(get_args(Ties))}")


@dataclasses.dataclass(frozen=True)
class LogitGroup(GroupFollowers):
    """Chances by what actions are worth against the others' chances."""

    kind: Kind = "softmax"
    temperature: float = 0.1
    """Of the chances, which are proportional to exp(Q / temperature), game units."""
    rounds: int = 200
    """Steps, each half of the way, towards chances that answer each other."""

    def __post_init__(self) -> None:
        require_positive("temperature", self.temperature)
        require_count("rounds", self.rounds)


@dataclasses.dataclass(frozen=True)
class JointQLearning(GroupFollowers):
    """Each learns from scratch against every commitment, by tabular Q-learning, while the others learn; then all are greedy."""

    kind: Kind = "q-learning"
    episodes: int = 500
    """Episodes that they learn in, of the game's horizon (100 steps each where there is none)."""
    learning_rate: float = 0.1
    """α."""
    exploration: float = 0.1
    """ε, the chance of an action drawn at random."""
    discount: float = 1.0
    """γ of what they learn."""
    knows_time: bool = True
    """Whether values are learned for each step of an episode apart."""

    def __post_init__(self) -> None:
        require_count("episodes", self.episodes)
        for name in ("learning_rate", "exploration", "discount"):
            require_number(name, getattr(self, name), lambda share: 0 <= share <= 1, "at least 0 and at most 1")
        require("knows_time", self.knows_time, isinstance(self.knows_time, bool), "True or False")


@dataclasses.dataclass(frozen=True)
class ContextualGroup(GroupFollowers):
    """Trained together once, on random commitments, and then frozen; each sees the step, the state and the whole commitment."""

    kind: Kind = "contextual"
    updates: int = 1000
    """Of their policies, before the leader trains."""
    batch: int = 64
    """Random commitments in an update."""
    step_size: float = 5.0
    """Of what they learn in an update, for payoffs that are divided by their range in the step."""
    pretraining_rate: float = 5e-3
    """Adam's step size at the start."""
    hidden_sizes: tuple[int, ...] = (64, 64)
    """Widths of the hidden layers."""
    seed: int = 0
    """Of their pretraining; all seeds of a run meet the same followers."""

    def __post_init__(self) -> None:
        check_pretraining(self)
        require_positive("step_size", self.step_size)
