"""The family of menus: a seller commits to options with prices, a buyer with a private type takes the best."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stackjax.menus.allocations import AllocationSet, BoxAllocations, UnitDemand
    from stackjax.menus.auctions.affine import AffineMaximizer, auction, average_revenue, item_wise_myerson
    from stackjax.menus.auctions.bound import auction_bound
    from stackjax.menus.auctions.config import AffineConfig
    from stackjax.menus.auctions.problem import AffineAuction, AffineProblem
    from stackjax.menus.bound import upper_bound
    from stackjax.menus.bridge import MenuAsBayesian
    from stackjax.menus.config import MenuConfig
    from stackjax.menus.data_buyers import two_data_buyers
    from stackjax.menus.game import Menu, MenuGame, Profit
    from stackjax.menus.improve import improved
    from stackjax.menus.laws import TypeLaw, beta_mixture, finite, uniform_box, uniform_triangle
    from stackjax.menus.persuasion import Persuasion, Profile, best_signals, certify_senders, full_revelation, learn_senders
    from stackjax.menus.problem import MenuCertificate, MenuProblem
    from stackjax.menus.sales.backward import SaleTable, SolveConfig, solve_backward
    from stackjax.menus.sales.config import SaleConfig
    from stackjax.menus.sales.fitted import FittedConfig, solve_fitted
    from stackjax.menus.sales.problem import SaleProblem
    from stackjax.menus.sales.sale import Sale, item_by_item
    from stackjax.menus.sales.value import SaleValue, sale_value
    from stackjax.menus.single_buyer import straight_jacket

_HOMES = {
    "auctions.affine": ("AffineMaximizer", "auction", "average_revenue", "item_wise_myerson"),
    "auctions.bound": ("auction_bound",),
    "auctions.config": ("AffineConfig",),
    "auctions.problem": ("AffineAuction", "AffineProblem"),
    "allocations": ("AllocationSet", "BoxAllocations", "UnitDemand"),
    "bound": ("upper_bound",),
    "bridge": ("MenuAsBayesian",),
    "config": ("MenuConfig",),
    "data_buyers": ("two_data_buyers",),
    "game": ("Menu", "MenuGame", "Profit"),
    "improve": ("improved",),
    "laws": ("TypeLaw", "beta_mixture", "finite", "uniform_box", "uniform_triangle"),
    "persuasion": (
        "Persuasion",
        "Profile",
        "best_signals",
        "certify_senders",
        "full_revelation",
        "learn_senders",
    ),
    "problem": ("MenuCertificate", "MenuProblem"),
    "sales.backward": ("SaleTable", "SolveConfig", "solve_backward"),
    "sales.config": ("SaleConfig",),
    "sales.fitted": ("FittedConfig", "solve_fitted"),
    "sales.problem": ("SaleProblem",),
    "sales.sale": ("Sale", "item_by_item"),
    "sales.value": ("SaleValue", "sale_value"),
    "single_buyer": ("straight_jacket",),
}
_LAZY = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "AffineAuction",
    "AffineConfig",
    "AffineMaximizer",
    "AffineProblem",
    "AllocationSet",
    "BoxAllocations",
    "FittedConfig",
    "Menu",
    "MenuAsBayesian",
    "MenuCertificate",
    "MenuConfig",
    "MenuGame",
    "MenuProblem",
    "Persuasion",
    "Profile",
    "Profit",
    "Sale",
    "SaleConfig",
    "SaleProblem",
    "SaleTable",
    "SaleValue",
    "SolveConfig",
    "TypeLaw",
    "UnitDemand",
    "auction",
    "auction_bound",
    "average_revenue",
    "best_signals",
    "beta_mixture",
    "certify_senders",
    "finite",
    "full_revelation",
    "improved",
    "item_by_item",
    "item_wise_myerson",
    "learn_senders",
    "sale_value",
    "solve_backward",
    "solve_fitted",
    "straight_jacket",
    "two_data_buyers",
    "uniform_box",
    "uniform_triangle",
    "upper_bound",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'stackjax.menus' has no attribute {name!r}")
    return getattr(importlib.import_module(f"stackjax.menus.{_LAZY[name]}"), name)
