"""Prices of a sequential sale solved from the last bidder to the first, by gradients of a softened choice.

A table has the place of the networks of Ravindranath et al. (2024): each bidder's prices are best given what later bidders pay.
"""

import dataclasses
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import optax

from stackjax.errors import require, require_count, require_key, require_positive
from stackjax.menus.sales.game import Block, MenuKind, Prices, SequentialSaleGame
from stackjax.menus.sales.sale import Sale
from stackjax.method import Method
from stackjax.problem import Metrics
from stackjax.types import Array, PRNGKey

__all__ = ["SaleTable", "SolveConfig", "backward", "hard_value", "soft_value", "solve_backward"]


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
    """``[N]`` what states are worth if bidders choose with chances.

    Args:
      prices: of each block, ``[C, O]``.
      later: ``[N]`` what states are worth afterwards.
    """
    worth = jnp.zeros_like(later)
    for block, own in zip(game.blocks, prices, strict=True):
        gains, rewards = _outcomes(game, block, own, later, drawn)
        earned = (jax.nn.softmax(sharpness * gains, axis=2) * rewards[None]).sum(axis=2)
        worth = worth.at[block.states].set(earned.mean(axis=0))
    return worth


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


class Pricing(NamedTuple):
    """How far a sale is priced, from the last bidder to the first.

    Attributes:
      keys: ``[2, n]`` of each bidder, the last one first, for its steps and for what states are worth then.
      step: how many have been made.
      params, moments: of the prices of the bidder who is priced now, and of Adam.
      later: ``[N]`` what states are worth after this bidder.
      whole: the prices of all bidders, ``[n, C, P]`` by block, the first one first; the first ones to start from, until then.
    """

    keys: PRNGKey
    step: Array
    params: Prices
    moments: Any
    later: Array
    whole: Prices


def backward(game: SequentialSaleGame, config: SolveConfig, num_updates: int = 0) -> Method:
    """`solve_backward` step by step of Adam, ``num_updates`` if that is not 0; it finds all prices ``[n, N, O]``.

    Raises:
      InputError: there are fewer updates than two more than there are bidders.
    """
    count = game.sale.num_bidders
    usual = num_updates // (count + 2) if num_updates else config.num_steps  # of each bidder but the last
    require("num_updates", num_updates, usual > 0, f"at least {count + 2}, two more than there are bidders")
    longest = num_updates - (count - 1) * usual if num_updates else 3 * usual
    adam = optax.scale_by_adam()

    def init(key: PRNGKey) -> Pricing:
        require_key(key)
        start_key, first_key, value_key, key = jax.random.split(key, 4)
        pairs = jax.vmap(jax.random.split, out_axes=1)(jax.random.split(key, max(count - 1, 1)))[:, : count - 1]
        keys = jnp.concatenate([jnp.stack([first_key, value_key])[:, None], pairs], axis=1)
        params, later = game.start(game.draw(start_key, config.batch)), jnp.zeros(game.num_states)
        whole = jax.tree.map(lambda leaf: jnp.repeat(leaf[None], count, axis=0), params)
        return Pricing(keys, jnp.int32(0), params, adam.init(params), later, whole)

    def worth_now(params: Prices, later: Array, key: PRNGKey, batches: Array) -> Array:
        prices, keys = game.block_prices(params), jax.random.split(key, config.value_batches)
        one = lambda k, total: total + hard_value(game, prices, later, game.draw(keys[k], config.batch))
        return jax.lax.fori_loop(0, batches, one, jnp.zeros_like(later)) / config.value_batches

    def update(state: Pricing) -> tuple[Pricing, Metrics]:
        place = jnp.maximum(state.step - longest, -1) // usual + 1  # of the bidder, counted from the last
        length = jnp.where(place == 0, longest, usual)
        since = state.step - jnp.where(place == 0, 0, longest + (place - 1) * usual)
        progress = since.astype(jnp.float32) / length.astype(jnp.float32)
        sharpness = config.first_sharpness * (config.last_sharpness / config.first_sharpness) ** progress
        values = game.draw(jax.random.fold_in(state.keys[0, place], since), config.batch)

        def lost(params: Prices) -> tuple[Array, Array]:
            worth = soft_value(game, game.block_prices(params), state.later, values, sharpness)
            return -worth.sum(), worth[-1]

        slope, earned = jax.grad(lost, has_aux=True)(state.params)
        with jax.numpy_dtype_promotion("standard"):  # optax counts in integers
            move, moments = adam.update(slope, state.moments)
        rate = config.learning_rate * (1.0 - progress)
        params = jax.tree.map(lambda leaf, change: leaf - rate * change, state.params, move)
        whole = jax.tree.map(lambda all_, own: all_.at[count - 1 - place].set(own), state.whole, params)
        is_over = since + 1 == length
        # A loop of no rounds costs nothing, also under `vmap`, which would compute both sides of a condition.
        worth = worth_now(params, state.later, state.keys[1, place], jnp.where(is_over, config.value_batches, 0))
        anew = lambda new, old: jax.tree.map(lambda new, old: jnp.where(is_over, new, old), new, old)
        later, moments = anew((worth, adam.init(params)), (state.later, moments))
        metrics = {
            "episodes": jnp.float32(1.0),
            "total_return": earned,
            "is_finite": jnp.isfinite(earned) & jnp.isfinite(later).all(),
            "sharpness": sharpness,
        }
        return Pricing(state.keys, state.step + 1, params, moments, later, whole), metrics

    def found(state: Pricing) -> Array:
        return jax.lax.map(lambda params: game.table(game.block_prices(params)), state.whole)

    return Method(init, update, found, longest + (count - 1) * usual)


def solve_backward(sale: Sale, key: PRNGKey, config: SolveConfig | None = None, *, menu: MenuKind | None = None) -> SaleTable:
    """Prices that are best, bidder by bidder from the last, given those of later bidders.

    Args:
      sale: what is sold to whom.
      config: how long; by default as `SolveConfig` has it.
      menu: what prices may depend on, see `SequentialSaleGame`; chosen by the law and the number of items if not said.

    Raises:
      InputError: these prices do not suit the law.
    """
    game = SequentialSaleGame.of(sale, menu)
    return SaleTable(backward(game, config or SolveConfig()).run(key), game.kind)
