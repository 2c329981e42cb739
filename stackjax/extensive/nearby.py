"""How payoffs and slacks change with a commitment while the lone follower keeps to a pure answer."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.extensive.exact import worth_of
from stackjax.extensive.induced import plan_of
from stackjax.extensive.treeplex import ExtensiveGame
from stackjax.problem import Nearby
from stackjax.types import Array

__all__ = ["nearby_of"]


def nearby_of(game: ExtensiveGame, behaviour: Callable[[Array], Array]) -> Callable[[Array, Array], tuple[Nearby, Nearby]]:
    """See `Problem.nearby`. A slack is what a deviation at one set costs a follower that keeps to its answer below.

    For an answer all of these are linear in the leader's plan, so that one backward pass over tables of sequences by
    sequences yields the slopes.

    Args:
      game: one with one follower.
      behaviour: ``commitment [O, ...] -> [I, A]``, the chances of the leader's actions.
    """
    own, other = game.treeplexes
    legal = np.flatnonzero(other.mask)

    def nearby(commitment: Array, answer: Array) -> tuple[Nearby, Nearby]:
        leader, follower = (jnp.asarray(table, commitment.dtype) for table in game.by_sequences)
        pure = jax.nn.one_hot(answer, other.num_actions, dtype=commitment.dtype)
        plan, pull = jax.vjp(lambda made: plan_of(own, behaviour(made)), commitment)
        paid = jnp.matmul(plan_of(other, pure), jnp.stack([leader, follower]), precision="highest")  # [2, Q_0]
        (by_action,) = worth_of(other, follower[None], pure[..., None]).by_action  # [I, A, Q_0]
        kept = (by_action * pure[..., None]).sum(axis=1, keepdims=True)
        short = ((kept - by_action) * (1.0 - pure[..., None])).reshape(-1, len(plan))[legal]
        rows = jnp.concatenate([paid, short])
        values, (slopes,) = jnp.matmul(rows, plan, precision="highest"), jax.vmap(pull)(rows)
        told = lambda found: Nearby(found[0], found[2:], found[1:2])
        return told(values), told(slopes)

    return nearby
