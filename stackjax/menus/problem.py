"""A menu as a `Problem`: the commitment is its options, and the buyer's answer is exact."""

import dataclasses
from collections.abc import Callable
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.errors import UnsolvedError
from stackjax.menus.bound import upper_bound
from stackjax.menus.config import MenuConfig
from stackjax.menus.draws import in_numpy, shifted_lattice
from stackjax.menus.finite_types import best_of_all, direct_mechanisms, improved_for_finite
from stackjax.menus.game import Menu, MenuGame, Profit
from stackjax.menus.improve import improved
from stackjax.menus.seller import SellerProblem
from stackjax.pictures import Picture, regions
from stackjax.problem import Differentiable, Judged, Optimum, Played, Region
from stackjax.spaces import Box
from stackjax.types import Array, PRNGKey

__all__ = ["MenuCertificate", "MenuProblem"]

BOUND_CELLS = 32
NUM_POINTS = 4096  # types that stand for a law in `MenuProblem.played`
ROUGH_TIE = 1e-6  # of the spread of values: what float32 does not tell apart
DIGITS = 3  # of allocations that count as one
FEWEST_OPTIONS, MOST_BY_DEFAULT = 32, 1024  # unless told otherwise


class MenuCertificate(NamedTuple):
    """What a menu earns, game units: ``profit``, and the ``half_width`` of its 95 % interval, 0 where it is exact.

    ``shares [K + F]`` are the chances that each option is taken, those that are free at the end.
    """

    profit: Array
    half_width: Array
    shares: Array


@dataclasses.dataclass(frozen=True, eq=False)
class MenuProblem(SellerProblem):
    """A `Problem`: a menu of K options, each an allocation and, last, a price ``[K, d + 1]``.

    Commitments are all that lies in a box; the menu that one stands for is the nearest that may be offered.
    """

    game: MenuGame
    config: MenuConfig = dataclasses.field(default_factory=MenuConfig)

    exactly, draws = "exact shares of types", "fresh Sobol points"
    columns: ClassVar = {"half_width": "± (95 %)", "options": "options", "regret": "buyer's regret"}

    @property
    def ties_have_no_chance(self) -> bool:
        """Unless types are finitely many."""
        return self.game.law.atoms is None

    @cached_property
    def num_options(self) -> int:
        """K, see `MenuConfig`."""
        most = len(self.game.allocations.corners())
        return self.config.num_options or min(max(FEWEST_OPTIONS, most), MOST_BY_DEFAULT)

    @cached_property
    def leader_actions(self) -> Box:
        allocations, (low, high) = self.game.allocations, self.game.price_range
        is_flat = allocations.high <= allocations.low  # which a box must not be
        highest = np.where(is_flat, allocations.low + 1.0, allocations.high)
        return Box((*map(float, allocations.low), low), (*map(float, highest), high))

    def _observations(self) -> np.ndarray:
        return np.arange(self.num_options, dtype=np.float32)[:, None]

    @property
    def payoff_range(self) -> tuple[float, float]:
        return self.game.payoff_range

    @property
    def bytes_per_commitment(self) -> int:
        """Gains of all options to all types, with room for their shares."""
        return 12 * self.config.num_types * (self.num_options + len(self.game.free))

    def _options(self, commitment: Array) -> tuple[Array, Array, Array]:
        """Allocations, prices and margins of a commitment ``[K, d + 1]`` and of what is free, ``[K + F, ...]``."""
        game, dtype = self.game, commitment.dtype
        allocations, prices = game.allocations.project(commitment[:, :-1]), commitment[:, -1]
        if game.belief is not None:
            prices = jnp.maximum(prices, allocations @ jnp.asarray(game.belief, dtype))
        allocations = jnp.concatenate([allocations, jnp.asarray(game.free, dtype)])
        prices = jnp.concatenate([prices, jnp.zeros(len(game.free), dtype)])
        return allocations, prices, prices - allocations @ jnp.asarray(game.cost, dtype)

    def _types(self, key: PRNGKey) -> Array:
        """``[num_types, d]``."""
        return self.game.law.types(shifted_lattice(key, self.config.num_types, self.game.law.num_uniforms))

    def _earned(self, key: PRNGKey) -> Callable[[Array], tuple[Array, Array]]:
        types = self._types(key)

        def one(commitment: Array) -> tuple[Array, Array]:
            allocations, prices, margins = self._options(commitment)
            gains = types @ allocations.T - prices[None]
            return margins[gains.argmax(axis=1)].mean(), gains.max(axis=1).mean()[None]

        return one

    def _at_worst(self, commitment: Array) -> Array:
        allocations, prices, margins = self._options(commitment)
        dtype = commitment.dtype
        gains = jnp.asarray(self.game.law.atoms, dtype) @ allocations.T - prices[None]
        tied = gains >= gains.max(axis=1, keepdims=True) - ROUGH_TIE * self.game.scale
        return jnp.asarray(self.game.law.weights, dtype) @ jnp.where(tied, margins[None], jnp.inf).min(axis=1)

    @cached_property
    def differentiable(self) -> Differentiable:
        """The profit if a buyer takes options with chances that fall off smoothly with what they miss, see `Differentiable`."""
        game, scale = self.game, self.game.scale

        def payoff(key: PRNGKey, commitment: Array, sharpness: Array) -> Array:
            allocations, prices, margins = self._options(commitment)
            gains = self._types(key) @ allocations.T - prices[None]
            return (jax.nn.softmax(sharpness / scale * gains, axis=1) @ margins).mean()

        def start(key: PRNGKey) -> Array:
            """Extreme options and random ones, each at the price that is best if it is the only one, or up to twice that."""
            draw_key, types_key, dear_key = jax.random.split(key, 3)
            drawn = self.commitments.draw(draw_key, 1)[0]
            plain = game.allocations.corners()[-self.num_options :].astype(np.float32)
            allocations = game.allocations.project(drawn[:, :-1].at[: len(plain)].set(plain))
            types = self._types(types_key)
            without = (types @ jnp.asarray(game.free, types.dtype).T).max(axis=1, keepdims=True)
            worth = jnp.sort(types @ allocations.T - without, axis=0)  # [n, K]
            would = 1.0 - jnp.arange(len(worth), dtype=worth.dtype)[:, None] / len(worth)
            earned = (worth - (allocations @ jnp.asarray(game.cost, worth.dtype))[None]) * would
            alone = jnp.take_along_axis(worth, earned.argmax(axis=0)[None], axis=0)[0]
            dearer = jax.random.uniform(dear_key, alone.shape).at[: len(plain)].set(0.0)
            return jnp.concatenate([allocations, (alone + dearer * jnp.abs(alone))[:, None]], axis=1)

        def project(commitment: Array) -> Array:
            allocations, prices, _ = self._options(commitment)
            count = self.num_options
            return jnp.concatenate([allocations[:count], prices[:count, None]], axis=1)

        return Differentiable(payoff, start, project)

    def menu_of(self, commitment: np.ndarray) -> Menu:
        """The menu that a commitment ``[K, d + 1]`` stands for."""
        made = np.asarray(commitment, np.float64)
        return self.game.feasible(Menu(made[:, :-1], made[:, -1]))

    def improve(self, commitment: np.ndarray, num_evaluations: int) -> np.ndarray:
        """A better commitment near this one, by the exact profit; see `improved`. Not for tracers."""
        found = improved(self.game, self.menu_of(commitment), num_evaluations, self.num_options)
        return self.commitment_of(found)

    def _certified(self, key: PRNGKey, commitment: Array) -> MenuCertificate:
        """The profit in float64, exact or by fresh types."""
        game, count = self.game, self.num_options + len(self.game.free)
        samples = jnp.zeros(0) if game.is_exact else game.draw_types(key)
        if game.is_exact and game.law.atoms is None:
            _ = game.first_sample  # beforehand: what `improve` calls back must not call JAX

        def profit(commitment: np.ndarray, samples: np.ndarray) -> list[float]:
            found = game.profit_on(self.menu_of(commitment), list(samples.astype(np.float64)))
            return [found.value, found.half_width, *found.shares]

        found = in_numpy(profit, (2 + count,), commitment, samples)
        return MenuCertificate(found[0], found[1], found[2:])

    def _claimed(self) -> Optimum | str:
        """What is known of the game, or an upper bound on all mechanisms where there is one."""
        unknown = f"the bound is for two entries and types uniform on a rectangle; here they are {self.game.law.words}"
        if self.game.known is not None:
            optimum, menu = self.game.known
            fits = len(menu.prices) <= self.num_options
            return optimum._replace(commitment=self.commitment_of(menu) if fits else None)
        if self.game.law.atoms is not None:
            return self._best_for_finite() or unknown
        try:
            return upper_bound(self.game, BOUND_CELLS)
        except (UnsolvedError, ArithmeticError):
            return unknown

    def _best_for_finite(self) -> Optimum | None:
        """The best of all mechanisms, and a menu that earns it if this problem's have options enough."""
        found = best_of_all(self.game)
        if found is None:
            return None
        menu = improved_for_finite(self.game, found.menu, self.num_options)
        is_it = found.is_exact and len(menu.prices) <= self.num_options
        return Optimum(found.value, "lp" if is_it else "upper-bound", self.commitment_of(menu) if is_it else None)

    def commitment_of(self, menu: Menu) -> np.ndarray:
        """The commitment ``[K, d + 1]`` that stands for ``menu``, of at most K options."""
        options = np.column_stack(self.game.in_float32(menu))
        if not len(options):  # nothing is offered: at a price that nobody pays
            options = np.append(self.game.allocations.corners()[0], self.game.price_range[1])[None]
        spare = np.repeat(options[:1], self.num_options - len(options), axis=0)  # the same once more changes nothing
        return np.concatenate([options, spare]).astype(np.float32)

    def worst(self, commitment: Array) -> Array:
        """See `Problem`; exact where types are finitely many."""
        if self.ties_have_no_chance:
            return super().worst(commitment)
        return in_numpy(lambda made: self.game.worst_profit(self.menu_of(made)), (), commitment)

    def played(self, judged: Judged, commitments: Any) -> list[Played]:
        """See `Problem`: what a type gets, up to rounding; of laws that are not finite 4,096 types stand for all."""
        del judged
        game, law, found = self.game, self.game.law, []
        types, weights = law.atoms, law.weights
        if types is None or weights is None:
            types = np.asarray(law.types(shifted_lattice(jax.random.key(0), NUM_POINTS, law.num_uniforms)), np.float64)
            weights = np.full(NUM_POINTS, 1.0 / NUM_POINTS)
        names = [f"value {', '.join(f'{number:.4g}' for number in one)}" for one in types]
        for menu in map(self.menu_of, commitments):
            taken, left = game.choices(menu, types)
            labels = np.round(game.with_free(menu).allocations[taken], DIGITS) + 0.0  # no -0
            found.append(Played(weights, labels[:, None], np.ones((len(types), 1)), left[:, None, None], left[None], names))
        return found

    def regions(self) -> list[Region] | None:
        """See `Problem`; one, of all direct mechanisms, where types are finitely many and there are options enough for them."""
        weights = self.game.law.weights
        if weights is None or int((weights > 0).sum()) > self.num_options:
            return None
        found = direct_mechanisms(self.game, self.commitment_of)
        return None if found is None else [found]

    @property
    def buyers(self) -> str:
        return f"who take the best option ({self.game.law.words})"

    def _described(self, commitment: Any, seen: Any) -> dict[str, Any]:
        menu = self.menu_of(commitment)
        profit = Profit(float(seen.profit), float(seen.half_width), seen.shares.astype(np.float64))  # the draws that judged it
        if self.game.is_exact:
            profit = self.game.profit(menu)
        taken = profit.shares[: len(menu.prices)]
        actions = np.concatenate([menu.allocations, menu.prices[:, None]], axis=1)
        words, worst = self.game.describe(menu, profit.shares), self.game.worst_profit(menu)
        numbers = {"options": int((taken > 5e-4).sum()), "shares": profit.shares.tolist()}
        pictures = self._pictures(menu)
        return self._sold(actions, words, profit.value, profit.half_width, worst, **numbers, pictures=pictures)

    def _pictures(self, menu: Menu) -> list[Picture]:
        """What each type takes, in two dimensions."""
        polygons = self.game.regions(menu)
        first, second = (f"value of {item}" for item in self.game.items[:2]) if polygons else ("", "")
        return [regions("What each type takes, and its price", (first, second), polygons)] if polygons else []
