"""OpenSpiel's games by name, loaded without what it writes to the terminal. Free of JAX."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any

from stackjax.errors import InputError, near_matches

__all__ = ["is_one_shot", "load_openspiel", "quiet"]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without what libraries write to the process's standard error: errors are raised too, and told in one line."""
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # it is closed
        yield
        return
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def load_openspiel(text: str) -> Any:
    """What OpenSpiel loads by ``text``, for example ``"leduc_poker"`` or ``"blotto(coins=3,fields=2,players=3)"``.

    Raises:
      InputError: OpenSpiel is not installed, has no such game, or refuses its parameters.
    """
    try:
        import pyspiel
    except ImportError as error:
        raise InputError("openspiel: games need OpenSpiel: pip install 'stackjax[openspiel]'") from error
    name, known = text.partition("(")[0], pyspiel.registered_names()
    if name not in known:
        raise InputError(f"OpenSpiel has no game {name!r}.{near_matches(name, known)}")
    try:
        with quiet():
            return pyspiel.load_game(text)
    except Exception as error:
        raise InputError(f"OpenSpiel cannot load {text!r}: {str(error).partition(chr(10))[0]}") from error


def is_one_shot(game: Any) -> bool:
    """Whether everybody moves once, at the same time."""
    import pyspiel

    kind = game.get_type()
    dynamics, information = pyspiel.GameType.Dynamics.SIMULTANEOUS, pyspiel.GameType.Information.ONE_SHOT
    return kind.dynamics == dynamics and kind.information == information
