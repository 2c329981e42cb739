"""Commitments: the leader's observation -> action map of one episode, and the game it leaves to the followers.

Within one episode a commitment is a finite table, because what the leader can observe is finite once its own actions
are fixed: what it sees of the followers' actions, then the outcomes so far. `decision_tree` enumerates these
observations as nodes, level by level; `commit` fills in an action for each; `tabulate` rolls the rules out.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.errors import InputError
from stackjax.followers.rounds import all_profiles
from stackjax.games.base import Game, InducedGame
from stackjax.types import Array, PyTree

__all__ = [
    "DecisionTree",
    "Path",
    "Tabulated",
    "commit",
    "commitment_paths",
    "decision_tree",
    "tabulate",
    "tabulate_batch",
]

LARGEST_TABLE = 1_000_000  # (type, action) profiles above which a game is not tabulated


class DecisionTree(NamedTuple):
    """A game's leader observations, numbered. A node is a first observation and the outcomes since.

    Attributes:
      start_node: ``[A_1, ..., A_N]`` the first node after each action profile; profiles that the leader cannot tell
        apart share it.
      start_profiles: ``[num_starts, N]`` one action profile for each first node.
      level_offset: ``(L + 1,)`` the first node of each level; the last entry is the number of nodes ``O``.
      num_continuing_outcomes: children of a node.
    """

    start_node: np.ndarray
    start_profiles: np.ndarray
    level_offset: tuple[int, ...]
    num_continuing_outcomes: int

    @property
    def num_nodes(self) -> int:
        return self.level_offset[-1]

    def child(self, level: Array | int, node: Array, outcome: Array) -> Array:
        """The node after ``outcome`` at ``node`` of ``level`` (any node where the sub-episode is over)."""
        offset = jnp.asarray(self.level_offset)
        place = (node - offset[level]) * self.num_continuing_outcomes + outcome
        return jnp.minimum(offset[level + 1] + place, self.num_nodes - 1)


class Tabulated(NamedTuple):
    """The induced game and the leader's decisions behind it, for every type and action profile.

    Attributes:
      game: `InducedGame` without batch axes.
      nodes: ``[P, M, L]`` the nodes that the sub-episode passes through.
      reached: ``[P, M, L]`` whether that decision is taken at all (sub-episodes may end early).
    """

    game: InducedGame
    nodes: Array
    reached: Array


class Path(NamedTuple):
    """A way through a commitment for people to read: what was first observed, then the nodes while it goes on."""

    label: str
    nodes: tuple[int, ...]


def decision_tree(game: Game) -> DecisionTree:
    """Enumerate the leader's observations of ``game``.

    Raises:
      InputError: the game's description is unsound, or it has too many action profiles.
    """
    game.check()
    num_plays = int(np.prod(game.num_actions, dtype=float))
    if num_plays > LARGEST_TABLE:
        raise InputError(f"num_actions={game.num_actions} makes {num_plays} action profiles, more than {LARGEST_TABLE}")
    profiles = all_profiles(game.num_actions)
    with jax.ensure_compile_time_eval():  # concrete numbers even when built inside a transformed function
        first = jax.vmap(lambda actions: game.observe(game.start(actions)))(jnp.asarray(profiles))
    if first.ndim != 2:
        raise InputError(f"game {game.name!r}: observe must return a vector, but its shape is {first.shape[1:]}")
    _, where, inverse = np.unique(np.asarray(first), axis=0, return_index=True, return_inverse=True)
    order = np.argsort(where)  # number first observations by the first profile that shows them
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    branching, offset, size = game.num_continuing_outcomes, [0], len(order)
    for _ in range(game.num_decisions):
        offset.append(offset[-1] + size)
        size *= branching
    start = rank[np.ravel(inverse)].reshape(game.num_actions)
    return DecisionTree(start, profiles[np.sort(where)], tuple(offset), branching)


def commit(
    game: Game, tree: DecisionTree, choose: Callable[[Array, slice], PyTree], to_action: Callable
) -> tuple[Array, PyTree]:
    """Fill in the commitment level by level: what is seen later depends on what was done before.

    Args:
      choose: ``(observations [n, D], nodes) -> choices``, a pytree of ``[n, ...]``, for a slice of nodes.
      to_action: turns choices into leader actions ``[n, ...]``.

    Returns:
      ``observations [O, D]`` and the choices of all nodes, ``[O, ...]``.
    """
    states = jax.vmap(game.start)(jnp.asarray(tree.start_profiles))
    seen, made = [], []
    for level in range(game.num_decisions):
        nodes = slice(tree.level_offset[level], tree.level_offset[level + 1])
        observations = jax.vmap(game.observe)(states)
        choices = choose(observations, nodes)
        seen.append(observations)
        made.append(choices)
        if level + 1 < game.num_decisions:
            actions = to_action(choices)
            outcomes = jnp.arange(tree.num_continuing_outcomes)
            advance = jax.vmap(jax.vmap(game.advance, (None, None, 0)), (0, 0, None))
            children = advance(states, actions, outcomes)  # [n, outcomes, ...]
            states = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), children)
    return jnp.concatenate(seen), jax.tree.map(lambda *parts: jnp.concatenate(parts), *made)


def tabulate(game: Game, tree: DecisionTree, actions: Array) -> Tabulated:
    """Roll the rules out for every type and action profile under the commitment ``actions [O, ...]``."""
    size = int(np.prod(game.table_shape, dtype=float))
    if size > LARGEST_TABLE:
        raise InputError(
            f"num_types={game.num_types} and num_actions={game.num_actions} make {size} (type, action) profiles, more than "
            f"the {LARGEST_TABLE} that can be tabulated; step through StackelbergPOMDP instead"
        )
    actions = jnp.asarray(actions)
    types = jnp.asarray(all_profiles(game.num_types))
    plays = jnp.asarray(all_profiles(game.num_actions))
    start_node = jnp.asarray(tree.start_node).reshape(-1)

    def roll_out(types_row: Array, play: Array, node: Array) -> tuple[Array, Array, Array]:
        state, alive, nodes, reached = game.start(play), jnp.bool_(True), [], []
        for level in range(game.num_decisions):
            nodes.append(node)
            reached.append(alive)
            outcome = game.respond(types_row, state, actions[node])
            advanced = game.advance(state, actions[node], outcome)
            state = jax.tree.map(lambda new, old, alive=alive: jnp.where(alive, new, old), advanced, state)
            alive = alive & (outcome < tree.num_continuing_outcomes)
            if level + 1 < game.num_decisions:
                node = tree.child(level, node, outcome)
        return game.payoffs(types_row, play, state), jnp.stack(nodes), jnp.stack(reached)

    over_plays = jax.vmap(roll_out, (None, 0, 0))
    payoffs, nodes, reached = jax.vmap(over_plays, (0, None, None))(types, plays, start_node)
    table = jnp.moveaxis(payoffs, -1, 0).reshape(1 + game.num_followers, *game.num_types, *game.num_actions)
    return Tabulated(InducedGame(game.type_prior, table[1:], table[0]), nodes, reached)


def tabulate_batch(game: Game, tree: DecisionTree, actions: Array) -> Tabulated:
    """`tabulate` for a batch of commitments ``[B, O, ...]``; everything but the type prior has the batch **last**."""

    def without_prior(one: Array) -> tuple[Array, Array, Array, Array]:
        table = tabulate(game, tree, one)
        followers, leader = table.game.follower_payoffs, table.game.leader_payoff
        return jnp.asarray(followers), jnp.asarray(leader), table.nodes, table.reached

    followers, leader, nodes, reached = jax.vmap(without_prior, out_axes=-1)(actions)
    return Tabulated(InducedGame(game.type_prior, followers, leader), nodes, reached)


def commitment_paths(game: Game, tree: DecisionTree) -> list[Path]:
    """Every first observation with each sequence of continuing outcomes after it, labelled for people."""
    paths: list[Path] = []
    for start, profile in enumerate(tree.start_profiles):
        shared = int((tree.start_node == start).sum())
        if len(tree.start_profiles) == 1:
            label = ""
        elif shared == 1:
            label = ", ".join(game.describe_action(i, int(a)) for i, a in enumerate(profile))
        else:
            label = f"observation {start + 1}"
        ends: list[tuple[int, ...]] = [(start,)]
        for level in range(game.num_decisions - 1):
            ends = [
                (*nodes, int(tree.child(level, jnp.int32(nodes[-1]), jnp.int32(outcome))))
                for nodes in ends
                for outcome in range(tree.num_continuing_outcomes)
            ]
        paths.extend(Path(label, nodes) for nodes in ends)
    return paths
