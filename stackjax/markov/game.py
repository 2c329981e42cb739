"""The rules of a Markov game, and what a leader's commitment leaves of them to the followers.

The leader commits to what it does in every public state. Arrays of several commitments are batch-last.
"""

import abc
import itertools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.arrays import added, lead
from stackjax.errors import InputError, require, require_count, require_is, require_number
from stackjax.families import Solved
from stackjax.problem import Region, Solver
from stackjax.spaces import Discrete, Space
from stackjax.types import Array

__all__ = [
    "InducedMarkovGame",
    "MarkovGame",
    "check_payoffs",
    "game_tables",
    "joint_actions",
    "joint_place",
    "tabulate_markov",
    "without_batch",
]

MOST_CELLS = 1_000_000  # of a commitment's tables
MOST_TRIED = 64  # leader actions


class MarkovGame(abc.ABC):
    """The rules of one step, between one leader and ``N`` followers. Pure functions; no learning, no logging.

    In public state ``s`` followers act at the same time, the leader does what it has committed to there, one of ``K`` outcomes
    comes about, everybody is paid, and the next state is ``successor[s, actions, outcome]``.

    Attributes:
      name: for people.
      num_actions: ``A_i`` of each follower.
      leader_actions: what the leader chooses from in each state.
      successor: int ``[S, A_1, ..., A_N, K]`` the next state.
      initial: ``[S]`` the chances of the first state.
      horizon: T, the steps of an episode, or None where it goes on for ever.
      discount: γ; payoffs of an episode are sums over steps, discounted. Without a horizon it is below 1 and payoffs are
        multiplied by ``1 - γ``, which makes them averages.
      payoff_bounds: ``((lowest, highest), ...)`` of what a step can pay each agent, leader first, game units.
      end: a state in which nothing happens any more, so that no result tells what is done there; None for no such state.
    """

    name: str
    num_actions: tuple[int, ...]
    leader_actions: Space
    successor: np.ndarray
    initial: np.ndarray
    horizon: int | None = None
    discount: float = 1.0
    payoff_bounds: tuple[tuple[float, float], ...]
    end: int | None = None

    @abc.abstractmethod
    def outcomes(self, state: Array, actions: Array, leader_action: Array) -> Array:
        """``[K]`` the chances of the outcomes in a state, under followers' ``actions [N]``."""

    @abc.abstractmethod
    def payoffs(self, state: Array, actions: Array, leader_action: Array, outcome: Array) -> Array:
        """``[1 + N]`` what a step pays, leader first, in the game's own units."""

    def observe(self, state: Array) -> Array:
        """``[D]`` what the leader's policy is a function of; by default which state it is."""
        return jax.nn.one_hot(state, self.num_states)

    @property
    def told_states(self) -> list[int]:
        """All states but the end."""
        return [state for state in range(self.num_states) if state != self.end]

    def describe_state(self, state: int) -> str:
        """A state in words."""
        return f"state {state}"

    def describe_action(self, follower: int, action: int) -> str:
        """A follower's action in words."""
        del follower
        return f"action {action}"

    def describe_leader_action(self, action: np.ndarray) -> str:
        """What the leader does in a state, in words."""
        return self.leader_actions.describe(action)

    def own(self, config: Any) -> Solver | None:
        """The method that this game alone has, see `Problem.own`; None by default."""
        del config
        return None

    def yardsticks(self) -> dict[str, float]:
        """What else is known that leaders may be paid, game units by what it is; empty by default."""
        return {}

    def beside(self) -> Solved | None:
        """What ``stackjax solve`` tells beside the optimum, or in its place where it cannot be had; None by default."""
        return None

    def regions(self, *, knows_time: bool) -> list[Region] | None:
        """See `Problem.regions`, against a follower that answers best; None, as it is by default, for none.

        Args:
          knows_time: whether the follower may do something else in every step.
        """
        del knows_time
        return None

    @property
    def num_states(self) -> int:
        return self.successor.shape[0]

    @property
    def num_outcomes(self) -> int:
        return self.successor.shape[-1]

    @property
    def num_followers(self) -> int:
        return len(self.num_actions)

    @property
    def competing_bounds(self) -> tuple[tuple[float, float], ...]:
        """`payoff_bounds` without penalties that nobody would choose: what payoffs are compared on."""
        return self.payoff_bounds

    def check(self) -> None:
        """Raise `InputError` unless the shapes, the chances and the length make sense."""
        require_is("successor", self.successor, np.ndarray, "a NumPy array of whole numbers [S, A_1, ..., A_N, K]")
        for count in self.num_actions:
            require_count("num_actions", count)
        shape, states = self.successor.shape, self.num_states
        if len(shape) != 2 + self.num_followers or shape[1:-1] != tuple(self.num_actions):
            raise InputError(f"successor has shape {shape}, but must be [S, {', '.join(map(str, self.num_actions))}, K]")
        if (
            not np.issubdtype(self.successor.dtype, np.integer)
            or (self.successor < 0).any()
            or (self.successor >= states).any()
        ):
            bad = self.successor[(self.successor < 0) | (self.successor >= states)]
            raise InputError(f"successor holds {bad[:1] or self.successor.dtype}; it must hold states from 0 to {states - 1}")
        initial = np.asarray(self.initial, np.float64)
        if initial.shape != (states,) or (initial < 0).any() or abs(initial.sum() - 1.0) > 1e-6:
            raise InputError(f"initial={initial} must be {states} chances that sum to 1")
        if self.horizon is not None:
            require_count("horizon", self.horizon)
        check_payoffs(self.discount, self.payoff_bounds, self.num_followers)
        require("discount", self.discount, self.horizon is not None or self.discount < 1, "below 1 where there is no horizon")
        size = math.prod(shape)
        if size > MOST_CELLS:
            raise InputError(
                f"game {self.name!r} is too large: {size} states, actions and outcomes, more than {MOST_CELLS}; a "
                "sx.markov.PlayedGroupGame needs no table of them"
            )


def check_payoffs(discount: float, payoff_bounds: Any, num_followers: int) -> None:
    """Raise `InputError` unless these are a discount, and bounds of what a step pays the leader and each follower."""
    require_number("discount", discount, lambda discount: 0 <= discount <= 1, "at least 0 and at most 1")
    bounds = np.asarray(payoff_bounds, np.float64)
    is_sound = bounds.shape == (1 + num_followers, 2) and np.isfinite(bounds).all() and (bounds[:, 0] <= bounds[:, 1]).all()
    require("payoff_bounds", payoff_bounds, bool(is_sound), "a finite (lowest, highest) for the leader and each follower")


class InducedMarkovGame(NamedTuple):
    """What commitments leave to the followers; ``J`` joint actions of the followers, the last follower's fastest.

    Attributes:
      successor: int ``[S, J, K]``, shared by all commitments.
      initial: ``[S]``.
      probability: ``[S, J, K, *B]`` the chances of the outcomes.
      follower_payoffs: ``[N, S, J, *B]`` expected over outcomes, game units.
      leader_payoff: ``[S, J, *B]`` likewise.
    """

    successor: np.ndarray
    initial: np.ndarray
    probability: Array
    follower_payoffs: Array
    leader_payoff: Array

    def ahead(self, values: Array) -> Array:
        """``[..., S, J, *B]`` the expected ``values [..., S, *B]`` of the next state."""
        there = jnp.take(values, jnp.asarray(self.successor.reshape(-1)), axis=-self.probability.ndim + 2)
        split = values.ndim - (self.probability.ndim - 2)
        there = there.reshape(*values.shape[:split], *self.successor.shape, *values.shape[split + 1 :])
        return added(lead(self.probability, there.ndim) * there, split + 2)

    def start(self, values: Array) -> Array:
        """``[..., *B]`` the expected ``values [..., S, *B]`` of the first state."""
        axis = values.ndim - (self.probability.ndim - 2)
        return jnp.tensordot(jnp.asarray(self.initial, values.dtype), values, axes=(0, axis))

    def first_visits(self) -> Array:
        """``[S, *B]`` the chances of the first state, under each commitment."""
        first = jnp.asarray(self.initial, self.probability.dtype).reshape(-1, *[1] * (self.leader_payoff.ndim - 2))
        return jnp.broadcast_to(first, (len(self.initial), *self.leader_payoff.shape[2:]))

    def moved(self, here: Array, chances: Array) -> Array:
        """``[S, *B]`` the chances of the next state, of those of this one and of joint actions ``chances [S, J, *B]``."""
        flows = here[:, None, None] * (chances[:, :, None] * self.probability)
        return jnp.zeros_like(here).at[self.successor.reshape(-1)].add(flows.reshape(-1, *here.shape[1:]))


def without_batch(game: InducedMarkovGame) -> InducedMarkovGame:
    """The game under the first of its commitments, ``[B]``, without the axis."""
    one = game._replace(probability=game.probability[..., 0], follower_payoffs=game.follower_payoffs[..., 0])
    return one._replace(leader_payoff=game.leader_payoff[..., 0])


def joint_actions(num_actions: tuple[int, ...]) -> np.ndarray:
    """int ``[J, N]`` every joint action of the followers, the last follower's fastest."""
    return np.array(list(itertools.product(*map(range, num_actions))), np.int32)


def joint_place(actions: Array, num_actions: tuple[int, ...]) -> Array:
    """The row of joint ``actions [N, ...]`` in `joint_actions`."""
    place = actions[0]
    for action, count in zip(actions[1:], num_actions[1:], strict=True):
        place = place * count + action
    return place


def tabulate_markov(game: MarkovGame, commitments: Array) -> InducedMarkovGame:
    """The followers' games under ``commitments [B, S, ...]``."""
    joint, states, outcomes = joint_actions(game.num_actions), game.num_states, game.num_outcomes

    def one(state: Array, actions: Array, leader_action: Array) -> tuple[Array, Array]:
        chances = game.outcomes(state, actions, leader_action)
        paid = jax.vmap(lambda k: game.payoffs(state, actions, leader_action, k))(jnp.arange(outcomes, dtype=jnp.int32))
        return chances, (chances[:, None] * paid).sum(axis=0)

    by_action = jax.vmap(one, (None, 0, None))
    by_state = jax.vmap(by_action, (0, None, 0))
    every = jax.vmap(by_state, (None, None, 0), -1)
    chances, paid = every(jnp.arange(states, dtype=jnp.int32), jnp.asarray(joint), commitments)
    dtype = min(chances.dtype, paid.dtype, key=lambda one: one.itemsize)  # a game may round one of them
    chances, paid = chances.astype(dtype), jnp.moveaxis(paid.astype(dtype), 2, 0)  # [S, J, K, B], [1 + N, S, J, B]
    return InducedMarkovGame(game.successor.reshape(states, -1, outcomes), np.asarray(game.initial), chances, paid[1:], paid[0])


def game_tables(game: MarkovGame) -> dict[str, np.ndarray]:
    """What `game` comes to under ``commitments [B, S, ...]``: every leader action in all states, or ends and random ones.

    Beside them ``successor``, ``initial``, ``probability [S, J, K, B]``, ``payoffs [1 + N, S, J, B]`` and ``discount``.
    """
    space, states, rng = game.leader_actions, game.num_states, np.random.default_rng(0)
    if isinstance(space, Discrete):
        tried = np.unique(np.linspace(0, space.n - 1, MOST_TRIED).astype(np.int32))
        commitments = np.repeat(tried[:, None], states, axis=1)
    else:
        low, high = np.asarray(space.low, np.float32), np.asarray(space.high, np.float32)
        shape = states, len(low)
        shares = np.concatenate([np.zeros((1, *shape)), np.ones((1, *shape)), rng.random((6, *shape))])
        commitments = space.on_host((low + (high - low) * shares).astype(np.float32))
    cells = math.prod(game.successor.shape) * (1 + game.num_followers)
    commitments = commitments[: max(1, MOST_CELLS // cells)]
    induced = jax.device_get(jax.jit(lambda made: tabulate_markov(game, made))(commitments))
    payoffs = np.concatenate([induced.leader_payoff[None], induced.follower_payoffs])
    fixed = {"successor": game.successor, "initial": np.asarray(game.initial), "discount": np.asarray(game.discount)}
    return {**fixed, "commitments": commitments, "probability": induced.probability, "payoffs": payoffs}
