"""A sequential sale as a `Problem`: the commitment is the table of all prices, and every bidder's answer is exact."""

import dataclasses
from collections.abc import Callable
from functools import cached_property
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import scipy

from stackjax.errors import InputError, require
from stackjax.menus.config import SaleConfig
from stackjax.menus.draws import NUM_REPEATS, in_numpy, interval
from stackjax.menus.sales.backward import SaleTable, SolveConfig, backward, hard_value, soft_value
from stackjax.menus.sales.fitted import FittedConfig, fitted
from stackjax.menus.sales.game import Prices, SequentialSaleGame
from stackjax.menus.sales.met import sales_met
from stackjax.menus.sales.sale import Sale, Valuations, bits, one_item
from stackjax.menus.sales.value import repeats, sale_value, unit_demand_value
from stackjax.menus.seller import RevenueCertificate, SellerProblem
from stackjax.pictures import Picture, curves
from stackjax.problem import Differentiable, Judged, Optimum, Played, Solver
from stackjax.spaces import Box
from stackjax.types import Array, PRNGKey

__all__ = ["SaleProblem", "sequential_sale"]

MOST_PRICES = 2**17
OWN_METHODS = ("default", "backward", "fitted")  # by default backward
DRAW_TAG = 23  # keeps it apart from the bidders' draws
SALES_ON_THE_WAY, SALES_AT_LAST = 2**10, 2**15  # of each of 16 repeats


def sequential_sale(
    bidders: int = 5, items: int = 5, valuations: Valuations = "uniform", menu: str = "default"
) -> SequentialSaleGame:
    """Sells ``items`` to ``bidders`` who come one after another, at prices for bundles, see `Sale` and `SequentialSaleGame`.

    Raises:
      InputError: a number or a word is not possible, or there are more than 131,072 prices: `solve_backward` takes more.
    """
    kind: Any = None if menu == "default" else menu
    game = SequentialSaleGame.of(Sale(bidders, items, valuations), kind)
    require("menu", menu, game.kind != "tariff", "size or bundle here; solve_backward takes tariffs too")
    count = bidders * game.num_states * game.num_options
    require("items", items, count <= MOST_PRICES, f"so few that there are at most {MOST_PRICES} prices; here are {count}")
    return game


@dataclasses.dataclass(frozen=True, eq=False)
class SaleProblem(SellerProblem):
    """A `Problem`: prices ``[n * N, O]`` by bidder, what is left and what is bought.

    What is not there has a price too, which counts for nothing.
    """

    game: SequentialSaleGame
    config: SaleConfig = dataclasses.field(default_factory=SaleConfig)

    exactly, draws = "exact, by recursion", "fresh bidders"
    columns: ClassVar = {"half_width": "± (95 %)", "regret": "bidders' regret"}

    @property
    def _shape(self) -> tuple[int, int, int]:
        return self.game.sale.num_bidders, self.game.num_states, self.game.num_options

    @cached_property
    def _sizes(self) -> np.ndarray:
        """``[O]`` the items of each option."""
        m = self.game.sale.num_items
        return np.arange(self.game.num_options) if self.game.kind == "size" else bits(m).sum(axis=1)

    @property
    def leader_actions(self) -> Box:
        highest = self.game.sale.highest_worth
        return Box((0.0,) * len(self._sizes), tuple(highest * max(1.0, float(size)) for size in self._sizes))

    def _observations(self) -> np.ndarray:
        return np.indices(self._shape[:2], np.float32).reshape(2, -1).T

    @property
    def payoff_range(self) -> tuple[float, float]:
        return 0.0, self.game.sale.highest_worth * self.game.sale.num_items

    @property
    def bytes_per_commitment(self) -> int:
        """Gains of all options in all states."""
        _, states, options = self._shape
        return 16 * self.config.num_valuations * states * options

    def _blocks(self, commitment: Array) -> list[Prices]:
        """The prices of each bidder's blocks."""
        return [self.game.of_blocks(own) for own in commitment.reshape(self._shape)]

    def table(self, commitment: Array) -> SaleTable:
        """The table of prices that a commitment stands for."""
        whole = [self.game.table(prices) for prices in self._blocks(jnp.asarray(commitment))]
        return SaleTable(jnp.stack(whole), self.game.kind)

    def _earned(self, key: PRNGKey) -> Callable[[Array], tuple[Array, Array]]:
        def one(commitment: Array) -> tuple[Array, Array]:
            paid, left = repeats(self.game, self.table(commitment).prices, key, self.config.num_valuations, 1)
            return paid[0], left[0]

        return one

    @cached_property
    def differentiable(self) -> Differentiable:
        """The revenue if bidders buy with chances that fall off smoothly with what they miss, see `Differentiable`.

        Its slopes are those of every state's worth by its own prices, given what is paid afterwards.
        """
        game, (bidders, states, _) = self.game, self._shape
        scale = self.game.sale.highest_worth * int(self._sizes.max())

        def payoff(key: PRNGKey, commitment: Array, sharpness: Array) -> Array:
            later, values = jnp.zeros(states), jnp.zeros(())
            for prices, own_key in zip(self._blocks(commitment)[::-1], jax.random.split(key, bidders), strict=True):
                drawn = game.draw(own_key, self.config.num_valuations)
                values = values + soft_value(game, prices, later, drawn, sharpness / scale).sum()
                later = hard_value(game, jax.lax.stop_gradient(prices), later, drawn)
            return values - jax.lax.stop_gradient(values) + later[-1]

        def start(key: PRNGKey) -> Array:
            drawn = game.draw(key, self.config.num_valuations)
            prices = [0.7 * game.worth(block, drawn).mean(axis=0) for block in game.blocks]
            table = jnp.nan_to_num(game.table(tuple(prices)), posinf=0.0)
            return jnp.tile(table, (bidders, 1))

        return Differentiable(payoff, start, lambda commitment: commitment)

    def improve(self, commitment: np.ndarray, num_evaluations: int) -> np.ndarray:
        """The best prices where the recursion has them, for unit demand; else as they are. Not for tracers."""
        del num_evaluations
        made = np.array(commitment).reshape(self._shape)
        if self.game.is_exact:
            _, made[..., 1] = unit_demand_best(self.game.sale)
        return made.reshape(np.shape(commitment))

    def own(self, config: Any) -> Solver:
        """`solve_backward`, an update a step of Adam, or `solve_fitted`, an update a policy; see `OwnConfig`.

        Raises:
          InputError: there is no such method, or it does not fit the prices.
        """
        require("method", config.method, config.method in OWN_METHODS, f"one of {', '.join(OWN_METHODS)}")
        if config.method == "fitted":
            if self.game.kind != "bundle":
                raise InputError("method='fitted' prices every bundle by itself: use --game.menu bundle")
            usual = FittedConfig()
            iterations = config.num_updates or usual.num_iterations
            method = fitted(self.game, dataclasses.replace(usual, num_iterations=iterations))
        else:
            method = backward(self.game, SolveConfig(), config.num_updates or 0)
        highest = jnp.asarray(self.leader_actions.high)  # nobody pays more
        made = lambda prices: jnp.where(jnp.isfinite(prices), jnp.clip(prices, 0.0, highest[None, None]), 0.0)
        return method.solver(lambda prices: made(prices).reshape(-1, self.game.num_options))

    def _certified(self, key: PRNGKey, commitment: Array) -> RevenueCertificate:
        """Exact for unit demand, else on fresh bidders."""
        prices, draw = self.table(commitment).prices, jax.random.bits(jax.random.fold_in(key, DRAW_TAG), (), jnp.uint32)
        if self.game.is_exact:
            value = in_numpy(lambda prices: unit_demand_value(prices.astype(np.float64)), (), prices[:, :, 1])
            return RevenueCertificate(value, jnp.zeros_like(value), draw)
        found, _ = repeats(self.game, prices, key, SALES_ON_THE_WAY, NUM_REPEATS)
        return RevenueCertificate(*interval(found), draw)

    def played(self, judged: Judged, commitments: Any) -> list[Played]:
        """See `Problem`; an outcome is what each bidder buys, of bidders who are the same always."""
        del judged
        return sales_met(self.game, np.stack([self.table(one).prices for one in commitments]))

    def _claimed(self) -> Optimum | None:
        """Where a closed form has it: one item, or unit demand."""
        sale, table = self.game.sale, np.zeros(self._shape)
        if self.game.is_exact:
            value, table[:, :, 1] = unit_demand_best(sale)
        elif sale.num_items == 1 and sale.valuations != "complements":  # else its value is uniform in [0, 1]
            value, table[:, 1, 1] = one_item(sale.num_bidders)
        else:
            return None
        return Optimum(value, "closed-form", table.reshape(-1, table.shape[-1]).astype(np.float32))

    @property
    def buyers(self) -> str:
        return f"who take the best bundle ({self.game.sale.valuations} values)"

    def _described(self, commitment: Any, seen: RevenueCertificate) -> dict[str, Any]:
        table = self.table(commitment)
        found, prices = sale_value(self.game.sale, table, jax.random.key(seen.draw), SALES_AT_LAST), np.asarray(table.prices)
        return self._sold(commitment, self._words(prices), *found, pictures=self._schedules(prices))

    def _words(self, prices: np.ndarray) -> list[str]:
        """What the first and the last bidder pay if nothing has been sold."""
        lines = []
        for bidder in dict.fromkeys((0, len(prices) - 1)):
            own = prices[bidder, -1]
            asked = [own[self._sizes == size] for size in range(1, self.game.sale.most_bought + 1)]
            parts = [f"{size} at {_range(asked[size - 1])}" for size in range(1, len(asked) + 1)]
            lines.append(f"bidder {bidder + 1}, nothing sold yet: {', '.join(parts)}")
        return lines

    def _schedules(self, prices: np.ndarray) -> list[Picture]:
        """What one item costs by bidders left, a line for each number of items left; means over what is left and bought."""
        bidders, sale = len(prices), self.game.sale
        left = np.arange(self.game.num_states) if self.game.kind == "size" else bits(sale.num_items).sum(axis=1)
        lines = []
        for count in range(1, sale.num_items + 1):
            asked = prices[:, left == count][:, :, self._sizes == 1].reshape(bidders, -1)
            means = np.where(np.isfinite(asked), asked, 0.0).sum(axis=1) / np.isfinite(asked).sum(axis=1)
            points = [[bidders - bidder, float(mean)] for bidder, mean in enumerate(means)]
            lines.append({"label": f"{count} left", "points": points})
        return [curves("What one item costs, by the items left", ("bidders still to come", "price"), lines)]


def _range(asked: np.ndarray) -> str:
    low, high = asked[np.isfinite(asked)].min(), asked[np.isfinite(asked)].max()
    return f"{low:.4g}" if high - low < 5e-4 else f"{low:.4g} to {high:.4g}"


def unit_demand_best(sale: Sale) -> tuple[float, np.ndarray]:
    """The most that a sale to bidders who want one item earns, and the prices ``[n, m + 1]`` by what is left."""
    later, prices = np.zeros(sale.num_items + 1), np.ones((sale.num_bidders, sale.num_items + 1))
    for bidder in range(sale.num_bidders - 1, -1, -1):
        before = later.copy()
        for k in range(1, sale.num_items + 1):
            found = scipy.optimize.minimize_scalar(
                lambda p, k, sold, unsold: -((1 - p**k) * (p + sold) + p**k * unsold),
                bounds=(0.0, 1.0),
                method="bounded",
                args=(k, later[k - 1], later[k]),
                options={"xatol": 1e-10},
            )
            prices[bidder, k], before[k] = found.x, -found.fun
        later = before
    return float(later[-1]), prices
