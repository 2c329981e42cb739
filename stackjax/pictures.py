"""Pictures of what was found, as plain data: families say what there is to see, reports draw it. Free of JAX.

Each picture is a dict with ``kind`` and ``title``; a family puts a list of them into its results, see `Problem.describe`.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

__all__ = ["KINDS", "Picture", "cells", "curves", "drawn_or_none", "graph", "paths", "regions"]

Picture = dict[str, Any]
T = TypeVar("T")
KINDS = ("cells", "curves", "graph", "paths", "regions")
MOST_PATHS, MOST_ROWS, MOST_NODES = 24, 40, 24


def drawn_or_none(draw: Callable[[], T]) -> T | None:
    """What ``draw`` returns, or None with a warning if it raises anything: a picture never costs a result."""
    try:
        return draw()
    except Exception as error:
        warnings.warn(f"a picture could not be drawn: {type(error).__name__}: {error}", RuntimeWarning, stacklevel=2)
        return None


def cells(
    title: str,
    rows: Sequence[str],
    columns: Sequence[str],
    shades: Sequence[Sequence[float]],
    texts: Sequence[Sequence[str]] | None = None,
    axes: tuple[str, str] = ("", ""),
    has_chances: bool = True,
) -> Picture:
    """A table of cells, shaded by chances ``[rows][columns]`` from 0 to 1, with ``texts`` in them; at most 40 rows.

    Args:
      axes: what columns and rows are.
      has_chances: whether shades are chances, which are written below the texts.
    """
    shown = [[round(float(value), 3) for value in row] for row in shades[:MOST_ROWS]]
    kept = None if texts is None else [list(row) for row in texts[:MOST_ROWS]]
    if len(rows) > MOST_ROWS:
        title += f" (the first {MOST_ROWS} of {len(rows):,} rows)"
    found = {"kind": "cells", "title": title, "rows": list(rows[:MOST_ROWS]), "columns": list(columns), "shades": shown}
    return {**found, "texts": kept, "axes": list(axes), "has_chances": has_chances}


def paths(title: str, found: Sequence[dict[str, Any]], most: float | None = None, unit: str = "") -> Picture:
    """What happens one after another, for each of several cases; the 24 likeliest of them.

    Args:
      found: each with ``label``, ``chance`` (or None) and ``steps``, of which each has ``text`` and ``size`` (or None).
      most: the largest size, the length of a full bar.
      unit: what sizes are, for example "price".
    """
    kept = sorted(found, key=lambda path: -(path["chance"] or 0.0))[:MOST_PATHS]
    if len(found) > MOST_PATHS:
        title += f" (the {MOST_PATHS} likeliest of {len(found):,})"
    return {"kind": "paths", "title": title, "paths": kept, "most": most, "unit": unit}


def curves(title: str, axes: tuple[str, str], lines: Sequence[dict[str, Any]]) -> Picture:
    """Lines, each with ``label`` and ``points``, pairs of numbers."""
    return {"kind": "curves", "title": title, "axes": list(axes), "lines": list(lines)}


def regions(title: str, axes: tuple[str, str], polygons: Sequence[dict[str, Any]]) -> Picture:
    """Polygons in a plane, each with ``corners`` and a ``label``."""
    return {"kind": "regions", "title": title, "axes": list(axes), "polygons": list(polygons)}


def graph(title: str, nodes: Sequence[dict[str, Any]], edges: Sequence[dict[str, Any]]) -> Picture:
    """At most 24 nodes, each with ``label``, ``note`` and ``chance``, and edges with ``source``, ``target`` and ``chance``.

    Edges of a tree may have ``words``. It is drawn from the top down if its nodes are in depth-first order.
    """
    kept = [edge for edge in edges if max(edge["source"], edge["target"]) < MOST_NODES]
    return {"kind": "graph", "title": title, "nodes": list(nodes[:MOST_NODES]), "edges": kept}
