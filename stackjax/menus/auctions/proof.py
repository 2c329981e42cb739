"""An auction as a file that holds the proof that it is one, for whoever would check it apart from this library."""

import os
import pathlib
from typing import Any

import numpy as np

from stackjax.errors import InputError, require_is
from stackjax.menus.auctions.compatible import certificate
from stackjax.menus.auctions.menu_problem import MenuAuctionProblem
from stackjax.menus.auctions.play import PricedMenus
from stackjax.menus.auctions.started import read_run

__all__ = ["export_proof", "load_auction"]


def load_auction(directory: str | os.PathLike[str]) -> PricedMenus:
    """The menus that earned the most in a finished run of ``menu-auction``; nothing that is read is executed.

    Raises:
      InputError: there is no such run.
    """
    require_is("directory", directory, (str, os.PathLike), "the path of a run")
    game, settings, commitment = read_run("directory", os.fspath(directory))
    return MenuAuctionProblem(game, settings).auction(commitment)


def export_proof(auction: PricedMenus, path: str | os.PathLike[str]) -> None:
    """Write prices and the weights of the certificate to an ``.npz`` file, all of them whole numbers; see docs/auctions.md.

    Every pair of simplices and every two options in conflict has its weights, whatever the symmetries are.

    Raises:
      InputError: ``path`` does not end in ``.npz``, or the menus are not compatible.
    """
    require_is("auction", auction, PricedMenus, "priced menus, as of load_auction")
    require_is("path", path, (str, os.PathLike), "a path")
    place, menus = pathlib.Path(path), auction.menus
    if place.suffix != ".npz":
        raise InputError(f"path={os.fspath(path)!r} must end in .npz")
    plain = menus.apart
    found = certificate(plain, auction.units, menus.scale)
    if not found.holds:
        raise InputError(
            f"auction: its menus are not compatible, by up to {found.worst:.3g}, so that there is no proof to write"
        )
    content: dict[str, Any] = {
        "unit": np.array(menus.unit.as_integer_ratio()),
        "cells": np.array(menus.cells),
        "levels": np.array(menus.levels),
        "shares": menus.shares,
        "conflicts": np.array(list(found.weighted)),
    }
    for i in range(2):
        content |= {f"vertices_{i + 1}": plain.vertices[i], f"simplices_{i + 1}": plain.simplices[i]}
        content[f"prices_{i + 1}"] = auction.units[i]
    shape = tuple(len(of) for of in plain.simplices)
    for c, weighted in enumerate(found.weighted.values()):
        used, chosen = np.unique(weighted.chosen, return_inverse=True)
        content |= {f"weights_{c}": weighted.weights[used], f"chosen_{c}": chosen.reshape(shape).astype(np.int32)}
    with place.open("wb") as file:
        np.savez_compressed(file, **content)
