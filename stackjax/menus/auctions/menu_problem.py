"""An auction that offers each of two bidders a menu, whose prices depend on the other's values, as a `Problem`.

Nobody gains by a misreport, whatever the prices: a bidder's report changes nothing but which option of its own menu it gets.
What must be learned is that bidders never want more of an item than there is; linear programmes see to it in the end, and a
certificate says so for all values, see `compatible`. After Wang, Jiang and Parkes (GemNet, EC 2024), with prices on a mesh in
the place of a network.
"""

import dataclasses
from collections.abc import Callable
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.menus.auctions import lots
from stackjax.menus.auctions.ascend import Ties, ascended, revenue, ties_of
from stackjax.menus.auctions.menu_auction import MenuAuction, menus_of
from stackjax.menus.auctions.play import PricedMenus, average_play, compatibility, play
from stackjax.menus.auctions.priced import Menus
from stackjax.menus.auctions.shown import pictures_of, words_of
from stackjax.menus.auctions.started import prices_of_run
from stackjax.menus.config import PriceConfig
from stackjax.menus.draws import NUM_REPEATS, in_numpy, interval, shifted_lattice
from stackjax.menus.seller import SellerProblem
from stackjax.problem import Differentiable, Judged, Optimum, Played
from stackjax.spaces import Box
from stackjax.types import Array, PRNGKey

__all__ = ["AuctionCertificate", "MenuAuctionProblem"]

PENALTY = 4.0  # largest values: what an item that is given twice costs while prices are learned
FULL_PENALTY = 632.0  # the sharpness from which it costs that much; less before
DEAREST, CHEAPEST = 0.8, 0.4  # of the largest value: random prices to start from, of each item
ON_THE_WAY, AT_LAST = 13, 18  # points of a judgement, as powers of 2
MOST_STEPS = 200


class AuctionCertificate(NamedTuple):
    """What menus are worth, game units: ``payoff``, and the ``half_width`` of its 95 % interval; ``excess`` 0 if they are
    compatible, else up to how much both bidders prefer what they cannot both have; ``over_allocation`` the mean share of items
    that is given twice. ``draw`` is a number that further draws may begin with.
    """

    payoff: Array
    half_width: Array
    excess: Array
    over_allocation: Array
    draw: Array


@dataclasses.dataclass(frozen=True, eq=False)
class MenuAuctionProblem(SellerProblem):
    """A `Problem`: prices ``[O, K]`` of K options at the O vertices of a mesh of the other bidder's values.

    Bidders who are alike have the same prices, of V vertices; else bidder 1's come first, then bidder 2's. Prices that differ
    by names of items alone are the same: their mean counts. Menus that are not compatible are no auction: they are worth less
    than any, and count as not settled.
    """

    game: MenuAuction
    config: PriceConfig = dataclasses.field(default_factory=PriceConfig)
    started: np.ndarray | None = None  # prices [O, K] of the run `PriceConfig.start`, see `prepare`

    draws = "an exact certificate, and fresh Sobol points"
    buyers = "whose values are uniform and who take the best of their menus"
    gap_name = "excess"
    columns: ClassVar = {
        "half_width": "± (95 %)",
        "by_quadrature": "quadrature",
        "over_allocation": "over-allocation",
        "excess": "excess",
        "regret": "bidders' regret",
    }

    @cached_property
    def menus(self) -> Menus:
        """The options, and where their prices are set."""
        return menus_of(self.game, self.config)

    @cached_property
    def ties(self) -> Ties:
        """Which prices are the same."""
        return ties_of(self.menus)

    @cached_property
    def _places(self) -> np.ndarray:
        """int ``[O, K]``: the variable that each price of a commitment is."""
        tables = (self.ties.first,) if self.menus.alike else (self.ties.first, self.ties.second)
        return np.concatenate(tables)[:, 1:]

    @property
    def leader_actions(self) -> Box:
        count = len(self.menus.shares) - 1
        return Box((0.0,) * count, (self._most,) * count)

    @property
    def _most(self) -> float:
        """The highest price: nobody pays it."""
        return (self.game.items + 1) * self.menus.scale

    def _observations(self) -> np.ndarray:
        one, two = (mesh.vertices for mesh in self.menus.meshes)
        if self.menus.alike:
            return two.astype(np.float32)
        return np.concatenate([np.insert(two, 0, 0.0, axis=1), np.insert(one, 0, 1.0, axis=1)]).astype(np.float32)

    @property
    def payoff_range(self) -> tuple[float, float]:
        return 0.0, self.menus.scale * self.game.items

    @property
    def bytes_per_commitment(self) -> int:
        """What options are worth to both bidders, with room for their chances."""
        return 32 * self.config.num_auctions * len(self.menus.shares)

    def prepare(self, arrays: dict[str, np.ndarray] | None = None) -> "MenuAuctionProblem":
        """With the prices of an earlier run on this mesh, if the settings name one: of ``arrays``, or read now."""
        _ = self.menus.unit  # raises where values have too many digits
        if not self.config.start:
            return self
        start = arrays["start"] if arrays else prices_of_run(self.config.start, self.game, self.menus)
        return dataclasses.replace(self, started=start)

    def prepared(self) -> dict[str, np.ndarray]:
        """The prices that `prepare` found."""
        return {} if self.started is None else {"start": self.started}

    def auction(self, commitment: Any) -> PricedMenus:
        """The menus that a commitment ``[O, K]`` stands for, in whole units."""
        return self._priced(self._free(commitment))

    def commitment_of(self, auction: PricedMenus) -> np.ndarray:
        """The commitment ``[O, K]`` that stands for ``auction``, float32."""
        tables = auction.prices[: 1 if self.menus.alike else 2]
        return np.concatenate(tables)[:, 1:].astype(np.float32)

    def _priced(self, free: np.ndarray) -> PricedMenus:
        first, second = map(self.menus.in_units, self.ties.tables(free))
        return PricedMenus(self.menus, (first, second))

    def _free(self, commitment: Any) -> np.ndarray:
        """``[F]`` the means of tied prices, float64."""
        places, made = self._places.ravel(), np.asarray(commitment, np.float64).ravel()
        return np.bincount(places, made, self.ties.size) / np.bincount(places, minlength=self.ties.size)

    def _values(self, key: PRNGKey) -> Array:
        """``[B, 2, m]``."""
        low, high = (jnp.asarray(ends, jnp.float32)[None, :, None] for ends in zip(*self.game.ends, strict=True))
        points = shifted_lattice(key, self.config.num_auctions, 2 * self.game.items)
        return low + (high - low) * points.reshape(-1, 2, self.game.items)

    def _met(self, values: Array, commitment: Array, choose: Callable[[Array], Array]) -> tuple[Array, Array, Array]:
        """``[B]`` what is paid, and how much of all items is given twice, if ``choose`` turns gains into chances of options;
        ``[B, 2]`` what bidders are left with.
        """
        places, size = jnp.asarray(self._places.ravel()), self.ties.size
        counts = jnp.asarray(np.bincount(self._places.ravel(), minlength=size), commitment.dtype)
        free = jax.ops.segment_sum(commitment.ravel(), places, size) / counts
        whole = jnp.append(free, jnp.zeros(1, free.dtype))
        tables = whole[self.ties.first], whole[self.ties.second]
        allocations = jnp.asarray(self.menus.allocations, values.dtype)
        offered = [self.menus.meshes[1 - i].interpolate(tables[i], values[:, 1 - i]) for i in range(2)]
        gains = [values[:, i] @ allocations.T - offered[i] for i in range(2)]
        chances = [choose(one) for one in gains]
        paid = (chances[0] * offered[0] + chances[1] * offered[1]).sum(axis=1)
        left = jnp.stack([(chance * one).sum(axis=1) for chance, one in zip(chances, gains, strict=True)], axis=1)
        return paid, jnp.maximum((chances[0] + chances[1]) @ allocations - 1.0, 0.0).sum(axis=1), left

    def _earned(self, key: PRNGKey) -> Callable[[Array], tuple[Array, Array]]:
        values, cost = self._values(key), PENALTY * self.menus.scale

        def one(commitment: Array) -> tuple[Array, Array]:
            paid, over, left = self._met(values, commitment, _best)
            return (paid - cost * over).mean(), left.mean(axis=0)

        return one

    @cached_property
    def differentiable(self) -> Differentiable:
        """The revenue if bidders take options with chances that fall off smoothly, less a penalty on what is given twice."""
        scale, cost = sum(high for _, high in self.game.ends) * self.game.items, PENALTY * self.menus.scale

        def payoff(key: PRNGKey, commitment: Array, sharpness: Array) -> Array:
            softly = lambda gains: jax.nn.softmax(sharpness / scale * gains, axis=1)
            paid, over, _ = self._met(self._values(key), commitment, softly)
            return (paid - cost * jnp.minimum(1.0, sharpness / FULL_PENALTY) * over).mean()

        def start(key: PRNGKey) -> Array:
            """Random prices, or those of an earlier run."""
            if self.started is not None:
                return jnp.asarray(self.started)
            size = jnp.asarray(self.menus.allocations[1:].sum(axis=1) * self.menus.scale, jnp.float32)
            return size[None] * jax.random.uniform(key, self._places.shape, minval=CHEAPEST, maxval=DEAREST)

        return Differentiable(payoff, start, lambda commitment: commitment.clip(0.0, self._most))

    def improve(self, commitment: np.ndarray, num_evaluations: int) -> np.ndarray:
        """Compatible prices near ``commitment``, or near those of an earlier run if that has better ones; see `ascended`."""
        free = self._free(commitment)
        if self.started is not None and not compatibility(self.auction(commitment)).holds:
            free = self._free(self.started)
        found = ascended(self.menus, self.ties, free, min(num_evaluations, MOST_STEPS), self._most)
        return self.commitment_of(self._priced(found.free))

    def _worth(self, paid: Any, over: Any, is_auction: Any) -> Any:
        """The payoff: the revenue of an auction; of menus that are none it is less than any auction earns."""
        return paid - (1.0 - is_auction) * (PENALTY * self.menus.scale * over + self.payoff_range[1])

    def score(self, key: PRNGKey, commitment: Array) -> Judged:
        """See `Problem`: by draws alone, to which menus are compatible that never give an item twice."""
        met = lambda key: self._met(self._values(key), commitment, _best)[:2]
        paid, over = jax.lax.map(lambda key: tuple(part.mean() for part in met(key)), jax.random.split(key, NUM_REPEATS))
        (mean, half_width), twice = interval(paid), over.mean()
        payoff = self._worth(mean, twice, (twice <= 0.0).astype(mean.dtype))
        return Judged(payoff, twice, AuctionCertificate(payoff, half_width, twice, twice, jnp.uint32(0)))

    def judge(self, key: PRNGKey, commitment: Array, num_groups: int) -> Judged:
        """See `Problem`: on fresh draws; ``details`` is the certificate, by which menus are an auction or not."""
        del num_groups
        found = self._certified(key, commitment)
        return Judged(found.payoff, found.excess, found)

    def _certified(self, key: PRNGKey, commitment: Array) -> AuctionCertificate:
        draws = jax.random.bits(key, (2,), jnp.uint32)

        def certified(commitment: np.ndarray, draw: np.ndarray) -> list[float]:
            auction = self.auction(commitment)
            excess, seen = compatibility(auction).worst, average_play(auction, ON_THE_WAY, int(draw))
            payoff = self._worth(seen.revenue, seen.over_allocation, float(excess <= 0.0))
            return [payoff, seen.half_width, excess, seen.over_allocation]

        found = in_numpy(certified, (4,), commitment, draws[0])
        return AuctionCertificate(found[0], found[1], found[2], found[3], draws[1])

    def played(self, judged: Judged, commitments: Any) -> list[Played]:
        """See `Problem`; at the same values always, and a part of an item is the chance to have it."""
        del judged
        by_lots = self.config.levels > 1 and not self.game.unit_demand  # there a bidder never has two items
        values, found = lots.values_told(np.array(self.game.ends), self.game.items, by_lots=by_lots), []
        for auction in map(self.auction, commitments):
            met = play(auction, values)
            found.append(lots.told(values, met.allocations, met.payments, by_lots=by_lots))
        return found

    def _claimed(self) -> Optimum | None:
        """See `MenuAuction.optimum`; one item goes to the highest bid of at least half of the largest value."""
        found = self.game.optimum
        if found.method == "upper-bound":
            return found
        reserve = np.maximum(self.menus.meshes[1].vertices, self.menus.scale / 2)
        if self.config.levels > 1 or self.menus.cells % 2:  # the reserve is no vertex
            return found
        return found._replace(commitment=reserve.astype(np.float32))

    @property
    def optimum_takes_long(self) -> bool:
        return self.game.items > 1

    def _revenue(self, auction: PricedMenus) -> float:
        """An integral over both bidders' values, right to some 1e-5 for one and two items."""
        return revenue(self.menus, self.ties, self.ties.free(auction.prices))[0]

    def _described(self, commitment: Any, seen: AuctionCertificate) -> dict[str, Any]:
        auction = self.auction(commitment)
        certificate, found = compatibility(auction), average_play(auction, AT_LAST, int(seen.draw))
        payoff = self._worth(found.revenue, found.over_allocation, float(certificate.holds))
        numbers = {
            "by_quadrature": None if self.game.items > 2 else self._revenue(auction),  # the rule is too coarse in space
            "over_allocation": found.over_allocation,
            "excess": certificate.worst,
            "is_auction": certificate.holds,
        }
        words = words_of(auction, certificate)
        return self._sold(commitment, words, payoff, found.half_width, **numbers, pictures=pictures_of(auction))


def _best(gains: Array) -> Array:
    """All chance on the best option."""
    return jax.nn.one_hot(gains.argmax(axis=1), gains.shape[1], dtype=gains.dtype)
