"""The family of menus: a seller commits to options with prices, a buyer with a private type takes the best."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stackjax.menus.allocations import AllocationSet, BoxAllocations, UnitDemand
    from stackjax.menus.bound import upper_bound
    from stackjax.menus.config import MenuConfig
    from stackjax.menus.game import Menu, MenuGame, Profit
    from stackjax.menus.improve import improved
    from stackjax.menus.laws import TypeLaw, beta_mixture, finite, uniform_box, uniform_triangle
    from stackjax.menus.problem import MenuCertificate, MenuProblem
    from stackjax.menus.single_buyer import straight_jacket
    from stackjax.solvers.config import GradientConfig

_HOMES = {
    "menus.allocations": ("AllocationSet", "BoxAllocations", "UnitDemand"),
    "menus.bound": ("upper_bound",),
    "menus.config": ("MenuConfig",),
    "menus.game": ("Menu", "MenuGame", "Profit"),
    "menus.improve": ("improved",),
    "menus.laws": ("TypeLaw", "beta_mixture", "finite", "uniform_box", "uniform_triangle"),
    "menus.problem": ("MenuCertificate", "MenuProblem"),
    "menus.single_buyer": ("straight_jacket",),
    "solvers.config": ("GradientConfig",),
}
_LAZY = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "AllocationSet",
    "BoxAllocations",
    "GradientConfig",
    "Menu",
    "MenuCertificate",
    "MenuConfig",
    "MenuGame",
    "MenuProblem",
    "Profit",
    "TypeLaw",
    "UnitDemand",
    "beta_mixture",
    "finite",
    "improved",
    "straight_jacket",
    "uniform_box",
    "uniform_triangle",
    "upper_bound",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'stackjax.menus' has no attribute {name!r}")
    return getattr(importlib.import_module(f"stackjax.{_LAZY[name]}"), name)
