"""Commitments: the leader's observation -> action map of one episode, and the game it leaves to the followers.

`decision_tree` enumerates what the leader may observe as nodes, level by level; `commit` fills in an action for each;
`tabulate` rolls the rules out. `Commitments` are what is fixed so far in an episode that is stepped.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.followers.rounds import all_profiles
from stackjax.bayesian.games.base import Game
from stackjax.bayesian.games.induced import InducedGame
from stackjax.bayesian.pomdp.tree import LARGEST_TABLE, TOLD_APART, DecisionTree
from stackjax.errors import InputError
from stackjax.spaces import Space
from stackjax.types import Array, PyTree

__all__ = [
    "Commitments",
    "Rollout",
    "Tabulated",
    "arrive",
    "as_made",
    "commit",
    "hides_a_difference",
    "no_commitments",
    "play_profile",
    "roll_out",
    "tabulate",
    "tabulate_batch",
]


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


class Rollout(NamedTuple):
    """What came of every type and action profile; decisions after the end are of no meaning.

    Attributes:
      payoffs: ``[P, M, 1 + N]`` leader first, game units.
      nodes, reached: ``[P, M, L]`` as in `Tabulated`.
      seen: ``[P, M, L, D]`` what the leader is shown.
      outcomes: int ``[P, M, L]`` of its actions.
      ended: the public state in the end, leaves ``[P, M, ...]``.
    """

    payoffs: Array
    nodes: Array
    reached: Array
    seen: Array
    outcomes: Array
    ended: PyTree

    def hides_a_difference(self, observations: Array) -> Array:
        """Whether the leader is somewhere shown another observation than that of the node, of ``[O, D]``, where it decides."""
        difference = jnp.abs(self.seen - observations[self.nodes]).max(axis=-1)
        return (self.reached & (difference >= TOLD_APART)).any()


def commit(
    game: Game, tree: DecisionTree, choose: Callable[[Array, slice], PyTree], to_action: Callable
) -> tuple[Array, PyTree]:
    """Fill in the commitment level by level: what is seen later depends on what was done before.

    Args:
      choose: ``(observations [n, D], nodes) -> choices``, a pytree of ``[n, ...]``, for a slice of nodes.
      to_action: turns choices into leader actions ``[n, ...]``.

    Returns:
      ``observations [O, D]`` and the choices of all nodes, ``[O, ...]``. Nodes that this commitment does not tell apart have
      the choice of the first of them.
    """
    states = jax.tree.map(lambda leaf: leaf[:, None], jax.vmap(game.start)(jnp.asarray(tree.profiles)))  # [F, codes, ...]
    outcomes = jnp.arange(tree.num_continuing_outcomes, dtype=jnp.int32)
    advance = jax.vmap(jax.vmap(jax.vmap(game.advance, (None, None, 0)), (0, 0, None)), (0, 0, None))
    seen, made = [], []
    same: Any = None
    for level in range(game.num_decisions):
        nodes = slice(tree.level_offset[level], tree.level_offset[level + 1])
        group_of, first = tree.members(level)
        here = states if len(first) == len(group_of) else jax.tree.map(lambda leaf, first=first: leaf[first], states)
        observations = jax.vmap(game.observe)(jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), here))
        choices = choose(observations, nodes)
        if tree.may_merge and level > 0:
            same = _first_alike(tree, level, observations, same)
            choices = jax.tree.map(lambda leaf, same=same: leaf[same], choices)
        else:
            same = np.arange(len(observations))
        seen.append(observations)
        made.append(choices)
        if level + 1 < game.num_decisions:
            actions = to_action(choices)
            actions = actions.reshape(len(first), -1, *actions.shape[1:])
            actions = actions if len(first) == len(group_of) else actions[group_of]
            children = advance(states, actions, outcomes)  # [F, codes, outcomes, ...]
            states = jax.tree.map(lambda leaf: leaf.reshape(leaf.shape[0], -1, *leaf.shape[3:]), children)
    return jnp.concatenate(seen), jax.tree.map(lambda *parts: jnp.concatenate(parts), *made)


def _first_alike(tree: DecisionTree, level: int, observations: Array, before: Array | np.ndarray) -> Array:
    """For each node of ``level`` the first one that the leader cannot tell from it, counted from the level's first.

    That is so if it could not tell their parents apart (``before``, the same for the level above), the outcomes were the same,
    and so are the observations.
    """
    branching = tree.num_continuing_outcomes
    above, (_, first) = tree.members(level - 1)[0], tree.members(level)
    codes = branching**level
    code = np.tile(np.arange(codes), len(first))
    parent = np.repeat(above[first], codes) * (codes // branching) + code // branching
    came_from = jnp.asarray(before)[parent]
    alike = jnp.abs(observations[:, None] - observations[None]).max(axis=-1) < TOLD_APART
    alike = alike & (code[:, None] == code[None]) & (came_from[:, None] == came_from[None])
    return alike.argmax(axis=1)


def tabulate(game: Game, tree: DecisionTree, actions: Array) -> Tabulated:
    """Roll the rules out for every type and action profile under the commitment ``actions [O, ...]``."""
    played = roll_out(game, tree, actions)
    table = jnp.moveaxis(played.payoffs, -1, 0).reshape(1 + game.num_followers, *game.num_types, *game.num_actions)
    features = game.features(actions[0]) if tree.num_nodes == 1 else None
    return Tabulated(InducedGame(game.type_prior, table[1:], table[0], features), played.nodes, played.reached)


def hides_a_difference(game: Game, tree: DecisionTree, actions: Array) -> Array:
    """Whether the leader is somewhere shown another observation than that of the node at which ``tree`` has it decide.

    Never, unless ``observe`` shows something of the followers' actions that no action tried by `decision_tree` did.
    """
    observations, actions = commit(game, tree, lambda _, nodes: jnp.asarray(actions)[nodes], lambda made: made)
    return roll_out(game, tree, actions).hides_a_difference(observations)


def roll_out(game: Game, tree: DecisionTree, actions: Array) -> Rollout:
    """Every type and action profile under the commitment ``actions [O, ...]``, by the rules alone."""
    size = math.prod(game.table_shape)
    if size > LARGEST_TABLE:
        raise InputError(
            f"num_types={game.num_types} and num_actions={game.num_actions} make {size} (type, action) profiles, more than "
            f"the {LARGEST_TABLE} that can be tabulated; use --solver policy, or play it out with "
            "sx.StackelbergPOMDP(game, holds_commitments=False)"
        )
    actions = as_made(game, tree, jnp.asarray(actions))[0]
    chex.assert_shape(actions, (tree.num_nodes, *game.leader_actions.shape))
    types = jnp.asarray(all_profiles(game.num_types), jnp.int32)
    plays = jnp.asarray(all_profiles(game.num_actions), jnp.int32)
    one = lambda types, play, place: play_profile(game, tree, types, play, place, lambda _, node: actions[node])
    places = jnp.arange(len(plays), dtype=jnp.int32)
    return jax.vmap(jax.vmap(one, (0, None, None)), (None, 0, 0), 1)(types, plays, places)


def as_made(game: Game, tree: DecisionTree, actions: Array) -> tuple[Array, Array]:
    """What the leader does at each node ``[O, ...]`` by the commitment ``actions``, and of which node that is the action."""
    own = jnp.arange(tree.num_nodes, dtype=jnp.int32)
    if not tree.may_merge:
        return actions, own
    return commit(game, tree, lambda _, nodes: (actions[nodes], own[nodes]), lambda made: made[0])[1]


def play_profile(
    game: Game, tree: DecisionTree, types: Array, play: Array, place: Array, action_at: Callable[[int, Array], Array]
) -> Rollout:
    """One profile of ``types [N]`` and actions ``play [N]``, the ``place``-th of these; no axes ``P, M``.

    Args:
      action_at: ``(level, node) -> action``.
    """
    state, alive, node = game.start(play), jnp.bool_(True), jnp.asarray(tree.start_node, jnp.int32).reshape(-1)[place]
    ended, nodes, reached, seen, outcomes = state, [], [], [], []
    for level in range(game.num_decisions):
        nodes.append(node)
        reached.append(alive)
        seen.append(game.observe(state))
        action = action_at(level, node)
        outcome = game.respond(types, state, action)
        outcomes.append(outcome)
        advanced = game.advance(state, action, outcome)
        ended = jax.tree.map(lambda new, old, alive=alive: jnp.where(alive, new, old), advanced, ended)
        alive = alive & (outcome < tree.num_continuing_outcomes)
        if level + 1 == game.num_decisions:
            break
        if tree.num_continuing_outcomes == 1:  # all that goes on does so in one way, for all types: XLA works it out once
            state, outcome = game.advance(state, action, jnp.zeros_like(outcome)), jnp.int32(0)
        else:
            state = ended
        node = tree.child(level, node, outcome, place)
    levels = map(jnp.stack, (nodes, reached, seen, outcomes))
    return Rollout._make((game.payoffs(types, play, ended), *levels, ended))


def tabulate_batch(game: Game, tree: DecisionTree, actions: Array) -> Tabulated:
    """`tabulate` for a batch of commitments ``[B, O, ...]``; everything but the type prior has the batch **last**."""

    def without_prior(one: Array) -> tuple[tuple[Any, ...], Array, Array]:
        table = tabulate(game, tree, one)
        return table.game[1:], table.nodes, table.reached

    tables, nodes, reached = jax.vmap(without_prior, out_axes=-1)(actions)
    return Tabulated(InducedGame(game.type_prior, *tables), nodes, reached)


class Commitments(NamedTuple):
    """The observation -> action map so far: ``actions [O, ...]`` and which nodes have one, ``made [O]``.

    Where the leader's own actions decide which nodes it can tell apart, also what it was shown at a node, ``seen [O, D]``, and
    which node it came from, ``came_from [O]``; None elsewhere.
    """

    actions: Array
    made: Array
    seen: Array | None
    came_from: Array | None


def no_commitments(tree: DecisionTree, space: Space, observation_size: int) -> Commitments:
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
