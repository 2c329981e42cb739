"""Behaviours in words and pictures: what is done at the sets that are reached. NumPy."""

from typing import Any, NamedTuple

import numpy as np

from stackjax.extensive.tree import CHANCE, LEAF
from stackjax.extensive.treeplex import ExtensiveGame, Treeplex
from stackjax.pictures import MOST_NODES, MOST_ROWS, Picture, cells, graph

__all__ = ["Behaviour", "behaviour_cells", "behaviour_lines", "tree_graph"]

MOST_LINES = 60  # of a player; of more sets the likeliest are told
LEAST = 5e-4  # a chance that is told


class Behaviour(NamedTuple):
    """A player's behaviour.

    Attributes:
      name: of the player.
      treeplex: its sets.
      chances: ``[I, A]`` of its actions.
      reach: ``[I]`` the chance that each set is reached; 0 where its own moves do not lead there.
      meets: bool ``[I]`` whether its own moves may lead there.
    """

    name: str
    treeplex: Treeplex
    chances: np.ndarray
    reach: np.ndarray
    meets: np.ndarray


def _action_words(names: tuple[str, ...], chances: np.ndarray) -> str:
    told = [(name, p) for name, p in zip(names, chances, strict=False) if p >= LEAST]
    if len(told) == 1:
        return told[0][0]
    return ", ".join(f"{name} {p:.3g}" for name, p in told)


def behaviour_lines(played: Behaviour, prefix: str = "") -> list[str]:
    """A line for each set to which the player's own moves may lead; the others are counted."""
    treeplex, sets = played.treeplex, np.flatnonzero(played.meets)
    told = np.sort(sets[np.argsort(-played.reach[sets], kind="stable")][:MOST_LINES])
    lines = [
        f"{prefix}{treeplex.set_names[k]}: {_action_words(treeplex.action_names[k], played.chances[k])}" for k in told.tolist()
    ]
    if len(sets) > len(told):
        lines.append(f"{prefix}({len(sets) - len(told)} less likely sets are not told)")
    if treeplex.num_sets > len(sets):
        lines.append(f"{prefix}({treeplex.num_sets - len(sets)} sets to which its own moves do not lead)")
    return lines


def behaviour_cells(played: Behaviour, what: str) -> list[Picture]:
    """Sets by actions, shaded by chances; the likeliest 40."""
    treeplex = played.treeplex
    order = np.argsort(-played.reach, kind="stable")
    order = order if len(order) > MOST_ROWS else np.arange(len(order))
    names = [[*treeplex.action_names[k], *[""] * (treeplex.num_actions - len(treeplex.action_names[k]))] for k in order]
    title = f"{what}: chances of actions by information set" + (", the likeliest first" if len(order) > MOST_ROWS else "")
    columns = [f"action {a + 1}" for a in range(treeplex.num_actions)]
    rows = [f"{treeplex.set_names[k]} ({played.reach[k]:.3g})" for k in order]
    axes = "action", "set (chance that it is reached)"
    return [cells(title, rows, columns, played.chances[order].tolist(), names, axes)]


def tree_graph(game: ExtensiveGame, behaviours: list[np.ndarray]) -> list[Picture]:
    """The tree with the chances of its nodes; none if there are more than 24 nodes."""
    tree = game.tree
    if len(tree.owner) > MOST_NODES:
        return []
    chance, who, where = tree.chance.copy(), game.node_player, game.node_set
    for node, parent in enumerate(tree.parent.tolist()):
        if parent >= 0 and who[parent] >= 0:
            chance[node] = behaviours[who[parent]][where[parent], tree.move[node]]
    reach = chance.copy()
    for here in tree.by_depth[1:]:
        reach[here] *= reach[tree.parent[here]]
    ends = dict(zip(tree.leaves.tolist(), tree.payoffs[:, list(game.seats)].tolist(), strict=True))

    def label(node: int) -> dict[str, Any]:
        if who[node] == LEAF:
            return {"label": ", ".join(f"{value:.4g}" for value in ends[node]), "note": ""}
        if who[node] == CHANCE:
            return {"label": "chance", "note": ""}
        return {"label": game.player_names[who[node]], "note": game.treeplexes[who[node]].set_names[where[node]]}

    nodes = [{**label(node), "chance": min(1.0, float(reach[node]))} for node in range(len(tree.owner))]
    edges = [
        {"source": parent, "target": node, "chance": min(1.0, float(chance[node])), "words": str(tree.path(node)[-1])}
        for node, parent in enumerate(tree.parent.tolist())
        if parent >= 0
    ]
    return [graph("The tree, with how likely its nodes are; payoffs leader first", nodes, edges)]
