"""All reduced plans of a player: an action at each of its sets that its own earlier actions lead to."""

import math

import numpy as np

from stackjax.extensive.treeplex import Treeplex

__all__ = ["MANY", "num_reduced_plans", "reduced_plans"]


MANY = 1 << 62


def num_reduced_plans(treeplex: Treeplex) -> int:
    """How many there are, or `MANY` if there are more."""
    below = [1] * treeplex.num_rows
    for infoset in reversed(range(treeplex.num_sets)):
        first, row = infoset * treeplex.num_actions, int(treeplex.parent[infoset])
        below[row] = min(MANY, below[row] * sum(below[first : first + int(treeplex.choices[infoset])]))
    return below[-1]


def reduced_plans(treeplex: Treeplex) -> np.ndarray:
    """Every reduced plan, bool ``[count, Q]``, the empty sequence included; see `num_reduced_plans` first."""
    after: list[list[int]] = [[] for _ in range(treeplex.num_rows)]
    for infoset, row in enumerate(treeplex.parent.tolist()):
        after[row].append(infoset)
    found: list[np.ndarray] = [np.zeros((0, 0))] * treeplex.num_rows

    def joined(row: int) -> np.ndarray:
        """All that may be done from a sequence on."""
        parts = []
        for infoset in after[row]:
            first = infoset * treeplex.num_actions
            parts.append(np.concatenate([found[k] for k in range(first, first + int(treeplex.choices[infoset]))]))
        made = np.zeros((math.prod(map(len, parts)), treeplex.num_rows), bool)
        repeat = len(made)
        for part in parts:
            repeat //= len(part)
            made |= np.tile(np.repeat(part, repeat, axis=0), (len(made) // (repeat * len(part)), 1))
        made[:, row] = True
        return made

    for row in (*reversed(range(treeplex.num_rows - 1)), treeplex.empty):  # later sets come below earlier ones
        found[row] = joined(row)
        for infoset in after[row]:  # no longer needed
            first = infoset * treeplex.num_actions
            found[first : first + treeplex.num_actions] = [np.zeros((0, 0))] * treeplex.num_actions
    return found[treeplex.empty]
