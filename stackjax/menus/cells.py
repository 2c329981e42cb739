"""Which types take which option of a menu: exact shares, and the borders between them, in float64 NumPy.

A buyer of type x takes the option with the largest ``a · x - p``. In two dimensions the options cut the types into convex
polygons; on a line into intervals. How the shares move with the menu is a matter of the borders alone.
"""

import itertools
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
    return _cells(shares, between, flow, place, regions, 2)


def _cells(shares: list, between: list, flow: list, place: list, regions: list, dimension: int) -> Cells:
    pairs = np.array(between, int).reshape(-1, 2)
    return Cells(np.array(shares), pairs, np.array(flow), np.array(place).reshape(-1, dimension), regions)


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
    order = np.lexsort((-np.arange(len(slopes)), heights, slopes))
    hull: list[int] = []
    starts: list[float] = []
    for k in order:
        while hull:
            top = hull[-1]
            if slopes[k] - slopes[top] < SAME:
                cut = -np.inf if heights[k] >= heights[top] else np.inf
            else:
                cut = (heights[top] - heights[k]) / (slopes[k] - slopes[top])
            if cut <= starts[-1]:
                hull.pop()
                starts.pop()
            else:
                break
        if not hull:
            hull, starts = [int(k)], [-np.inf]
        elif cut < np.inf:
            hull.append(int(k))
            starts.append(float(cut))
    shares, between, flow, place = np.zeros(len(prices)), [], [], []
    ends = [*starts[1:], np.inf]
    for k, begin, end in zip(hull, starts, ends, strict=True):
        shares[k] = float(segment.cdf(np.clip(end, 0.0, 1.0)) - segment.cdf(np.clip(begin, 0.0, 1.0)))
    for (j, k), cut in zip(itertools.pairwise(hull), starts[1:], strict=True):
        if 0.0 < cut < 1.0:
            between.append((j, k))
            flow.append(float(segment.pdf(np.array(cut))) / (slopes[k] - slopes[j]))
            place.append(segment.start + cut * direction)
    return _cells(list(shares), between, flow, place, [], len(direction))
