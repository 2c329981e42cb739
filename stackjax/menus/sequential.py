"""Sequential combinatorial auctions: bidders come one after another, each sees a price for every bundle that is left.

Laws here treat items alike, so that prices depend on how many bidders come later, how many items are left and how many are
bought: a table, solved from the last bidder to the first by first-order gradients (Ravindranath et al. 2024, with the table in
the place of their networks).
"""

import dataclasses
import math
from typing import Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np
import optax
import scipy.stats

from stackjax.errors import require, require_count
from stackjax.types import Array, PRNGKey

__all__ = ["Sale", "SaleTable", "SaleValue", "SolveConfig", "Valuations", "item_by_item", "sale_value", "solve_backward"]

Valuations = Literal["uniform", "unit-demand", "three-demand", "bundles", "complements"]
MOST_ITEMS, MOST_BUNDLED = 100, 10
NUM_REPEATS = 16


@dataclasses.dataclass(frozen=True)
class Sale:
    """What is sold to whom.

    Args:
      num_bidders: n, in a fixed order; each draws its values when it comes.
      num_items: m.
      valuations: ``"uniform"``, values of items uniform in [0, 1], which add up; ``"unit-demand"`` and ``"three-demand"``, the
        same, but at most one or three items are offered; ``"bundles"``, the value of each bundle of s items uniform in
        [0, √s] by itself; ``"complements"``, values of items uniform in [1, 2] add up, and for each bundle of s items something
        uniform in [-s, s] is added.

    Raises:
      InputError: a number or law is not possible.
    """

    num_bidders: int
    num_items: int
    valuations: Valuations = "uniform"

    def __post_init__(self) -> None:
        require_count("num_bidders", self.num_bidders)
        require_count("num_items", self.num_items)
        laws = get_args(Valuations)
        require("valuations", self.valuations, self.valuations in laws, f"one of {', '.join(laws)}")
        most = MOST_BUNDLED if self.valuations == "complements" else MOST_ITEMS
        require("num_items", self.num_items, self.num_items <= most, f"at most {most}")

    @property
    def most_bought(self) -> int:
        """S, the largest bundle that is offered."""
        return min(self.num_items, {"unit-demand": 1, "three-demand": 3}.get(self.valuations, self.num_items))

    def draw(self, key: PRNGKey, count: int) -> Array:
        """``[count, m + 1, S]`` what its best bundle of each size is worth to a bidder, by the items left; -inf if too few."""
        m, most = self.num_items, self.most_bought
        left, sizes = np.arange(m + 1)[:, None], np.arange(1, most + 1)[None]
        there = jnp.asarray(sizes <= left)
        if self.valuations == "bundles":
            ways = [[math.comb(k, s) for s in range(1, most + 1)] for k in range(m + 1)]
            power = jnp.asarray(1.0 / np.maximum(np.array(ways, float), 1.0), jnp.float32)
            drawn = jax.random.uniform(key, (count, 1, most), minval=1e-7)
            worth = drawn ** power[None] * jnp.asarray(np.sqrt(sizes), jnp.float32)[None]
        elif self.valuations == "complements":
            worth = self._complements(key, count)
        else:  # the largest of k uniforms, without sorting: 1 minus the first of k + 1 exponential gaps, as shares of their sum
            gaps = jax.random.exponential(key, (count, m + 1)).cumsum(axis=1)
            sums = gaps[:, :most].cumsum(axis=1)
            worth = jnp.asarray(sizes, jnp.float32)[None] - sums[:, None] / gaps[:, :, None]
        return jnp.where(there[None], worth, -jnp.inf)

    def _complements(self, key: PRNGKey, count: int) -> Array:
        """By all bundles: those of the first k items are the first ``2**k``."""
        m = self.num_items
        bundles = (np.arange(2**m)[:, None] >> np.arange(m)) & 1
        size = bundles.sum(axis=1)
        item_key, bundle_key = jax.random.split(key)
        items = jax.random.uniform(item_key, (count, m), minval=1.0, maxval=2.0)
        extra = jax.random.uniform(bundle_key, (count, 2**m), minval=-1.0) * jnp.asarray(size, jnp.float32)[None]
        worth = items @ jnp.asarray(bundles.T, jnp.float32) + extra
        best = lambda k, s: worth[:, np.flatnonzero(size[: 2**k] == s)].max(axis=1)
        nothing = jnp.full(count, -jnp.inf)
        table = [[best(k, s) if s <= k else nothing for s in range(1, m + 1)] for k in range(m + 1)]
        return jnp.stack([jnp.stack(row, axis=1) for row in table], axis=1)


@dataclasses.dataclass(frozen=True)
class SolveConfig:
    """Settings of `solve_backward`."""

    num_steps: int = 300
    """Steps of Adam for each bidder; the last bidder, with whom it begins, has three times as many."""
    batch: int = 2048
    """Valuations of a step."""
    learning_rate: float = 0.01
    """Of the first step of a bidder, in units of an item's value; it falls to 0 linearly."""
    first_sharpness: float = 30.0
    """Of a bidder's choice at first: how large differences must be to matter, per unit of an item's value."""
    last_sharpness: float = 150.0
    """At the end."""

    def __post_init__(self) -> None:
        require_count("num_steps", self.num_steps)
        require_count("batch", self.batch)
        for name in ("learning_rate", "first_sharpness", "last_sharpness"):
            require(name, getattr(self, name), getattr(self, name) > 0, "positive")


class SaleTable(NamedTuple):
    """``prices [n, m + 1, S]`` by bidder, the first one first, items left and items bought; infinite where too few are left."""

    prices: Array


class SaleValue(NamedTuple):
    """The seller's expected revenue, with the half-width of its 95 % interval."""

    value: float
    half_width: float


def _rewards(prices: Array, later: Array) -> Array:
    """``[m + 1, 1 + S]`` what the seller gets from now on if a bidder buys 0, 1, ..., given what states are worth later."""
    count, most = prices.shape
    left = np.arange(count)[:, None] - np.arange(most + 1)[None]
    paid = jnp.concatenate([jnp.zeros((count, 1), prices.dtype), prices], axis=1)
    return jnp.where(left >= 0, paid + later[np.maximum(left, 0)], 0.0)


def _hard(prices: Array, later: Array, worth: Array) -> Array:
    """``[m + 1]`` what a state is worth before a bidder comes, the mean over valuations ``worth [B, m + 1, S]``."""
    gains = jnp.concatenate([jnp.zeros((*worth.shape[:2], 1), worth.dtype), worth - prices[None]], axis=2)
    bought = gains.argmax(axis=2)
    rewards = jnp.broadcast_to(_rewards(prices, later)[None], gains.shape)
    return jnp.take_along_axis(rewards, bought[..., None], axis=2)[..., 0].mean(axis=0)


def solve_backward(sale: Sale, key: PRNGKey, config: SolveConfig | None = None) -> SaleTable:
    """Prices that are best, bidder by bidder from the last, given those of later bidders; by gradients of a softened choice."""
    config = config or SolveConfig()
    adam = optax.scale_by_adam()
    there = jnp.asarray(np.arange(1, sale.most_bought + 1)[None] <= np.arange(sale.num_items + 1)[:, None])
    finite = lambda worth: jnp.where(jnp.isfinite(worth), worth, 0.0)

    def soft(prices: Array, later: Array, worth: Array, sharpness: Array) -> Array:
        gains = jnp.where(there[None], finite(worth) - prices[None], -jnp.inf)
        none = jnp.zeros((*worth.shape[:2], 1), worth.dtype)
        chances = jax.nn.softmax(sharpness * jnp.concatenate([none, gains], axis=2), axis=2)
        return -(chances * _rewards(prices, later)[None]).sum(axis=2).mean(axis=0).sum()

    def fit(prices: Array, later: Array, key: PRNGKey, num_steps: int) -> Array:
        def step(
            carry: tuple[Array, optax.OptState], drawn: tuple[PRNGKey, Array]
        ) -> tuple[tuple[Array, optax.OptState], None]:
            prices, moments = carry
            key, progress = drawn
            sharpness = config.first_sharpness * (config.last_sharpness / config.first_sharpness) ** progress
            slope = jax.grad(soft)(prices, later, sale.draw(key, config.batch), sharpness)
            with jax.numpy_dtype_promotion("standard"):  # optax counts in integers
                move, moments = adam.update(slope, moments)
            return (prices - config.learning_rate * (1.0 - progress) * move, moments), None

        drawn = jax.random.split(key, num_steps), jnp.arange(num_steps, dtype=jnp.float32) / num_steps
        return jax.lax.scan(step, (prices, adam.init(prices)), drawn)[0][0]

    def bidder(carry: tuple[Array, Array], key: PRNGKey) -> tuple[tuple[Array, Array], Array]:
        prices, later = carry
        fit_key, value_key = jax.random.split(key)
        prices = fit(prices, later, fit_key, config.num_steps)
        return (prices, worth_now(prices, later, value_key)), prices

    def worth_now(prices: Array, later: Array, key: PRNGKey) -> Array:
        one = lambda key: _hard(prices, later, sale.draw(key, config.batch))
        return jax.lax.map(one, jax.random.split(key, 64)).mean(axis=0)

    @jax.jit
    def solve(key: PRNGKey) -> Array:
        start_key, first_key, value_key, key = jax.random.split(key, 4)
        prices = 0.7 * finite(sale.draw(start_key, config.batch)).mean(axis=0)
        nothing = jnp.zeros(sale.num_items + 1)
        last = fit(prices, nothing, first_key, 3 * config.num_steps)
        carry = last, worth_now(last, nothing, value_key)
        _, others = jax.lax.scan(bidder, carry, jax.random.split(key, sale.num_bidders - 1))
        return jnp.where(there[None], jnp.concatenate([others[::-1], last[None]]), jnp.inf)

    return SaleTable(solve(key))


def sale_value(sale: Sale, table: SaleTable, key: PRNGKey, count: int = 2**15) -> SaleValue:
    """What ``table`` earns: exact for unit demand, else from ``count`` fresh valuations a bidder in each of 16 repeats."""
    prices = table.prices
    if sale.valuations == "unit-demand":
        later = np.zeros(sale.num_items + 1)
        for price in np.asarray(prices[::-1, :, 0], np.float64):
            k = np.arange(1, sale.num_items + 1)
            unsold = np.clip(price[1:], 0.0, 1.0) ** k
            later = np.concatenate([[0.0], (1.0 - unsold) * (price[1:] + later[:-1]) + unsold * later[1:]])
        return SaleValue(float(later[-1]), 0.0)
    chunk = 1024

    def bidder(later: Array, step: tuple[Array, PRNGKey]) -> tuple[Array, None]:
        price, key = step
        keys = jax.random.split(key, max(1, count // chunk))
        return jax.lax.map(lambda key: _hard(price, later, sale.draw(key, chunk)), keys).mean(axis=0), None

    def repeat(key: PRNGKey) -> Array:
        keys = jax.random.split(key, sale.num_bidders)
        return jax.lax.scan(bidder, jnp.zeros(sale.num_items + 1), (prices[::-1], keys))[0][-1]

    values = np.asarray(jax.jit(lambda keys: jax.lax.map(repeat, keys))(jax.random.split(key, NUM_REPEATS)), np.float64)
    spread = scipy.stats.t.ppf(0.975, NUM_REPEATS - 1) * values.std(ddof=1) / math.sqrt(NUM_REPEATS)
    return SaleValue(float(values.mean()), float(spread))


def item_by_item(sale: Sale) -> float:
    """Revenue of selling each item by itself, for values that add up: ``V <- ((1 + V) / 2)**2`` a bidder."""
    require("valuations", sale.valuations, sale.valuations == "uniform", "uniform")
    value = 0.0
    for _ in range(sale.num_bidders):
        value = ((1.0 + value) / 2.0) ** 2
    return sale.num_items * value
