"""Learning from draws: Boltzmann Q-learning along one path, and regret matching by external sampling. No batch axes: callers
``vmap``.
"""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.extensive.cfr import ROUNDING
from stackjax.extensive.exact import worth_of
from stackjax.extensive.induced import behaviour_of, normalised, plan_of, summed
from stackjax.extensive.tree import CHANCE
from stackjax.extensive.treeplex import ExtensiveGame, Treeplex
from stackjax.extensive.turns import Estimates, Explorers, InTurn, estimates, explored
from stackjax.extensive.walks import advance, picked, uniforms_of
from stackjax.types import Array, PRNGKey

__all__ = ["Boltzmann", "BoltzmannState", "ExternalSampling", "SampledRegrets"]


class BoltzmannState(NamedTuple):
    """What players know; ``estimates`` has an entry for each who learns.

    Attributes:
      iterations: int32, how many there were.
      estimates: what actions are worth.
      nodes: int32, how many steps of the game there were.
    """

    iterations: Array
    estimates: tuple[Estimates, ...]
    nodes: Array


@dataclasses.dataclass(frozen=True, eq=False)
class Boltzmann(Explorers):
    """Q-learning by means.

    Actions are drawn in proportion to ``exp(Q / temperature)``. The temperature is at least 1 over the most visits of an action
    there.
    """

    temperature: Any = 1.0
    cooling: float = 0.995

    def start(self, dtype: Any) -> BoltzmannState:
        """Nothing known."""
        zero = jnp.zeros((), jnp.int32)
        return BoltzmannState(zero, tuple(estimates(walk.treeplex, dtype) for walk in self.walks), zero)

    def chances(self, state: BoltzmannState, i: int, sets: Array) -> Array:
        known, mask = state.estimates[i], jnp.asarray(self.walks[i].treeplex.mask)
        return self._explored(state, known.values[sets], known.visits[sets], mask[sets])

    def _explored(self, state: BoltzmannState, values: Array, visits: Array, legal: Array) -> Array:
        coldest = 1.0 / jnp.maximum(visits.max(axis=-1), 1.0)
        return explored(values, visits, legal, 1.0 / jnp.maximum(self.cooled(state, values.dtype), coldest))

    def turn(self, state: BoltzmannState, key: PRNGKey, i: int, fixed: dict[int, Array]) -> BoltzmannState:
        """One player plays to the end, and learns at each of its own nodes on the way."""
        walk, known = self.walks[i], state.estimates[i]
        dtype, actions, depth = known.values.dtype, walk.treeplex.num_actions, len(walk.widths)
        opening, uniforms, moves = uniforms_of(key, [(walk.opening, 1), (depth, 1), (depth, walk.between, 1)], dtype)
        owner, place, first, child = map(jnp.asarray, (walk.owner, walk.place, walk.first, walk.child))
        mask, pays = jnp.asarray(walk.treeplex.mask), jnp.asarray(walk.pays, dtype)

        policy = self.policy(state, fixed)

        def visit(node: Array, drawn: tuple[Array, Array]) -> tuple[Array, tuple[Array, ...]]:
            uniform, hops = drawn
            active = owner[node] == walk.player
            here = jnp.where(active, place[node], 0)
            values, visits, legal = known.values[here], known.visits[here], mask[here]
            taken = picked(self._explored(state, values, visits, legal), uniform, legal.sum(axis=-1, dtype=jnp.int32))
            after = advance(walk, jnp.where(active, child[first[node] + taken], node), hops, policy)
            leads_on = owner[after] == walk.player
            below = jnp.where(leads_on, place[after], 0)
            best = jnp.where(mask[below], known.values[below], -jnp.inf).max(axis=-1)
            target = jnp.where(leads_on, best, pays[after])
            is_taken = (jnp.arange(actions, dtype=jnp.int32)[None] == taken[:, None]).astype(dtype)
            change = is_taken * (target[:, None] - values) / (visits + 1.0)
            played = self._explored(state, values + change, visits + is_taken, legal)
            return after, (jnp.where(active, here, len(mask)), change, is_taken, played)

        node = advance(walk, jnp.zeros(1, jnp.int32), opening, policy)
        _, found = jax.lax.scan(visit, node, (uniforms, moves))
        rows, change, is_taken, played = (part[:, 0] for part in found)  # sets differ along a path
        known = Estimates(
            known.values.at[rows].add(change, mode="drop"),
            known.visits.at[rows].add(is_taken, mode="drop"),
            known.played.at[rows].add(played, mode="drop"),
        )
        nodes = state.nodes + (rows < len(mask)).sum(dtype=jnp.int32)
        return state._replace(estimates=(*state.estimates[:i], known, *state.estimates[i + 1 :]), nodes=nodes)


class SampledRegrets(NamedTuple):
    """What players who match sampled regrets know; tuples have an entry for each who learns.

    Attributes:
      iterations: int32, how many there were.
      regrets: ``[I, A]``.
      sums: ``[Q]`` of plans that were played.
    """

    iterations: Array
    regrets: tuple[Array, ...]
    sums: tuple[Array, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class ExternalSampling(InTurn):
    """Regret matching, players in turn, by one draw of all others' actions, and of chance, in each turn.

    Against such a draw the payoffs of sequences are those of the leaves that it leaves; chances cancel. Drawing at every set at
    once is the same in law as drawing where one gets.

    References: Lanctot et al. (2009).
    """

    chance: Treeplex = dataclasses.field(init=False)
    chances: np.ndarray = dataclasses.field(init=False)
    rows: np.ndarray = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        chance, chances, rows = _chance_treeplex(self.game)
        object.__setattr__(self, "chance", chance)
        object.__setattr__(self, "chances", chances)
        object.__setattr__(self, "rows", np.concatenate([self.game.node_rows[:, self.game.tree.leaves], rows[None]]))

    def start(self, dtype: Any) -> SampledRegrets:
        """No regrets."""
        own = [self.game.treeplexes[player] for player in self.learners]
        regrets = tuple(jnp.zeros(one.mask.shape, dtype) for one in own)
        return SampledRegrets(jnp.zeros((), jnp.int32), regrets, tuple(jnp.zeros(one.num_rows, dtype) for one in own))

    def average(self, state: SampledRegrets, i: int) -> Array:
        return behaviour_of(self.game.treeplexes[self.learners[i]], state.sums[i])

    def last(self, state: SampledRegrets, i: int) -> Array:
        regrets, player = state.regrets[i], self.learners[i]
        size = max(map(abs, self.game.payoff_ranges[player]))
        counts = regrets > ROUNDING * float(jnp.finfo(regrets.dtype).eps) * size
        return normalised(self.game.treeplexes[player], jnp.where(counts, regrets, 0.0))

    def turn(self, state: SampledRegrets, key: PRNGKey, i: int, fixed: dict[int, Array]) -> SampledRegrets:
        player, dtype = self.learners[i], state.regrets[i].dtype
        behaviours = [
            self.last(state, self.learners.index(p)) if p in self.learners else fixed[p]
            for p in range(len(self.game.treeplexes))
        ]
        own, treeplex = behaviours[player], self.game.treeplexes[player]
        others = [p for p in range(len(behaviours)) if p != player]
        treeplexes = [*(self.game.treeplexes[p] for p in others), self.chance]
        mixes = [*(behaviours[p] for p in others), jnp.asarray(self.chances, dtype)]
        drawn = uniforms_of(key, [(one.num_sets,) for one in treeplexes], dtype)
        there: Any = 1.0
        for one, mix, uniform, rows in zip(treeplexes, mixes, drawn, self.rows[[*others, -1]], strict=True):
            there = there * _drawn_plan(one, mix, uniform)[rows]
        order = np.argsort(self.rows[player], kind="stable")
        paid = jnp.asarray(self.game.tree.payoffs[:, self.game.seats[player]], dtype)
        slopes = summed((there * paid)[order], self.rows[player, order], treeplex.num_rows)
        by_action = worth_of(treeplex, slopes[None], own).by_action[0]
        regret = by_action - (by_action * own).sum(axis=1, keepdims=True)
        put = lambda parts, new: (*parts[:i], parts[i] + new, *parts[i + 1 :])
        return state._replace(regrets=put(state.regrets, regret), sums=put(state.sums, plan_of(treeplex, own)))


def _drawn_plan(treeplex: Treeplex, chances: Array, uniform: Array) -> Array:
    """``[Q]`` the plan of one action drawn at each set."""
    taken = picked(chances, uniform, jnp.asarray(treeplex.choices, jnp.int32))
    return plan_of(treeplex, jax.nn.one_hot(taken, treeplex.num_actions, dtype=chances.dtype))


def _chance_treeplex(game: ExtensiveGame) -> tuple[Treeplex, np.ndarray, np.ndarray]:
    """Chance as a player who forgets nothing: its treeplex, ``[C, most]`` chances, and ``[Z]`` its sequences at leaves."""
    tree = game.tree
    nodes = np.flatnonzero(tree.owner == CHANCE)
    first, child = tree.children
    counts = np.diff(first)[nodes]
    most, total = int(counts.max(initial=1)), max(len(nodes), 1)
    last = np.full(len(tree.owner), -1)  # the node of chance before each, and which of its actions
    move = np.zeros(len(tree.owner), np.int64)
    level = np.zeros(len(tree.owner), np.int64)
    for here in tree.by_depth[1:]:
        before = tree.parent[here]
        chance = tree.owner[before] == CHANCE
        last[here] = np.where(chance, before, last[before])
        move[here] = np.where(chance, tree.move[here], move[before])
        level[here] = level[before] + chance
    place = np.zeros(len(tree.owner), np.int64)
    order: list[int] = []
    levels = [0]
    row_of = lambda those: np.where(last[those] < 0, total * most, place[last[those]] * most + move[those])
    for depth in range(int(level[nodes].max(initial=0)) + 1):
        here = nodes[level[nodes] == depth]
        here = here[np.argsort(row_of(here), kind="stable")]
        place[here] = len(order) + np.arange(len(here))
        order += here.tolist()
        levels.append(len(order) or 1)
    sets = np.asarray(order, np.int64)
    mask, chances = np.zeros((total, most), bool), np.zeros((total, most))
    mask[:, 0], chances[:, 0] = True, 1.0
    for k, node in enumerate(order):
        count = first[node + 1] - first[node]
        mask[k, :count], chances[k, :count] = True, tree.chance[child[first[node] : first[node + 1]]]
    parent = row_of(sets).astype(np.int32) if order else np.full(1, most, np.int32)
    names = tuple(map(str, range(total)))
    actions = tuple(tuple(map(str, range(int(row.sum())))) for row in mask)
    return Treeplex(parent, mask, tuple(levels), names, actions), chances, row_of(tree.leaves)
