"""Sequential posted prices for one item, after a round of messages (Brero et al. 2023, Sections 4 and 7.4).

Each agent sends one of m messages; then the leader repeatedly picks an agent not yet visited and a price; the agent
buys if that pays; the sub-episode ends with a sale or when all have been visited. ``num_messages=1`` is the plain
sequential price mechanism.
"""

import itertools
from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.games.base import Game, check_type_prior
from stackjax.bayesian.games.sequential_prices import SequentialPrices, bundle_values
from stackjax.errors import InputError, require, require_array, require_count
from stackjax.pictures import Picture
from stackjax.pictures import paths as draw_paths
from stackjax.problem import Optimum
from stackjax.spaces import Box
from stackjax.types import Array

__all__ = ["PostedPrice", "PostedPriceState", "posted_price_pi", "posted_price_uniform"]

PASS, BUY = 0, 1
LARGEST_PRIOR = 1_000_000  # (type, message) profiles above which no prior is written out
LARGEST_ENUMERATION = 2_000_000  # (order, price) combinations above which the optimum is not enumerated


class PostedPriceState(NamedTuple):
    """The public state: nothing here depends on a type except through what an agent bought."""

    messages: Array  # [N] int
    visited: Array  # [N] bool
    allocation: Array  # [N] 1.0 for the agent that bought
    prices: Array  # [N] the price posted to each visited agent, game units


class PostedPrice(Game):
    """One item, N agents with private values, messages first, then posted prices in an adaptive order.

    The leader's payoff is welfare minus the best welfare for the true values: at most 0. Its action is one score per
    agent (the unvisited agent with the highest is visited, ties to the lowest index) and one price.

    Args:
      values: for each agent its value for the item by type, game units, ``N`` sequences of length ``K_i``.
      type_prior: ``[K_1, ..., K_N]`` joint; correlation is allowed.
      num_messages: m, the same for every agent.
      buy_when_indifferent: whether an agent buys at a price equal to its value.
      optimum: the best leader payoff where a proof is known; otherwise 0 as an upper bound, and for ``num_messages=1``
        the exact optimum by enumeration.
    """

    def __init__(
        self,
        values: Any,
        type_prior: Any,
        num_messages: int = 2,
        buy_when_indifferent: bool = False,
        name: str = "posted-price",
        optimum: Optimum | None = None,
    ) -> None:
        require_count("num_messages", num_messages)
        self.name = name
        require("values", values, isinstance(values, Iterable), "a sequence of values for each agent")
        self.values = tuple(require_array("values", agent_values).astype(np.float64) for agent_values in values)
        self.type_prior = check_type_prior(require_array("type_prior", type_prior).astype(np.float64))
        if tuple(v.size for v in self.values) != self.type_prior.shape:
            raise InputError(
                f"values gives {tuple(v.size for v in self.values)} types, but type_prior has shape {self.type_prior.shape}"
            )
        if any((v < 0).any() or not np.isfinite(v).all() for v in self.values):
            raise InputError("values must be finite and at least 0")
        self.max_value = float(max(v.max() for v in self.values))
        if self.max_value <= 0:
            raise InputError("values are all 0; at least one must be positive")
        n = self.num_followers
        self.num_messages = num_messages
        self.buy_when_indifferent = buy_when_indifferent
        self.num_actions = (num_messages,) * n
        self.leader_actions = Box((0.0,) * (n + 1), (1.0,) * n + (self.max_value,))
        self.num_decisions = n
        self.num_continuing_outcomes = 1  # a pass; a purchase ends the sub-episode
        self.payoff_scale = self.max_value
        self.leader_payoff_range = (-self.max_value, 0.0)
        self._optimum = optimum

    def start(self, actions: Array) -> PostedPriceState:
        n = self.num_followers
        return PostedPriceState(jnp.asarray(actions, jnp.int32), jnp.zeros(n, bool), jnp.zeros(n), jnp.zeros(n))

    def observe(self, state: PostedPriceState) -> Array:
        messages = jax.nn.one_hot(state.messages, self.num_messages).ravel() if self.num_messages > 1 else jnp.zeros(0)
        item_left = 1.0 - state.allocation.sum(keepdims=True)
        agents_left = 1.0 - state.visited.astype(state.prices.dtype)
        return jnp.concatenate([agents_left, item_left, state.allocation, state.prices / self.max_value, messages])

    def visit(self, state: PostedPriceState, leader_action: Array) -> tuple[Array, Array]:
        """Which agent the leader visits, and its price (game units)."""
        scores = jnp.where(state.visited, -jnp.inf, leader_action[:-1])
        return jnp.argmax(scores), leader_action[-1]

    def value_of(self, agent: Array, types: Array) -> Array:
        """The value of ``agent`` under the type profile ``types`` ``[N]``, game units."""
        profile = [jnp.asarray(v, jnp.result_type(float))[types[i]] for i, v in enumerate(self.values)]
        return jnp.stack(profile)[agent]

    def respond(self, types: Array, state: PostedPriceState, leader_action: Array) -> Array:
        agent, price = self.visit(state, leader_action)
        value = self.value_of(agent, types)
        buys = value >= price if self.buy_when_indifferent else value > price
        return jnp.where(buys, BUY, PASS)

    def advance(self, state: PostedPriceState, leader_action: Array, outcome: Array) -> PostedPriceState:
        agent, price = self.visit(state, leader_action)
        here = jnp.arange(self.num_followers) == agent
        bought = here & (outcome == BUY)
        return state._replace(
            visited=state.visited | here,
            allocation=jnp.where(bought, 1.0, state.allocation),
            prices=jnp.where(here, price, state.prices),
        )

    def payoffs(self, types: Array, actions: Array, state: PostedPriceState) -> Array:
        del actions
        profile = [jnp.asarray(v, jnp.result_type(float))[types[i]] for i, v in enumerate(self.values)]
        values = jnp.stack(profile)
        utilities = state.allocation * (values - state.prices)
        welfare_loss = (state.allocation * values).sum() - values.max()
        return jnp.concatenate([welfare_loss[None], utilities])

    def optimum(self) -> Optimum | None:
        if self._optimum is not None:
            return self._optimum
        if self.num_messages == 1:
            best = best_without_messages(self.values, self.type_prior, self.buy_when_indifferent)
            if best is not None:
                return Optimum(best[0], "enumeration", [self.posts(agent, price) for agent, price in best[1]])
        return Optimum(0.0, "upper-bound")

    def posts(self, agent: int, price: float) -> list[float]:
        """The leader's action that visits ``agent`` if it is left, at ``price``."""
        return [float(i == agent) for i in range(self.num_followers)] + [price]

    def describe_action(self, follower: int, action: int) -> str:
        del follower
        return f"message {action + 1}"

    def describe_type(self, follower: int, type_index: int) -> str:
        return f"value {self.values[follower][type_index]:.3g}"

    def visits(self, leader_actions: np.ndarray, path: Any) -> list[tuple[int, float]]:
        """Who is visited along a path while nobody buys, and at which price."""
        left, found = set(range(self.num_followers)), []
        for node in path.nodes:
            *scores, price = leader_actions[node]
            agent = min(left, key=list(np.argsort(-np.asarray(scores), kind="stable")).index)
            left.remove(agent)
            found.append((agent, float(price)))
        return found

    def explain(self, observations: np.ndarray, leader_actions: np.ndarray, paths: list[Any]) -> list[str]:
        del observations
        lines = []
        for path in paths:
            steps = [f"agent {agent + 1} at price {price:.3g}" for agent, price in self.visits(leader_actions, path)]
            lines.append((f"{path.label}: " if self.num_messages > 1 else "") + ", then ".join(steps))
        return lines

    def picture(
        self, leader_actions: np.ndarray, paths: list[Any], chances: list[float], strategies: list[np.ndarray]
    ) -> Picture:
        """Who is visited after which messages, with prices as bars against the agent's values."""
        del strategies
        found = []
        for path, chance in zip(paths, chances, strict=True):
            steps = []
            for agent, price in self.visits(leader_actions, path):
                step = {"text": f"agent {agent + 1}: {price:.4g}", "size": price, "marks": self.values[agent].tolist()}
                steps.append(step)
            found.append({"label": path.label if self.num_messages > 1 else "", "chance": chance, "steps": steps})
        return draw_paths("Who is visited, at which price (marks: the agent's values)", found, self.max_value, "price")


def best_without_messages(
    values: tuple[np.ndarray, ...], type_prior: np.ndarray, buy_when_indifferent: bool
) -> tuple[float, list[tuple[int, float]]] | None:
    """The exact best welfare loss of a sequential price mechanism without messages, and whom it visits at which price.

    None when too large to enumerate.

    What the leader learns on the way is only that everyone visited so far passed, so a mechanism is an order and a
    price for each place in it, and only prices at the agents' own values (or 0) need be tried.
    """
    n = len(values)
    prices = [np.unique(np.concatenate([[0.0], v, [max(w.max() for w in values)]])) for v in values]
    combinations = int(np.prod([len(p) for p in prices], dtype=float) * np.prod(np.arange(1, n + 1), dtype=float))
    if combinations * type_prior.size > LARGEST_ENUMERATION:
        return None
    profile_values = np.stack(np.meshgrid(*values, indexing="ij"))  # [N, K_1, ..., K_N]

    def best_from(left: frozenset[int], unsold: np.ndarray) -> tuple[float, list[tuple[int, float]]]:
        if not left or not unsold.any():
            return 0.0, [(agent, 0.0) for agent in sorted(left)]
        best, visits = -np.inf, []
        for agent, price in itertools.chain.from_iterable(((i, p) for p in prices[i]) for i in sorted(left)):
            value = profile_values[agent]
            buys = unsold & ((value >= price) if buy_when_indifferent else (value > price))
            welfare = float((type_prior * value * buys).sum())
            later, others = best_from(left - {agent}, unsold & ~buys)
            if welfare + later > best:
                best, visits = welfare + later, [(agent, float(price)), *others]
        return best, visits

    best_welfare = float((type_prior * profile_values.max(axis=0)).sum())
    welfare, visits = best_from(frozenset(range(n)), np.ones(type_prior.shape, bool))
    return welfare - best_welfare, visits


def posted_price_pi(num_messages: int = 2, epsilon: float = 0.2, buy_when_indifferent: bool = False) -> PostedPrice:
    """The setting of Agrawal et al. (2020) as in Brero et al. (2023), Section 7.4; they use ``epsilon = 0.2``.

    Agent 1's value is 1/2 or 1/(2ε) with probabilities 1 - ε and ε; agent 2's is 0 or 1, equally likely. With two or
    more messages some mechanism always allocates optimally in dominant strategies: welfare loss 0.
    """
    require_count("num_messages", num_messages)
    if not 0.0 < epsilon < 0.5:
        raise InputError(f"epsilon={epsilon} must lie strictly between 0 and 0.5")
    prior, values = np.outer([1.0 - epsilon, epsilon], [0.5, 0.5]), ([0.5, 0.5 / epsilon], [0.0, 1.0])
    make = lambda known: PostedPrice(values, prior, num_messages, buy_when_indifferent, "posted-price-pi", known)
    if num_messages == 1:
        return make(None)
    # Agent 1 says whether its value is the high one (any message but the first), and strictly gains by the truth: if so it is
    # asked first, for more than 1/2 and less than what waiting would save it; else agent 2 is, and then agent 1 for less.
    posts, price = make(None).posts, 0.5 * (0.5 + (0.5 / epsilon + 0.25) / 2.0)
    says_high = [first > 0 for first in range(num_messages) for _ in range(num_messages)]
    begins = [posts(0, price) if high else posts(1, 0.5) for high in says_high]
    goes_on = [posts(1, 0.5) if high else posts(0, 0.25) for high in says_high]
    return make(Optimum(0.0, "closed-form", [*begins, *goes_on]))


def posted_price_uniform(
    num_types: int = 3, num_messages: int = 2, num_agents: int = 2, buy_when_indifferent: bool = False
) -> PostedPrice | SequentialPrices:
    """``num_agents`` agents whose values are independent and uniform on ``linspace(0, 1, num_types)``."""
    require_count("num_types", num_types, least=2)
    require_count("num_agents", num_agents)
    require_count("num_messages", num_messages)
    if (num_types * num_messages) ** num_agents > LARGEST_PRIOR:  # too large for tables: the same game by marginals
        table, own = bundle_values(np.linspace(0.0, 1.0, num_types)[:, None], 1), np.full(num_types, 1.0 / num_types)
        alike = (table,) * num_agents, (own,) * num_agents
        return SequentialPrices(*alike, num_messages, buy_when_indifferent, "welfare-loss", "posted-price-uniform")
    prior = np.full((num_types,) * num_agents, 1.0 / num_types**num_agents)
    values = [np.linspace(0.0, 1.0, num_types)] * num_agents
    return PostedPrice(values, prior, num_messages, buy_when_indifferent, "posted-price-uniform")
