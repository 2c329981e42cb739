"""Whether a game's functions index arrays beyond their ends, which JAX does not say: it takes the nearest entry instead."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import checkify

from stackjax.bayesian.games.base import Game
from stackjax.types import Array, PyTree

__all__ = ["index_fault"]

NUM_PLAYS = 128


def index_fault(game: Game, actions: np.ndarray, seed: int) -> str | None:
    """What is wrong, for example ``"respond reads …"``, or None: ``NUM_PLAYS`` sub-episodes of random types and actions.

    Writing beyond an end changes nothing in JAX, which games may rely on; only reading is looked at.

    Args:
      actions: leader actions ``[n, ...]`` from which each decision's is drawn.
    """
    rng, n = np.random.default_rng(seed), NUM_PLAYS
    draw = lambda counts: jnp.asarray(rng.integers(counts, size=(n, len(counts))), jnp.int32)
    checked = lambda function: jax.jit(jax.vmap(checkify.checkify(getattr(game, function), errors=checkify.index_checks)))
    functions = {name: checked(name) for name in ("start", "observe", "respond", "advance", "payoffs")}
    types, messages, is_over = draw(game.num_types), draw(game.num_actions), np.zeros(n, bool)

    def called(function: str, *arguments: PyTree) -> Any:
        """The function's result in all plays; raises the first fault in one that is not over."""
        errors, result = functions[function](*arguments)
        flags = [np.asarray(leaf) for leaf in jax.tree.leaves(errors) if leaf.dtype == bool]
        for i in np.flatnonzero(np.any([*flags, np.zeros(n, bool)], axis=0) & ~is_over):
            fault = jax.tree.map(lambda leaf, i=i: leaf[i], errors).get_exception()
            if fault is not None and "scatter" not in str(getattr(fault, "prim", "")):
                raise _BeyondAnEnd(f"{function} reads beyond the end of an array: {_words(fault)}")
        return result

    try:
        state = called("start", messages)
        for _ in range(game.num_decisions):
            called("observe", state)
            action = jnp.asarray(actions[rng.integers(len(actions), size=n)])
            outcome = called("respond", types, state, action)
            after = called("advance", state, action, outcome)
            state = jax.tree.map(partial(_kept, is_over), state, after)
            is_over = is_over | (np.asarray(outcome) >= game.num_continuing_outcomes)
            if is_over.all():
                break
        is_over = np.zeros(n, bool)
        called("payoffs", types, messages, state)
    except _BeyondAnEnd as fault:
        return str(fault)
    return None


class _BeyondAnEnd(Exception):
    pass


def _kept(is_over: np.ndarray, old: Array, new: Array) -> Array:
    return jnp.where(is_over.reshape(-1, *(1,) * (new.ndim - 1)), old, new)


def _words(fault: Exception) -> str:
    return str(fault).splitlines()[0].partition("(check failed")[0].strip().rstrip(".")
