"""Sequential posted prices for one item, after a round of messages (Brero et al. 2023, Sections 4 and 7.4)."""

import itertools
from collections.abc import Iterable
from typing import Any

import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.games.sequential_prices import (
    MOST_AGENTS,
    MOST_TYPES,
    TIED,
    SequentialPrices,
    SequentialPricesState,
    bundle_values,
)
from stackjax.errors import InputError, require, require_array, require_count
from stackjax.pictures import Picture
from stackjax.pictures import paths as draw_paths
from stackjax.problem import Optimum
from stackjax.types import Array

__all__ = ["PostedPrice", "posted_price_pi", "posted_price_uniform"]

MOST_WRITTEN_OUT = 200  # messages for which the optimal mechanism is written out
LARGEST_ENUMERATION = 2_000_000  # (order, price) combinations above which the optimum is not enumerated


class PostedPrice(SequentialPrices):
    """`SequentialPrices` for one item, worked out more quickly: it is sold to the first agent that buys.

    The leader's payoff is welfare minus the best welfare for the true values: at most 0.

    Args:
      values: for each agent its value for the item by type, game units, ``N`` sequences of length ``K_i``.
      type_prior: ``[K_1, ..., K_N]`` joint, or for independent agents a tuple of ``[K_i]``.
      num_messages: m, the same for every agent.
      buy_when_indifferent: whether an agent buys at a price equal to its value.
      optimum: the best leader payoff where a proof is known; otherwise 0 as an upper bound, and for ``num_messages=1``
        the exact optimum.
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
        require("values", values, isinstance(values, Iterable), "a sequence of values for each agent")
        self.item_values = tuple(require_array("values", one).astype(np.float64).ravel() for one in values)
        tables = [bundle_values(one[:, None], 1) for one in self.item_values]
        super().__init__(tables, type_prior, num_messages, buy_when_indifferent, "welfare-loss", name)
        self._optimum = optimum

    def values_of(self, types: Array) -> Array:
        """What the item is worth to each agent, ``[N]`` game units."""
        return self._worths[jnp.arange(self.num_followers), types, 1]

    def values_of_bundles(self, types: Array, bundles: Array) -> Array:
        return jnp.where(bundles > 0, self.values_of(types), 0.0)

    def respond(self, types: Array, state: SequentialPricesState, leader_action: Array) -> Array:
        agent, (price,) = self.visit(state, leader_action)
        gain, room = self._worths[agent, types[agent], 1] - price, TIED * self.max_value
        return (gain >= -room if self.buy_when_indifferent else gain > room).astype(jnp.int32)

    def best_welfare(self, types: Array) -> Array:
        return self.values_of(types).max()

    def optimum(self) -> Optimum:
        if self._optimum is not None:
            return self._optimum
        if self.num_messages == 1 and isinstance(self.type_prior, np.ndarray):
            best = best_order_and_prices(self.item_values, self.type_prior, self.buy_when_indifferent)
            if best is not None:
                return Optimum(best[0], "enumeration", [self.posts(agent, price) for agent, price in best[1]])
        return super().optimum()

    def posts(self, agent: int, price: float) -> list[float]:
        """The leader's action that visits ``agent`` if it is left, at ``price``."""
        return [float(i == agent) for i in range(self.num_followers)] + [price]

    def describe_type(self, follower: int, type_index: int) -> str:
        return f"value {self.item_values[follower][type_index]:.3g}"

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
            steps = [
                {"text": f"agent {agent + 1}: {price:.4g}", "size": price, "marks": self.item_values[agent].tolist()}
                for agent, price in self.visits(leader_actions, path)
            ]
            found.append({"label": path.label if self.num_messages > 1 else "", "chance": chance, "steps": steps})
        return draw_paths("Who is visited, at which price (marks: the agent's values)", found, self.max_value, "price")


def best_order_and_prices(
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
    require_count("num_messages", num_messages, most=MOST_WRITTEN_OUT)
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
) -> PostedPrice:
    """``num_agents`` agents whose values are independent and uniform on ``linspace(0, 1, num_types)``."""
    require_count("num_types", num_types, least=2, most=MOST_TYPES)
    require_count("num_agents", num_agents, most=MOST_AGENTS)
    own, values = np.full(num_types, 1.0 / num_types), np.linspace(0.0, 1.0, num_types)
    return PostedPrice([values] * num_agents, (own,) * num_agents, num_messages, buy_when_indifferent, "posted-price-uniform")
