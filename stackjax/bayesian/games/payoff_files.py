"""Payoff tables as people have them, in JSON, npz or Gambit's formats, checked. Free of JAX, to tell mistakes at once."""

import codecs
import io
import json
import pathlib
import zipfile
from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from stackjax.bayesian.games.gambit_text import MOST_PAYOFFS, parse_nfg
from stackjax.bayesian.games.gambit_trees import parse_efg, strategic_form
from stackjax.bayesian.games.payoff_checks import check_spread, checked_prior
from stackjax.bayesian.games.security.tables import SecurityTables, read_security
from stackjax.errors import InputError, near_matches, require_is

__all__ = ["PayoffFile", "checked_names", "checked_payoffs", "checked_types", "plain_payoffs", "read_payoffs", "text_of"]

MOST_AXES = 64  # of a NumPy array
MOST_BYTES = 8 * MOST_PAYOFFS + 4096  # of an array in a file
OTHER_ENTRIES = ("action_names", "name", "randomized", "prior", "types")  # of a JSON file


class PayoffFile(NamedTuple):
    """What a file holds."""

    payoffs: Any
    action_names: Any = None
    randomized: bool = False
    name: str | None = None
    prior: Any = None
    types: Any = None


def read_payoffs(path: pathlib.Path) -> PayoffFile | SecurityTables:
    """What the file at ``path`` holds, checked; its name is the file's own where it has none.

    Raises:
      InputError: the file is missing, unreadable, or holds no game.
    """
    if not path.is_file():
        raise InputError(f"game file {path} does not exist or is not a file")
    readers: dict[str, Any] = {".json": _read_json, ".npz": _read_npz, ".nfg": _read_nfg, ".efg": _read_efg}
    if path.suffix.lower() not in readers:
        raise InputError(f"game file {path} must end in {', '.join(readers)}")
    try:
        found = readers[path.suffix.lower()](path)
    except (OSError, MemoryError) as error:
        raise InputError(f"game file {path} cannot be read: {error}") from error
    if isinstance(found, SecurityTables):
        return found
    try:
        prior = None if found.prior is None else checked_prior(found.prior)
        table = checked_payoffs(found.payoffs, prior)
        checked_names(found.action_names, table.shape[0 if prior is None else prior.ndim : -1])
        checked_types(found.types, prior)
    except InputError as error:
        raise InputError(f"game file {path}: {error}") from error
    return found._replace(payoffs=table, prior=prior, name=path.stem if found.name is None else found.name)


def plain_payoffs(path: pathlib.Path) -> PayoffFile:
    """As `read_payoffs`, of a matrix game.

    Raises:
      InputError: likewise, or the file holds a security game.
    """
    found = read_payoffs(path)
    if isinstance(found, SecurityTables):
        raise InputError(f"game file {path} holds a security game, not a matrix game; sx.load_security_game reads it")
    return found


def checked_payoffs(payoffs: Any, prior: np.ndarray | None = None) -> np.ndarray:
    """``payoffs [A_0, A_1, ..., A_N, 1 + N]`` in float64; with a ``prior`` the types' axes ``[K_1, ..., K_N]`` come first.

    Raises:
      InputError: it is no full table of finite numbers, or does not fit the prior.
    """
    try:
        if np.asarray(payoffs).dtype.kind == "c":  # of which NumPy would drop a half
            raise TypeError("complex numbers")
        table = np.asarray(payoffs, np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(
            "payoffs is ragged or holds something that is not a number; it must be a full table "
            "[leader action][follower 1 action]...[agent, leader first]"
        ) from error
    if prior is not None and (
        table.ndim != 2 * prior.ndim + 2
        or table.shape[: prior.ndim] != prior.shape
        or table.shape[-1] != 1 + prior.ndim
        or 0 in table.shape
    ):
        types = "".join(f"[type of follower {i + 1}, of {count}]" for i, count in enumerate(prior.shape))
        raise InputError(
            f"payoffs has shape {table.shape}, but with a prior of shape {prior.shape} it must be "
            f"{types}[leader action][follower 1 action]...[agent, leader first, of {1 + prior.ndim}]"
        )
    if prior is None and (table.ndim < 3 or table.shape[-1] != table.ndim - 1 or 0 in table.shape):
        raise InputError(
            f"payoffs has shape {table.shape}, but must be [leader action][follower 1 action]...[agent, leader first]: "
            "one axis per agent and a last axis as long as there are agents (2 or more)"
            + (f"; the last axis is {table.shape[-1]}, but there are {table.ndim - 1} agents" if table.ndim > 2 else "")
        )
    if not np.isfinite(table).all():
        where = [int(index) for index in np.argwhere(~np.isfinite(table))[0]]
        raise InputError(f"payoffs{where} is {table[tuple(where)]}; every payoff must be finite")
    for agent in range(table.shape[-1]):
        check_spread(f"payoffs of agent {agent}", table[..., agent])
    return table


def checked_names(action_names: Any, num_actions: tuple[int, ...]) -> tuple[tuple[str, ...], ...]:
    """``action_names`` as tuples; raises `InputError` unless each agent has a name for each of its actions."""
    if action_names is None:
        return ()
    require_is("action_names", action_names, (list, tuple), "a list of words for each agent")
    lists = [isinstance(one, (list, tuple)) and all(isinstance(name, str) for name in one) for one in action_names]
    if not all(lists) or [len(one) for one in action_names] != list(num_actions):
        counts = ", ".join(map(str, num_actions))
        raise InputError(f"action_names={action_names!r:.200} must hold a list of words for each agent, of {counts} words")
    return tuple(tuple(one) for one in action_names)


def checked_types(names: Any, prior: np.ndarray | None) -> tuple[tuple[str, ...], ...]:
    """What followers' types are called; a plain list is that of one follower. Raises `InputError` where it does not fit."""
    if names is None:
        return ()
    if prior is None:
        raise InputError(f"types={names!r:.80} need a prior, the chances of the types")
    is_words = lambda one: isinstance(one, (list, tuple)) and all(isinstance(name, str) for name in one)
    lists = [names] if prior.ndim == 1 and is_words(names) else names
    fits = isinstance(lists, (list, tuple)) and all(map(is_words, lists)) and tuple(map(len, lists)) == prior.shape
    if not fits:
        counts = ", ".join(map(str, prior.shape))
        raise InputError(f"types={names!r:.200} must hold a list of words for each follower, of {counts} words")
    return tuple(tuple(one) for one in lists)


def text_of(path: pathlib.Path) -> str:
    """The file's text; a byte order mark says which encoding it has, else it is UTF-8."""
    content = path.read_bytes()
    encoding = "utf-16" if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(f"game file {path} is not text in UTF-8 (byte {error.start}); save it as UTF-8") from error


def _read_json(path: pathlib.Path) -> PayoffFile | SecurityTables:
    def entries(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        for key, count in Counter(key for key, _ in pairs).items():
            if count > 1:
                raise InputError(f"game file {path} holds {count} entries named {key!r}")
        return dict(pairs)

    try:
        content = json.loads(text_of(path), object_pairs_hook=entries)
    except (json.JSONDecodeError, RecursionError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"game file {path} is not JSON: {error}") from error
    if isinstance(content, dict) and "security" in content:
        return read_security(content, path.stem, f"game file {path}")
    if not isinstance(content, dict) or not ({"payoffs"} & content.keys() or {"A", "B"} <= content.keys()):
        raise InputError(f"game file {path} must hold an entry named 'payoffs', or 'A' and 'B', or 'security'")
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
        return PayoffFile(content["payoffs"], **others)
    for key in ("A", "B"):
        _check_nested(path, key, content[key])
    first, second = (np.asarray(content[key], np.float64) for key in ("A", "B"))
    has_types = content.get("prior") is not None
    if first.shape != second.shape or first.ndim != 2 + has_types:
        wanted = "equal tables [type][row][column]" if has_types else "two equal matrices"
        raise InputError(f"game file {path}: A and B have shapes {first.shape} and {second.shape}, but must be {wanted}")
    return PayoffFile(np.stack([first, second], axis=-1), **others)


def _read_npz(path: pathlib.Path) -> PayoffFile:
    try:
        with zipfile.ZipFile(path) as archive:
            if "payoffs.npy" not in archive.namelist():
                raise InputError(f"game file {path} must hold an array named 'payoffs'")
            payoffs = _member(archive, "payoffs", path)
            prior = _member(archive, "prior", path) if "prior.npy" in archive.namelist() else None
    except InputError:
        raise
    except Exception as error:  # whatever reading damaged, encrypted or hostile bytes can end in, which is many things
        raise InputError(f"game file {path} is not a readable .npz archive of plain arrays") from error
    return PayoffFile(payoffs, prior=prior)


def _member(archive: zipfile.ZipFile, name: str, path: pathlib.Path) -> np.ndarray:
    """The array ``name`` of an archive; raises `InputError` unless it is a plain one of real numbers."""
    with archive.open(f"{name}.npy") as member:
        content = member.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise InputError(f"game file {path}: {name} take more than {MOST_BYTES} bytes")
    array = np.load(io.BytesIO(content), allow_pickle=False)
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iuf":
        kind = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise InputError(f"game file {path}: {name} are of dtype {kind}, but must be real numbers")
    return array


def _read_nfg(path: pathlib.Path) -> PayoffFile:
    """The payoffs, and the names of strategies unless they are just numbered."""
    try:
        game = parse_nfg(text_of(path))
    except InputError as error:
        raise InputError(f"game file {path} is not a strategic-form game: it {error}") from error
    is_numbered = all(own == [str(k + 1) for k in range(len(own))] for own in game.strategies)
    return PayoffFile(game.payoffs, None if is_numbered else game.strategies)


def _read_efg(path: pathlib.Path) -> PayoffFile:
    """The payoffs of plans, and their names."""
    try:
        game = strategic_form(parse_efg(text_of(path)))
    except InputError as error:
        raise InputError(f"game file {path} is not a game in extensive form: it {error}") from error
    return PayoffFile(game.payoffs, game.strategies)


def _check_nested(path: pathlib.Path, key: str, table: Any) -> None:
    """Raise `InputError` unless nested lists are a full table of real numbers; it names the place that is not.

    A list is wrong that is not as long as those before it at its depth, where a number counts as a list of length 0.
    Lists deeper than any array are left to whoever makes one of them.
    """
    level: list[tuple[list[int], Any]] = [([], table)]
    while level and len(level[0][0]) <= MOST_AXES:
        lengths = [len(value) if isinstance(value, list) else 0 for _, value in level]
        for (place, value), length in zip(level, lengths, strict=True):
            if not isinstance(value, (list, int, float)) or isinstance(value, bool):
                raise InputError(f"game file {path}: {key}{place or ''} is {json.dumps(value)[:80]}, but must be a number")
            if length != lengths[0]:
                raise InputError(f"game file {path}: {key}{place} has {length} entries, but those before it have {lengths[0]}")
        level = [([*place, k], entry) for place, value in level if isinstance(value, list) for k, entry in enumerate(value)]
