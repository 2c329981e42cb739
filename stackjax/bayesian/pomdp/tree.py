"""The leader's decision tree: its observations within one episode, numbered as nodes.

Within one episode a commitment is a finite table, because what the leader can observe is finite once its own actions are
fixed: what it is shown of the followers' actions, at first or later, and the outcomes of its own actions.
"""

import functools
import itertools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.followers.rounds import all_profiles
from stackjax.bayesian.games.base import Game, observation_size
from stackjax.errors import InputError
from stackjax.spaces import Discrete
from stackjax.types import Array

__all__ = [
    "LARGEST_TABLE",
    "NUM_PROBES",
    "TOLD_APART",
    "DecisionTree",
    "Path",
    "TooLargeError",
    "action_probes",
    "commitment_paths",
    "decision_tree",
]

LARGEST_TABLE = 1_000_000  # (type, action) profiles above which a game is not tabulated
LARGEST_TREE = 100_000  # nodes
LARGEST_MERGING_LEVEL = 1_000  # nodes of a level that are compared with each other
NUM_PROBES = 64  # sequences of leader actions that are tried to see what they show
TOLD_APART = 1e-6  # observations that differ by less are the same


class TooLargeError(InputError):
    """A game has more leader observations than can be written out."""


class DecisionTree(NamedTuple):
    """A game's leader observations, numbered. A node is everything observed so far, and the outcomes since the first decision.

    Two action profiles are in one group of a level if no leader action shows the difference up to there. A node is a group and
    the outcomes so far. Where it depends on the leader's actions whether a difference shows (``may_merge``), `commit` and
    `StackelbergPOMDP` treat nodes that a commitment does not tell apart as one.

    Attributes:
      groups: int ``[L, A_1, ..., A_N]`` the group of each action profile at each level, numbered by the first profile in it.
      profiles: int ``[F, N]`` the first action profile of each group of the last level.
      level_offset: ``(L + 1,)`` the first node of each level; the last entry is the number of nodes ``O``.
      num_continuing_outcomes: children of a node, for each group that it splits into.
      may_merge: whether some leader action leaves some groups alike that another one tells apart.
    """

    groups: np.ndarray
    profiles: np.ndarray
    level_offset: tuple[int, ...]
    num_continuing_outcomes: int
    may_merge: bool

    @property
    def num_nodes(self) -> int:
        return self.level_offset[-1]

    @property
    def start_node(self) -> np.ndarray:
        """``[A_1, ..., A_N]`` the first node after each action profile."""
        return self.groups[0]

    def members(self, level: int) -> tuple[np.ndarray, np.ndarray]:
        """The group at ``level`` of each of ``profiles`` ``[F]``, and for each group the first of them in it ``[G]``."""
        group_of = self.groups[level][tuple(self.profiles.T)]
        return group_of, np.unique(group_of, return_index=True)[1]

    def child(self, level: Array | int, node: Array, outcome: Array, profile: Array) -> Array:
        """The node after ``outcome`` at ``node`` of ``level``, when the followers play the ``profile``-th action profile.

        Where the sub-episode is over it is any node.
        """
        last, branching = len(self.groups) - 1, self.num_continuing_outcomes
        offset = jnp.asarray(self.level_offset, jnp.int32)
        codes = jnp.asarray([branching**k for k in range(last + 1)], jnp.int32)  # sequences of outcomes so far
        after = jnp.minimum(jnp.asarray(level, jnp.int32) + 1, last)
        group = jnp.asarray(self.groups.reshape(last + 1, -1), jnp.int32)[after, profile]
        code = (node - offset[level]) % codes[level] * branching + outcome.astype(jnp.int32)
        return jnp.clip(offset[after] + group * codes[after] + code, 0, self.num_nodes - 1)


class Path(NamedTuple):
    """A way through a commitment for people to read: what was observed, then the nodes while it goes on."""

    label: str
    nodes: tuple[int, ...]


def decision_tree(game: Game) -> DecisionTree:
    """Enumerate the leader's observations of ``game``.

    What later observations show of the followers' actions is found by trying every sequence of leader actions, or 64 of them
    where there are more.

    Raises:
      InputError: the game's description is unsound, or an observation is NaN or no vector.
      TooLargeError: the tree is too large; such a game is played out instead, see `stackjax.bayesian.sampled`.
    """
    game.check()
    num_plays = math.prod(game.num_actions)
    if num_plays > LARGEST_TABLE:
        raise TooLargeError(f"num_actions={game.num_actions} makes {num_plays} action profiles, more than {LARGEST_TABLE}")
    observation_size(game)  # a vector
    profiles = all_profiles(game.num_actions)
    with jax.ensure_compile_time_eval():  # concrete numbers even when built inside a transformed function
        first = jax.jit(jax.vmap(lambda actions: game.observe(game.start(actions))))(jnp.asarray(profiles, jnp.int32))
    groups = [_split(np.zeros(num_plays, int), _rounded(game, first))]
    _offsets(game, [groups[0].max() + 1] * game.num_decisions)
    may_merge = False
    if game.num_decisions > 1 and groups[0].max() + 1 < num_plays:
        later, may_merge = _later_groups(game, profiles, groups[0])
        groups += later
    else:
        groups *= game.num_decisions
    offset = _offsets(game, [group.max() + 1 for group in groups])
    if may_merge and max(np.diff(offset)) > LARGEST_MERGING_LEVEL:
        raise TooLargeError(
            f"game {game.name!r}: the leader's actions decide what it is shown of {num_plays} action profiles, which makes "
            f"{max(np.diff(offset))} nodes at one decision, more than {LARGEST_MERGING_LEVEL}"
        )
    shown = profiles[np.unique(groups[-1], return_index=True)[1]]
    by_profile = np.stack(groups).astype(np.int32).reshape(game.num_decisions, *game.num_actions)
    return DecisionTree(by_profile, shown.astype(np.int32), offset, game.num_continuing_outcomes, may_merge)


def commitment_paths(game: Game, tree: DecisionTree) -> list[Path]:
    """Everything that may be observed of the followers' actions, with each sequence of continuing outcomes, for people."""
    paths: list[Path] = []
    last = len(tree.groups) - 1
    sizes = np.bincount(tree.groups[last].ravel())
    for place, profile in enumerate(tree.profiles):
        if len(tree.profiles) == 1:
            label = ""
        elif sizes[place] == 1:
            label = ", ".join(game.describe_action(i, int(a)) for i, a in enumerate(profile))
        else:
            label = f"observation {place + 1}"
        own = tree.groups[(slice(None), *profile)]  # [L]
        for outcomes in itertools.product(range(tree.num_continuing_outcomes), repeat=last):
            nodes, code = [int(own[0])], 0
            for level, outcome in enumerate(outcomes, start=1):
                code = code * tree.num_continuing_outcomes + outcome
                nodes.append(tree.level_offset[level] + int(own[level]) * tree.num_continuing_outcomes**level + code)
            paths.append(Path(label, tuple(nodes)))
    return paths


def _offsets(game: Game, sizes: list[int]) -> tuple[int, ...]:
    """The first node of each level, and the number of nodes; raises `InputError` if there are too many."""
    offset = [0]
    for level, size in enumerate(sizes):
        offset.append(offset[-1] + int(size) * game.num_continuing_outcomes**level)
        if offset[-1] > LARGEST_TREE:
            raise TooLargeError(
                f"game {game.name!r}: num_decisions={game.num_decisions} with num_continuing_outcomes="
                f"{game.num_continuing_outcomes} makes more than {LARGEST_TREE} nodes of the leader's decision tree"
            )
    return tuple(offset)


def _later_groups(game: Game, profiles: np.ndarray, start: np.ndarray) -> tuple[list[np.ndarray], bool]:
    """The groups of profiles at every level after the first, and whether they depend on the leader's actions."""
    branching, num_later = game.num_continuing_outcomes, game.num_decisions - 1
    outcomes = jnp.arange(branching, dtype=jnp.int32)

    @jax.jit
    def show(actions: Array) -> list[Array]:
        """What the leader sees at each later level ``[M, codes, D]`` after ``actions [L - 1, ...]``."""
        states = jax.tree.map(lambda leaf: leaf[:, None], jax.vmap(game.start)(jnp.asarray(profiles, jnp.int32)))
        seen = []
        for action in actions:
            step = jax.vmap(jax.vmap(jax.vmap(game.advance, (None, None, 0)), (0, None, None)), (0, None, None))
            states = step(states, action, outcomes)
            states = jax.tree.map(lambda leaf: leaf.reshape(leaf.shape[0], -1, *leaf.shape[3:]), states)
            seen.append(jax.vmap(jax.vmap(game.observe))(states))
        return seen

    finest, fewest = [start] * num_later, [[np.inf] * branching ** (k + 1) for k in range(num_later)]
    with jax.ensure_compile_time_eval():
        for actions in action_probes(game, num_later):
            known: list[np.ndarray] = [start]  # by outcomes so far, what this probe has shown of each profile
            for level, observations in enumerate(show(jnp.asarray(actions))):
                rounded = _rounded(game, observations)
                known = [_split(known[code // branching], rounded[:, code]) for code in range(rounded.shape[1])]
                finest[level] = functools.reduce(_joined, known, finest[level])
                fewest[level] = [min(n, k.max() + 1) for n, k in zip(fewest[level], known, strict=True)]
    for level in range(1, num_later):  # what was shown is remembered
        finest[level] = _joined(finest[level], finest[level - 1])
    may_merge = any(n < group.max() + 1 for group, level in zip(finest, fewest, strict=True) for n in level)
    return finest, may_merge


def action_probes(game: Game, length: int) -> np.ndarray:
    """``[Q, length, ...]`` sequences of leader actions: all, or the extremes and random ones."""
    rng, space = np.random.default_rng(0), game.leader_actions
    if not isinstance(space, Discrete):
        low, high = np.asarray(space.low, np.float32), np.asarray(space.high, np.float32)
        constant = np.stack([low, high, (low + high) / 2]) if space.budget is None else np.asarray(space.plain())
        mixed = low + rng.random((NUM_PROBES, length, len(low)), np.float32) * (high - low)
        return space.on_host(np.concatenate([np.repeat(constant[:, None], length, axis=1), mixed]))
    if space.n**length <= NUM_PROBES:
        return np.array(list(itertools.product(range(space.n), repeat=length)), np.int32)
    constant = np.repeat(np.arange(min(space.n, NUM_PROBES))[:, None], length, axis=1)
    return np.concatenate([constant, rng.integers(space.n, size=(NUM_PROBES, length))]).astype(np.int32)


def _rounded(game: Game, observations: Array) -> np.ndarray:
    """Observations on a grid, so that equal ones compare as equal."""
    seen = np.asarray(observations, np.float64)
    if not np.isfinite(seen).all():
        raise InputError(f"game {game.name!r}: observe returns NaN or infinity; every observation must be finite")
    return np.round(seen / TOLD_APART)


def _split(groups: np.ndarray, features: np.ndarray) -> np.ndarray:
    """``groups [M]`` split by the rows of ``features [M, D]``, numbered by the first member."""
    rows = np.concatenate([groups[:, None], features], axis=1)
    _, where, inverse = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    rank = np.empty(len(where), int)
    rank[np.argsort(where)] = np.arange(len(where))
    return rank[np.ravel(inverse)]


def _joined(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The groups of profiles that neither ``a`` nor ``b`` tells apart."""
    return _split(a, b[:, None])
