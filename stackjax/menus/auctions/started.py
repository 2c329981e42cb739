"""The prices of an earlier run: as they are, or on a finer mesh. What is read is data, and checked."""

import json
import pathlib
from typing import Any

import numpy as np

from stackjax.errors import InputError, require
from stackjax.menus.auctions.menu_auction import MenuAuction, menus_of
from stackjax.menus.auctions.priced import Menus
from stackjax.menus.config import PriceConfig

__all__ = ["prices_of_run", "read_run"]


def read_run(argument: str, directory: str) -> tuple[MenuAuction, PriceConfig, np.ndarray]:
    """The game of the run in ``directory``, how prices are represented, and those ``[O, K]`` that earned the most.

    ``argument`` is what errors call the directory.

    Raises:
      InputError: there is no finished run of menu auctions, or its prices are not of the shape that they must have.
    """
    config, result = (_read(argument, pathlib.Path(directory) / name) for name in ("config.json", "result.json"))
    what = f"{argument}={directory!r} must be a finished run of {MenuAuction.name!r}"
    try:
        require("game", config["game"], config["game"] == MenuAuction.name, repr(MenuAuction.name))
        options: dict[str, Any] = {
            name: tuple(end) if isinstance(end, list) else end for name, end in config["game_options"].items()
        }
        game, shown = MenuAuction(**options), {name: config["prices"][name] for name in ("cells", "levels")}
        menus = menus_of(game, settings := PriceConfig(**shown))
        earned = lambda seed: float(seed["leader_payoff"] if seed["by_quadrature"] is None else seed["by_quadrature"])
        best = max(result["seeds"], key=lambda seed: (bool(seed["is_auction"]), earned(seed)))
        found = np.array(best["commitment"]["actions"], np.float64)
    except (AttributeError, InputError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise InputError(f"{what}: {type(error).__name__}: {error}") from error
    wanted = (sum(_sizes(menus)), len(menus.shares) - 1)
    if found.shape != wanted or not np.isfinite(found).all():
        raise InputError(f"{what}: it holds prices of shape {found.shape}, which must be finite and of shape {wanted}")
    return game, settings, found


def prices_of_run(start: str, game: MenuAuction, menus: Menus) -> np.ndarray:
    """``[O, K]`` the prices that earned the most in the run in directory ``start``, on the mesh of ``menus``.

    Raises:
      InputError: there is no such run, it is of another game, or its mesh does not fit.
    """
    theirs, settings, found = read_run("start", start)
    if (theirs.items, theirs.ends, theirs.unit_demand) != (game.items, game.ends, game.unit_demand):
        raise InputError(f"start={start!r} is a run of {theirs}, which is not {game}")
    require("levels", menus.levels, menus.levels == settings.levels, f"{settings.levels}, as in the run {start!r}")
    coarse = menus_of(theirs, settings)
    require(
        "cells", menus.cells, menus.cells % coarse.cells == 0, f"a multiple of {coarse.cells}, the cells of the run {start!r}"
    )
    tables = np.split(found, np.cumsum(_sizes(coarse))[:-1])
    finer = [mesh.refined(table, menus.cells // coarse.cells) for mesh, table in zip(coarse.meshes[::-1], tables, strict=False)]
    return np.concatenate(finer).astype(np.float32)


def _sizes(menus: Menus) -> list[int]:
    """How many vertices each table of prices has: that of bidder 1, and of bidder 2 where it is another."""
    return [len(mesh.vertices) for mesh in menus.meshes[::-1]][: 1 if menus.alike else 2]


def _read(argument: str, path: pathlib.Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, RecursionError, ValueError) as error:
        raise InputError(
            f"{argument}: {path} cannot be read: {type(error).__name__}: {error}; name the directory of a run"
        ) from error
