"""What a table of prices earns in a sequential sale: exact for unit demand, else on fresh bidders, with an interval."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.arrays import in_full
from stackjax.errors import require, require_count
from stackjax.menus.draws import NUM_REPEATS, interval
from stackjax.menus.sales.backward import SaleTable, SolveConfig, backward
from stackjax.menus.sales.game import SequentialSaleGame
from stackjax.menus.sales.sale import Sale
from stackjax.types import Array, PRNGKey

__all__ = ["SaleValue", "found_backward", "repeats", "sale_value", "unit_demand_value"]

MOST_NUMBERS = 2**21  # gains that are computed at the same time
MOST_GAINS, MOST_WORK = 2**18, 2_000_000_000  # of a step, and of all steps that take half a minute on two cores
LEAST_BATCH, LARGEST_BATCH, LEAST_STEPS, MOST_STEPS = 256, 2048, 100, 300
LEAST_SALES, MOST_SALES = 2**10, 2**15  # of each of 16 repeats


class SaleValue(NamedTuple):
    """The seller's expected revenue, with the half-width of its 95 % interval."""

    value: float
    half_width: float


@in_full
def sale_value(sale: Sale, table: SaleTable, key: PRNGKey, count: int = 2**15) -> SaleValue:
    """What ``table`` earns; where that is not exact, from 16 repeats of sales with fresh bidders.

    Args:
      table: of prices, of this sale.
      count: sales of a repeat, at least.

    Raises:
      InputError: ``count`` is not a positive whole number, or ``table`` is not of this sale.
    """
    require_count("count", count)
    game = SequentialSaleGame(sale, table.kind)
    shape = sale.num_bidders, game.num_states, game.num_options
    require("table", table.prices.shape, table.prices.shape == shape, f"of prices of shape {shape}")
    if game.is_exact:
        return SaleValue(unit_demand_value(np.asarray(table.prices[:, :, 1], np.float64)), 0.0)
    play = jax.jit(lambda prices, key: repeats(game, prices, key, count, NUM_REPEATS)[0])
    return SaleValue(*map(float, interval(np.asarray(play(table.prices, key), np.float64))))


def repeats(game: SequentialSaleGame, prices: Array, key: PRNGKey, count: int, num_repeats: int) -> tuple[Array, Array]:
    """``[num_repeats]`` the mean revenue of each repeat of ``count`` sales at ``prices [n, N, O]``; ``[num_repeats, n]`` what
    bidders are left with.
    """
    by_size = game.kind == "size"
    width = game.num_options * (game.num_states if by_size else 1)
    chunk = min(count, 2 ** max(0, int(math.log2(MOST_NUMBERS / width))))

    def bidder(left: Array, step: tuple[Array, PRNGKey]) -> tuple[Array, tuple[Array, Array]]:
        own_prices, key = step
        worth = game.all_worth(game.draw(key, chunk))
        own = jnp.take_along_axis(worth, left[:, None, None], axis=1)[:, 0] if by_size else worth[:, 0]
        offered = own_prices[left]
        gains = own - offered
        bought = gains.argmax(axis=1)
        paid = jnp.take_along_axis(offered, bought[:, None], axis=1)[:, 0]
        return left - bought, (paid, gains.max(axis=1).mean())

    def sales(key: PRNGKey) -> tuple[Array, Array]:
        start = jnp.full(chunk, game.num_states - 1)
        paid, gains = jax.lax.scan(bidder, start, (prices, jax.random.split(key, len(prices))))[1]
        return paid.sum(axis=0).mean(), gains

    keys = jax.random.split(key, (num_repeats, -(-count // chunk)))
    return jax.lax.map(lambda keys: tuple(part.mean(axis=0) for part in jax.lax.map(sales, keys)), keys)


def found_backward(game: SequentialSaleGame) -> SaleValue | None:
    """What prices earn that `backward` finds within a minute or so, which is no bound; None where that is too short."""
    sale, numbers = game.sale, sum(block.options.size for block in game.blocks)
    if sale.valuations == "complements":
        numbers += 8 * 2**sale.num_items  # the best of all bundles of a size are looked for in each draw
    batch = min(LARGEST_BATCH, max(LEAST_BATCH, MOST_GAINS // numbers))
    steps = min(MOST_STEPS, MOST_WORK // ((sale.num_bidders + 2) * batch * numbers))
    if steps < LEAST_STEPS:
        return None
    solve_key, judge_key = jax.random.split(jax.random.key(0))
    prices = backward(game, SolveConfig(num_steps=steps, batch=batch)).run(solve_key)
    count = min(MOST_SALES, max(LEAST_SALES, MOST_WORK // (NUM_REPEATS * sale.num_bidders * numbers)))
    return sale_value(sale, SaleTable(prices, game.kind), judge_key, count)


def unit_demand_value(prices: np.ndarray) -> float:
    """The revenue by ``V(k) = (1 - p^k) (p + V'(k - 1)) + p^k V'(k)``, ``prices [n, m + 1]``."""
    k, later = np.arange(1, prices.shape[1]), np.zeros(prices.shape[1])
    for price in prices[::-1]:
        unsold = np.clip(price[1:], 0.0, 1.0) ** k
        later = np.concatenate([[0.0], (1.0 - unsold) * (price[1:] + later[:-1]) + unsold * later[1:]])
    return float(later[-1])
