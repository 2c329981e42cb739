"""Matrix games from files and from other libraries: JSON, npz, Gambit's .nfg, OpenSpiel. The first player leads."""

import codecs
import io
import json
import pathlib
import zipfile
from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from stackjax.bayesian.games.gambit_text import MOST_PAYOFFS, parse_nfg
from stackjax.bayesian.games.normal_form import MatrixGame, matrix_game
from stackjax.errors import InputError, near_matches

__all__ = ["load_matrix_game", "openspiel_game"]

MOST_AXES = 64  # of a NumPy array
MOST_BYTES = 8 * MOST_PAYOFFS + 4096  # of an array in a file
OTHER_ENTRIES = ("action_names", "name", "randomized")  # of a JSON file


class _Read(NamedTuple):
    """What a file holds."""

    payoffs: Any
    action_names: Any = None
    randomized: bool = False
    name: str | None = None


def load_matrix_game(path: str | pathlib.Path, *, randomized: bool = False) -> MatrixGame:
    """A matrix game from a file.

    ``.json`` holds ``{"payoffs": ...}`` as in `matrix_game`, or ``{"A": ..., "B": ...}``, a table for each of two agents, and
    ``action_names``, ``name`` and ``randomized`` if it likes. ``.npz`` holds an array ``payoffs``; other arrays do not matter.
    ``.nfg`` is Gambit's strategic form, whose names of strategies are kept.

    Args:
      path: of the file; its text is UTF-8, or UTF-16 with a byte order mark.
      randomized: whether the leader mixes rows, also where the file does not say so.

    Raises:
      InputError: the file is missing, unreadable, or holds no game.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise InputError(f"game file {path} does not exist or is not a file")
    readers = {".json": _read_json, ".npz": _read_npz, ".nfg": _read_nfg}
    if path.suffix.lower() not in readers:
        raise InputError(f"game file {path} must end in {', '.join(readers)}")
    try:
        found = readers[path.suffix.lower()](path)
    except (OSError, MemoryError) as error:
        raise InputError(f"game file {path} cannot be read: {error}") from error
    names, name = found.action_names, path.stem if found.name is None else found.name
    try:
        return matrix_game(found.payoffs, randomized=randomized or found.randomized, name=name, action_names=names)
    except InputError as error:
        raise InputError(f"game file {path}: {error}") from error


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


def _text(path: pathlib.Path) -> str:
    """The file's text; a byte order mark says which encoding it has, else it is UTF-8."""
    content = path.read_bytes()
    encoding = "utf-16" if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(f"game file {path} is not text in UTF-8 (byte {error.start}); save it as UTF-8") from error


def _read_json(path: pathlib.Path) -> _Read:
    def entries(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        for key, count in Counter(key for key, _ in pairs).items():
            if count > 1:
                raise InputError(f"game file {path} holds {count} entries named {key!r}")
        return dict(pairs)

    try:
        content = json.loads(_text(path), object_pairs_hook=entries)
    except (json.JSONDecodeError, RecursionError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"game file {path} is not JSON: {error}") from error
    if not isinstance(content, dict) or not ({"payoffs"} & content.keys() or {"A", "B"} <= content.keys()):
        raise InputError(f"game file {path} must hold an entry named 'payoffs', or 'A' and 'B'")
    known = ("payoffs", *OTHER_ENTRIES) if "payoffs" in content else ("A", "B", *OTHER_ENTRIES)
    for key in content:
        if key not in known:
            allowed = ", ".join(map(repr, known))
            raise InputError(f"game file {path} holds an entry {key!r}; it may hold {allowed}.{near_matches(key, known)}")
    for key, kind, words in (("randomized", bool, "true or false"), ("name", str, "a word")):
        if key in content and not isinstance(content[key], kind):
            raise InputError(f"game file {path}: {key} is {json.dumps(content[key])[:80]}, but must be {words}")
    others = {key: content[key] for key in OTHER_ENTRIES if key in content}
    if "payoffs" in content:
        _check_nested(path, "payoffs", content["payoffs"])
        return _Read(content["payoffs"], **others)
    for key in ("A", "B"):
        _check_nested(path, key, content[key])
    first, second = (np.asarray(content[key], np.float64) for key in ("A", "B"))
    if first.shape != second.shape or first.ndim != 2:
        raise InputError(
            f"game file {path}: A and B have shapes {first.shape} and {second.shape}, but must be two equal matrices"
        )
    return _Read(np.stack([first, second], axis=-1), **others)


def _read_npz(path: pathlib.Path) -> _Read:
    try:
        with zipfile.ZipFile(path) as archive:
            if "payoffs.npy" not in archive.namelist():
                raise InputError(f"game file {path} must hold an array named 'payoffs'")
            with archive.open("payoffs.npy") as member:
                content = member.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise InputError(f"game file {path}: payoffs take more than {MOST_BYTES} bytes")
        payoffs = np.load(io.BytesIO(content), allow_pickle=False)
    except InputError:
        raise
    except Exception as error:  # whatever reading damaged, encrypted or hostile bytes can end in, which is many things
        raise InputError(f"game file {path} is not a readable .npz archive of plain arrays") from error
    if not isinstance(payoffs, np.ndarray) or payoffs.dtype.kind not in "iuf":
        kind = payoffs.dtype if isinstance(payoffs, np.ndarray) else type(payoffs).__name__
        raise InputError(f"game file {path}: payoffs are of dtype {kind}, but must be real numbers")
    return _Read(payoffs)


def _read_nfg(path: pathlib.Path) -> _Read:
    """The payoffs, and the names of strategies unless they are just numbered."""
    try:
        game = parse_nfg(_text(path))
    except InputError as error:
        raise InputError(f"game file {path} is not a strategic-form game: it {error}") from error
    is_numbered = all(own == [str(k + 1) for k in range(len(own))] for own in game.strategies)
    return _Read(game.payoffs, None if is_numbered else game.strategies)


def _check_nested(path: pathlib.Path, key: str, table: Any) -> None:
    """Raise `InputError` unless nested lists are a full table of real numbers; it names the place that is not."""
    found = _no_number(table)
    if found is not None:
        raise InputError(f"game file {path}: {key}{found[0] or ''} is {json.dumps(found[1])[:80]}, but must be a number")
    ragged = _ragged(table)
    if ragged is not None:
        place, length, expected = ragged
        raise InputError(f"game file {path}: {key}{place} has {length} entries, but those before it have {expected}")


def _ragged(table: Any) -> tuple[list[int], int, int] | None:
    """The place of the first list that is not as long as those before it at its depth, its length, and theirs.

    A number counts as a list of length 0.
    """
    level: list[tuple[list[int], Any]] = [([], table)]
    while any(isinstance(value, list) for _, value in level) and len(level[0][0]) < MOST_AXES:
        lengths = [len(value) if isinstance(value, list) else 0 for _, value in level]
        for (place, _), length in zip(level, lengths, strict=True):
            if length != lengths[0]:
                return place, length, lengths[0]
        level = [([*place, k], entry) for place, value in level for k, entry in enumerate(value)]
    return None


def _no_number(value: Any, place: tuple[int, ...] = ()) -> tuple[list[int], Any] | None:
    """The place and the value of the first entry of nested lists that is not a number."""
    if isinstance(value, list):
        if len(place) == MOST_AXES:
            return None  # no array is that deep, and whoever makes one of it will say so
        found = (_no_number(entry, (*place, k)) for k, entry in enumerate(value))
        return next((one for one in found if one is not None), None)
    return None if isinstance(value, (int, float)) and not isinstance(value, bool) else (list(place), value)
