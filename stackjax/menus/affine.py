"""Affine maximisers: the menu of joint allocations for several bidders, strategy-proof and feasible whatever its parameters.

The auctioneer picks the joint allocation with the largest weighted welfare plus a boost (Roberts 1979); each bidder pays what
its presence costs the others, in its own units. With one bidder this is a menu with prices. Parameters are learned by gradients
of the revenue of a softened pick (Curry, Sandholm and Dickerson 2023; Duan et al. 2023).
"""

import dataclasses
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import scipy.stats

from stackjax.errors import require_count, require_positive
from stackjax.types import Array, PRNGKey

__all__ = ["AffineConfig", "AffineMaximizer", "Outcome", "auction", "average_revenue", "item_wise_myerson", "learn_affine"]

NUM_SCRAMBLES = 16


class AffineMaximizer(NamedTuple):
    """``allocations [K, n, m]`` (what each bidder has of each item, at most 1 in all), ``weights [n]``, ``boosts [K]``.

    The first option gives nothing to anybody, with boost 0.
    """

    allocations: np.ndarray
    weights: np.ndarray
    boosts: np.ndarray


class Outcome(NamedTuple):
    """Of each auction: the ``option`` int ``[B]`` and what bidders pay, ``payments [B, n]``."""

    option: np.ndarray
    payments: np.ndarray


@dataclasses.dataclass(frozen=True)
class AffineConfig:
    """Settings of `learn_affine`."""

    num_options: int = 32
    """K, joint allocations beside the one that gives nothing."""
    num_updates: int = 2500
    """Steps of Adam."""
    batch: int = 1024
    """Auctions of a step."""
    learning_rate: float = 0.02
    """Of the first step; it falls to 0 linearly."""
    first_sharpness: float = 30.0
    """Of the pick at first, per unit of an item's value; it grows geometrically."""
    last_sharpness: float = 900.0
    """At the end."""

    def __post_init__(self) -> None:
        for name in ("num_options", "num_updates", "batch"):
            require_count(name, getattr(self, name))
        for name in ("learning_rate", "first_sharpness", "last_sharpness"):
            require_positive(name, getattr(self, name))


def _scores(allocations: Any, weights: Any, boosts: Any, values: Any) -> tuple[Any, Any]:
    """``[B, K]`` weighted welfare and boost, and ``[B, n, K]`` the same without each bidder; NumPy or JAX."""
    shares = (allocations[None] * values[:, None]).sum(axis=3) * weights[None, None]  # [B, K, n]
    whole = shares.sum(axis=2) + boosts[None]
    return whole, (whole[:, :, None] - shares).swapaxes(1, 2)


def auction(maximizer: AffineMaximizer, values: np.ndarray) -> Outcome:
    """What happens at bids ``values [B, n, m]``, in float64."""
    allocations, weights, boosts = (np.asarray(part, np.float64) for part in maximizer)
    whole, others = _scores(allocations, weights, boosts, np.asarray(values, np.float64))
    option = whole.argmax(axis=1)
    there = np.take_along_axis(others, option[:, None, None], axis=2)[..., 0]
    return Outcome(option, (others.max(axis=2) - there) / maximizer.weights[None])


def average_revenue(maximizer: AffineMaximizer, log_points: int = 15) -> tuple[float, float]:
    """The expected revenue, values uniform in [0, 1], and the half-width of its 95 % interval; by scrambled Sobol points."""
    _, bidders, items = maximizer.allocations.shape
    found = []
    for seed in range(NUM_SCRAMBLES):
        points = scipy.stats.qmc.Sobol(bidders * items, seed=seed).random_base2(log_points - 4)
        found.append(auction(maximizer, points.reshape(-1, bidders, items)).payments.sum(axis=1).mean())
    spread = scipy.stats.t.ppf(0.975, NUM_SCRAMBLES - 1) * np.std(found, ddof=1) / math.sqrt(NUM_SCRAMBLES)
    return float(np.mean(found)), float(spread)


def learn_affine(key: PRNGKey, num_bidders: int, num_items: int, config: AffineConfig | None = None) -> AffineMaximizer:
    """A maximiser for bidders whose values of items are independent, uniform in [0, 1], and add up.

    Raises:
      InputError: a number is not a positive whole one.
    """
    require_count("num_bidders", num_bidders)
    require_count("num_items", num_items)
    config = config or AffineConfig()
    adam = optax.scale_by_adam()

    def parts(raw: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        logits, scales, boosts = raw
        allocations = jax.nn.softmax(logits, axis=1)[:, :num_bidders]  # the rest of each item goes to nobody
        nothing = jnp.zeros((1, num_bidders, num_items), logits.dtype)
        weights = jnp.exp(scales - scales.mean())
        return jnp.concatenate([nothing, allocations]), weights, jnp.concatenate([jnp.zeros(1), boosts])

    def lost(raw: tuple[Array, Array, Array], values: Array, sharpness: Array) -> Array:
        allocations, weights, boosts = parts(raw)
        whole, others = _scores(allocations, weights, boosts, values)
        chances = jax.nn.softmax(sharpness * whole, axis=1)
        paid = (others.max(axis=2, keepdims=True) - others) / weights[None, :, None]  # [B, n, K]
        return -(chances[:, None] * paid).sum(axis=(1, 2)).mean()

    def step(carry: tuple[Any, Any], drawn: tuple[PRNGKey, Array]) -> tuple[tuple[Any, Any], None]:
        raw, moments = carry
        key, progress = drawn
        values = jax.random.uniform(key, (config.batch, num_bidders, num_items))
        sharpness = config.first_sharpness * (config.last_sharpness / config.first_sharpness) ** progress
        slope = jax.grad(lost)(raw, values, sharpness)
        with jax.numpy_dtype_promotion("standard"):  # optax counts in integers
            move, moments = adam.update(slope, moments)
        rate = config.learning_rate * (1.0 - progress)
        return (jax.tree.map(lambda leaf, change: leaf - rate * change, raw, move), moments), None

    @jax.jit
    def learn(key: PRNGKey) -> tuple[Array, Array, Array]:
        logit_key, boost_key, key = jax.random.split(key, 3)
        logits = 2.0 * jax.random.normal(logit_key, (config.num_options, num_bidders + 1, num_items))
        boosts = -jax.random.uniform(boost_key, (config.num_options,)) * num_items / 2
        raw = logits, jnp.zeros(num_bidders), boosts
        progress = jnp.arange(config.num_updates, dtype=jnp.float32) / config.num_updates
        (raw, _), _ = jax.lax.scan(step, (raw, adam.init(raw)), (jax.random.split(key, config.num_updates), progress))
        return parts(raw)

    return AffineMaximizer(*(np.asarray(part, np.float64) for part in learn(key)))


def item_wise_myerson(num_bidders: int, num_items: int) -> float:
    """Revenue of the best auction of each item by itself, values uniform in [0, 1] (Myerson 1981)."""
    n = num_bidders
    return num_items * (2 * n / (n + 1) * (1 - 2.0 ** -(n + 1)) - (1 - 2.0**-n))
