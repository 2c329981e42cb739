"""Sequential combinatorial auctions: bidders come one after another, each sees a price for every bundle that is left.

The setting and its laws are those of Ravindranath et al. (2024). Laws that treat items alike need prices by the number of items
left only.
"""

import dataclasses
import math
from typing import Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.errors import require, require_count
from stackjax.types import Array, PRNGKey

__all__ = ["Sale", "Valuations", "item_by_item", "one_item"]

Valuations = Literal["uniform", "asymmetric", "unit-demand", "three-demand", "bundles", "complements"]
ADDITIVE = ("uniform", "asymmetric", "unit-demand", "three-demand")
MOST_ITEMS, MOST_BUNDLED = 100, 10


@dataclasses.dataclass(frozen=True)
class Sale:
    """What is sold to whom.

    Args:
      num_bidders: n, in a fixed order; each draws its values when it comes.
      num_items: m.
      valuations: ``"uniform"``, values of items uniform in [0, 1], which add up; ``"asymmetric"``, the value of item j of m
        uniform in [0, j / m]; ``"unit-demand"`` and ``"three-demand"``, as uniform, but at most one or three items are offered;
        ``"bundles"``, the value of each bundle of s items uniform in [0, √s] by itself; ``"complements"``, values of items
        uniform in [1, 2] add up, and for each bundle of s items something uniform in [-s, s] is added.

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
        most = MOST_BUNDLED if self.valuations in ("complements", "asymmetric") else MOST_ITEMS
        require("num_items", self.num_items, self.num_items <= most, f"at most {most}")

    @property
    def is_symmetric(self) -> bool:
        """Whether the law treats items alike."""
        return self.valuations != "asymmetric"

    @property
    def is_additive(self) -> bool:
        """Whether the value of a bundle is the sum of those of its items."""
        return self.valuations in ADDITIVE

    @property
    def most_bought(self) -> int:
        """S, the largest bundle that is offered."""
        return min(self.num_items, {"unit-demand": 1, "three-demand": 3}.get(self.valuations, self.num_items))

    @property
    def highest_worth(self) -> float:
        """The most that a bundle can be worth, per item."""
        return 3.0 if self.valuations == "complements" else 1.0

    @property
    def highest_values(self) -> np.ndarray:
        """``[m]`` what each item can be worth at most, for values that add up."""
        m = self.num_items
        return np.arange(1, m + 1) / m if self.valuations == "asymmetric" else np.ones(m)

    def sizes(self, key: PRNGKey, count: int) -> Array:
        """``[count, m + 1, S + 1]`` what its best bundle of each size is worth to a bidder, by the items left; 0 if too few."""
        m, most = self.num_items, self.most_bought
        require("valuations", self.valuations, self.is_symmetric, "one that treats items alike")
        left, size = np.arange(m + 1)[:, None], np.arange(1, most + 1)[None]
        if self.valuations == "bundles":
            ways = np.array([[math.comb(k, s) for s in range(1, most + 1)] for k in range(m + 1)], float)
            power = jnp.asarray(1.0 / np.maximum(ways, 1.0), jnp.float32)
            drawn = jax.random.uniform(key, (count, 1, most), minval=1e-7)
            worth = drawn ** power[None] * jnp.asarray(np.sqrt(size), jnp.float32)[None]
        elif self.valuations == "complements":
            worth = self._best_of_each_size(self.bundles(key, count))
        else:  # the largest of k uniforms, without sorting: 1 minus the first of k + 1 exponential gaps, as shares of their sum
            gaps = jax.random.exponential(key, (count, m + 1)).cumsum(axis=1)
            sums = gaps[:, :most].cumsum(axis=1)
            worth = jnp.asarray(size, jnp.float32)[None] - sums[:, None] / gaps[:, :, None]
        worth = jnp.where(jnp.asarray(size <= left)[None], worth, 0.0)
        return jnp.concatenate([jnp.zeros((count, m + 1, 1), worth.dtype), worth], axis=2)

    def _best_of_each_size(self, worth: Array) -> Array:
        """``[count, m + 1, S]`` by all bundles: those of the first k items are the first ``2**k``."""
        m = self.num_items
        size = bits(m).sum(axis=1)
        best = lambda k, s: worth[:, np.flatnonzero(size[: 2**k] == s)].max(axis=1)
        nothing = jnp.zeros(len(worth), worth.dtype)
        table = [[best(k, s) if s <= k else nothing for s in range(1, m + 1)] for k in range(m + 1)]
        return jnp.stack([jnp.stack(row, axis=1) for row in table], axis=1)

    def items(self, key: PRNGKey, count: int) -> Array:
        """``[count, m]`` what items are worth to bidders, for values that add up."""
        highest = jnp.asarray(self.highest_values, jnp.float32)
        return jax.random.uniform(key, (count, self.num_items)) * highest[None]

    def bundles(self, key: PRNGKey, count: int) -> Array:
        """``[count, 2**m]`` what every bundle is worth; item j is bit j."""
        m = self.num_items
        require("num_items", m, m <= MOST_BUNDLED, f"at most {MOST_BUNDLED} where bundles are priced one by one")
        inside = jnp.asarray(bits(m), jnp.float32)
        size = inside.sum(axis=1)
        if self.is_additive:
            return self.items(key, count) @ inside.T
        item_key, bundle_key = jax.random.split(key)
        if self.valuations == "bundles":
            return jax.random.uniform(bundle_key, (count, 2**m)) * jnp.sqrt(size)[None]
        items = jax.random.uniform(item_key, (count, m), minval=1.0, maxval=2.0)
        return items @ inside.T + jax.random.uniform(bundle_key, (count, 2**m), minval=-1.0) * size[None]


def bits(num_items: int) -> np.ndarray:
    """int ``[2**m, m]``: whether an item is in a bundle."""
    return (np.arange(2**num_items)[:, None] >> np.arange(num_items)) & 1


def one_item(num_bidders: int) -> tuple[float, np.ndarray]:
    """The most that one item earns from bidders with values uniform in [0, 1], and what each is asked for, ``[n]``.

    Who may still pay V later is asked for (1 + V) / 2, so that ``V <- ((1 + V) / 2)**2`` from the last to the first.
    """
    value, prices = 0.0, np.empty(num_bidders)
    for bidder in reversed(range(num_bidders)):
        prices[bidder] = (1.0 + value) / 2.0
        value = prices[bidder] ** 2
    return value, prices


def item_by_item(sale: Sale) -> float:
    """Revenue of selling each item by itself, for values that add up, each to its scale; see `one_item`."""
    additive = ("uniform", "asymmetric")
    require("valuations", sale.valuations, sale.valuations in additive, f"one of {', '.join(additive)}")
    return float(sale.highest_values.sum()) * one_item(sale.num_bidders)[0]
