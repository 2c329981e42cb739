"""What is wrong in the code of somebody's game, in words: what it raises, and indices beyond the ends of arrays."""

import contextlib
import inspect
import pathlib
import traceback
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import checkify

from stackjax.bayesian.games.base import Game
from stackjax.types import Array, PyTree

__all__ = ["fault", "index_fault"]

NUM_PLAYS = 128


def fault(error: Exception, game: Any) -> str:
    """What a game's function did wrong, where, and what to write instead."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename in _files(game)] or frames
    where = f"({pathlib.Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""
    if isinstance(error, jax.errors.TracerBoolConversionError):
        return f"uses `if`, `and`, `or`, `not` or `while` on a value that JAX traces {where}; write jnp.where(condition, a, b)"
    if isinstance(error, jax.errors.NonConcreteBooleanIndexError):
        return f"picks entries by a mask that JAX traces {where}; write jnp.where(mask, values, 0)"
    if isinstance(error, (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError)):
        return (
            f"needs the number behind a value that JAX traces {where}, as float(), int() and NumPy do; write it with jax.numpy"
        )
    if isinstance(error, jax.errors.UnexpectedTracerError):
        return f"uses a value that another function left behind {where}; a game's functions must be pure and must not store any"
    said = (str(error).strip().splitlines() or [""])[0][:200]
    return f"raised {type(error).__name__}: {said} {where}"


def _files(game: Any) -> set[str]:
    """The files that the game's classes are written in, without stackjax's own."""
    files = set()
    for kind in type(game).__mro__:
        with contextlib.suppress(TypeError, OSError):
            if not kind.__module__.startswith("stackjax."):
                files.add(inspect.getfile(kind))
    return files


def index_fault(game: Game, actions: np.ndarray, seed: int) -> str | None:
    """What is wrong, for example ``"respond reads …"``, or None: sub-episodes of random types and actions are played.

    JAX does not say that an index is beyond an end: it takes the nearest entry instead.

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
