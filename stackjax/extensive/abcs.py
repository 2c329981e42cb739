"""ABCs: adaptive branching through child stationarity. Where what follows an action looks stationary, a player learns as by
Q-learning from one path; where it does not, it goes on from every action and learns as by counterfactual regrets.

One iteration lets each player in turn step every action at the own nodes that it meets. With perfect recall these are a tree of
own moves: level by level some own nodes, the *frontier*. No batch axes: callers ``vmap``.
"""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import chi2

from stackjax.extensive.turns import Estimates, Explorers, estimates, explored
from stackjax.extensive.walks import advance, picked, uniforms_of
from stackjax.types import Array, PRNGKey

__all__ = ["AbcsState", "Branching", "Changes", "is_stationary"]

FEWEST = 5  # observations in each half of a test


class Changes(NamedTuple):
    """What follows each own action, for the test of whether it changes.

    Attributes:
      counts: int32 ``[I, A, 3, K]`` how often each kind of node followed, in three stretches of visits, the latest last.
      calm: bool ``[I, A]`` the verdict: it does not change.
    """

    counts: Array
    calm: Array


class AbcsState(NamedTuple):
    """What players know; tuples have an entry for each who learns.

    Attributes:
      iterations: int32, how many there were.
      estimates: what actions are worth.
      changes: what follows them.
      nodes: int32, how many steps of the game there were, a step going on to the next own node or the end.
      dropped: int32, how many nodes were not gone on from because the frontier was full.
    """

    iterations: Array
    estimates: tuple[Estimates, ...]
    changes: tuple[Changes, ...]
    nodes: Array
    dropped: Array


def is_stationary(counts: Array, critical: Array) -> Array:
    """bool ``[...]`` whether counts ``[..., 2, K]`` of two halves are alike, by a chi-squared test of their independence.

    Yates' correction is made if there are two kinds.

    Args:
      counts: of kinds, in both halves.
      critical: ``[K]`` the largest statistic that is alike, by degrees of freedom, from 0.

    References: scipy.stats.chi2_contingency.
    """
    seen = counts.astype(critical.dtype)
    both, sizes = seen.sum(axis=-2), seen.sum(axis=-1)
    kinds = (both > 0).sum(axis=-1)
    total = sizes.sum(axis=-1, keepdims=True)
    product = jnp.maximum(sizes.prod(axis=-1, keepdims=True), 1.0)
    off = jnp.abs(seen[..., 1, :] - both * sizes[..., 1:] / jnp.maximum(total, 1.0))
    off = off - jnp.where(kinds == 2, 0.5, 0.0)[..., None].clip(max=off)
    terms = off * off * total * total / (jnp.maximum(both, 1.0) * product)
    return terms.sum(axis=-1) <= critical[jnp.maximum(kinds - 1, 0)]


@dataclasses.dataclass(frozen=True, eq=False)
class Branching(Explorers):
    """How players learn who branch where the world changes.

    Args:
      significance: of the test; 0 for players to whom nothing changes, 1 for those to whom everything does (MAX-CFR).
      window: the most visits of a test's first stretch; the others have about two thirds of it.
      frontier: the most own nodes of a level.
      by_reach: whether plays are weighted by how likely own moves lead there.
    """

    temperature: Any = 1.0
    cooling: float = 0.99
    significance: float = 0.05
    window: int = 500
    frontier: int = 16
    by_reach: bool = False
    critical: np.ndarray = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        most = max(walk.num_kinds for walk in self.walks)
        critical = np.concatenate([[np.inf], chi2.isf(self.significance, np.arange(1, most + 1))])
        object.__setattr__(self, "critical", critical)

    @property
    def tests(self) -> bool:
        """Whether verdicts depend on what is seen."""
        return 0.0 < self.significance < 1.0

    def start(self, dtype: Any) -> AbcsState:
        """Nothing known."""
        changes = []
        for walk in self.walks:
            shape, kinds = walk.treeplex.mask.shape, walk.num_kinds if self.tests else 0
            changes.append(Changes(jnp.zeros((*shape, 3, kinds), jnp.int32), jnp.full(shape, self.significance < 1.0)))
        zero = jnp.zeros((), jnp.int32)
        known = tuple(estimates(walk.treeplex, dtype) for walk in self.walks)
        return AbcsState(zero, known, tuple(changes), zero, zero)

    def chances(self, state: AbcsState, i: int, sets: Array) -> Array:
        known, legal = state.estimates[i], jnp.asarray(self.walks[i].treeplex.mask)[sets]
        visits, calm = known.visits[sets], state.changes[i].calm[sets] | ~legal
        return explored(known.values[sets], visits, legal, self._scale(state, visits, calm))

    def _scale(self, state: AbcsState, visits: Array, calm: Array) -> Array:
        """What values are multiplied by in exponents: 1 / temperature where all is calm, else how often they were seen."""
        often = visits.max(axis=-1)
        if self.significance == 1.0:
            return often
        inverse = 1.0 / self.cooled(state, often.dtype)
        return jnp.where(calm.all(axis=-1), inverse, often) if self.tests else jnp.broadcast_to(inverse, often.shape)

    def turn(self, state: AbcsState, key: PRNGKey, i: int, fixed: dict[int, Array]) -> AbcsState:
        """One player steps every action at the own nodes that it meets, and learns from it."""
        walk, known, changes = self.walks[i], state.estimates[i], state.changes[i]
        dtype, actions = known.values.dtype, walk.treeplex.num_actions
        widths = [min(width, self.frontier) for width in walk.widths]
        shapes: list[tuple[int, ...]] = [(walk.opening, 1)]
        for width in widths:
            shapes += [(width,), (walk.between, width * actions)]
        opening, *drawn = uniforms_of(key, shapes, dtype)
        policy = self.policy(state, fixed)
        owner, place, first, child = map(jnp.asarray, (walk.owner, walk.place, walk.first, walk.child))
        mask, pays, kind = jnp.asarray(walk.treeplex.mask), jnp.asarray(walk.pays, dtype), jnp.asarray(walk.kind)
        node = advance(walk, jnp.zeros(1, jnp.int32), opening, policy)
        active, reach = owner[node] == walk.player, jnp.ones(1, dtype)
        seen, dropped = [], state.dropped
        for level in range(len(widths)):
            place_uniform, move_uniforms = drawn[2 * level : 2 * level + 2]
            sets = jnp.where(active, place[node], 0)
            legal = mask[sets]
            played = self.chances(state, i, sets)
            taken = picked(played, place_uniform, legal.sum(axis=-1, dtype=jnp.int32))
            steps = jnp.where(legal, jnp.arange(actions, dtype=jnp.int32)[None], 0)
            after = jnp.where(active[:, None], child[first[node][:, None] + steps], 0).ravel()
            after = advance(walk, after, move_uniforms, policy)
            valid = (active[:, None] & legal).ravel()
            leads_on = valid & (owner[after] == walk.player)
            below = jnp.where(leads_on, place[after], 0)
            best = jnp.where(mask[below], known.values[below], -jnp.inf).max(axis=-1)
            is_taken = (jnp.arange(actions, dtype=jnp.int32)[None] == taken[:, None]).ravel()
            restless = ~changes.calm[sets].ravel()
            wanted = leads_on & (is_taken | restless)
            rank = jnp.where(wanted & is_taken, jnp.cumsum(wanted & is_taken), 0)
            rank = jnp.where(wanted & ~is_taken, (wanted & is_taken).sum() + jnp.cumsum(wanted & ~is_taken), rank) - 1
            seen.append(
                _Level(sets, active, reach, played, jnp.where(leads_on, best, pays[after]), restless, rank, after, legal)
            )
            if level + 1 < len(widths):
                chosen = rank[None] == jnp.arange(widths[level + 1], dtype=rank.dtype)[:, None]
                source = chosen.argmax(axis=1)
                active, node = chosen.any(axis=1), after[source]
                reach = (reach[:, None] * played).ravel()[source]
                dropped = dropped + jnp.maximum(wanted.sum(dtype=jnp.int32) - widths[level + 1], 0)
        found = _learned(known, seen, actions)
        joined = _Joined(*(jnp.concatenate(parts) for parts in zip(*found, strict=True)))
        rows = jnp.where(joined.active, joined.sets, len(mask))  # nowhere
        weight = joined.played * joined.reach[:, None] if self.by_reach else joined.played
        known = Estimates(
            known.values.at[rows].add(joined.change, mode="drop"),
            known.visits.at[rows].add(joined.legal.astype(dtype), mode="drop"),
            known.played.at[rows].add(weight, mode="drop"),
        )
        if self.tests:
            changes = self._tested(changes, rows, joined, kind[joined.after])
        nodes = state.nodes + (joined.active[:, None] & joined.legal).sum(dtype=jnp.int32)
        put = lambda parts, new: (*parts[:i], new, *parts[i + 1 :])
        return state._replace(
            estimates=put(state.estimates, known), changes=put(state.changes, changes), nodes=nodes, dropped=dropped
        )

    def _tested(self, changes: Changes, rows: Array, joined: "_Joined", kinds: Array) -> Changes:
        """Counts what followed at ``rows [W]``, and tests the first stretch against the others, at every visit.

        A player that is wrongly calm plays one reply until it notices. A stretch begins anew while the one before is kept,
        so that no test sees a few visits alone.
        """
        size = changes.counts.shape[-1]
        new = jax.nn.one_hot(kinds, size, dtype=jnp.int32) * joined.legal.astype(jnp.int32)[..., None]
        counts = changes.counts[joined.sets].at[..., 2, :].add(new)
        first, middle, latest = jnp.moveaxis(counts, -2, 0)
        sizes = counts.sum(axis=-1)
        both = sizes[..., 0] + sizes[..., 1]
        alike = is_stationary(jnp.stack([first, middle + latest], axis=-2), jnp.asarray(self.critical, joined.change.dtype))
        enough = jnp.minimum(sizes[..., 0], sizes[..., 1] + sizes[..., 2]) >= FEWEST
        calm = jnp.where(enough, alike, changes.calm[joined.sets])
        fits = (both <= self.window)[..., None]
        moved = jnp.stack([jnp.where(fits, first + middle, middle), latest, jnp.zeros_like(latest)], axis=-2)
        due = sizes[..., 2] >= (both // 2).clip(FEWEST, self.window)
        counts = jnp.where(due[..., None, None], moved, counts)
        return Changes(changes.counts.at[rows].set(counts, mode="drop"), changes.calm.at[rows].set(calm, mode="drop"))


class _Level(NamedTuple):
    """The frontier on a level: ``W`` own nodes, ``T = W * A`` steps from them.

    Attributes:
      sets: int32 ``[W]``.
      active: bool ``[W]`` whether there is a node.
      reach: ``[W]`` how likely own moves lead there.
      played: ``[W, A]``.
      next: ``[T]`` the best that was known of the next own set, or what the end pays.
      restless: bool ``[T]`` whether what follows is judged to change.
      rank: ``[T]`` the place on the next level's frontier; none if it is beyond, or -1.
      after: int32 ``[T]`` the next own node, or the end.
      legal: bool ``[W, A]``.
    """

    sets: Array
    active: Array
    reach: Array
    played: Array
    next: Array
    restless: Array
    rank: Array
    after: Array
    legal: Array


class _Joined(NamedTuple):
    """The frontiers of all levels together, see `_Level`; ``change [W, A]`` is what is added to values."""

    sets: Array
    active: Array
    reach: Array
    played: Array
    legal: Array
    after: Array
    change: Array


def _learned(known: Estimates, levels: list[_Level], actions: int) -> list[tuple[Array, ...]]:
    """What each level learns, the last first: targets are what was known below, and what has just been learned there."""
    found: list[tuple[Array, ...]] = []
    correction: Any = None
    for level in reversed(levels):
        target = level.next
        if correction is not None:
            there = level.restless & (level.rank >= 0) & (level.rank < len(correction))
            target = target + jnp.where(there, correction[jnp.where(there, level.rank, 0)], 0.0)
        target = target.reshape(-1, actions)
        values = known.values[level.sets]
        change = jnp.where(level.legal, (target - values) / (known.visits[level.sets] + 1.0), 0.0)
        lowest = jnp.where(level.legal, values, -jnp.inf)
        greedy = (lowest == lowest.max(axis=-1, keepdims=True)).astype(values.dtype)
        surprise = jnp.where(level.legal, target - values - change, 0.0)
        correction = (greedy * surprise).sum(axis=-1) / greedy.sum(axis=-1)
        after = level.after.reshape(-1, actions)
        found.append((level.sets, level.active, level.reach, level.played, level.legal, after, change))
    return found
