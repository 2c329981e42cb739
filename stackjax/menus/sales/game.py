"""A sequential sale as a game: what its prices may depend on, and what a bidder's choice leads to from every state.

A state is what is left. States with as many options form a block, so that all of them are computed at once.
"""

import dataclasses
import math
from functools import cached_property
from typing import Literal, NamedTuple, get_args

import jax.numpy as jnp
import numpy as np

from stackjax.errors import InputError, require
from stackjax.menus.sales.sale import MOST_BUNDLED, Sale, bits
from stackjax.types import Array, PRNGKey

__all__ = ["Block", "MenuKind", "Prices", "SequentialSaleGame"]

MenuKind = Literal["size", "bundle", "tariff"]
Prices = tuple[Array, ...]  # the parameters of each block, [C, P]


class Block(NamedTuple):
    """C states with O options each, the first of which is to buy nothing.

    ``states [C]`` and ``options [C, O]`` are numbers of items, or sets of items as bits; what is left afterwards is their
    difference ``after [C, O]``. ``there [C, O]`` says whether an option is offered, ``sizes [C, O]`` how many items it has.
    """

    states: np.ndarray
    options: np.ndarray
    after: np.ndarray
    there: np.ndarray
    sizes: np.ndarray


@dataclasses.dataclass(frozen=True)
class SequentialSaleGame:
    """A sale at prices.

    Args:
      sale: what is sold to whom.
      kind: ``"size"``, a price for each number of items, by the number left; ``"bundle"``, one for each bundle, by the items
        left; ``"tariff"``, by the items left too, a price for each item and one for the number that is bought, which add up.

    Raises:
      InputError: the law of values does not suit these prices.
    """

    sale: Sale
    kind: MenuKind

    def __post_init__(self) -> None:
        kinds = get_args(MenuKind)
        require("menu", self.kind, self.kind in kinds, f"one of {', '.join(kinds)}")
        law, items = self.sale.valuations, self.sale.num_items
        if self.kind == "size":
            if not self.sale.is_symmetric:
                raise InputError(f"menu='size' is for values that treat items alike; those of valuations={law!r} do not")
            return
        require("num_items", items, items <= MOST_BUNDLED, f"at most {MOST_BUNDLED} where prices depend on the items left")
        if self.kind == "tariff" and not self.sale.is_additive:
            raise InputError(f"menu='tariff' is for values that add up; those of valuations={law!r} do not")

    @staticmethod
    def of(sale: Sale, kind: MenuKind | None = None) -> "SequentialSaleGame":
        """By default ``"size"`` where items are alike, else ``"bundle"``, or for more than six items ``"tariff"``."""
        if kind is None:
            kind = "size" if sale.is_symmetric else "bundle" if sale.num_items <= 6 else "tariff"
        return SequentialSaleGame(sale, kind)

    @property
    def name(self) -> str:
        return "sequential-sale"

    @property
    def is_exact(self) -> bool:
        """Whether a recursion says what prices earn."""
        return self.kind == "size" and self.sale.valuations == "unit-demand"

    @property
    def num_states(self) -> int:
        """N."""
        return self.sale.num_items + 1 if self.kind == "size" else 2**self.sale.num_items

    @property
    def num_options(self) -> int:
        """O of the table of all prices ``[N, O]``."""
        return self.sale.most_bought + 1 if self.kind == "size" else self.num_states

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        m, most = self.sale.num_items, self.sale.most_bought
        if self.kind == "size":
            states, sizes = np.arange(m + 1), np.tile(np.arange(most + 1), (m + 1, 1))
            there = sizes <= states[:, None]
            return (Block(states, sizes, np.maximum(states[:, None] - sizes, 0), there, sizes),)
        inside = bits(m)
        count, blocks = inside.sum(axis=1), []
        for k in range(m + 1):
            states = np.flatnonzero(count == k)
            positions = np.array([np.flatnonzero(row) for row in inside[states]]).reshape(len(states), k)
            options = (bits(k)[None] << positions[:, None]).sum(axis=2)
            sizes = np.tile(bits(k).sum(axis=1), (len(states), 1))
            blocks.append(Block(states, options, states[:, None] - options, sizes <= most, sizes))
        return tuple(blocks)

    def draw(self, key: PRNGKey, count: int) -> Array:
        """Values of ``count`` bidders, ``[count, N, O]`` or ``[count, 2**m]``, or ``[count, m]`` if they add up."""
        if self.kind == "size":
            return self.sale.sizes(key, count)
        return self.sale.items(key, count) if self.sale.is_additive else self.sale.bundles(key, count)

    def worth(self, block: Block, drawn: Array) -> Array:
        """``[B, C, O]`` what the options of a block are worth."""
        if self.kind == "size":
            return drawn
        shape = (len(drawn), *block.options.shape)
        if self.sale.is_additive:
            inside = jnp.asarray(bits(self.sale.num_items)[block.options.ravel()].T, drawn.dtype)
            return (drawn @ inside).reshape(shape)
        return drawn[:, block.options.ravel()].reshape(shape)

    def all_worth(self, drawn: Array) -> Array:
        """``[B, N or 1, O]`` what options are worth, those that are not there among them."""
        if self.kind == "size":
            return drawn
        return (drawn @ jnp.asarray(bits(self.sale.num_items).T, drawn.dtype) if self.sale.is_additive else drawn)[:, None]

    def start(self, draw: Array) -> Prices:
        """Prices to start from: 0.7 of the mean of drawn values."""
        if self.kind == "size" or not self.sale.is_additive:
            return tuple(0.7 * self.worth(block, draw).mean(axis=0) for block in self.blocks)
        means, made = 0.7 * draw.mean(axis=0), []
        for k, block in enumerate(self.blocks):
            items = np.array([np.flatnonzero(row) for row in bits(self.sale.num_items)[block.states]], np.int32)
            count, single = len(items), 2**k if self.kind == "bundle" else 0
            made.append(jnp.concatenate([means[items.reshape(-1)].reshape(count, k), jnp.zeros((count, k + single))], axis=1))
        return tuple(made)

    def prices(self, block: Block, params: Array) -> Array:
        """``[C, O]`` by the parameters of a block; 0 for nothing.

        Where values add up, prices of bundles are a tariff plus a number for each: what concerns many is learned sooner.
        """
        if self.kind == "size" or not self.sale.is_additive:
            return params * jnp.asarray(block.sizes > 0, params.dtype)
        size = block.sizes[0]
        k = int(size[-1])
        schedule = (size[None] == np.arange(1, k + 1)[:, None]).astype(int)
        single = np.diag(size > 0) if self.kind == "bundle" else np.zeros((0, len(size)))
        return params @ jnp.asarray(np.concatenate([bits(k).T, schedule, single]), params.dtype)

    def block_prices(self, params: Prices) -> Prices:
        """`prices` of every block."""
        return tuple(self.prices(block, own) for block, own in zip(self.blocks, params, strict=True))

    def table(self, prices: Prices) -> Array:
        """``[N, O]`` all prices, by what is left and what is bought; infinite for what is not there."""
        found = jnp.full((self.num_states, self.num_options), math.inf)
        for block, own in zip(self.blocks, prices, strict=True):
            found = found.at[block.states[:, None], block.options].set(jnp.where(block.there, own, math.inf))
        return found

    def of_blocks(self, table: Array) -> Prices:
        """The prices ``[C, O]`` of every block, of a ``table [N, O]``; 0 for nothing."""
        return tuple(
            table[block.states[:, None], block.options] * (block.sizes > 0).astype(table.dtype) for block in self.blocks
        )
