"""Simple allocation (Brero et al. 2023, Sections 4 and 7.3): one message from the follower, one item from the leader."""

import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.games.base import OneShotGame
from stackjax.errors import require_count
from stackjax.problem import Optimum
from stackjax.spaces import Discrete
from stackjax.types import Array, PyTree

__all__ = ["Allocation"]

MOST = 1000  # messages, and items


class Allocation(OneShotGame):
    """The follower wants one of ``num_items`` equally likely items and sends one of ``num_messages`` messages.

    Both are paid 1 if the leader hands over the wanted item, else 0. With m messages the leader can tell at most
    m wants apart, so its best is min(m, items) / items.
    """

    def __init__(self, num_messages: int = 3, num_items: int = 3) -> None:
        for option, value in {"num_messages": num_messages, "num_items": num_items}.items():
            require_count(option, value, most=MOST)
        self.name = "allocation"
        self.num_items = num_items
        self.type_prior = np.full((num_items,), 1.0 / num_items)
        self.num_actions = (num_messages,)
        self.leader_actions = Discrete(num_items, tuple(f"item {item + 1}" for item in range(num_items)))

    def observation(self, actions: Array) -> Array:
        return jnp.eye(self.num_actions[0])[actions[0]]

    def outcome_payoffs(self, types: Array, actions: Array, leader_action: Array) -> Array:
        del actions
        return jnp.full((2,), (leader_action == types[0]).astype(jnp.result_type(float)))

    def outcome(self, types: Array, actions: Array, state: PyTree) -> tuple[Array, Array]:
        """Whether the follower got what it wants."""
        del actions
        return (state["leader_action"] == types[0])[None, None].astype(jnp.result_type(float)), jnp.ones(1)

    def optimum(self) -> Optimum:
        messages = self.num_actions[0]
        item_by_message = np.arange(messages, dtype=np.int32) % self.num_items
        return Optimum(min(messages, self.num_items) / self.num_items, "closed-form", item_by_message)

    def describe_action(self, follower: int, action: int) -> str:
        del follower
        return f"message {action + 1}"

    def describe_type(self, follower: int, type_index: int) -> str:
        del follower
        return f"wants item {type_index + 1}"
