"""What a game is: the rules of one sub-episode.

A sub-episode: followers learn their private types and act at the same time (send a message, pick a row);
then the leader is shown an observation and acts, the followers respond to what they see (buy or pass), and so
on until it is over; everyone is paid. All of it is pure functions of one sub-episode; callers ``vmap``.
"""

import abc
import math
import numbers
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.games.type_blocks import MOST_AXES, TypeSampler, check_types
from stackjax.bayesian.linear.game import LinearGame
from stackjax.errors import InputError, require, require_count
from stackjax.pictures import Picture
from stackjax.pictures import paths as draw_paths
from stackjax.problem import Optimum
from stackjax.spaces import Box, Continuous, Discrete, Space
from stackjax.types import Array, PyTree

__all__ = ["Game", "OneShotGame", "observation_size", "require_game", "scaled"]

MOST_BARS = 12  # numbers on a path that a picture shows as bars


class Game(abc.ABC):
    """Rules of one sub-episode. Subclass this, or `OneShotGame` when the leader decides once.

    Attributes:
      name: the game's name in the registry and in results.
      type_prior: ``[K_1, ..., K_N]`` joint probabilities of the followers' types; correlation is allowed. Its rank
        says how many followers there are. Where that table is too large, a tuple of tables of groups of followers, in order,
        that are independent of each other, for example ``[K_i]`` for each, or a `TypeSampler`; such a game is judged by
        samples.
      num_actions: ``(A_1, ..., A_N)``, each follower's number of actions.
      leader_actions: `Discrete`, `Box`, `Simplex` or `CappedSimplex`, what the leader chooses from at each decision.
      num_decisions: ``L``, the most decisions the leader takes in a sub-episode.
      num_continuing_outcomes: how many of `respond`'s outcomes let the sub-episode go on. Outcomes at or above it
        end it. At the last decision every outcome ends it.
      payoff_scale: what followers' payoffs are divided by before their learning rule sees them, so that a step size
        means the same in every game; about the spread of a follower's payoffs.
      payoff_floor: followers learn from a lower payoff as from this one, game units; for penalties so far below what competes
        that nothing else would count beside them. -inf for none. They are judged by payoffs as they are.
      num_options: how many entries of an action in a `Box`, the first, are scores of options of which the largest counts. As
        many entries of an observation, the first, are 1 for the options that are open. A policy draws an option, then the rest.
      leader_payoff_range: lowest and highest payoff of the leader, game units; its learner sees rewards mapped to [0, 1].
      is_smooth: whether payoffs are known to have slopes in the leader's numbers; else that is found out by trial.
    """

    name: str
    type_prior: Any
    num_actions: tuple[int, ...]
    leader_actions: Space
    num_options: int = 0
    num_decisions: int = 1
    num_continuing_outcomes: int = 1
    payoff_scale: float = 1.0
    payoff_floor: float = -math.inf
    leader_payoff_range: tuple[float, float] = (0.0, 1.0)
    is_smooth: bool = False

    @abc.abstractmethod
    def start(self, actions: Array) -> PyTree:
        """The public state after the followers' ``actions`` ``[N]``: what the leader could be shown, no types."""

    @abc.abstractmethod
    def observe(self, state: PyTree) -> Array:
        """What the leader is shown in ``state``: a float vector, about [0, 1] each. Never types or strategies."""

    def respond(self, types: Array, state: PyTree, leader_action: Array) -> Array:
        """The outcome (an int) of the leader's action, which may depend on types: 1 if the visited agent buys."""
        del types, state, leader_action
        return jnp.int32(0)

    @abc.abstractmethod
    def advance(self, state: PyTree, leader_action: Array, outcome: Array) -> PyTree:
        """The public state after a leader action and its outcome."""

    @abc.abstractmethod
    def payoffs(self, types: Array, actions: Array, state: PyTree) -> Array:
        """Payoffs ``[1 + N]`` at the end of a sub-episode, leader first, in the game's own units."""

    def outcome(self, types: Array, actions: Array, state: PyTree) -> tuple[Array, Array]:
        """What has happened at the end of a sub-episode, payments apart: ``labels [Z, D]``, numbers that are equal where the
        same has happened, and the chances ``[Z]`` of each; by default what followers did.
        """
        del types, state
        return actions[None].astype(jnp.result_type(float)), jnp.ones(1)

    def features(self, leader_action: Array) -> Array | None:
        """What the one follower of a leader that decides once sees of its own actions: ``[K, A, 3]``, by type.

        How likely each is covered (0 to 1), what it pays the follower uncovered (its reward), and what covered (its penalty).
        `suqr` goes by it; None, as it is by default, where nothing is covered.
        """
        del leader_action
        return None

    def revenue(self, leader_payoff: Array, follower_payoffs: Array) -> Array | None:
        """What followers ``[N]`` pay in all, on average, game units; None, as it is by default, where nobody pays."""
        del leader_payoff, follower_payoffs
        return None

    def optimum(self) -> Optimum | None:
        """The leader's best payoff, or None when it is not known."""
        return None

    def linear(self) -> LinearGame | None:
        """The payoffs, where there is one follower and they are linear in a leader's mix or coverage: they can then be solved
        by programmes, and commitments improved. None, as it is by default, where they are not.
        """
        return None

    def optimum_against(self, rule: str, **options: Any) -> Optimum | None:
        """As `optimum`, against one follower that errs; by default it is not known.

        Args:
          rule: ``"quantal"``, with its ``rationality``, or ``"suqr"``, with its ``weights``.
        """
        del rule, options
        return None

    def yardsticks(self) -> dict[str, float]:
        """The most that the leader can get under conditions, in words such as ``"without messages"``; for comparison."""
        return {}

    def explain(self, observations: np.ndarray, leader_actions: np.ndarray, paths: list[Any]) -> list[str]:
        """The commitment in words, a line per thing it does. ``paths`` comes from `commitment_paths`."""
        lines = []
        for path in paths:
            steps = ", then ".join(self.leader_actions.describe(leader_actions[node]) for node in path.nodes)
            lines.append(f"{path.label}: {steps}" if path.label else steps)
        del observations
        return lines

    def picture(
        self, leader_actions: np.ndarray, paths: list[Any], chances: list[float], strategies: list[np.ndarray]
    ) -> Picture:
        """The commitment as a picture, see `stackjax.pictures`; by default what the leader does on every path.

        Numbers are bars, each from its lowest to its highest.

        Args:
          leader_actions: at every node.
          paths: from `commitment_paths`; ``chances`` are those of their beginnings.
          strategies: ``[K_i, A_i]`` of each follower.
        """
        del strategies
        space, found = self.leader_actions, []
        in_bars = isinstance(space, Continuous) and len(space.low) * self.num_decisions <= MOST_BARS

        def steps_at(action: np.ndarray) -> list[dict[str, Any]]:
            if not (isinstance(space, Continuous) and in_bars):
                return [{"text": space.describe(action), "size": None}]
            ends = zip(np.asarray(action).tolist(), space.low, space.high, strict=True)
            size = lambda value, low, high: (value - low) / max(high - low, 1e-12)
            names = [f"{name} " for name in space.labels] or [""] * len(space.low)
            named = zip(names, ends, strict=True)
            return [{"text": f"{name}{numbers[0]:.4g}", "size": size(*numbers)} for name, numbers in named]

        for path, chance in zip(paths, chances, strict=True):
            steps = [step for node in path.nodes for step in steps_at(leader_actions[node])]
            found.append({"label": path.label, "chance": chance, "steps": steps})
        return draw_paths("What the leader does", found, 1.0 if in_bars else None, "share of its range" if in_bars else "")

    def more_pictures(self, leader_actions: np.ndarray) -> list[Picture]:
        """What else there is to see of a commitment, which is the leader's action at every node; by default nothing."""
        del leader_actions
        return []

    @property
    def competing_range(self) -> tuple[float, float]:
        """`leader_payoff_range` without penalties that no leader would choose: what payoffs are compared on."""
        return self.leader_payoff_range

    def learned_from(self, payoffs: Array) -> Array:
        """Followers' ``payoffs`` as their learning rule sees them: not below the floor, over the scale."""
        return scaled(payoffs, self.payoff_scale, self.payoff_floor)

    @property
    def num_followers(self) -> int:
        return len(self.num_types)

    @property
    def num_types(self) -> tuple[int, ...]:
        if isinstance(self.type_prior, TypeSampler):
            return self.type_prior.num_types
        tables = self.type_prior if isinstance(self.type_prior, tuple) else (self.type_prior,)
        return tuple(size for table in tables for size in table.shape)

    @property
    def has_joint_prior(self) -> bool:
        """Whether ``type_prior`` is one table of all type profiles."""
        return isinstance(self.type_prior, np.ndarray)

    @property
    def table_shape(self) -> tuple[int, ...]:
        """``(K_1, ..., K_N, A_1, ..., A_N)``: the axes of a table over type and action profiles."""
        return (*self.num_types, *self.num_actions)

    @property
    def is_bayesian(self) -> bool:
        return max(self.num_types) > 1

    def describe_action(self, follower: int, action: int) -> str:
        """A follower's action in words."""
        del follower
        return f"action {action}"

    def describe_type(self, follower: int, type_index: int) -> str:
        """A follower's type in words."""
        del follower
        return f"type {type_index}"

    def describe_observation(self, observation: np.ndarray) -> str:
        """What the leader sees, in words; for games too large for `explain`."""
        return "seeing " + " ".join(f"{value:.3g}" for value in observation)

    def describe_decision(self, observation: np.ndarray, leader_action: np.ndarray) -> str:
        """What the leader does where it sees ``observation``, in words; for games too large for `explain`."""
        return f"{self.describe_observation(observation)}: {self.leader_actions.describe(leader_action)}"

    def check(self) -> None:
        """Raise `InputError` unless the static description is sound."""
        for attribute in ("name", "type_prior", "num_actions", "leader_actions"):
            if not hasattr(self, attribute):
                raise InputError(f"game {type(self).__name__} must have an attribute {attribute}; see stackjax.Game")
        require("name", repr(self.name), isinstance(self.name, str) and bool(self.name), "a string")
        check_types(self.type_prior)
        n, counts = self.num_followers, self.num_actions
        if n > MOST_AXES and self.has_joint_prior:
            raise InputError(f"{n} followers are more than the {MOST_AXES} that tables have axes for")
        is_tuple = isinstance(counts, tuple)
        require("num_actions", counts, is_tuple, "a tuple with a whole number for each follower, for example (2, 3)")
        if len(counts) != n:
            raise InputError(f"num_actions={counts} must have one entry for each of the {n} followers")
        for count in counts:
            require_count("num_actions", count)
        is_space = isinstance(self.leader_actions, Space)
        allowed = "a Discrete, a Box, a Simplex or a CappedSimplex, for example sx.Discrete(3)"
        require("leader_actions", self.leader_actions, is_space, allowed)
        is_box = isinstance(self.leader_actions, Box)
        require("num_options", self.num_options, is_box or not self.num_options, "0 unless leader_actions is a Box")
        for name in ("num_decisions", "num_continuing_outcomes"):
            require_count(name, getattr(self, name))
        scale = self.payoff_scale
        is_scale = isinstance(scale, numbers.Real) and math.isfinite(scale) and scale > 0
        require("payoff_scale", scale, is_scale, "a positive finite number")
        floor = self.payoff_floor
        require("payoff_floor", floor, isinstance(floor, numbers.Real) and floor < math.inf, "a number, or -inf for none")
        ends = self.leader_payoff_range
        is_range = isinstance(ends, tuple) and len(ends) == 2 and all(isinstance(end, numbers.Real) for end in ends)
        is_range = is_range and math.isfinite(ends[0]) and math.isfinite(ends[1]) and ends[0] < ends[1]
        require("leader_payoff_range", ends, is_range, "two finite numbers, lowest first, for example (0.0, 1.0)")


def observation_size(game: Game) -> int:
    """D, how many numbers the leader of ``game`` is shown; raises `InputError` unless `observe` returns a vector."""
    shown = jax.eval_shape(lambda: game.observe(game.start(jnp.zeros(game.num_followers, jnp.int32))))
    if len(shown.shape) != 1:
        raise InputError(f"game {game.name!r}: observe must return a vector, but its shape is {shown.shape}")
    return int(shown.shape[0])


def scaled(payoffs: Array, scale: Any, floor: float) -> Array:
    """``payoffs``, not below ``floor`` (static), over ``scale``."""
    return (payoffs if floor == -math.inf else jnp.maximum(payoffs, floor)) / scale


class OneShotGame(Game):
    """A game in which the leader decides once: define `observation` and `outcome_payoffs` and nothing else."""

    @abc.abstractmethod
    def observation(self, actions: Array) -> Array:
        """What the leader sees of the followers' ``actions`` ``[N]``; a constant vector when it sees nothing."""

    @abc.abstractmethod
    def outcome_payoffs(self, types: Array, actions: Array, leader_action: Array) -> Array:
        """Payoffs ``[1 + N]``, leader first, in the game's own units."""

    def start(self, actions: Array) -> PyTree:
        return {"observation": self.observation(actions), "leader_action": self.leader_actions.zeros()}

    def observe(self, state: PyTree) -> Array:
        return state["observation"]

    def advance(self, state: PyTree, leader_action: Array, outcome: Array) -> PyTree:
        del outcome
        return {**state, "leader_action": jnp.asarray(leader_action, state["leader_action"].dtype)}

    def payoffs(self, types: Array, actions: Array, state: PyTree) -> Array:
        return self.outcome_payoffs(types, actions, state["leader_action"])

    def outcome(self, types: Array, actions: Array, state: PyTree) -> tuple[Array, Array]:
        """See `Game`; what the leader did too, if it has only so many actions."""
        if not isinstance(self.leader_actions, Discrete):
            return super().outcome(types, actions, state)
        done = jnp.concatenate([actions, state["leader_action"][None].astype(actions.dtype)])
        return done[None].astype(jnp.result_type(float)), jnp.ones(1)


def require_game(game: Any) -> None:
    """Raise `InputError` unless ``game`` is a `Game`; says what to write instead."""
    if isinstance(game, Game):
        return
    if isinstance(game, str):
        raise InputError(f"game={game!r} must be a Game; make one with sx.make({game!r})")
    if isinstance(game, type):
        raise InputError(f"game is the class {game.__name__}, but must be a Game; make one with {game.__name__}()")
    raise InputError(f"game={game!r} must be a Game, for example sx.make('maintain')")
