"""Menus for one buyer from the literature: goods, data, and trades with a market maker. They differ in a row of a table."""

import itertools
import math

import numpy as np
import scipy

from stackjax.errors import InputError, require, require_count, require_number
from stackjax.menus.allocations import BoxAllocations, UnitDemand
from stackjax.menus.game import Menu, MenuGame
from stackjax.menus.laws import beta_mixture, uniform_box, uniform_triangle
from stackjax.problem import Optimum

__all__ = ["additive", "data_market", "market_maker", "straight_jacket", "triangle", "unit_demand"]

LAWS = {"uniform": ((1.0, 1.0),), "mixture": ((8.0, 30.0), (60.0, 30.0))}
VALUES = {"one": (1.0, 1.0), "uniform": (0.0, 1.0), "high": (0.75, 1.0)}
MOST_ITEMS = 12
MOST_JACKETS = 6  # items for which the straight-jacket auction is proved to be best
JACKETS = {3: (0.875471, 1.2e-5), 4: (1.219516, 1.9e-5), 5: (1.576438, 3.3e-5), 6: (1.943239, 3.6e-5)}  # revenue, half-width
TWO_GOODS = (12 + 2 * math.sqrt(2)) / 27  # Manelli and Vincent (2006), values uniform in [0, 1]


def _known(value: float, *options: tuple[tuple[float, ...], float], half_width: float = 0.0) -> tuple[Optimum, Menu]:
    """An optimum that is proved, and the menu of ``(allocation, price)`` that earns it."""
    menu = Menu(np.array([option for option, _ in options], float), np.array([price for _, price in options]))
    return Optimum(value, "closed-form", half_width=half_width), menu


def _box(items: int, low: tuple[float, ...], high: tuple[float, ...]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    require_count("items", items, most=MOST_ITEMS)
    for name, ends in (("low", low), ("high", high)):
        if len(ends) not in (1, items):
            raise InputError(f"{name}={tuple(ends)} must be one number, or one for each of {items} items")
        for end in ends:
            require_number(name, end, lambda end: end >= 0, "at least 0")
    spread = lambda ends: tuple(float(end) for end in (ends * items if len(ends) == 1 else ends))
    return spread(tuple(low)), spread(tuple(high))


def additive(items: int = 2, low: tuple[float, ...] = (0.0,), high: tuple[float, ...] = (1.0,)) -> MenuGame:
    """A buyer whose values for ``items`` goods are independent and uniform, and add up."""
    low, high = _box(items, low, high)
    known, top = None, max(high)
    if set(low) == {0.0} and len(set(high)) == 1 and items <= MOST_JACKETS:
        menu = straight_jacket(items)
        value, half_width = (0.25, 0.0) if items == 1 else (TWO_GOODS, 0.0) if items == 2 else JACKETS[items]
        optimum = Optimum(top * value, "closed-form", half_width=top * half_width)
        known = optimum, Menu(menu.allocations, top * menu.prices)
    if (low, high) == ((4.0, 4.0), (16.0, 7.0)):  # Daskalakis, Deckelbaum and Tzamos (2017)
        known = _known(88 / 9, ((0.5, 1.0), 8.0), ((1.0, 1.0), 12.0))
    unit = BoxAllocations(np.zeros(items), np.ones(items))
    zero = np.zeros(items)
    return MenuGame("menu-additive", uniform_box(low, high), unit, zero[None], zero, known=known)


def unit_demand(items: int = 2, low: tuple[float, ...] = (0.0,), high: tuple[float, ...] = (1.0,)) -> MenuGame:
    """A buyer who wants one good at most; an option is a lottery over ``items`` goods."""
    low, high = _box(items, low, high)
    known = None
    if items == 2 and low == (0.0, 0.0) and high[0] == high[1]:
        price = high[0] / math.sqrt(3)
        known = _known(high[0] * 2 / math.sqrt(27), ((1.0, 0.0), price), ((0.0, 1.0), price))
    zero = np.zeros(items)
    law = uniform_box(low, high)
    return MenuGame("menu-unit-demand", law, UnitDemand(items), zero[None], zero, known=known)


def triangle() -> MenuGame:
    """A buyer whose values for two goods are uniform on the triangle (0, 0), (1, 0), (0, 1), and add up."""
    unit, zero = BoxAllocations(np.zeros(2), np.ones(2)), np.zeros(2)
    known = _known(2 / math.sqrt(27), ((1.0, 1.0), 1 / math.sqrt(3)))
    return MenuGame("menu-triangle", uniform_triangle(), unit, zero[None], zero, known=known)


def data_market(law: str = "uniform", value: str = "one") -> MenuGame:
    """A buyer of data about two states, who is paid for guessing right; its belief is uniform or of a mixture.

    A right guess pays 1, or what is private too: uniform in [0, 1] (``value="uniform"``) or in [3/4, 1] (``"high"``).

    An option is an experiment, the chances that it names either state when that is the case (Bergemann, Bonatti and Smolin
    2018). To guess one state always is free.
    """
    require("law", law, law in LAWS, f"one of {', '.join(LAWS)}")
    require("value", value, value in VALUES, f"one of {', '.join(VALUES)}")
    unit = BoxAllocations(np.zeros(2), np.ones(2))
    known = _known(0.125, ((1.0, 1.0), 0.25)) if (law, value) == ("uniform", "one") else None
    names = ("of state 1", "of state 2")
    return MenuGame(
        "data-market", beta_mixture(LAWS[law], VALUES[value]), unit, np.eye(2), np.zeros(2), items=names, known=known
    )


def market_maker(goods: int = 2, belief: float = 0.5) -> MenuGame:
    """A market maker who believes that each good is worth ``belief``; the trader's values are uniform in [0, 1].

    An option is a trade in [-1, 1] of each good; none may attract a trader who values goods as the maker does (Curry, Fan,
    Jiang, Ravindranath, Wang and Parkes 2024).
    """
    require_count("goods", goods, most=3)
    require_number("belief", belief, lambda belief: 0 < belief < 1, "between 0 and 1")
    center, one = np.full(goods, belief), np.ones(goods)
    value, trades_at = ((1 - belief) ** 2 + belief**2) / 4, (((1.0,), (1 + belief) / 2), ((-1.0,), -belief / 2))
    known = _known(value, *trades_at) if goods == 1 else None
    law, trades = uniform_box((0.0,) * goods, (1.0,) * goods), BoxAllocations(-one, one)
    names = tuple(f"good {i + 1}" for i in range(goods))
    return MenuGame("market-maker", law, trades, np.zeros((1, goods)), center, center, names, known)


def straight_jacket(items: int, log_points: int = 16) -> Menu:
    """The straight-jacket auction (Giannakopoulos and Koutsoupias 2018), values uniform in [0, 1]: optimal up to 6 items.

    Every bundle of r items has one price, chosen in turn such that r items would all be left unsold with chance
    ``1 - r / (items + 1)``; beyond two items by Sobol points.
    """
    require_count("items", items, most=MOST_ITEMS)
    prices = [items / (items + 1), (2 * items - math.sqrt(2)) / (items + 1)][:items]
    for r in range(3, items + 1):
        points = np.sort(scipy.stats.qmc.Sobol(r, seed=0).random_base2(log_points), axis=1)[:, ::-1]
        sums = np.cumsum(points, axis=1)
        left = (sums[:, : r - 1] <= np.array(prices)[None]).all(axis=1)
        wanted = round((1.0 - r / (items + 1)) * len(points))
        kept = np.sort(np.where(left, sums[:, -1], np.inf))
        prices.append(float(kept[min(wanted, len(kept) - 1)]) if np.isfinite(kept[min(wanted, len(kept) - 1)]) else float(r))
    options = np.array(list(itertools.product((0.0, 1.0), repeat=items)))[1:]
    return Menu(options, np.array([prices[int(option.sum()) - 1] for option in options]))
