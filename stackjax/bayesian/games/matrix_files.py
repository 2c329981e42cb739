"""Matrix games from files and from other libraries: JSON, npz, Gambit's .nfg, OpenSpiel. The first player leads."""

import json
import pathlib
import zipfile
import zlib
from typing import Any

import numpy as np

from stackjax.bayesian.games.normal_form import MatrixGame, matrix_game
from stackjax.errors import InputError, near_matches

__all__ = ["load_matrix_game", "openspiel_game"]

MOST_AXES = 64  # of a NumPy array


def load_matrix_game(path: str | pathlib.Path, *, randomized: bool = False) -> MatrixGame:
    """A matrix game from a file.

    ``.json`` holds ``{"payoffs": ...}`` and ``.npz`` an array ``payoffs``, both as in `matrix_game`; ``.nfg`` is Gambit's
    strategic form, whose names of strategies are kept, and needs pygambit (``pip install 'stackjax[gambit]'``).

    Raises:
      InputError: the file is missing, unreadable, or holds no game; or pygambit is not installed.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise InputError(f"game file {path} does not exist or is not a file")
    readers = {".json": _read_json, ".npz": _read_npz, ".nfg": _read_nfg}
    if path.suffix not in readers:
        raise InputError(f"game file {path} must end in {', '.join(readers)}")
    payoffs, names = readers[path.suffix](path)
    return matrix_game(payoffs, randomized=randomized, name=path.stem, action_names=names)


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


def _read_json(path: pathlib.Path) -> tuple[Any, None]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise InputError(f"game file {path} is not JSON: {error}") from error
    return _payoffs_entry(path, content), None


def _read_npz(path: pathlib.Path) -> tuple[Any, None]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            content = {key: arrays[key] for key in getattr(arrays, "files", ())}
    except (ValueError, OSError, EOFError, TypeError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"game file {path} is not a readable .npz archive of plain arrays") from error
    return _payoffs_entry(path, content), None


def _payoffs_entry(path: pathlib.Path, content: Any) -> Any:
    """The entry named ``payoffs``, of real numbers and nothing that NumPy would take for them, such as ``true`` and ``"1"``."""
    if not isinstance(content, dict) or "payoffs" not in content:
        raise InputError(f"game file {path} must hold an entry named 'payoffs'")
    payoffs = content["payoffs"]
    if isinstance(payoffs, np.ndarray) and payoffs.dtype.kind not in "iuf":
        raise InputError(f"game file {path}: payoffs are of dtype {payoffs.dtype}, but must be real numbers")
    found = None if isinstance(payoffs, np.ndarray) else _no_number(payoffs)
    if found is not None:
        raise InputError(f"game file {path}: payoffs{found[0] or ''} is {json.dumps(found[1])[:80]}, but must be a number")
    return payoffs


def _no_number(value: Any, place: tuple[int, ...] = ()) -> tuple[list[int], Any] | None:
    """The place and the value of the first entry of nested lists that is not a number."""
    if isinstance(value, list):
        if len(place) == MOST_AXES:
            return None  # no array is that deep, and whoever makes one of it will say so
        found = (_no_number(entry, (*place, k)) for k, entry in enumerate(value))
        return next((one for one in found if one is not None), None)
    return None if isinstance(value, (int, float)) and not isinstance(value, bool) else (list(place), value)


def _read_nfg(path: pathlib.Path) -> tuple[np.ndarray, list[list[str]] | None]:
    """The payoffs, and the names of strategies unless they are just numbered."""
    try:
        import pygambit
    except ImportError as error:
        raise InputError(f"game file {path} needs pygambit: pip install 'stackjax[gambit]'") from error
    try:
        game = pygambit.read_nfg(str(path))
        arrays = game.to_arrays(dtype=float)
    except (ValueError, OSError) as error:
        raise InputError(f"game file {path} is not a strategic-form game that Gambit can read: {error}") from error
    names = [[strategy.label for strategy in player.strategies] for player in game.players]
    is_numbered = all(own == [str(k + 1) for k in range(len(own))] for own in names)
    return np.stack([np.asarray(table, np.float64) for table in arrays], axis=-1), None if is_numbered else names
