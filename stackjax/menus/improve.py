"""A menu improved by its exact profit: options that nearly nobody takes are dropped, others are moved and added.

Training by a softened choice ends close to a good menu, with too many options and sometimes without a small one that pays.
How the exact profit changes with the menu is known too (only types on borders matter), so that a few dozen steps of sequential
quadratic programming take it to its local optimum.
"""

import itertools

import numpy as np
import scipy

from stackjax.errors import require_count, require_is
from stackjax.menus.finite_types import improved_for_finite
from stackjax.menus.game import Menu, MenuGame

__all__ = ["improved", "slopes"]

FEW = 0.004  # of all types: options that fewer take are dropped
NEAR = 0.05  # of an allocation's range: what is nearer to an extreme point is moved onto it
ADDED_SHARES = (0.01, 0.04, 0.15, 0.3)  # of all types, that would take an option that is added
MOST_OPTIONS = 40
MOST_STEPS = 60


def slopes(game: MenuGame, menu: Menu) -> tuple[float, np.ndarray, np.ndarray]:
    """The exact profit, and its derivatives by allocations ``[K, d]`` and prices ``[K]``.

    Raises:
      ValueError: the profit of this law is not exact.
    """
    found = game.cells(menu)
    if found is None:
        raise ValueError("only exact profits have slopes")
    margins, count = game.margins(menu), len(menu.prices)
    by_allocation = -found.shares[:, None] * game.cost
    by_price = found.shares.copy()
    first, second = found.between.T
    gained = (margins[first] - margins[second]) * found.flow  # as the first one's price falls
    np.add.at(by_price, first, -gained)
    np.add.at(by_price, second, gained)
    np.add.at(by_allocation, first, gained[:, None] * found.place)
    np.add.at(by_allocation, second, -gained[:, None] * found.place)
    return float(found.shares @ margins), by_allocation[:count], by_price[:count]


class _Budget:
    """The evaluations of the profit that are left."""

    def __init__(self, game: MenuGame, left: int) -> None:
        self.game, self.left = game, left

    def profit(self, menu: Menu) -> float:
        self.left -= 1
        return self.game.profit(menu).value


def improved(game: MenuGame, menu: Menu, num_evaluations: int, most_options: int = MOST_OPTIONS) -> Menu:
    """``menu`` or a better one, where the profit is exact.

    Args:
      num_evaluations: of the profit, about as many at most.
      most_options: that the menu may have.

    Returns:
      The menu; ``menu`` itself where the profit is an average over points.

    Raises:
      InputError: an argument is of the wrong kind.
    """
    require_is("game", game, MenuGame, "a MenuGame, for example sx.make('menu-additive')")
    require_is("menu", menu, Menu, "a Menu")
    require_count("num_evaluations", num_evaluations, least=0)
    if game.law.atoms is not None:
        return improved_for_finite(game, menu, most_options)
    if game.cells(menu) is None:
        return menu
    budget = _Budget(game, num_evaluations)
    best, most = menu, budget.profit(menu)
    for start in (_pruned(game, menu), _snapped(game, _pruned(game, menu))):
        found = _climbed(budget, start)
        value = budget.profit(found)
        if value > most - 1e-9 * game.scale:
            best, most = found, max(value, most)
    while budget.left > 0 and len(best.prices) < most_options:
        found = _grown(budget, best)
        value = budget.profit(found)
        if value <= most + 1e-9 * game.scale:
            break
        best, most = found, value
    return best


def _pruned(game: MenuGame, menu: Menu, least: float = FEW) -> Menu:
    kept = game.profit(menu).shares[: len(menu.prices)] >= least
    return Menu(menu.allocations[kept], menu.prices[kept])


def _snapped(game: MenuGame, menu: Menu) -> Menu:
    """With allocations that are near a plain one moved onto it, each option at what keeps its worth to the middle type."""
    plain = _plain(game)
    width, middle = game.allocations.high - game.allocations.low, (game.law.low + game.law.high) / 2
    width = np.where(width > 0, width, 1.0)
    allocations, prices = menu.allocations.copy(), menu.prices.copy()
    for k, allocation in enumerate(allocations):
        distance = np.abs((plain - allocation) / width).max(axis=1)
        if distance.min() < NEAR:
            target = plain[distance.argmin()]
            prices[k] += (target - allocation) @ middle
            allocations[k] = target
    return Menu(allocations, prices)


def _plain(game: MenuGame) -> np.ndarray:
    """Extreme points of what may be offered, and on the way from one to another a quarter, half and three quarters."""
    corners = game.allocations.corners()
    between = [a + t * (b - a) for a, b in itertools.combinations(corners, 2) for t in (0.25, 0.5, 0.75)]
    return np.unique(np.concatenate([corners, np.array(between)]), axis=0)


def _climbed(budget: _Budget, menu: Menu) -> Menu:
    """The local optimum of the exact profit by allocations and prices."""
    game, (count, d) = budget.game, menu.allocations.shape
    if count == 0 or budget.left <= 0:
        return menu
    scale = game.scale
    split = lambda z: Menu(z[: count * d].reshape(count, d), z[count * d :] * scale)

    def lost(z: np.ndarray) -> tuple[float, np.ndarray]:
        budget.left -= 1
        value, by_allocation, by_price = slopes(game, split(z))
        return -value / scale, -np.concatenate([by_allocation.ravel() / scale, by_price])

    rows, ends = game.allocations.constraints()
    each, least = np.eye(count), -np.tile(ends, count)
    wide = np.hstack([np.kron(each, -rows), np.zeros((len(least), count))])
    if game.belief is not None:  # p >= a · belief
        floor = np.hstack([np.kron(each, -game.belief / scale), each])
        wide, least = np.concatenate([wide, floor]), np.concatenate([least, np.zeros(count)])
    constraints = [{"type": "ineq", "fun": lambda z: wide @ z - least, "jac": lambda z: wide}] if len(wide) else []
    low, high = np.tile(game.allocations.low, count), np.tile(game.allocations.high, count)
    bounds = [*zip(low, high, strict=True), *[(None, None)] * count]
    start = np.concatenate([np.clip(menu.allocations.ravel(), low, high), menu.prices / scale])
    options = {"maxiter": min(MOST_STEPS, budget.left), "ftol": 1e-13}
    found = scipy.optimize.minimize(
        lost, start, jac=True, method="SLSQP", bounds=bounds, constraints=constraints, options=options
    )
    after = game.feasible(split(found.x))
    return after if game.profit(after).value > game.profit(menu).value else menu


def _grown(budget: _Budget, menu: Menu) -> Menu:
    """With the one plain option more that pays most, if any does; others are moved along."""
    game, points = budget.game, budget.game.first_sample
    whole = game.with_free(menu)
    utility = (points @ whole.allocations.T - whole.prices).max(axis=1)
    tried: list[tuple[float, int, Menu]] = []
    for allocation, share in itertools.product(_plain(game), ADDED_SHARES):
        price = float(np.quantile(points @ allocation - utility, 1.0 - share))
        added = game.feasible(Menu(np.vstack([menu.allocations, allocation]), np.append(menu.prices, price)))
        tried.append((budget.profit(added), len(tried), added))
    best, most = menu, game.profit(menu).value
    for _, _, added in sorted(tried, reverse=True)[: len(ADDED_SHARES) * 3]:
        found = _climbed(budget, added)
        value = budget.profit(found)
        if value > most:
            best, most = found, value
    fewer = _pruned(game, best, 1e-6)
    return fewer if game.profit(fewer).value >= most - 1e-12 * game.scale else best
