"""A platform on which sellers compete in prices, and which decides whom to display (Brero et al. 2022).

Sellers set prices at the same time; the platform sees them and sets a threshold; consumers see the sellers who ask at most
that, and buy by logit demand. Meant for sellers who learn by Q-learning with memory: left alone, they learn to collude
(Calvano et al. 2020).
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.games.base import OneShotGame
from stackjax.errors import InputError, require, require_count, require_positive
from stackjax.problem import Optimum
from stackjax.spaces import Discrete
from stackjax.types import Array

__all__ = ["BertrandPlatform", "logit_market"]

MOST_SELLERS = 32
LARGEST_TABLE = 1_000_000  # joint prices above which nothing is tabulated


def logit_market(prices: Array, displayed: Array, quality: float, scale: float, outside: float) -> tuple[Array, Array]:
    """Demand for each seller, and consumer surplus, when consumers choose among those displayed and buying nothing.

    ``q_i = d_i e^((a - p_i) / μ) / (Σ_j d_j e^((a - p_j) / μ) + e^(a_0 / μ))``; surplus is ``μ log`` of that denominator.

    Args:
      prices: ``[N]``.
      displayed: ``[N]`` 1.0 where a seller is displayed, else 0.0.
      quality, scale, outside: a, μ and a_0, in the unit of prices.

    Returns:
      ``[N]`` demands, and the surplus, in the unit of prices.
    """
    utility = jnp.append((quality - prices) / scale, outside / scale)
    utility = jnp.where(jnp.append(displayed, 1.0) > 0, utility, -jnp.inf)
    return jax.nn.softmax(utility)[:-1], scale * jax.nn.logsumexp(utility)


class BertrandPlatform(OneShotGame):
    """Sellers choose among ``num_prices`` prices; the leader sees all prices and displays the sellers at or below a threshold.

    The threshold is one of the prices, so the highest displays everybody: no intervention. Sellers are paid their profits,
    the leader the consumer surplus. At the lowest threshold every price but the lowest sells nothing, so that it is strictly
    dominant (if above cost), and everybody displayed at the lowest price is the most that consumers can have.

    Args:
      num_prices, lowest_price, highest_price: the price grid, evenly spaced.
      num_sellers: N.
      quality, cost, scale, outside: a, c, μ and a_0 of logit demand.
    """

    def __init__(
        self,
        num_prices: int = 4,
        lowest_price: float = 1.05,
        highest_price: float = 1.7,
        num_sellers: int = 2,
        quality: float = 2.0,
        cost: float = 1.0,
        scale: float = 0.25,
        outside: float = 0.0,
    ) -> None:
        require_count("num_prices", num_prices, 2, LARGEST_TABLE)
        require_count("num_sellers", num_sellers, 1, MOST_SELLERS)
        require_positive("scale", scale)
        for option, number in {"quality": quality, "cost": cost, "outside": outside, "lowest_price": lowest_price}.items():
            require(option, number, math.isfinite(number), "a finite number")
        is_above = math.isfinite(highest_price) and highest_price > lowest_price
        require("highest_price", highest_price, is_above, f"a finite number above lowest_price={lowest_price}")
        if num_prices**num_sellers > LARGEST_TABLE:
            raise InputError(
                f"num_prices={num_prices} and num_sellers={num_sellers} make {num_prices**num_sellers} joint prices, more than "
                f"{LARGEST_TABLE}"
            )
        self.name = "bertrand-platform"
        self.prices = np.linspace(lowest_price, highest_price, num_prices)
        self.quality, self.cost, self.scale, self.outside = quality, cost, scale, outside
        self.type_prior = np.ones((1,) * num_sellers)
        self.num_actions = (num_prices,) * num_sellers
        self.leader_actions = Discrete(num_prices, tuple(f"display prices up to {price:.4g}" for price in self.prices))
        nobody, everybody = jnp.zeros(num_sellers), jnp.ones(num_sellers)
        surplus = lambda shown: float(logit_market(jnp.full(num_sellers, lowest_price), shown, quality, scale, outside)[1])
        self.most_surplus = surplus(everybody)
        self.leader_payoff_range = (surplus(nobody), self.most_surplus)
        alone = [float(self.market(jnp.full(num_sellers, k), jnp.eye(num_sellers)[0])[1]) for k in range(num_prices)]
        self.payoff_scale = max(np.ptp([0.0, *alone]), 1e-9)  # of one seller displayed alone, from no sale to its best price

    def observation(self, actions: Array) -> Array:
        return jnp.eye(len(self.prices))[actions].ravel()

    def market(self, actions: Array, displayed: Array) -> Array:
        """Consumer surplus and profits ``[1 + N]`` at joint prices ``actions [N]`` if ``displayed [N]`` are (1.0 or 0.0)."""
        prices = jnp.asarray(self.prices, jnp.result_type(float))[actions]
        demand, surplus = logit_market(prices, displayed, self.quality, self.scale, self.outside)
        return jnp.concatenate([surplus[None], (prices - self.cost) * demand])

    def outcome_payoffs(self, types: Array, actions: Array, leader_action: Array) -> Array:
        del types
        return self.market(actions, (actions <= leader_action).astype(jnp.result_type(float)))

    def optimum(self) -> Optimum:
        if self.prices[0] <= self.cost:
            return Optimum(self.most_surplus, "upper-bound")
        lowest = np.zeros(math.prod(self.num_actions), np.int32)  # the threshold, whatever prices are asked
        return Optimum(self.most_surplus, "closed-form", lowest)

    def describe_action(self, follower: int, action: int) -> str:
        del follower
        return f"price {self.prices[action]:.4g}"
