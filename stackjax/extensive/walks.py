"""Playing a tree forward by draws: for learners that see one path, or a few, at a time. No batch axes: callers ``vmap``."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.arrays import UNROLLED
from stackjax.extensive.tree import CHANCE, LEAF
from stackjax.extensive.treeplex import ExtensiveGame, Treeplex
from stackjax.types import Array

__all__ = ["Walk", "advance", "picked", "uniforms_of"]


@dataclasses.dataclass(frozen=True, eq=False)
class Walk:
    """A game's tree for one player ``p`` who learns by playing. NumPy.

    Attributes:
      player: ``p``, leader 0.
      treeplex: its own.
      choices: of each player, ``[I]`` how many actions its sets have.
      owner: int32 ``[V]`` who moves at a node, leader 0; `CHANCE` or `LEAF`.
      place: int32 ``[V]`` the set of that player; of chance the row of ``cumulative``.
      first: int32 ``[V]``, and ``child``: the node after action ``a`` at ``v`` is ``child[first[v] + a]``.
      cumulative: ``[C, most]`` sums of chances of the actions up to each.
      pays: ``[V]`` what ``p`` is paid at an end, else 0.
      kind: int32 ``[V]`` of nodes of ``p`` and ends: which of those that may follow the last own action it is. Ends that pay
        alike are one.
      num_kinds: K, the most of any action.
      opening, between: how many moves of others there are at most before the first own one, and after one.
      widths: how many own nodes at most one iteration meets on each level, if it steps every action.
    """

    player: int
    treeplex: Treeplex
    choices: tuple[np.ndarray, ...]
    owner: np.ndarray
    place: np.ndarray
    first: np.ndarray
    child: np.ndarray
    cumulative: np.ndarray
    pays: np.ndarray
    kind: np.ndarray
    num_kinds: int
    opening: int
    between: int
    widths: tuple[int, ...]

    @classmethod
    def of(cls, game: ExtensiveGame, player: int) -> "Walk":
        """The tree for a player of the game, leader 0."""
        tree, owner, place = game.tree, game.node_player, game.node_set.copy()
        first, child = tree.children
        random = np.flatnonzero(owner == CHANCE)
        place[random] = np.arange(len(random))
        most = int(np.diff(first)[random].max(initial=1))
        cumulative = np.ones((max(len(random), 1), most))
        for row, node in enumerate(random):
            sums = np.cumsum(tree.chance[child[first[node] : first[node + 1]]])
            cumulative[row, : len(sums)] = sums / sums[-1]
        pays = np.zeros(len(owner))
        pays[tree.leaves] = tree.payoffs[:, game.seats[player]]
        kind, num_kinds = _kinds(game, player, pays)
        runs = _runs(game, player)
        own = np.flatnonzero(owner == player)
        after = np.concatenate([child[first[node] : first[node + 1]] for node in own])
        return cls(
            player=player,
            treeplex=game.treeplexes[player],
            choices=tuple(one.choices.astype(np.int32) for one in game.treeplexes),
            owner=owner.astype(np.int32),
            place=place.astype(np.int32),
            first=first[:-1].astype(np.int32),
            child=np.append(child, 0).astype(np.int32),  # of ends, which have none, something to read
            cumulative=cumulative,
            pays=pays,
            kind=kind,
            num_kinds=num_kinds,
            opening=int(runs[0]),
            between=int(runs[after].max()),
            widths=_widths(game.treeplexes[player]),
        )


def _kinds(game: ExtensiveGame, player: int, pays: np.ndarray) -> tuple[np.ndarray, int]:
    owner, rows = game.node_player, game.node_rows[player]
    nodes = np.flatnonzero((owner == player) | (owner == LEAF))
    known: dict[int, dict[Any, int]] = {}
    found = np.zeros(len(owner), np.int32)
    for node in nodes.tolist():
        following = known.setdefault(int(rows[node]), {})
        what = ("end", float(pays[node])) if owner[node] == LEAF else ("node", node)
        found[node] = following.setdefault(what, len(following))
    return found, max(map(len, known.values()))


def _runs(game: ExtensiveGame, player: int) -> np.ndarray:
    """``[V]`` how many moves of others come at most before the next of ``player``, or the end."""
    tree, found = game.tree, np.zeros(len(game.tree.owner), np.int64)
    moves = (game.node_player != player) & (game.node_player != LEAF)
    for nodes in reversed(tree.by_depth):
        found[nodes] = np.where(moves[nodes], found[nodes] + 1, 0)
        if nodes[0]:
            np.maximum.at(found, tree.parent[nodes], found[nodes])
    return found


def _widths(treeplex: Treeplex) -> tuple[int, ...]:
    """For each level the most own sets that one set of the first level leads to, one after each action at most."""
    depth = len(treeplex.spans)
    below = np.zeros((treeplex.num_sets, depth), np.int64)
    after = np.zeros((treeplex.mask.size, depth), np.int64)
    for first, end in reversed(treeplex.spans):
        rows = after.reshape(*treeplex.mask.shape, depth)[first:end]
        below[first:end, 0] = 1
        below[first:end, 1:] = rows.sum(axis=1)[:, :-1]
        if first:
            np.maximum.at(after, treeplex.parent[first:end], below[first:end])
    return tuple(int(width) for width in below[: treeplex.levels[1]].max(axis=0))


def picked(chances: Array, uniform: Array, count: Any) -> Array:
    """int32 ``[...]`` an action by ``uniform [...]`` from ``chances [..., A]``, of which the first ``count`` are legal."""
    return _first_above(_sums(chances), uniform, count)


def _sums(chances: Array) -> Array:
    if chances.shape[-1] > UNROLLED:
        return jnp.cumsum(chances, axis=-1)
    sums = [chances[..., 0]]
    for k in range(1, chances.shape[-1]):
        sums.append(sums[-1] + chances[..., k])
    return jnp.stack(sums, axis=-1)


def _first_above(sums: Array, uniform: Array, count: Any) -> Array:
    place = (uniform[..., None] >= sums[..., :-1]).sum(axis=-1, dtype=jnp.int32)
    return jnp.minimum(place, count - 1)


def advance(walk: Walk, nodes: Array, uniforms: Array, policy: Callable[[int, Array], Array]) -> Array:
    """The next own nodes, or ends, after ``nodes [W]``.

    Args:
      walk: the tree.
      nodes: int32 ``[W]``.
      uniforms: ``[G, W]``, one for each of the most moves that others make.
      policy: ``(player, sets [W]) -> [W, A]``, the chances of others' actions, leader 0.
    """
    owner, place, first, child = map(jnp.asarray, (walk.owner, walk.place, walk.first, walk.child))
    cumulative = jnp.asarray(walk.cumulative, uniforms.dtype)

    def hop(nodes: Array, uniform: Array) -> tuple[Array, None]:
        who, where = owner[nodes], place[nodes]
        at_chance = jnp.where(who == CHANCE, where, 0)
        action = _first_above(cumulative[at_chance], uniform, cumulative.shape[1])
        for player, choices in enumerate(walk.choices):
            if player == walk.player:
                continue
            here = jnp.where(who == player, where, 0)
            taken = picked(policy(player, here), uniform, jnp.asarray(choices)[here])
            action = jnp.where(who == player, taken, action)
        moves = (who != walk.player) & (who != LEAF)
        return jnp.where(moves, child[first[nodes] + jnp.where(moves, action, 0)], nodes), None

    return jax.lax.scan(hop, nodes, uniforms)[0]


def uniforms_of(key: Array, shapes: list[tuple[int, ...]], dtype: Any) -> list[Array]:
    """Arrays of those shapes, drawn at once."""
    sizes = [int(np.prod(shape)) for shape in shapes]
    drawn = jax.random.uniform(key, (sum(sizes),), dtype)
    parts = np.cumsum([0, *sizes])
    return [drawn[start : start + size].reshape(shape) for start, size, shape in zip(parts, sizes, shapes, strict=False)]
