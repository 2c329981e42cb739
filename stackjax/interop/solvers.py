"""The game that a commitment leaves to followers without private types, for nashpy and OpenSpiel."""

from typing import Any

import numpy as np

from stackjax.bayesian.games.induced import InducedGame
from stackjax.errors import InputError, require_is
from stackjax.interop.needs import needed

__all__ = ["to_nashpy", "to_openspiel"]


def to_nashpy(game: InducedGame) -> Any:
    """A `nashpy.Game` of two followers without private types: rows are the first one's actions.

    What it finds is certified by ``sx.certify(game, sx.followers.mixed_play((row[None], column[None])))``.

    Args:
      game: for example from `induced_game`, without batch axes.

    Raises:
      InputError: there are not two followers, one has private types, or nashpy is not installed.
    """
    nashpy = needed("nashpy", "to_nashpy", "nashpy")
    rows, columns = _tables(game)
    return nashpy.Game(rows, columns)


def to_openspiel(game: InducedGame) -> Any:
    """A `pyspiel.MatrixGame` of two followers without private types: rows are the first one's actions.

    Args:
      game: as for `to_nashpy`.

    Raises:
      InputError: there are not two followers, one has private types, or OpenSpiel is not installed.
    """
    pyspiel = needed("pyspiel", "to_openspiel", "stackjax[openspiel]", "OpenSpiel")
    rows, columns = _tables(game)
    names = [[f"action {k}" for k in range(count)] for count in rows.shape]
    return pyspiel.create_matrix_game("induced_game", "The game that a commitment leaves", *names, rows, columns)


def _tables(game: InducedGame) -> tuple[np.ndarray, np.ndarray]:
    """The payoffs of both followers, ``[A_1, A_2]`` each, in float64."""
    require_is("game", game, InducedGame, "an InducedGame, for example sx.followers.induced_game(prior, payoffs)")
    if game.num_followers != 2 or game.num_types != (1, 1) or game.batch_shape:
        raise InputError(
            f"game has num_followers={game.num_followers}, num_types={game.num_types} and "
            f"batch axes {game.batch_shape}, but must have two followers without private types and no batch axes"
        )
    first, second = np.asarray(game.follower_payoffs, np.float64)[:, 0, 0]
    return first, second
