"""Matrix games as Gambit's strategic form, for its solvers and for `load_matrix_game`."""

import pathlib

from stackjax.bayesian.games.gambit_text import nfg_text
from stackjax.bayesian.games.normal_form import MatrixGame
from stackjax.errors import InputError, require_is

__all__ = ["nfg_of", "save_nfg"]


def save_nfg(game: MatrixGame, path: str | pathlib.Path) -> None:
    """Write ``game`` to a ``.nfg`` file, which needs no other library. The leader is the first player.

    The file holds payoffs and names of actions; whether the leader mixes rows is not part of it. Payoffs are written so
    that they are read again exactly.

    Args:
      game: for example from `matrix_game`.
      path: the file, which ends in ``.nfg``; one that exists is replaced.

    Raises:
      InputError: ``game`` is no matrix game or has private types, ``path`` ends in something else, or a name cannot be written,
        see `nfg_text`.
      OSError: the file cannot be written.
    """
    require_is("path", path, (str, pathlib.Path), "the path of a file that ends in .nfg")
    path = pathlib.Path(path)
    if path.suffix != ".nfg":
        raise InputError(f"path={str(path)!r} must end in .nfg")
    path.write_text(nfg_of(game), encoding="utf-8", newline="\n")


def nfg_of(game: MatrixGame) -> str:
    """The content of the file that `save_nfg` writes; raises `InputError` unless ``game`` is a matrix game without types."""
    require_is("game", game, MatrixGame, "a matrix game, for example sx.matrix_game(payoffs)")
    if game.has_types:
        raise InputError(f"game {game.name!r} has private types, which a strategic form has no place for")
    *num_actions, num_agents = game.payoff_table.shape
    players = ["leader", *(f"follower {i}" if num_agents > 2 else "follower" for i in range(1, num_agents))]
    names = game.action_names or [[str(action + 1) for action in range(count)] for count in num_actions]
    return nfg_text(game.name, players, names, game.payoff_table)
