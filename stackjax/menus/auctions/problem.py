"""An affine maximiser as a `Problem`: the commitment is its options, their boosts and the bidders' weights."""

import dataclasses
import itertools
from collections.abc import Callable
from functools import cached_property
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.errors import require_count
from stackjax.menus.allocations import UnitDemand
from stackjax.menus.auctions import lots
from stackjax.menus.auctions.affine import AffineMaximizer, auction, average_revenue, item_wise_myerson, scores
from stackjax.menus.auctions.bound import auction_bound
from stackjax.menus.auctions.flux_bound import flux_bound
from stackjax.menus.config import AffineConfig
from stackjax.menus.draws import in_numpy
from stackjax.menus.seller import RevenueCertificate, SellerProblem
from stackjax.problem import Differentiable, Judged, Optimum, Played
from stackjax.spaces import Box
from stackjax.types import Array, PRNGKey

__all__ = ["AffineAuction", "AffineProblem"]

LEAST_WEIGHT = 0.05
ON_THE_WAY, AT_LAST = 13, 17  # points of a judgement, as powers of 2
BOUND_CELLS = 20
LATTICES = {2: (24, 4), 3: (16, 4), 4: (6, 3), 5: (4, 3), 6: (4, 2), 7: (3, 2), 8: (2, 2)}  # by all values: seconds each
FEWEST_OPTIONS, MOST_BY_DEFAULT = 32, 512  # unless told otherwise
MOST_BIDDERS, MOST_ITEMS = 8, 8


@dataclasses.dataclass(frozen=True)
class AffineAuction:
    """Bidders whose values of items are independent, uniform in [0, 1], and add up.

    Args:
      bidders: n.
      items: m.

    Raises:
      InputError: a number is not a positive whole one, or too large.
    """

    bidders: int = 2
    items: int = 2

    name: ClassVar[str] = "affine-auction"
    is_exact: ClassVar[bool] = False

    def __post_init__(self) -> None:
        require_count("bidders", self.bidders, most=MOST_BIDDERS)
        require_count("items", self.items, most=MOST_ITEMS)

    @cached_property
    def optimum(self) -> Optimum | None:
        """Of all strategy-proof auctions: Myerson's for one item; an upper bound for more; None for too many values."""
        if self.items == 1:
            return Optimum(item_wise_myerson(self.bidders, 1), "closed-form")
        lattice = LATTICES.get(self.bidders * self.items)
        if lattice is None:
            return self.bayesian_bound
        shape = (self.bidders, self.items)
        return flux_bound(np.zeros(shape), np.ones(shape), *lattice)

    @cached_property
    def bayesian_bound(self) -> Optimum | None:
        """Of all auctions in Bayesian equilibrium: an upper bound for two items, else None."""
        return auction_bound(self.bidders, BOUND_CELLS) if self.items == 2 else None


@dataclasses.dataclass(frozen=True, eq=False)
class AffineProblem(SellerProblem):
    """A `Problem`: ``[1 + K, n * m + 1]``, the bidders' weights (the first n entries of the first row), then options.

    An option is what each bidder has of each item, bidder by bidder, and a boost. To give nothing to anybody is an option too.
    """

    game: AffineAuction
    config: AffineConfig = dataclasses.field(default_factory=AffineConfig)

    draws = "fresh Sobol points"
    buyers = "whose values are uniform and who bid them"  # to tell the truth is best
    columns: ClassVar = {"half_width": "± (95 %)", "options": "options", "regret": "bidders' regret"}

    @cached_property
    def num_options(self) -> int:
        """K, see `AffineConfig`."""
        whole = (self.game.bidders + 1) ** self.game.items - 1
        return self.config.num_options or min(max(FEWEST_OPTIONS, 2 * whole), MOST_BY_DEFAULT)

    @property
    def leader_actions(self) -> Box:
        entries = self.game.bidders * self.game.items
        return Box((*(0.0,) * entries, -float(self.game.items)), (*(1.0,) * entries, float(self.game.items)))

    def _observations(self) -> np.ndarray:
        return np.arange(self.num_options + 1, dtype=np.float32)[:, None]

    @property
    def payoff_range(self) -> tuple[float, float]:
        return 0.0, float(self.game.items)

    @property
    def bytes_per_commitment(self) -> int:
        """Scores of all options, with and without each bidder."""
        return 16 * self.config.num_auctions * (self.num_options + 1) * (self.game.bidders + 1)

    def _project(self, commitment: Array) -> Array:
        """The nearest commitment that gives nothing twice and weighs everybody."""
        n, m = self.game.bidders, self.game.items
        shares = commitment[1:, :-1].reshape(-1, n, m).swapaxes(1, 2)
        shares = UnitDemand(n).project(shares).swapaxes(1, 2).reshape(-1, n * m)
        options = jnp.concatenate([shares, commitment[1:, -1:]], axis=1)
        return jnp.concatenate([commitment[:1].clip(LEAST_WEIGHT, 1.0), options])

    def _parts(self, commitment: Array) -> tuple[Array, Array, Array]:
        """Allocations ``[K + 1, n, m]``, nothing first, weights and boosts."""
        made, n, m = self._project(commitment), self.game.bidders, self.game.items
        shares = made[:, :-1].at[0].set(0.0).reshape(-1, n, m)
        return shares, made[0, :n], made[:, -1].at[0].set(0.0)

    def maximizer(self, commitment: Array) -> AffineMaximizer:
        """The affine maximiser that a commitment stands for, in float64."""
        return AffineMaximizer(*(np.asarray(part, np.float64) for part in self._parts(jnp.asarray(commitment))))

    def _payments(self, values: Array, commitment: Array) -> tuple[Array, Array]:
        """``[B, K + 1]`` scores, and what each bidder would pay under each option, ``[B, n, K + 1]``."""
        allocations, weights, boosts = self._parts(commitment)
        whole, others = scores(allocations, weights, boosts, values)
        return whole, (others.max(axis=2, keepdims=True) - others) / weights[None, :, None]

    def _values(self, key: PRNGKey) -> Array:
        return jax.random.uniform(key, (self.config.num_auctions, self.game.bidders, self.game.items))

    def _earned(self, key: PRNGKey) -> Callable[[Array], tuple[Array, Array]]:
        values = self._values(key)

        def one(commitment: Array) -> tuple[Array, Array]:
            whole, paid = self._payments(values, commitment)
            chosen = whole.argmax(axis=1)
            payments = jnp.take_along_axis(paid, chosen[:, None, None], axis=2)[..., 0]
            worth = (values * self._parts(commitment)[0][chosen]).sum(axis=2)
            return payments.sum(axis=1).mean(), (worth - payments).mean(axis=0)

        return one

    @cached_property
    def differentiable(self) -> Differentiable:
        """The revenue if the auctioneer picks with chances that fall off smoothly, see `Differentiable`."""
        n, m, count = self.game.bidders, self.game.items, self.num_options

        def payoff(key: PRNGKey, commitment: Array, sharpness: Array) -> Array:
            whole, paid = self._payments(self._values(key), commitment)
            return (jax.nn.softmax(sharpness / (n * m) * whole, axis=1) * paid.sum(axis=1)).sum(axis=1).mean()

        def start(key: PRNGKey) -> Array:
            """Myerson's auction of each item by itself, as far as there are options for it, and random ones beside."""
            share_key, boost_key = jax.random.split(key)
            shares = jax.random.dirichlet(share_key, jnp.full(n + 1, 0.5), (count, m))[..., :n].swapaxes(1, 2)
            # -1 is nobody: that all have nothing is an option anyway
            owners = np.array(list(itertools.islice(itertools.product(range(-1, n), repeat=m), 1, count + 1)))
            given = (owners[:, None] == np.arange(n)[:, None]).astype(np.float32)[: min(count, len(owners))]
            shares = shares.at[: len(given)].set(given)
            reserve = jax.random.uniform(boost_key, (count,), minval=0.5, maxval=1.0).at[: len(given)].set(0.5)
            asked = shares.sum(axis=(1, 2)) * reserve
            options = jnp.concatenate([shares.reshape(count, n * m), -asked[:, None]], axis=1)
            return jnp.concatenate([jnp.ones((1, n * m + 1)), options])

        return Differentiable(payoff, start, self._project)

    def played(self, judged: Judged, commitments: Any) -> list[Played]:
        """See `Problem`; at the same values always, and a share of an item is the chance to have it."""
        del judged
        values, found = lots.values_told(np.tile([0.0, 1.0], (self.game.bidders, 1)), self.game.items, by_lots=True), []
        for maximizer in map(self.maximizer, commitments):
            option, payments = auction(maximizer, values)
            found.append(lots.told(values, maximizer.allocations[option], payments, by_lots=True))
        return found

    def _certified(self, key: PRNGKey, commitment: Array) -> RevenueCertificate:
        draws = jax.random.bits(key, (2,), jnp.uint32)
        revenue = lambda draw, *parts: average_revenue(AffineMaximizer(*parts), ON_THE_WAY, int(draw))[:2]
        value, half_width = in_numpy(revenue, (2,), draws[0], *self._parts(commitment))
        return RevenueCertificate(value, half_width, draws[1])

    def _claimed(self) -> Optimum | None:
        """Of all auctions, see `AffineAuction.optimum`; one item goes to the highest bid of at least 1/2."""
        found = self.game.optimum
        if found is None or found.method == "upper-bound" or self.num_options < self.game.bidders:
            return found
        made = np.zeros((1 + self.num_options, self.game.bidders + 1), np.float32)
        made[0], made[1:, -1] = 1.0, -1.0
        made[1 : 1 + self.game.bidders, :-1], made[1 : 1 + self.game.bidders, -1] = np.eye(self.game.bidders), -0.5
        return found._replace(commitment=made)

    def _described(self, commitment: Any, seen: RevenueCertificate) -> dict[str, Any]:
        maximizer = self.maximizer(commitment)
        revenue, half_width, shares = average_revenue(maximizer, AT_LAST, int(seen.draw))
        apart = item_wise_myerson(self.game.bidders, self.game.items)
        numbers = {"options": int((shares > 5e-4).sum()), "item_wise_myerson": apart}
        return self._sold(commitment, _words(maximizer, shares), revenue, half_width, **numbers)


def _words(maximizer: AffineMaximizer, shares: np.ndarray) -> list[str]:
    """The options that are picked, the most frequent first, and the weights."""
    lines = [f"weights of bidders: {', '.join(f'{weight:.3g}' for weight in maximizer.weights)}"]
    for k in np.argsort(-shares):
        if shares[k] > 5e-4:
            has = [
                f"bidder {i + 1} has {share:.3g} of item {j + 1}"
                for i, row in enumerate(maximizer.allocations[k])
                for j, share in enumerate(row)
                if share > 5e-4
            ]
            lines.append(
                f"{', '.join(has) or 'nobody has anything'}: boost {maximizer.boosts[k]:.4g} ({shares[k]:.1%} of auctions)"
            )
    return lines
