"""What the leader has committed to so far in an episode of the Stackelberg POMDP, node by node."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.pomdp.tree import TOLD_APART, DecisionTree
from stackjax.spaces import Box, Discrete
from stackjax.types import Array

__all__ = ["Commitments", "arrive", "no_commitments"]


class Commitments(NamedTuple):
    """The observation -> action map so far: ``actions [O, ...]`` and which nodes have one, ``made [O]``.

    Where the leader's own actions decide which nodes it can tell apart, also what it was shown at a node, ``seen [O, D]``, and
    which node it came from, ``came_from [O]``; None elsewhere.
    """

    actions: Array
    made: Array
    seen: Array | None
    came_from: Array | None


def no_commitments(tree: DecisionTree, space: Discrete | Box, observation_size: int) -> Commitments:
    """Before the first decision of an episode."""
    actions = jnp.broadcast_to(space.zeros(), (tree.num_nodes, *space.shape))
    made = jnp.zeros(tree.num_nodes, bool)
    if not tree.may_merge:
        return Commitments(actions, made, None, None)
    seen = jnp.zeros((tree.num_nodes, observation_size))
    return Commitments(actions, made, seen, jnp.full(tree.num_nodes, -1, jnp.int32))


def arrive(
    tree: DecisionTree, held: Commitments, node: Array, child: Array, shown: Array, goes_on: Array
) -> tuple[Array, Commitments]:
    """Where a decision at ``child`` after one at ``node`` counts: at a node met before that cannot be told from it.

    Args:
      shown: ``[D]`` what the leader is shown there.
      goes_on: whether there is such a decision; beyond the end of a sub-episode nothing is written.
    """
    if held.seen is None or held.came_from is None:
        return child, held
    level = np.repeat(np.arange(len(tree.groups)), np.diff(tree.level_offset))
    codes = tree.num_continuing_outcomes**level
    code = (np.arange(tree.num_nodes) - np.asarray(tree.level_offset)[level]) % codes
    place = jnp.asarray(level * (codes.max() + 1) + code, jnp.int32)  # the level and the outcomes so far
    alike = held.made & (held.came_from == node) & (place == place[child])
    alike = alike & (jnp.abs(held.seen - shown[None]).max(axis=1) < TOLD_APART)
    child = jnp.where(alike.any(), alike.argmax().astype(child.dtype), child)
    at = jnp.where(goes_on, child, tree.num_nodes)
    seen, came_from = held.seen.at[at].set(shown, mode="drop"), held.came_from.at[at].set(node, mode="drop")
    return child, held._replace(seen=seen, came_from=came_from)
