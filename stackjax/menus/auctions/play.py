"""What happens in an auction that offers two bidders menus: what each has and pays, at given values and on average."""

import dataclasses
from typing import NamedTuple

import numpy as np

from stackjax.errors import InputError, require_array, require_is
from stackjax.menus.auctions.compatible import Certificate, certificate
from stackjax.menus.auctions.priced import Menus, Tables
from stackjax.menus.draws import NUM_REPEATS, interval, sobol_repeats

__all__ = ["Average", "Played", "PricedMenus", "average_play", "compatibility", "play"]

SAME = 1e-9  # of the largest value: options that differ by less are all best


@dataclasses.dataclass(frozen=True, eq=False)
class PricedMenus:
    """Menus with prices: an auction, if they are compatible.

    Attributes:
      menus: the options, and where their prices are set.
      units: int64 prices ``[V2, 1 + K]`` of bidder 1 at the vertices of bidder 2's mesh, and ``[V1, 1 + K]`` of bidder 2, in
        whole `Menus.unit`; nothing, the first option, costs 0.
    """

    menus: Menus
    units: Tables

    @property
    def prices(self) -> Tables:
        """The same in game units, float64."""
        return self.menus.in_game_units(self.units[0]), self.menus.in_game_units(self.units[1])


class Played(NamedTuple):
    """The ``options [B, 2]`` that bidders take, their ``allocations [B, 2, m]``, and ``payments [B, 2]``, game units."""

    options: np.ndarray
    allocations: np.ndarray
    payments: np.ndarray


class Average(NamedTuple):
    """Means over values that are independent and uniform: the ``revenue``, the ``half_width`` of its 95 % interval, and how
    much of all items is given twice, ``over_allocation``.
    """

    revenue: float
    half_width: float
    over_allocation: float


def compatibility(auction: PricedMenus) -> Certificate:
    """Whether bidders never want more of an item than there is, at any values: exact, see `Certificate`."""
    require_is("auction", auction, PricedMenus, "priced menus, as of MenuAuctionProblem.auction")
    return certificate(auction.menus, auction.units, auction.menus.scale)


def play(auction: PricedMenus, values: np.ndarray) -> Played:
    """What each bidder takes at ``values [B, 2, m]`` and pays, game units.

    Of options that are equally good those are taken that do not give an item twice, and of these those that cost the most.

    Raises:
      InputError: ``values`` have another shape, or lie outside of the bidders' boxes.
    """
    require_is("auction", auction, PricedMenus, "priced menus, as of MenuAuctionProblem.auction")
    menus, values = auction.menus, require_array("values", values).astype(np.float64)
    if values.ndim != 3 or values.shape[1:] != (2, menus.shares.shape[1]):
        raise InputError(f"values have shape {values.shape}, but it must be [B, 2, {menus.shares.shape[1]}]")
    low, high = np.array(menus.ends).T
    if not ((values >= low[:, None]) & (values <= high[:, None])).all():
        raise InputError(f"values must be from {low.tolist()} to {high.tolist()}, by bidder")
    offered = [menus.meshes[1 - i].interpolate(auction.prices[i], values[:, 1 - i]) for i in range(2)]
    gains = [values[:, i] @ menus.allocations.T - offered[i] for i in range(2)]
    best = [gain >= gain.max(axis=1, keepdims=True) - SAME * menus.scale for gain in gains]
    fits = (menus.shares[:, None] + menus.shares).max(axis=2) <= menus.levels
    most = 1.0 + offered[0].max(initial=0.0) + offered[1].max(initial=0.0)
    paid = (offered[0][:, :, None] + offered[1][:, None]) / most  # below 1
    score = 2 * (best[0][:, :, None] & best[1][:, None]) + fits + paid  # best for both, then possible, then what is paid
    chosen = score.reshape(len(values), fits.size).argmax(axis=1)
    options = np.stack(np.unravel_index(chosen, fits.shape), axis=1)
    payments = [np.take_along_axis(asked, options[:, i, None], axis=1)[:, 0] for i, asked in enumerate(offered)]
    return Played(options, menus.allocations[options], np.stack(payments, axis=1))


def average_play(auction: PricedMenus, log_points: int = 17, seed: int = 0) -> Average:
    """What `play` comes to on average, by ``2**log_points`` scrambled Sobol points, drawn by ``seed``."""
    (low, high), items = np.array(auction.menus.ends).T, auction.menus.shares.shape[1]
    paid, over = [], []
    for points in sobol_repeats(2 * items, log_points - 4, ([seed, repeat] for repeat in range(NUM_REPEATS))):
        found = play(auction, low[:, None] + (high - low)[:, None] * points.reshape(-1, 2, items))
        paid.append(found.payments.sum(axis=1).mean())
        over.append(np.maximum(found.allocations.sum(axis=1) - 1.0, 0.0).sum(axis=1).mean())
    mean, half_width = interval(np.array(paid))
    return Average(float(mean), float(half_width), float(np.mean(over)))
