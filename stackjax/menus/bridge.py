"""A menu problem with finitely many types as a Bayesian game, whose buyer learns which option to take instead of knowing it."""

import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.games.base import OneShotGame
from stackjax.errors import InputError, require_count
from stackjax.menus.allocations import BoxAllocations
from stackjax.menus.config import MenuConfig
from stackjax.menus.game import MenuGame
from stackjax.menus.problem import MenuProblem
from stackjax.problem import Optimum
from stackjax.spaces import Box
from stackjax.types import Array

__all__ = ["MenuAsBayesian"]


class MenuAsBayesian(OneShotGame):
    """One follower, the buyer, names an option; the leader sees which, and answers with its allocation and price.

    Args:
      menu: with finitely many types and allocations in a box, without a belief.
      num_options: K, beside what is free.

    Raises:
      InputError: ``menu`` is not such a game, or ``num_options`` is not a positive whole number.
    """

    def __init__(self, menu: MenuGame, num_options: int) -> None:
        require_count("num_options", num_options)
        if menu.law.atoms is None or not isinstance(menu.allocations, BoxAllocations) or menu.belief is not None:
            raise InputError(f"menu {menu.name!r} must have finitely many types, allocations in a box and no belief")
        self.name = f"{menu.name}-bayesian"
        self.menu, self.num_options = menu, num_options
        assert menu.law.weights is not None
        self.type_prior = np.asarray(menu.law.weights, np.float64)
        self.num_actions = (num_options + len(menu.free),)
        low, high = menu.price_range
        self.leader_actions = Box((*map(float, menu.allocations.low), low), (*map(float, menu.allocations.high), high))
        self.payoff_scale = menu.scale
        self.leader_payoff_range = menu.payoff_range

    def observation(self, actions: Array) -> Array:
        """Which option is named; what is free needs no answer, so that all of it looks alike."""
        return jnp.eye(self.num_options + 1)[jnp.minimum(actions[0], self.num_options)]

    def outcome_payoffs(self, types: Array, actions: Array, leader_action: Array) -> Array:
        allocation, price = leader_action[:-1], leader_action[-1]
        free = jnp.asarray(self.menu.free, jnp.float32)[jnp.maximum(actions[0] - self.num_options, 0)]
        is_free = actions[0] >= self.num_options
        allocation, price = jnp.where(is_free, free, allocation), jnp.where(is_free, 0.0, price)
        worth = jnp.asarray(self.menu.law.atoms, jnp.float32)[types[0]] @ allocation
        return jnp.stack([price - jnp.asarray(self.menu.cost, jnp.float32) @ allocation, worth - price])

    def optimum(self) -> Optimum | None:
        """Of all mechanisms; one with fewer options than types may not reach it."""
        found = MenuProblem(self.menu, MenuConfig(self.num_options)).optimum()
        if found is None or found.commitment is None:
            return found
        return found._replace(commitment=np.concatenate([found.commitment, found.commitment[:1]]))  # what is free needs none

    def describe_action(self, follower: int, action: int) -> str:
        return f"option {action + 1}" if action < self.num_options else "nothing bought"

    def describe_type(self, follower: int, type_index: int) -> str:
        assert self.menu.law.atoms is not None
        return "values " + ", ".join(f"{value:.3g}" for value in self.menu.law.atoms[type_index])
