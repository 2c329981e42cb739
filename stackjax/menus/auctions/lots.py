"""What auctions come to at values that are always the same: who has what, by lots where shares of items are parts of them."""

import itertools

import numpy as np

from stackjax.menus.draws import fixed_points
from stackjax.outcomes import Played

__all__ = ["told", "values_told"]

MOST_NUMBERS = 2**17  # of labels at all profiles of values
MOST_WAYS = 32  # to give the items, where lots are outcomes
DIGITS, LOT_DIGITS = 3, 6  # of shares that count as one, and of chances


def values_told(ends: np.ndarray, num_items: int, *, by_lots: bool) -> np.ndarray:
    """``[T, n, m]`` values of bidders, uniform from ``ends [n, 2]``, the same ones always: 4,096 or, for many items, fewer."""
    count = len(ends)
    numbers = count * num_items * (_num_ways(count, num_items) if by_lots else 1)
    low, high = ends.T[..., None]
    return low + (high - low) * fixed_points(count * num_items, MOST_NUMBERS // numbers).reshape(-1, count, num_items)


def told(values: np.ndarray, shares: np.ndarray, payments: np.ndarray, *, by_lots: bool) -> Played:
    """What happens where bidders with ``values [T, n, m]`` have ``shares [T, n, m]`` of items and pay ``payments [T, n]``.

    Args:
      by_lots: whether a share is the chance of the whole item, which is drawn item by item; labels are who has which item.
        Else, and where there are many ways to give them or an item is given twice, labels are the shares, rounded.
    """
    count, bidders, items = shares.shape
    left = (values * shares).sum(axis=2) - payments
    labels, chances, paid = np.round(shares, DIGITS)[:, None] + 0.0, np.ones((count, 1)), left[:, None]  # no -0
    nobody = 1.0 - shares.sum(axis=1)
    if by_lots and _num_ways(bidders, items) > 1 and nobody.min() > -(10.0**-LOT_DIGITS):
        owners = np.array(list(itertools.product(range(bidders + 1), repeat=items)))  # [W, m], nobody last
        lots = np.round(np.concatenate([shares, nobody[:, None]], axis=1), LOT_DIGITS).clip(0.0)
        lots /= lots.sum(axis=1, keepdims=True)
        chances = np.prod([lots[:, owners[:, j], j] for j in range(items)], axis=0)  # [T, W]
        likely = np.argsort(-chances, axis=1, kind="stable")[:, : int((chances > 0).sum(axis=1).max())]
        chances = np.take_along_axis(chances, likely, axis=1)
        labels = (owners[:, None] == np.arange(bidders)[:, None]).astype(np.float64)[likely]  # [T, E, n, m]
        paid = (labels * values[:, None]).sum(axis=3) - payments[:, None]
    text = lambda one: "; ".join(", ".join(f"{number:.3g}" for number in row) for row in one)
    names = [f"values {text(one)}" for one in values]
    return Played(np.full(count, 1.0 / count), labels.reshape(*chances.shape, -1), chances, paid, left.T, names)


def _num_ways(num_bidders: int, num_items: int) -> int:
    """In which items may be given, each to one bidder or to nobody; 1 where these are too many to be told apart."""
    ways = (num_bidders + 1) ** num_items
    return int(ways) if ways <= MOST_WAYS else 1
