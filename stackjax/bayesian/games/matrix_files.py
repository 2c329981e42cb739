"""Matrix games from files and from OpenSpiel. The first player leads."""

import pathlib

import numpy as np

from stackjax.bayesian.games.normal_form import MatrixGame, matrix_game
from stackjax.bayesian.games.payoff_files import PayoffFile, read_payoffs
from stackjax.errors import InputError, near_matches

__all__ = ["game_of", "load_matrix_game", "openspiel_game"]


def load_matrix_game(path: str | pathlib.Path, *, randomized: bool = False) -> MatrixGame:
    """A matrix game from a file.

    ``.json`` holds ``{"payoffs": ...}`` as in `matrix_game`, or ``{"A": ..., "B": ...}``, a table for each of two agents, and
    ``action_names``, ``name`` and ``randomized`` if it likes. ``.npz`` holds an array ``payoffs``; other arrays do not matter.
    ``.nfg`` is Gambit's strategic form, whose names of strategies are kept. ``.efg`` is its extensive form; actions are
    then the players' plans, what to do wherever one may come by following them.

    Args:
      path: of the file; its text is UTF-8, or UTF-16 with a byte order mark.
      randomized: whether the leader mixes rows, also where the file does not say so.

    Raises:
      InputError: the file is missing, unreadable, or holds no game.
    """
    return game_of(read_payoffs(pathlib.Path(path)), randomized=randomized)


def game_of(file: PayoffFile, *, randomized: bool = False) -> MatrixGame:
    """The game that a file holds."""
    mixes = randomized or file.randomized
    return matrix_game(file.payoffs, randomized=mixes, name=file.name or "matrix-game", action_names=file.action_names)


def openspiel_game(text: str, *, randomized: bool = False) -> MatrixGame:
    """The one-shot game that OpenSpiel loads by ``text``: ``"matrix_pd"``, ``"blotto(coins=3,fields=2,players=3)"``.

    Needs OpenSpiel (``pip install 'stackjax[openspiel]'``).

    Raises:
      InputError: OpenSpiel is not installed, has no such game, or the game is not one-shot.
    """
    try:
        import pyspiel
    except ImportError as error:
        raise InputError("openspiel: games need OpenSpiel: pip install 'stackjax[openspiel]'") from error
    name, known = text.partition("(")[0], pyspiel.registered_names()
    if name not in known:
        raise InputError(f"OpenSpiel has no game {name!r}.{near_matches(name, known)}")
    try:
        game = pyspiel.load_game(text)
    except Exception as error:
        raise InputError(f"OpenSpiel cannot load {text!r}: {str(error).partition(chr(10))[0]}") from error
    kind = game.get_type()
    if kind.information != pyspiel.GameType.Information.ONE_SHOT or kind.dynamics != pyspiel.GameType.Dynamics.SIMULTANEOUS:
        raise InputError(f"OpenSpiel's {text!r} is not a one-shot game with simultaneous moves")
    tensor = pyspiel.extensive_to_tensor_game(game)
    payoffs = [np.reshape(tensor.player_utilities(player), tensor.shape()) for player in range(game.num_players())]
    return matrix_game(np.stack(payoffs, axis=-1), randomized=randomized, name=name)
