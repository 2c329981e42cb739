"""What sequential sales come to with bidders who are the same whatever the prices: who buys what, and what it leaves them."""

import jax
import numpy as np

from stackjax.menus.draws import num_fixed
from stackjax.menus.sales.game import SequentialSaleGame
from stackjax.outcomes import Played

__all__ = ["drawn_always", "num_sales", "sales_met"]

MOST_VALUES, MOST_LABELS = 2**23, 2**16  # of a bidder in all sales, and of what all bidders buy


def num_sales(game: SequentialSaleGame) -> int:
    """T: 4,096 or, of many bidders or items, fewer."""
    width = game.num_options * (game.num_states if game.kind == "size" else 1)
    return num_fixed(min(MOST_VALUES // width, MOST_LABELS // game.sale.num_bidders))


def drawn_always(game: SequentialSaleGame, bidder: int) -> np.ndarray:
    """``[T, N or 1, O]`` what options are worth to a bidder in each of the sales, float64."""
    key = jax.random.fold_in(jax.random.key(0), bidder)
    return np.asarray(game.all_worth(game.draw(key, num_sales(game))), np.float64)


def sales_met(game: SequentialSaleGame, prices: np.ndarray) -> list[Played]:
    """What each of ``prices [C, n, N, O]`` comes to; labels are the numbers, or the sets, of items that bidders buy."""
    (many, bidders), count = prices.shape[:2], num_sales(game)
    left, sale = np.full((many, count), game.num_states - 1), np.arange(count)
    bought, gained, best = np.zeros((many, count, bidders)), np.zeros((many, count, bidders)), []
    for bidder in range(bidders):
        worth = drawn_always(game, bidder)
        for c in range(many):
            own = worth[sale, left[c] if game.kind == "size" else 0] - prices[c, bidder, left[c]].astype(np.float64)
            taken = own.argmax(axis=1)
            bought[c, :, bidder], gained[c, :, bidder] = taken, own[sale, taken]
            left[c] -= taken
        single = [1] if game.kind == "size" else [2**item for item in range(game.sale.num_items)]
        best.append(worth[:, -1][:, single].max(axis=1))
    names = [f"best items worth {', '.join(f'{number:.3g}' for number in row)}" for row in np.transpose(best)]
    weights, ones = np.full(count, 1.0 / count), np.ones((count, 1))
    return [Played(weights, what[:, None], ones, own[:, None], own.T, names) for what, own in zip(bought, gained, strict=True)]
