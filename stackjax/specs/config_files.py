"""A run's settings from a file: its own ``config.json``, or YAML or JSON that one writes. Nothing named in it is executed."""

import json
import pathlib
from collections.abc import Collection
from typing import Any

from stackjax.errors import InputError, near_matches
from stackjax.specs.flags import words_of

__all__ = ["arguments_of"]

RENAMED = {"game_options": "game", "first_seed": "seed", "num_seeds": "seeds"}
ABOUT = {"schema_version", "argument", "payoff_file", "payoffs", "step_payoffs", "action_names", "randomized", "python_file"}
ABOUT |= {"python_file_sha256", "game_object", "game_digest"}
PLAIN = (bool, int, float, str, type(None))


def arguments_of(
    path: pathlib.Path, game: str | None, known: Collection[str], left_out: Collection[str] = ()
) -> tuple[str, list[str]]:
    """The game that the file at ``path`` names, unless ``game`` is given, and its settings as a command line has them.

    Args:
      known: what may stand in it beside ``game``: sections of settings, and single ones.
      left_out: of these, what does not count.

    Raises:
      InputError: the file cannot be read, or holds something else; names the entry.
    """
    content = _read(path)
    if "python_file" in content and game is None:
        raise InputError(
            f"config file {path} is of a game that is a Python file, which would be executed; if you trust it, name it first: "
            f"stackjax train {content['python_file']} --config {path}"
        )
    if "game_object" in content and game is None:
        raise InputError(f"config file {path} is of a game that was made in Python; use sx.train there")
    chosen = game or content.get("argument") or content.get("game")
    if not isinstance(chosen, str):
        raise InputError(f"config file {path} names no game: add an entry game, for example maintain")
    given: list[str] = []
    for name, value in content.items():
        if (name == "game" and isinstance(value, str)) or name in ABOUT:
            continue
        name = RENAMED.get(name, name).replace("-", "_")
        if name not in known:
            raise InputError(
                f"config file {path} holds an entry {name!r}; it may hold game, {', '.join(known)}.{near_matches(name, known)}"
            )
        if name in left_out:
            continue
        entries = {name: value} if not isinstance(value, dict) else {f"{name}.{field}": own for field, own in value.items()}
        for setting, own in entries.items():
            values = own if isinstance(own, list) else [own]
            if not all(isinstance(one, PLAIN) for one in values):
                shown = json.dumps(own)[:80]
                raise InputError(f"config file {path}: {setting} is {shown}, but must be a number, a word or a list")
            given += words_of(setting, own)
    return chosen, given


def _read(path: pathlib.Path) -> dict[str, Any]:
    if path.suffix.lower() not in (".json", ".yaml", ".yml"):
        raise InputError(f"config file {path} must end in .json, .yaml or .yml")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"config file {path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    import yaml

    try:
        content = json.loads(text) if path.suffix.lower() == ".json" else yaml.safe_load(text)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise InputError(f"config file {path} cannot be read: {' '.join(str(error).split())[:200]}") from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise InputError(f"config file {path} must hold entries by name, for example game: maintain")
    return content
