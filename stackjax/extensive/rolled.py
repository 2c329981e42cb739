"""Passes over a treeplex of many levels as loops, in JAX: a program does not grow with the levels. Batch-last."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from stackjax.extensive.treeplex import Treeplex
from stackjax.types import Array

__all__ = ["MOST_UNROLLED", "rolled_backward", "rolled_plan"]

MOST_UNROLLED = 12  # levels; a loop costs time where they are few


def rolled_backward(
    treeplex: Treeplex, payoffs: Sequence[Array], choose: Callable[[list[Array], Array], Array]
) -> tuple[list[Array], list[Array], Array]:
    """See `stackjax.extensive.exact.backward`.

    Args:
      treeplex: the player's.
      payoffs: K of ``[Q, *B]``.
      choose: ``(K x [n, A, *B], int [n]) -> [n, A, *B]``, by the sets.

    Returns:
      Values, K of ``[*B]``; what actions pay, K of ``[I, A, *B]``; and the chances, ``[I, A, *B]``.
    """
    (sets, width), batch, empty = treeplex.mask.shape, payoffs[0].shape[1:], treeplex.empty
    read, _, place = (jnp.asarray(one) for one in treeplex.by_level)
    into = jnp.where(place < sets, jnp.asarray(treeplex.parent)[read], empty + width)  # padding goes to a row of nobody's

    def level(owns: list[Array], at: tuple[Array, Array]) -> tuple[list[Array], Array]:
        here = [own.reshape(sets + 2, width, *batch)[at[0]] for own in owns]
        chances = choose(here, at[0])
        return [own.at[at[1]].add((chances * one).sum(axis=1)) for own, one in zip(owns, here, strict=True)], chances

    padded = [jnp.concatenate([own, jnp.zeros((2 * width - 1, *batch), own.dtype)]) for own in payoffs]
    owns, chances = jax.lax.scan(level, padded, (read, into), reverse=True)
    by_action = [own[:empty].reshape(sets, width, *batch) for own in owns]
    return [own[empty] for own in owns], by_action, _in_order(treeplex, chances)


def rolled_plan(treeplex: Treeplex, behaviour: Array) -> Array:
    """See `stackjax.extensive.induced.plan_of`."""
    (sets, width), batch, empty = treeplex.mask.shape, behaviour.shape[2:], treeplex.empty
    read, _, place = (jnp.asarray(one) for one in treeplex.by_level)
    before = jnp.asarray(treeplex.parent)[read]

    def level(plan: Array, at: tuple[Array, Array, Array]) -> tuple[Array, None]:
        own, parents, places = at
        here = behaviour[own] * plan[parents][:, None]
        return plan.reshape(sets + 2, width, *batch).at[places].set(here).reshape(plan.shape), None

    start = jnp.zeros(((sets + 2) * width, *batch), behaviour.dtype).at[empty].set(1.0)
    return jax.lax.scan(level, start, (read, before, place))[0][: empty + 1]


def _in_order(treeplex: Treeplex, by_level: Array) -> Array:
    """``[D, W, ...]`` as ``[I, ...]``."""
    return by_level.reshape(-1, *by_level.shape[2:])[jnp.asarray(treeplex.by_level[1])]
