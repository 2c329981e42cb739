"""What went wrong in the code of somebody's game, in words."""

import contextlib
import inspect
import pathlib
import traceback

import jax

from stackjax.bayesian.games.base import Game

__all__ = ["fault"]


def fault(error: Exception, game: Game) -> str:
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


def _files(game: Game) -> set[str]:
    """The files that the game's classes are written in, without stackjax's own."""
    files = set()
    for kind in type(game).__mro__:
        with contextlib.suppress(TypeError, OSError):
            if not kind.__module__.startswith("stackjax."):
                files.add(inspect.getfile(kind))
    return files
