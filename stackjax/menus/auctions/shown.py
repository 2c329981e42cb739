"""Menus with prices in words and pictures, for people."""

from typing import Any

import numpy as np

from stackjax.menus.auctions.compatible import Certificate
from stackjax.menus.auctions.play import PricedMenus
from stackjax.menus.cells import polygons_of
from stackjax.pictures import Picture, cells, regions

__all__ = ["pictures_of", "words_of"]

MOST_COLUMNS = 13  # of a table of prices
SHOWN = (0.25, 0.5, 0.75)  # of the way from the least to the largest of the other's values, where choices are drawn


def words_of(auction: PricedMenus, certificate: Certificate) -> list[str]:
    """The prices where all of the other's values are least, middling or largest, and whether it is an auction."""
    menus, lines = auction.menus, []
    if certificate.holds:
        lines.append("an auction: no item is given twice at any values, by an exact certificate")
    else:
        lines.append(f"not an auction: both bidders may want an item, by up to {certificate.worst:.3g} each")
    for i in range(1 if menus.alike else 2):
        mesh, prices = menus.meshes[1 - i], auction.prices[i]
        ends = np.indices((2,) * mesh.dimension).reshape(mesh.dimension, -1).T * 1.0
        points = mesh.low + (mesh.high - mesh.low) * np.concatenate([ends, np.full((1, mesh.dimension), 0.5)])
        who = "a bidder" if menus.alike else f"bidder {i + 1}"
        for point, row in zip(points, mesh.interpolate(prices, points), strict=True):
            asked = ", ".join(f"{_option(menus.allocations[k])} {row[k]:.4g}" for k in range(1, len(row)))
            lines.append(f"if the other's values are {', '.join(f'{value:.3g}' for value in point)}, {who} is asked: {asked}")
    return lines


def pictures_of(auction: PricedMenus) -> list[Picture]:
    """What each option costs by the other's values, and what bidder 1's values make it take at three of them; two items."""
    menus = auction.menus
    if menus.shares.shape[1] != 2:
        return []
    (own, mesh), prices = menus.meshes, auction.prices[0]
    ticks = np.linspace(mesh.low, mesh.high, min(2 * menus.cells + 1, MOST_COLUMNS))
    grid = np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1)
    tables = mesh.interpolate(prices, grid.reshape(-1, 2)).reshape(len(ticks), len(ticks), -1)
    labels = [f"{tick:.3g}" for tick in ticks]
    axes = ("the other's value of item 2", "the other's value of item 1")
    found = []
    for k in range(1, len(menus.shares)):
        texts = [[f"{price:.3f}" for price in row] for row in tables[..., k]]
        shades = tables[..., k] / max(float(tables[..., k].max()), 1e-12)
        found.append(cells(f"Price of {_option(menus.allocations[k])}", labels, labels, shades, texts, axes, has_chances=False))
    box = np.array([(own.low, own.low), (own.high, own.low), (own.high, own.high), (own.low, own.high)])
    for share in SHOWN:
        at = np.full((1, 2), mesh.low + share * (mesh.high - mesh.low))
        asked = mesh.interpolate(prices, at)[0]
        corners = polygons_of(box, menus.allocations, asked).regions
        names = ["nothing", *(f"{_option(menus.allocations[k])}: {asked[k]:.3f}" for k in range(1, len(asked)))]
        polygons: list[dict[str, Any]] = [
            {"corners": polygon.tolist(), "label": name} for polygon, name in zip(corners, names, strict=True) if len(polygon)
        ]
        title = f"What a bidder takes if the other's values are {at[0, 0]:.3g} and {at[0, 1]:.3g}"
        found.append(regions(title, ("value of item 1", "value of item 2"), polygons))
    return found


def _option(allocation: np.ndarray) -> str:
    """For example "items 1 and 2", or "0.5 of item 1"."""
    whole = [j + 1 for j, share in enumerate(allocation) if share == 1.0]
    parts = [f"{share:.3g} of item {j + 1}" for j, share in enumerate(allocation) if 0.0 < share < 1.0]
    if whole:
        parts.insert(0, f"item {whole[0]}" if len(whole) == 1 else f"items {' and '.join(map(str, whole))}")
    return " with ".join(parts)
