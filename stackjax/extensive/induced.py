"""Plans of whole players, and what a leader's commitment leaves to the followers. Arrays of several are batch-last.

A *behaviour* has the chances of actions at each information set, ``[I, A, *B]``. Its *plan*, ``[Q, *B]``, has for each sequence
the product of the chances on the way; payoffs are linear in each player's plan. All functions compute with the library that
their arrays are of, JAX or NumPy.
"""

import functools
import operator
from collections.abc import Sequence
from types import ModuleType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.extensive.rolled import MOST_UNROLLED, rolled_plan
from stackjax.extensive.treeplex import ExtensiveGame, Treeplex
from stackjax.types import Array

__all__ = [
    "InducedExtensiveGame",
    "behaviour_of",
    "counterfactual",
    "expected",
    "gradient",
    "induce",
    "library_of",
    "linear_payoffs",
    "normalised",
    "plan_of",
    "product",
    "summed",
    "uniform",
]


class InducedExtensiveGame(NamedTuple):
    """What commitments leave to the followers, by profiles ``M`` of their sequences, see `ExtensiveGame.profile_rows`.

    Attributes:
      payoffs: ``[1 + N, M, *B]`` the sum over leaves with these sequences of chance times the leader's plan times payoffs,
        leader first, game units.
    """

    payoffs: Array


def library_of(array: Any) -> ModuleType:
    """``numpy`` for its arrays, else ``jax.numpy``."""
    return np if isinstance(array, np.ndarray) else jnp


def summed(values: Any, places: np.ndarray, count: int) -> Any:
    """``[count, *B]`` the sums of ``values [L, *B]`` by ascending ``places [L]``."""
    if isinstance(values, np.ndarray):
        found = np.zeros((count, *values.shape[1:]), values.dtype)
        np.add.at(found, places, values)
        return found
    return jax.ops.segment_sum(values, jnp.asarray(places, jnp.int32), count, indices_are_sorted=True)


def _weighted(numbers: np.ndarray, values: Any) -> Any:
    """``values [L, *B]`` times fixed ``numbers [L]``."""
    return library_of(values).asarray(numbers, values.dtype).reshape(-1, *[1] * (values.ndim - 1)) * values


def product(rows: np.ndarray, plans: Sequence[Any]) -> Any:
    """``[L, *B]`` the product over players of their plans at ``rows [P, L]``."""
    return functools.reduce(operator.mul, (plan[own] for own, plan in zip(rows, plans, strict=True)))


def normalised(treeplex: Treeplex, weights: Any) -> Any:
    """The behaviour of ``weights [I, A, *B]``, at least 0: over their sum among a set's actions; equal if all are 0."""
    library = library_of(weights)
    mask = library.asarray(treeplex.mask.reshape(*treeplex.mask.shape, *[1] * (weights.ndim - 2)), weights.dtype)
    kept = weights * mask
    total = kept.sum(axis=1, keepdims=True)
    even = mask / mask.sum(axis=1, keepdims=True)
    return library.where(total > 0, kept / library.where(total > 0, total, library.ones_like(total)), even)


def uniform(treeplex: Treeplex) -> np.ndarray:
    """``[I, A]`` all actions with equal chances."""
    return treeplex.mask / treeplex.mask.sum(axis=1, keepdims=True)


def plan_of(treeplex: Treeplex, behaviour: Any) -> Any:
    """The plan ``[Q, *B]`` of a behaviour ``[I, A, *B]``, whose entries of actions that there are not are 0."""
    library, batch = library_of(behaviour), behaviour.shape[2:]
    if library is jnp and len(treeplex.spans) > MOST_UNROLLED:
        return rolled_plan(treeplex, behaviour)
    parts: list[Any] = []
    for level, (first, end) in enumerate(treeplex.spans):
        own = behaviour[first:end]
        if level:
            start = treeplex.levels[level - 1] * treeplex.num_actions  # of the sequences of the level above
            own = own * parts[-1][treeplex.parent[first:end] - start][:, None]
        parts.append(own.reshape((end - first) * treeplex.num_actions, *batch))
    return library.concatenate([*parts, library.ones((1, *batch), behaviour.dtype)])


def behaviour_of(treeplex: Treeplex, plan: Any) -> Any:
    """The behaviour ``[I, A, *B]`` of a plan ``[Q, *B]``; all actions alike where the plan does not come."""
    return normalised(treeplex, plan[:-1].reshape(*treeplex.mask.shape, *plan.shape[1:]))


def induce(game: ExtensiveGame, plan: Any) -> InducedExtensiveGame:
    """What leader's plans ``[Q_0, *B]`` leave to the followers."""
    there, count = plan[game.leaf_rows[0]], game.profile_rows.shape[1]
    paid = [summed(_weighted(own, there), game.leaf_profile, count) for own in game.leaf_paid]
    return InducedExtensiveGame(library_of(plan).stack(paid))


def linear_payoffs(game: ExtensiveGame, plan: Any) -> Any:
    """``[2, Q_1, *B]`` what the sequences of a lone follower pay the leader and it under leader's plans ``[Q_0, *B]``.

    They do not depend on what it does: the payoffs of its plan ``x [Q_1]`` are the sums of these times ``x``.
    """
    if isinstance(plan, jax.Array) and game.is_dense:
        table = jnp.asarray(game.by_sequences, plan.dtype)
        flat = jnp.matmul(table, plan.reshape(len(plan), -1), precision="highest")
        return flat.reshape(*flat.shape[:2], *plan.shape[1:])
    found = induce(game, plan).payoffs
    rows, batch = game.profile_rows[0], found.shape[2:]
    shape = 2, game.treeplexes[1].num_rows, *batch
    if isinstance(found, np.ndarray):
        full = np.zeros(shape, found.dtype)
        full[:, rows] = found
        return full
    return jnp.zeros(shape, found.dtype).at[:, jnp.asarray(rows)].set(found, indices_are_sorted=True, unique_indices=True)


def gradient(game: ExtensiveGame, induced: InducedExtensiveGame, plans: Sequence[Any], follower: int) -> Any:
    """``[Q_i, *B]`` what each sequence of a ``follower``, from 0, pays it if the others keep to ``plans [N][Q_j, *B]``."""
    rows, values = game.profile_rows, induced.payoffs[1 + follower]
    others = [j for j in range(game.num_followers) if j != follower]
    if others:
        values = values * product(rows[others], [plans[j] for j in others])
    order = np.argsort(rows[follower], kind="stable")
    return summed(values[order], rows[follower, order], game.treeplexes[1 + follower].num_rows)


def expected(game: ExtensiveGame, induced: InducedExtensiveGame, plans: Sequence[Any]) -> Any:
    """``[1 + N, *B]`` what everybody is paid, leader first, if followers play ``plans``, each ``[Q_i, *B]``."""
    return (induced.payoffs * product(game.profile_rows, plans)[None]).sum(axis=1)


def counterfactual(game: ExtensiveGame, player: int, plans: Sequence[Any]) -> Any:
    """``[I, *B]`` how likely each set of ``player``, leader 0, is if it wants to get there and the others play ``plans``.

    ``plans`` are of all players, leader first, each ``[Q_j, *B]``; that of the player itself does not matter.
    """
    found = game.masses(player)
    others = [j for j in range(len(game.seats)) if j != player]
    reach = product(found.rows[others], [plans[j] for j in others])
    return summed(_weighted(found.chance, reach), found.sets, game.treeplexes[player].num_sets)
