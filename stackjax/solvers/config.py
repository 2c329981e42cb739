"""Settings of the searches that need no network, typed. Free of JAX, so that the command line can show them quickly."""

import dataclasses
import numbers
from typing import Any, Literal, get_args

from stackjax.errors import InputError, names_its_options, require, require_count, require_is, require_number, require_positive

__all__ = [
    "BanditConfig",
    "DirectConfig",
    "ESConfig",
    "GradientConfig",
    "OwnConfig",
    "PolicyConfig",
    "SearchConfig",
    "differs",
    "require_in_use",
    "require_widths",
]

LARGEST_POPULATION = 10_000_000
LARGEST_WIDTH = 65_536
OF_RULES = (  # a bandit's settings that do nothing under another rule
    ("exploration", "rule", "ucb"),
    *((name, "rule", "epsilon-greedy") for name in ("epsilon", "epsilon_decay")),
    *((name, "rule", "thompson") for name in ("prior_mean", "prior_deviation", "noise")),
)


@names_its_options
@dataclasses.dataclass(frozen=True)
class SearchConfig:
    """Settings of `search`, the best of many random commitments."""

    num_updates: int = 200
    """Batches of random commitments."""
    population: int = 256
    """Commitments in a batch, one Stackelberg episode each."""

    def __post_init__(self) -> None:
        _check_size(self.num_updates, self.population)


@names_its_options
@dataclasses.dataclass(frozen=True)
class BanditConfig:
    """Settings of `bandit`, whose arms are all commitments, on a grid where they are numbers; payoffs are scaled to [0, 1]."""

    rule: Literal["ucb", "epsilon-greedy", "thompson"] = "ucb"
    """How arms are chosen."""
    num_updates: int = 51_200
    """Batches of pulls."""
    population: int = 1
    """Pulls in a batch, one Stackelberg episode each; all are chosen before any of them is paid. More than 1 is faster and
    learns less from each: ucb counts those of the batch as pulled, the other rules choose as if each were alone."""
    levels: int = 11
    """Actions in a box: points of the grid of each number, both ends of the box included."""
    exploration: float = 0.2
    """ucb: weight of the confidence bound, as a share of the leader's payoff range."""
    epsilon: float = 0.1
    """epsilon-greedy: chance of an arm at random."""
    epsilon_decay: float = 0.0
    """epsilon-greedy: that chance is epsilon / (1 + epsilon_decay * pulls so far)."""
    prior_mean: float = 0.5
    """thompson: mean of what an arm is worth before it is pulled, from 0 to 1 on the leader's payoff range."""
    prior_deviation: float = 0.5
    """thompson: standard deviation of that, as a share of the range."""
    noise: float = 0.1
    """thompson: standard deviation of a pull around what its arm is worth, as a share of the range."""

    def __post_init__(self) -> None:
        _check_size(self.num_updates, self.population)
        most = (2**31 - 1) // self.num_updates
        require("population", self.population, self.population <= most, f"at most {most}, as there are fewer than 2**31 pulls")
        rules = get_args(self.__dataclass_fields__["rule"].type)
        require("rule", self.rule, self.rule in rules, f"one of {', '.join(rules)}")
        require_count("levels", self.levels, least=2)
        for name in ("exploration", "epsilon_decay"):
            require_number(name, getattr(self, name), lambda weight: weight >= 0, "at least 0")
        for name in ("epsilon", "prior_mean"):
            require_number(name, getattr(self, name), lambda share: 0 <= share <= 1, "from 0 to 1")
        for name in ("prior_deviation", "noise"):
            require_positive(name, getattr(self, name))
        require_in_use(self, OF_RULES)


@names_its_options
@dataclasses.dataclass(frozen=True)
class GradientConfig:
    """Settings of `gradient`, which climbs a softened payoff by Adam while it is made sharper and sharper."""

    num_updates: int = 1000
    """Steps."""
    learning_rate: float = 0.002
    """Of the first step, as a share of what each entry of a commitment may be; it falls to 0 linearly."""
    first_sharpness: float = 200.0
    """At the start: a follower tells apart what differs by some 1 / sharpness of the spread of its payoffs."""
    last_sharpness: float = 2000.0
    """At the end; in between it grows geometrically."""

    def __post_init__(self) -> None:
        require_count("num_updates", self.num_updates)
        require("num_updates", self.num_updates, self.num_updates < 2**31, "below 2**31")
        for name in ("learning_rate", "first_sharpness", "last_sharpness"):
            require_positive(name, getattr(self, name))


@names_its_options
@dataclasses.dataclass(frozen=True)
class OwnConfig:
    """Settings of `own`, the method that the literature has for a problem alone."""

    num_updates: int | None = None
    """Updates; by default as many as the problem's method makes."""
    method: str = "default"
    """Which, where a problem brings several: backward (the default) or fitted for sequential-sale."""

    def __post_init__(self) -> None:
        if self.num_updates is not None:
            require_count("num_updates", self.num_updates)
            require("num_updates", self.num_updates, self.num_updates < 2**31, "below 2**31")
        require_is("method", self.method, str, "a word, for example default")


@names_its_options
@dataclasses.dataclass(frozen=True)
class DirectConfig:
    """Settings of `direct`, which evolves commitments and keeps them by what followers answer."""

    num_updates: int | None = None
    """Updates, of all starts together; by default 400, or 40 where a problem improves what was learned so well that they do."""
    starts: int = 2
    """Times that the search starts from random commitments; the best of all starts is the answer. Steps are annealed, and
    answers given up, over the updates of each."""
    population: int = 256
    """Stackelberg episodes an update. As many commitments are kept at most."""
    num_answers: int = 32
    """Answers of the followers of which commitments are kept at first. They are given up one by one, worst first."""
    answers_until: float = 0.6
    """Share of the updates of a start after which one answer alone is left."""
    most_alike: int = 32
    """Commitments that are kept of one answer, at most."""
    recheck_share: float = 0.05
    """Share of an update's episodes in which the best commitments meet another group of followers, which answers for as long as
    an evaluation takes (ten times as many rounds by default)."""
    stranger_share: float = 0.05
    """Of the other episodes, the share that goes to random commitments."""
    climb_share: float = 0.25
    """Of the other episodes, the share that goes to commitments which follow the slope of the payoff, if it has one."""
    cross_share: float = 0.33
    """Of those, the share that first cross to where one follower answers otherwise at one type."""
    trusted_groups: int = 8
    """Such groups that a commitment must have met before it counts as the best found."""
    first_step: float = 0.3
    """Actions in a box: standard deviation of a change at the start, as a share of the box."""
    last_step: float = 1e-6
    """Actions in a box: the same at the end."""

    def __post_init__(self) -> None:
        _check_size(1 if self.num_updates is None else self.num_updates, self.population)
        require("population", self.population, self.population >= 4, "at least 4")
        for name in ("starts", "num_answers", "most_alike", "trusted_groups"):
            require_count(name, getattr(self, name))
        for name in ("answers_until", "recheck_share", "stranger_share"):
            require_number(name, getattr(self, name), lambda share: 0 < share < 1, "between 0 and 1")
        most = 1.0 - self.stranger_share
        require_number("climb_share", self.climb_share, lambda share: 0 <= share < most, f"at least 0 and below {most:g}")
        require_number("cross_share", self.cross_share, lambda share: 0 <= share <= 1, "at least 0 and at most 1")
        for name in ("first_step", "last_step"):
            require_number(name, getattr(self, name), lambda step: 0 < step <= 1, "above 0 and at most 1")
        require("last_step", self.last_step, self.last_step <= self.first_step, "at most first_step")

    @property
    def num_rechecked(self) -> int:
        """Commitments that are checked again in an update, at least one."""
        return max(1, round(self.recheck_share * self.population))


@names_its_options
@dataclasses.dataclass(frozen=True)
class PolicyConfig:
    """Settings of `policy`, PPO on a network that acts on observations. Real numbers may be swept in one program."""

    num_updates: int = 50
    """PPO updates; whole episodes are played before each."""
    num_envs: int = 64
    """Stackelberg episodes an update."""
    distinct_samples: int = 64
    """Distinct decisions of an episode that are learned from, at most; they stand for all of them."""
    own_samples: int = 32
    """Decisions of an episode's paid sub-episodes that are learned from by the payoffs of their own sub-episodes."""
    own_critic: Literal["mean", "observation", "state"] = "mean"
    """What those payoffs are compared with: their mean; what a critic expects of the leader's observation; or of that, the
    followers' types and what they have learned. Neither critic was seen to pay."""
    hidden_sizes: tuple[int, ...] = (32, 32)
    """Widths of the network's hidden layers (tanh)."""
    grid_points: int = 11
    """Points of the grid from which each number of a leader action is chosen, both ends of the box included."""
    learning_rate: float = 0.01
    """Adam's step size at the start; falls linearly to zero."""
    entropy_coefficient: float = 0.1
    """Weight of the entropy bonus at the start; falls to zero as the square of the updates that are left."""
    clip_epsilon: float = 0.2
    """Clipping range of the probability ratio."""
    max_grad_norm: float = 0.5
    """Largest global norm of a gradient."""
    num_epochs: int = 4
    """Passes over each batch."""
    noise_correlation: float = 0.9
    """How alike exploration is at observations that are alike: the share of its variance that is linear in the observation. The
    rest is independent, which alone tells followers nothing where they are many."""
    fresh_noise: bool = False
    """Draw the leader's noise anew at every decision, so that it commits to nothing: to show what is lost."""

    def __post_init__(self) -> None:
        for name in ("num_updates", "num_envs", "distinct_samples", "own_samples", "num_epochs"):
            require_count(name, getattr(self, name))
            require(name, getattr(self, name), getattr(self, name) < LARGEST_POPULATION, f"below {LARGEST_POPULATION}")
        require_count("num_envs", self.num_envs, least=2)
        require_count("distinct_samples", self.distinct_samples, least=2)
        require_count("grid_points", self.grid_points, least=2)
        require_widths(self.hidden_sizes)
        known = self.own_critic in ("mean", "observation", "state")
        require("own_critic", self.own_critic, known, "mean, observation or state")
        for name in ("learning_rate", "clip_epsilon", "max_grad_norm"):
            require_positive(name, getattr(self, name))
        require_number("entropy_coefficient", self.entropy_coefficient, lambda weight: weight >= 0, "at least 0")
        require_number("noise_correlation", self.noise_correlation, lambda share: 0 <= share <= 1, "from 0 to 1")


@names_its_options
@dataclasses.dataclass(frozen=True)
class ESConfig:
    """Settings of `es`, an evolution strategy on the weights of a network that acts on observations."""

    num_updates: int = 200
    """Steps."""
    population: int = 64
    """Networks that are tried in each step, one Stackelberg episode each: pairs on both sides of the present one."""
    noise: float = 0.1
    """How far off they are: the standard deviation of each weight."""
    learning_rate: float = 0.03
    """Adam's step size at the start; falls linearly to zero."""
    hidden_sizes: tuple[int, ...] = (32, 32)
    """Widths of the network's hidden layers (tanh)."""
    grid_points: int = 11
    """Points of the grid from which each number of a leader action is chosen, both ends of the box included."""

    def __post_init__(self) -> None:
        _check_size(self.num_updates, self.population)
        require("population", self.population, self.population % 2 == 0, "even")
        require_count("grid_points", self.grid_points, least=2)
        require_widths(self.hidden_sizes)
        for name in ("noise", "learning_rate"):
            require_positive(name, getattr(self, name))


def differs(settings: Any, name: str) -> bool:
    """Whether a setting is another than the default; a traced one is not asked."""
    value = getattr(settings, name)
    return isinstance(value, (numbers.Real, str)) and value != settings.__dataclass_fields__[name].default


def require_in_use(settings: Any, idle: tuple[tuple[str, str, str], ...]) -> None:
    """Raise `InputError` for a setting that `differs` and does nothing: ``(name, switch, position)`` in which alone it does."""
    for name, switch, position in idle:
        if getattr(settings, switch) != position and differs(settings, name):
            raise InputError(f"{name}={getattr(settings, name)} does nothing unless {switch} is {position}")


def require_widths(hidden_sizes: tuple[int, ...], example: str = "(32, 32)") -> None:
    """Raise `InputError` unless these are widths of layers."""
    require("hidden_sizes", hidden_sizes, isinstance(hidden_sizes, tuple), f"a tuple of widths, for example {example}")
    for width in hidden_sizes:
        require_count("hidden_sizes", width)
        require("hidden_sizes", width, width <= LARGEST_WIDTH, f"at most {LARGEST_WIDTH}")


def _check_size(num_updates: int, population: int) -> None:
    require_count("num_updates", num_updates)
    require_count("population", population)
    require("num_updates", num_updates, num_updates < 2**31, "below 2**31")
    require("population", population, population <= LARGEST_POPULATION, f"at most {LARGEST_POPULATION}")
