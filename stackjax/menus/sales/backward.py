"""Prices of a sequential sale solved from the last bidder to the first, by gradients of a softened choice.

A table has the place of the networks of Ravindranath et al. (2024): each bidder's prices are best given what later bidders pay.
"""

import dataclasses
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import optax

from stackjax.errors import require_count, require_positive
from stackjax.menus.sales.game import Block, MenuKind, Prices, SequentialSaleGame
from stackjax.menus.sales.sale import Sale
from stackjax.types import Array, PRNGKey

__all__ = ["SaleTable", "SolveConfig", "hard_value", "soft_value", "solve_backward"]


class SaleTable(NamedTuple):
    """``prices [n, N, O]`` by bidder, the first one first, by what is left and by what is bought.

    States and options are numbers of items, 0 to m, if ``kind`` is ``"size"``; else sets of items, item j being bit j. Prices
    are infinite for what is not there, and 0 for nothing.
    """

    prices: Array
    kind: MenuKind


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
    value_batches: int = 64
    """Batches of valuations by which a state is worth what it is."""

    def __post_init__(self) -> None:
        for name in ("num_steps", "batch", "value_batches"):
            require_count(name, getattr(self, name))
        for name in ("learning_rate", "first_sharpness", "last_sharpness"):
            require_positive(name, getattr(self, name))


def _outcomes(game: SequentialSaleGame, block: Block, prices: Array, later: Array, drawn: Array) -> tuple[Array, Array]:
    """``[B, C, O]`` gains of a block's options to bidders, and ``[C, O]`` what the seller has of them from now on."""
    gains = jnp.where(jnp.asarray(block.there)[None], game.worth(block, drawn) - prices[None], -jnp.inf)
    return gains, jnp.where(block.there, prices + later[block.after], 0.0)


def soft_value(game: SequentialSaleGame, prices: Prices, later: Array, drawn: Array, sharpness: Array) -> Array:
    """The sum over states of what they are worth if bidders choose with chances.

    Args:
      prices: of each block, ``[C, O]``.
      later: ``[N]`` what states are worth afterwards.
    """

    def of(block: Block, own: Array) -> Array:
        gains, rewards = _outcomes(game, block, own, later, drawn)
        return (jax.nn.softmax(sharpness * gains, axis=2) * rewards[None]).sum(axis=2).mean(axis=0).sum()

    values = [of(block, own) for block, own in zip(game.blocks, prices, strict=True)]
    return jnp.stack(values).sum()


def hard_value(game: SequentialSaleGame, prices: Prices, later: Array, drawn: Array) -> Array:
    """``[N]`` what states are worth before a bidder comes who buys what is best, the mean over the drawn valuations."""
    chex.assert_shape(later, (game.num_states,))
    worth = jnp.zeros_like(later)
    for block, own in zip(game.blocks, prices, strict=True):
        gains, rewards = _outcomes(game, block, own, later, drawn)
        bought = gains.argmax(axis=2)
        paid = jnp.take_along_axis(jnp.broadcast_to(rewards[None], gains.shape), bought[..., None], axis=2)[..., 0]
        worth = worth.at[block.states].set(paid.mean(axis=0))
    return worth


def solve_backward(sale: Sale, key: PRNGKey, config: SolveConfig | None = None, *, menu: MenuKind | None = None) -> SaleTable:
    """Prices that are best, bidder by bidder from the last, given those of later bidders.

    Args:
      menu: what prices may depend on, see `SequentialSaleGame`; chosen by the law and the number of items if not said.

    Raises:
      InputError: these prices do not suit the law.
    """
    config, game = config or SolveConfig(), SequentialSaleGame.of(sale, menu)
    adam = optax.scale_by_adam()

    def fit(params: Prices, later: Array, key: PRNGKey, num_steps: int) -> Prices:
        def step(carry: tuple[Prices, Any], drawn: tuple[PRNGKey, Array]) -> tuple[tuple[Prices, Any], None]:
            params, moments = carry
            key, progress = drawn
            sharpness = config.first_sharpness * (config.last_sharpness / config.first_sharpness) ** progress
            values = game.draw(key, config.batch)
            lost = lambda params: -soft_value(game, game.block_prices(params), later, values, sharpness)
            slope = jax.grad(lost)(params)
            with jax.numpy_dtype_promotion("standard"):  # optax counts in integers
                move, moments = adam.update(slope, moments)
            rate = config.learning_rate * (1.0 - progress)
            return (jax.tree.map(lambda leaf, change: leaf - rate * change, params, move), moments), None

        drawn = jax.random.split(key, num_steps), jnp.arange(num_steps, dtype=jnp.float32) / num_steps
        return jax.lax.scan(step, (params, adam.init(params)), drawn)[0][0]

    def worth_now(params: Prices, later: Array, key: PRNGKey) -> Array:
        prices = game.block_prices(params)
        one = lambda key: hard_value(game, prices, later, game.draw(key, config.batch))
        return jax.lax.map(one, jax.random.split(key, config.value_batches)).mean(axis=0)

    def bidder(carry: tuple[Prices, Array], key: PRNGKey) -> tuple[tuple[Prices, Array], Prices]:
        params, later = carry
        fit_key, value_key = jax.random.split(key)
        params = fit(params, later, fit_key, config.num_steps)
        return (params, worth_now(params, later, value_key)), params

    @jax.jit
    def solve(key: PRNGKey) -> Array:
        start_key, first_key, value_key, key = jax.random.split(key, 4)
        params, nothing = game.start(game.draw(start_key, config.batch)), jnp.zeros(game.num_states)
        last = fit(params, nothing, first_key, 3 * config.num_steps)
        carry = last, worth_now(last, nothing, value_key)
        _, others = jax.lax.scan(bidder, carry, jax.random.split(key, sale.num_bidders - 1))
        whole = jax.tree.map(lambda others, last: jnp.concatenate([others[::-1], last[None]]), others, last)
        return jax.lax.map(lambda params: game.table(game.block_prices(params)), whole)

    return SaleTable(solve(key), game.kind)
