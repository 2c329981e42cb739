"""Sequential prices for several items, after a round of messages (Brero et al. 2023, Section 4).

Each agent sends one of m messages. Then, until all have been visited or nothing is left, the leader picks an agent not yet
visited and posts a price for each item; the agent takes the bundle that it likes best.
"""

import functools
import math
from typing import Any, Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.games.base import Game
from stackjax.bayesian.games.no_messages import best_without_messages
from stackjax.bayesian.games.type_blocks import LARGEST_JOINT, TypeSampler, check_type_prior, joint_or_blocks, types_of
from stackjax.errors import InputError, require, require_array, require_count
from stackjax.problem import Optimum
from stackjax.spaces import Box
from stackjax.types import Array

__all__ = ["Objective", "SequentialPrices", "SequentialPricesState", "bundle_values", "sequential_prices"]

Objective = Literal["welfare-loss", "welfare", "revenue"]
TIED = 1e-6  # of the largest value
WELFARE_DRAWS = 65_536  # of types, for the best welfare on average where they are too many to write out
MOST_AGENTS, MOST_MESSAGES, MOST_TYPES = 1000, 1000, 4096
MOST_ITEMS = 8  # a table of values has an entry for each bundle


class SequentialPricesState(NamedTuple):
    """The public state: nothing here depends on a type except through what an agent took."""

    messages: Array  # [N] int
    visited: Array  # [N] bool
    bundles: Array  # [N] int, what each agent holds: bit j for item j
    prices: Array  # [N, M] what was posted to each visited agent, game units


def bundle_values(values: Any, demand: int | None) -> np.ndarray:
    """``[K, 2^M]`` what each bundle is worth to each type, from ``values [K, M]`` of items: the best ``demand`` of them."""
    each = np.asarray(values, np.float64)
    count = each.shape[1]
    found = np.zeros((len(each), 2**count))
    for bundle in range(1, 2**count):
        held = each[:, [j for j in range(count) if bundle >> j & 1]]
        found[:, bundle] = np.sort(held, axis=1)[:, ::-1][:, :demand].sum(axis=1)
    return found


class SequentialPrices(Game):
    """M distinct items, N agents with private values for bundles, messages first, then prices in an adaptive order.

    The leader's action is one score per agent (the unvisited agent with the highest is visited, ties to the lowest index) and
    one price for each item. Of bundles that an agent likes equally it takes one of the fewest items, of those the one with
    items of the lowest indices.

    Args:
      values: for each agent ``[K_i, 2^M]`` what a bundle is worth to a type, game units; bit j of a bundle's index is item j,
        and bundle 0, nothing, is worth 0. `bundle_values` makes them from values of items.
      type_prior: ``[K_1, ..., K_N]`` joint, for independent agents a tuple of ``[K_i]``, or a `TypeSampler`.
      num_messages: m, the same for every agent.
      buy_when_indifferent: whether an agent that gains nothing by its best bundle takes it.
      objective: what the leader is paid: welfare less the best welfare for the true values (at most 0), welfare, or revenue.

    Raises:
      InputError: an argument is of the wrong shape or out of range.
    """

    def __init__(
        self,
        values: Any,
        type_prior: Any,
        num_messages: int = 2,
        buy_when_indifferent: bool = False,
        objective: Objective = "welfare-loss",
        name: str = "sequential-prices",
    ) -> None:
        require_count("num_messages", num_messages, most=MOST_MESSAGES)
        require("objective", objective, objective in get_args(Objective), f"one of {', '.join(get_args(Objective))}")
        self.name, self.objective = name, objective
        self.values = tuple(require_array("values", one).astype(np.float64) for one in values)
        widths = {one.shape[-1] if one.ndim == 2 else 0 for one in self.values}
        self.num_items = int(max(widths)).bit_length() - 1
        if len(widths) != 1 or max(widths) != 2**self.num_items or not 1 <= self.num_items <= MOST_ITEMS:
            raise InputError(
                f"values has shapes {[one.shape for one in self.values]}, but must have [types, 2^M] for each agent, with M "
                f"from 1 to {MOST_ITEMS} items"
            )
        if any(not np.isfinite(one).all() or (one < 0).any() or one[:, 0].any() for one in self.values):
            raise InputError("values must be finite and at least 0, and 0 for the empty bundle")
        table = lambda prior, axes=None: check_type_prior(require_array("type_prior", prior).astype(np.float64), axes)
        self.marginals = tuple(table(one, 1) for one in type_prior) if isinstance(type_prior, tuple) else None
        if self.marginals is not None:
            self.type_prior = joint_or_blocks(self.marginals)
        else:
            self.type_prior = type_prior if isinstance(type_prior, TypeSampler) else table(type_prior)
        if tuple(len(one) for one in self.values) != self.num_types:
            raise InputError(f"values gives {tuple(map(len, self.values))} types, but type_prior has {self.num_types}")
        self.max_value = float(max(one.max() for one in self.values))
        if self.max_value <= 0:
            raise InputError("values are all 0; at least one must be positive")
        n = len(self.values)
        self.num_messages = num_messages
        self.buy_when_indifferent = buy_when_indifferent
        self.num_actions = (num_messages,) * n
        # A table tells all histories apart; samples need not, where those who are gone tell nothing of the others.
        self.recalls = self.marginals is None or math.prod(self.table_shape) <= LARGEST_JOINT
        self.leader_actions = Box((0.0,) * (n + self.num_items), (1.0,) * n + (self.max_value,) * self.num_items)
        self.num_options = n
        self.num_decisions = n
        self.num_continuing_outcomes = 2**self.num_items - 1  # bundles, unless nothing is left
        self.payoff_scale = self.max_value
        # No agent gets more than it could, and no more agents get something than there are items.
        most = float(sum(sorted((one.max() for one in self.values), reverse=True)[: self.num_items]))
        self.leader_payoff_range = (-most, 0.0) if objective == "welfare-loss" else (0.0, most)
        size = max(self.num_types)
        self._table = np.stack([np.pad(one, ((0, size - len(one)), (0, 0))) for one in self.values])  # [N, K, 2^M]
        order = sorted(range(2**self.num_items), key=lambda b: (bin(b).count("1"), [j for j in range(8) if b >> j & 1]))
        self._bundles = np.array(order, np.int32)  # fewest items first
        self._items = (self._bundles[:, None] >> np.arange(self.num_items)) & 1  # [2^M, M] in that order

    @property
    def _worths(self) -> Array:
        """``[N, K, 2^M]`` what bundles are worth to types, in the precision that is asked for."""
        return jnp.asarray(self._table, jnp.result_type(float))

    def start(self, actions: Array) -> SequentialPricesState:
        n, nobody = self.num_followers, jnp.zeros(self.num_followers, jnp.int32)
        return SequentialPricesState(jnp.asarray(actions, jnp.int32), nobody > 0, nobody, jnp.zeros((n, self.num_items)))

    def left(self, state: SequentialPricesState) -> Array:
        """The items that are left, as a bundle."""
        return 2**self.num_items - 1 - state.bundles.sum(dtype=jnp.int32)

    def observe(self, state: SequentialPricesState) -> Array:
        """Who is left and what; messages; and, unless the game is too large for a table, what agents took and were asked for.

        In a large game agents are independent, so that those who are gone tell nothing of the others.
        """
        dtype, places = state.prices.dtype, jnp.arange(self.num_items, dtype=jnp.int32)
        bits = lambda bundles: ((bundles[..., None] >> places.reshape(*(1,) * bundles.ndim, -1)) & 1).astype(dtype)
        seen = [1.0 - state.visited.astype(dtype), bits(self.left(state))]
        if self.recalls:
            seen += [bits(state.bundles).ravel(), state.prices.ravel() / self.max_value]
        if self.num_messages > 1:
            seen.append(jax.nn.one_hot(state.messages, self.num_messages, dtype=dtype).ravel())
        return jnp.concatenate(seen)

    def visit(self, state: SequentialPricesState, leader_action: Array) -> tuple[Array, Array]:
        """Which agent the leader visits, and its prices ``[M]`` (game units)."""
        scores = jnp.where(state.visited, -jnp.inf, leader_action[: self.num_followers])
        return jnp.argmax(scores), leader_action[self.num_followers :]

    def respond(self, types: Array, state: SequentialPricesState, leader_action: Array) -> Array:
        """The bundle that the visited agent takes; beyond all bundles but one if nothing is left after it."""
        agent, prices = self.visit(state, leader_action)
        values = self._worths[agent, types[agent]][self._bundles]
        left = self.left(state)
        gains = values - (jnp.asarray(self._items, values.dtype) * prices[None]).sum(axis=1)
        is_there = (jnp.asarray(self._bundles) & ~left) == 0
        gains = jnp.where(is_there, gains, -jnp.inf)
        room = TIED * self.max_value  # what rounding may do to gains that are the same
        best = 1 + jnp.argmax(gains[1:] >= gains[1:].max() - room)
        takes = gains[best] >= -room if self.buy_when_indifferent else gains[best] > room
        bundle = jnp.where(takes, jnp.asarray(self._bundles)[best], 0)
        is_last = bundle == left
        return jnp.where(is_last, 2**self.num_items - 2 + bundle, bundle)

    def advance(self, state: SequentialPricesState, leader_action: Array, outcome: Array) -> SequentialPricesState:
        agent, prices = self.visit(state, leader_action)
        here = jnp.arange(self.num_followers) == agent
        ends = 2**self.num_items - 2
        bundle = jnp.where(outcome > ends, outcome - ends, outcome).astype(jnp.int32)
        return state._replace(
            visited=state.visited | here,
            bundles=jnp.where(here, bundle, state.bundles),
            prices=jnp.where(here[:, None], prices[None], state.prices),
        )

    def best_welfare(self, types: Array) -> Array:
        """The most that all items can be worth, to agents of ``types`` ``[N]``: a scan over agents and sets of items."""
        sets = np.arange(2**self.num_items)
        is_inside = jnp.asarray((sets[None, :] & ~sets[:, None]) == 0)  # [set, what an agent gets of it]
        rest = jnp.asarray(sets[:, None] & ~sets[None, :])
        worth = jnp.take_along_axis(self._worths, types[:, None, None], axis=1)[:, 0]  # [N, 2^M]

        def add(most: Array, own: Array) -> tuple[Array, None]:
            return jnp.where(is_inside, most[rest] + own[None], -jnp.inf).max(axis=1), None

        return jax.lax.scan(add, jnp.zeros(len(sets), worth.dtype), worth)[0][-1]

    def values_of_bundles(self, types: Array, bundles: Array) -> Array:
        """``[N]`` what each agent's bundle is worth to it, game units."""
        return self._worths[jnp.arange(self.num_followers), types, bundles]

    def payoffs(self, types: Array, actions: Array, state: SequentialPricesState) -> Array:
        del actions
        values = self.values_of_bundles(types, state.bundles)
        items = (state.bundles[:, None] >> jnp.arange(self.num_items, dtype=jnp.int32)[None]) & 1
        paid = (items.astype(state.prices.dtype) * state.prices).sum(axis=1)
        welfare = values.sum()
        leader = {"welfare": lambda: welfare, "revenue": paid.sum}.get(
            self.objective, lambda: welfare - self.best_welfare(types)
        )()
        return jnp.concatenate([leader[None], values - paid])

    def outcome(self, types: Array, actions: Array, state: SequentialPricesState) -> tuple[Array, Array]:
        """Who got which bundle."""
        del types, actions
        return state.bundles[None].astype(jnp.result_type(float)), jnp.ones(1)

    def revenue(self, leader_payoff: Array, follower_payoffs: Array) -> Array:
        """See `Game`."""
        if self.objective == "revenue":
            return leader_payoff
        welfare = leader_payoff + (self._best_on_average[0] if self.objective == "welfare-loss" else 0.0)
        return welfare - follower_payoffs.sum()

    def optimum(self) -> Optimum:
        """What is known: the exact value without messages where agents are independent, or a bound."""
        found = self.without_messages() if self.num_messages == 1 else None
        if found is not None:  # a supremum: prices may have to come close to values
            return Optimum(found, "upper-bound", half_width=self._drawn)
        if self.objective == "welfare-loss":
            return Optimum(0.0, "upper-bound")
        value, half_width = self._best_on_average
        return Optimum(value, "upper-bound", half_width=half_width)

    def yardsticks(self) -> dict[str, float]:
        """See `Game`."""
        known = self.without_messages() if self.num_messages > 1 else None
        return {} if known is None else {"without messages": known + self._drawn}

    def without_messages(self) -> float | None:
        """The supremum of what a mechanism without messages earns, by dynamic programming; None if it is not known."""
        if self.marginals is None:
            return None
        found = best_without_messages(self.values, self.marginals, self.objective)
        if found is None or self.objective != "welfare-loss":
            return found
        return found - self._best_on_average[0]

    @property
    def _drawn(self) -> float:
        """Half of the interval of what is compared with the best welfare on average."""
        return self._best_on_average[1] if self.objective == "welfare-loss" else 0.0

    @functools.cached_property
    def _best_on_average(self) -> tuple[float, float]:
        """The best welfare on average, and half of its 95 % interval: 0 unless types are too many to write out."""
        if self.num_items == 1 and self.marginals is not None:  # the largest value
            worths = np.unique(np.concatenate([one[:, 1] for one in self.values]))
            below = [
                [own[one[:, 1] <= worth].sum() for worth in worths]
                for one, own in zip(self.values, self.marginals, strict=True)
            ]
            return float(worths @ np.diff(np.prod(below, axis=0), prepend=0.0)), 0.0
        at_once = max(1, 2**22 // 4**self.num_items)
        best = jax.jit(lambda types: jax.lax.map(self.best_welfare, types, batch_size=at_once))
        if isinstance(self.type_prior, np.ndarray):
            profiles = np.stack(np.unravel_index(np.arange(self.type_prior.size), self.type_prior.shape), axis=-1)
            with jax.ensure_compile_time_eval():  # inside of other functions' traces too
                return float(self.type_prior.ravel() @ np.asarray(best(jnp.asarray(profiles, jnp.int32)), np.float64)), 0.0
        prior = types_of(self.type_prior)
        with jax.ensure_compile_time_eval():
            types = jax.vmap(prior.draw)(jax.random.uniform(jax.random.key(0), (WELFARE_DRAWS, prior.num_uniforms)))
            found = np.asarray(best(types), np.float64)
        return float(found.mean()), float(1.96 * found.std(ddof=1) / np.sqrt(WELFARE_DRAWS))

    def describe_action(self, follower: int, action: int) -> str:
        del follower
        return f"message {action + 1}"

    def describe_type(self, follower: int, type_index: int) -> str:
        values = self.values[follower][type_index]
        return "values " + ", ".join(f"{values[1 << j]:g}" for j in range(self.num_items))

    def describe_observation(self, observation: np.ndarray) -> str:
        """What agents said, and who is gone."""
        n, words = self.num_followers, []
        if self.num_messages > 1:
            told = observation[-n * self.num_messages :].reshape(n, self.num_messages).argmax(axis=1) + 1
            words.append(f"after messages {' '.join(map(str, told))}")
        gone = [str(i + 1) for i in range(n) if observation[i] < 0.5]
        return ", ".join([*words, *([f"without agents {' '.join(gone)}"] if gone else [])]) or "at first"

    def describe_decision(self, observation: np.ndarray, leader_action: np.ndarray) -> str:
        """Whom the leader visits at what prices, in words."""
        n, m = self.num_followers, self.num_items
        agents = np.flatnonzero(observation[:n] > 0.5)
        agent = int(agents[np.argmax(leader_action[:n][agents])])
        left = [j for j in range(m) if observation[n + j] > 0.5]
        asked = ", ".join(f"{f'item {j + 1}: ' if m > 1 else ''}{leader_action[n + j]:.3g}" for j in left)
        return f"{self.describe_observation(observation)}: agent {agent + 1} is asked {asked}"


def sequential_prices(
    num_agents: int = 3,
    num_items: int = 2,
    num_messages: int = 2,
    num_types: int = 2,
    demand: int = 1,
    lowest: float = 0.3,
    objective: Objective = "welfare-loss",
    buy_when_indifferent: bool = False,
) -> SequentialPrices:
    """Independent agents who want at most ``demand`` items.

    The value of each item is drawn by itself from ``linspace(lowest, 1, num_types)``. A type is a
    value for each item, so that there are ``num_types ** num_items`` of them.

    Raises:
      InputError: an option is out of range.
    """
    require_count("num_agents", num_agents, most=MOST_AGENTS)
    require_count("num_items", num_items, most=MOST_ITEMS)
    require_count("demand", demand)
    require_count("num_types", num_types, least=2, most=MOST_TYPES)
    require("lowest", lowest, 0.0 <= lowest < 1.0, "at least 0 and below 1")
    count = num_types**num_items
    require("num_types", num_types, count <= MOST_TYPES, f"at most {MOST_TYPES} types in all, not {count}")
    grid = np.linspace(lowest, 1.0, num_types)
    each = grid[np.stack(np.unravel_index(np.arange(count), (num_types,) * num_items), axis=-1)]
    table, own = bundle_values(each, demand), np.full(count, 1.0 / count)
    return SequentialPrices((table,) * num_agents, (own,) * num_agents, num_messages, buy_when_indifferent, objective)
