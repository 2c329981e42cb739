"""Which types take which option of a menu: exact shares, and the borders between them, in float64 NumPy.

A buyer of type x takes the option with the largest ``a · x - p``. In two dimensions the options cut the types into convex
polygons; on a line into intervals. How the shares move with the menu is a matter of the borders alone.
"""

from typing import NamedTuple

import numpy as np

from stackjax.menus.laws import Segment, TypeLaw

__all__ = ["Cells", "cells_of", "polygons_of"]

SAME = 1e-13


class Cells(NamedTuple):
    """The types by option, ``K`` options in all.

    Attributes:
      shares: ``[K]`` the chances that a buyer takes each.
      between: int ``[E, 2]`` two options that share a border.
      flow: ``[E]`` how fast the first one's share grows, in exchange with the second's, as its price falls.
      place: ``[E, d]`` the mean type on the border.
      regions: in two dimensions the corners ``[V, 2]`` of each option's polygon, for pictures; else empty.
    """

    shares: np.ndarray
    between: np.ndarray
    flow: np.ndarray
    place: np.ndarray
    regions: list[np.ndarray]


def cells_of(law: TypeLaw, allocations: np.ndarray, prices: np.ndarray) -> Cells | None:
    """The cells of the menu ``allocations [K, d]``, ``prices [K]``, free options among them; None if they are not exact."""
    if law.polygon is not None:
        return polygons_of(law.polygon, allocations, prices)
    if law.segment is not None:
        return _intervals(law.segment, allocations, prices)
    return None


def polygons_of(domain: np.ndarray, allocations: np.ndarray, prices: np.ndarray) -> Cells:
    """The cells of types in a convex polygon with corners ``domain [V, 2]``; shares are of its area."""
    options, offered = allocations.tolist(), prices.tolist()
    shares, between, flow, place, regions = [], [], [], [], []
    start = [(x, y, -1) for x, y in domain.tolist()]
    total = _area(start)
    for k, ((a, b), price) in enumerate(zip(options, offered, strict=True)):
        polygon = start
        for j, ((c, d), other) in enumerate(zip(options, offered, strict=True)):
            if j == k:
                continue
            nx, ny, rest = a - c, b - d, price - other
            if abs(nx) < SAME and abs(ny) < SAME:
                if rest > 0 or (rest == 0 and j < k):  # of equal options the first is taken
                    polygon = []
            else:
                polygon = _clipped(polygon, nx, ny, rest, j)
            if not polygon:
                break
        shares.append(_area(polygon) / total if polygon else 0.0)
        regions.append(np.array([vertex[:2] for vertex in polygon]).reshape(-1, 2))
        for (x, y, label), (z, w, _) in zip(polygon, polygon[1:] + polygon[:1], strict=True):
            if label > k:  # each border once
                length = ((z - x) ** 2 + (w - y) ** 2) ** 0.5
                steep = ((a - options[label][0]) ** 2 + (b - options[label][1]) ** 2) ** 0.5
                between.append((k, label))
                flow.append(length / steep / total)
                place.append(((x + z) / 2, (y + w) / 2))
    pairs = np.array(between, int).reshape(-1, 2)
    return Cells(np.array(shares), pairs, np.array(flow), np.array(place).reshape(-1, 2), regions)


def _area(polygon: list[tuple[float, float, int]]) -> float:
    if len(polygon) < 3:
        return 0.0
    ahead = polygon[1:] + polygon[:1]
    return 0.5 * sum(x * w - z * y for (x, y, _), (z, w, _) in zip(polygon, ahead, strict=True))


def _clipped(
    polygon: list[tuple[float, float, int]], nx: float, ny: float, rest: float, label: int
) -> list[tuple[float, float, int]]:
    """The part where ``nx x + ny y >= rest``; a vertex carries the label of the edge that begins there."""
    heights = [nx * x + ny * y - rest for x, y, _ in polygon]
    if min(heights) >= 0:
        return polygon
    kept = []
    for i, (x, y, edge) in enumerate(polygon):
        here, (z, w, _) = heights[i], polygon[(i + 1) % len(polygon)]
        there = heights[(i + 1) % len(polygon)]
        if here >= 0:
            kept.append((x, y, edge))
        if (here >= 0) != (there >= 0):
            t = here / (here - there)
            kept.append((x + t * (z - x), y + t * (w - y), label if here >= 0 else edge))
    return kept if len(kept) >= 3 else []


def _intervals(segment: Segment, allocations: np.ndarray, prices: np.ndarray) -> Cells:
    """The upper envelope of the lines that options are along the segment."""
    direction = segment.end - segment.start
    heights, slopes = allocations @ segment.start - prices, allocations @ direction
    steeper, higher = slopes[:, None] - slopes, heights - heights[:, None]  # [k, j], of option k and another one
    is_later = np.arange(len(prices))[:, None] > np.arange(len(prices))
    with np.errstate(divide="ignore", invalid="ignore"):
        cuts = higher / steeper  # where k and j are worth the same
    beaten = (np.abs(steeper) < SAME) & ((higher > 0) | ((higher == 0) & is_later))  # of equal options the first is taken
    begins = np.where(steeper >= SAME, cuts, -np.inf).max(axis=1)
    ends = np.where(steeper <= -SAME, cuts, np.inf).min(axis=1)
    begins = np.where(beaten.any(axis=1), np.inf, begins)
    taken = np.flatnonzero(begins < ends)
    hull = taken[np.argsort(begins[taken])]
    shares = np.zeros(len(prices))
    shares[hull] = segment.cdf(np.clip(ends[hull], 0.0, 1.0)) - segment.cdf(np.clip(begins[hull], 0.0, 1.0))
    between = np.column_stack([hull[:-1], hull[1:]])
    between = between[(begins[between[:, 1]] > 0.0) & (begins[between[:, 1]] < 1.0)]
    first, second = between.T
    flow = segment.pdf(begins[second]) / (slopes[second] - slopes[first])
    return Cells(shares, between, flow, segment.start + begins[second][:, None] * direction, [])
