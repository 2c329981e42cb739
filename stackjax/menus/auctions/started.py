"""The prices of an earlier run, for a mesh that is as fine as its own or finer. What is read is data, and checked."""

import json
import pathlib
from typing import Any

import numpy as np

from stackjax.errors import InputError, require
from stackjax.menus.auctions.menu_auction import MenuAuction
from stackjax.menus.auctions.priced import Menus

__all__ = ["prices_of_run"]


def prices_of_run(start: str, game: MenuAuction, menus: Menus) -> np.ndarray:
    """``[O, K]`` the prices that earned the most in the run in directory ``start``, on the mesh of ``menus``.

    Raises:
      InputError: there is no such run, it is of another game, or its mesh does not fit.
    """
    config, result = (_read(pathlib.Path(start) / name) for name in ("config.json", "result.json"))
    try:
        theirs, cells, levels = config["game"], int(config["prices"]["cells"]), int(config["prices"]["levels"])
        options = {name: config["game_options"][name] for name in ("items", "low", "high", "unit_demand")}
        best = max(result["seeds"], key=lambda seed: (bool(seed["is_auction"]), float(seed["by_quadrature"])))
        found = np.array(best["commitment"]["actions"], np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"start={start!r} must be a finished run of {game.name!r}: {type(error).__name__}: {error}") from error
    ours = {"items": game.items, "low": list(game.low), "high": list(game.high), "unit_demand": game.unit_demand}
    if (theirs, levels, {**options, "low": list(options["low"]), "high": list(options["high"])}) != (
        game.name,
        menus.levels,
        ours,
    ):
        raise InputError(
            f"start={start!r} is a run of {theirs!r} with {options} and levels={levels}: another game than this one"
        )
    require("cells", menus.cells, menus.cells % cells == 0, f"a multiple of {cells}, the cells of the run {start!r}")
    coarse = Menus(menus.shares, menus.levels, cells, menus.ends)
    sizes = [len(mesh.vertices) for mesh in coarse.meshes[::-1][: 1 if menus.alike else 2]]
    if found.shape != (sum(sizes), len(menus.shares) - 1) or not np.isfinite(found).all():
        wanted = (sum(sizes), len(menus.shares) - 1)
        raise InputError(f"start={start!r} holds prices of shape {found.shape}, which must be finite and of shape {wanted}")
    tables = np.split(found, np.cumsum(sizes)[:-1])
    finer = [mesh.refined(table, menus.cells // cells) for mesh, table in zip(coarse.meshes[::-1], tables, strict=False)]
    return np.concatenate(finer).astype(np.float32)


def _read(path: pathlib.Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"start: {path} cannot be read: {type(error).__name__}: {error}; name the directory of a run"
        ) from error
