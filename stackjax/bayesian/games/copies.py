"""Several copies of a game side by side: one leader, who sees what the followers of all copies did."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.games.allocation import Allocation
from stackjax.bayesian.games.base import Game, OneShotGame
from stackjax.bayesian.games.normal_form import maintain
from stackjax.bayesian.games.posted_price import posted_price_pi
from stackjax.bayesian.games.type_blocks import TypeBlocks, joint_or_blocks, types_of
from stackjax.errors import InputError, require_count
from stackjax.problem import Optimum
from stackjax.spaces import Discrete
from stackjax.types import Array, PyTree

__all__ = ["Copies", "CopiesState", "Threat", "allocations", "copies", "maintains", "threats"]

MOST_COPIES = 1000


class CopiesState(NamedTuple):
    """``current`` is the copy whose turn it is, ``level`` the decision in it; ``states`` are of all copies, ``[c, ...]``."""

    current: Array
    level: Array
    states: PyTree


class Copies(Game):
    """``count`` copies of ``game``, whose followers are independent; the leader works them off one after the other.

    At every decision it sees the copy whose turn it is, which one that is, and what there is to see of every copy. It is paid
    the sum. What is best for one is best for all as long as followers do not mix (whose draws the leader could use as a coin),
    so that the optimum is known where the game's is; the leader's observations grow exponentially with the copies.

    Args:
      game: of one copy.
      count: how many.
      num_outcomes: how many different outcomes the game has.
    """

    def __init__(self, game: Game, count: int, name: str, num_outcomes: int = 1, optimum: float | None = None) -> None:
        require_count("count", count, most=MOST_COPIES)
        self.name, self.game, self.count, self.num_outcomes = name, game, count, max(num_outcomes, game.num_continuing_outcomes)
        blocks = types_of(game.type_prior)
        if not isinstance(blocks, TypeBlocks):
            raise InputError(f"game {game.name!r} draws its types by a TypeSampler, of which no copies can be made")
        self.type_prior = joint_or_blocks(blocks.tables * count)
        self.num_actions = game.num_actions * count
        self.leader_actions, self.num_options = game.leader_actions, game.num_options
        self.num_decisions = game.num_decisions * count
        self.num_continuing_outcomes = self.num_outcomes
        self.payoff_scale = game.payoff_scale
        low, high = game.leader_payoff_range
        self.leader_payoff_range = (count * low, count * high)
        self._optimum = optimum

    def _apart(self, of_followers: Array) -> Array:
        return of_followers.reshape(self.count, -1)

    def _now(self, state: CopiesState) -> PyTree:
        return jax.tree.map(lambda leaf: leaf[state.current], state.states)

    def start(self, actions: Array) -> CopiesState:
        return CopiesState(jnp.int32(0), jnp.int32(0), jax.vmap(self.game.start)(self._apart(jnp.asarray(actions))))

    def observe(self, state: CopiesState) -> Array:
        seen = jax.vmap(self.game.observe)(state.states)
        turn = jax.nn.one_hot(state.current, self.count, dtype=seen.dtype)
        return jnp.concatenate([seen[state.current], turn, seen.ravel()])

    def _ends(self, state: CopiesState, outcome: Array) -> Array:
        return (outcome >= self.game.num_continuing_outcomes) | (state.level + 1 >= self.game.num_decisions)

    def respond(self, types: Array, state: CopiesState, leader_action: Array) -> Array:
        outcome = self.game.respond(self._apart(types)[state.current], self._now(state), leader_action)
        is_last = self._ends(state, outcome) & (state.current + 1 >= self.count)
        return jnp.where(is_last, self.num_outcomes + outcome, outcome)

    def advance(self, state: CopiesState, leader_action: Array, outcome: Array) -> CopiesState:
        own = jnp.where(outcome >= self.num_outcomes, outcome - self.num_outcomes, outcome)
        ends = self._ends(state, own)
        after = self.game.advance(self._now(state), leader_action, own)
        states = jax.tree.map(lambda leaf, new: leaf.at[state.current].set(new), state.states, after)
        current = jnp.minimum(state.current + ends.astype(jnp.int32), self.count - 1)
        return CopiesState(current, jnp.where(ends, 0, state.level + 1), states)

    def payoffs(self, types: Array, actions: Array, state: CopiesState) -> Array:
        each = jax.vmap(self.game.payoffs)(self._apart(types), self._apart(actions), state.states)
        return jnp.concatenate([each[:, 0].sum(keepdims=True), each[:, 1:].ravel()])

    def optimum(self) -> Optimum | None:
        known = self.game.optimum() if self._optimum is None else Optimum(self._optimum, "closed-form")
        return None if known is None else Optimum(self.count * known.value, "upper-bound")

    def describe_action(self, follower: int, action: int) -> str:
        return self.game.describe_action(follower % self.game.num_followers, action)

    def describe_type(self, follower: int, type_index: int) -> str:
        return self.game.describe_type(follower % self.game.num_followers, type_index)


class Threat(OneShotGame):
    """Entry deterrence: a follower enters or stays out, and the leader, who sees that, fights or shares (Selten 1978).

    Out pays the leader 1 and the follower 0, sharing 0 and 1, and a fight -1 to both. A leader who is committed to fight never
    has to: its optimum is 1.
    """

    name = "threat"
    type_prior = np.ones(1)
    num_actions = (2,)
    leader_actions = Discrete(2, ("share", "fight"))
    payoff_scale = 2.0
    leader_payoff_range = (-1.0, 1.0)

    def observation(self, actions: Array) -> Array:
        return jnp.eye(2)[actions[0]]

    def outcome_payoffs(self, types: Array, actions: Array, leader_action: Array) -> Array:
        del types
        entered = jnp.where(leader_action == 1, jnp.array([-1.0, -1.0]), jnp.array([0.0, 1.0]))
        return jnp.where(actions[0] == 1, entered, jnp.array([1.0, 0.0]))

    def optimum(self) -> Optimum:
        return Optimum(1.0, "closed-form", np.array([0, 1], np.int32))

    def describe_action(self, follower: int, action: int) -> str:
        del follower
        return ("stays out", "enters")[action]


def copies(num_copies: int = 2, num_messages: int = 2) -> Copies:
    """Pairs of agents as in posted-price-pi, an item for each pair; the leader sees all messages."""
    return Copies(posted_price_pi(num_messages), num_copies, "copies", num_outcomes=2)


def allocations(num_followers: int = 4, num_messages: int = 2, num_items: int = 3) -> Copies:
    """Followers of the simple allocation, each served by its own message; the leader sees all messages."""
    return Copies(Allocation(num_messages, num_items), num_followers, "allocations")


def threats(num_copies: int = 4) -> Copies:
    """Copies of `Threat`."""
    return Copies(Threat(), num_copies, "threats")


def maintains(num_copies: int = 4) -> Copies:
    """Copies of Maintain."""
    return Copies(maintain(), num_copies, "maintains")
