"""Settings as a command line has them."""

import dataclasses
import shlex
from typing import Any

__all__ = ["changed_flags", "flag", "words_of"]


def words_of(name: str, value: Any) -> list[str]:
    """For example ``["--ppo.hidden-sizes", "32", "32"]`` or ``["--followers.no-memory"]``."""
    section, dot, field = name.replace("_", "-").rpartition(".")
    if isinstance(value, bool):
        return [f"--{section}{dot}{'' if value else 'no-'}{field}"]
    return [f"--{section}{dot}{field}", *map(str, value if isinstance(value, (tuple, list)) else [value])]


def flag(name: str, value: Any) -> str:
    """The same in one line, for example ``--ppo.num-envs 64``, as a shell reads it."""
    return shlex.join(words_of(name, value))


def changed_flags(section: str, values: dict[str, Any], defaults: Any) -> list[str]:
    """The flags of ``values`` that differ from the dataclass ``defaults``."""
    plain = lambda value: list(value) if isinstance(value, tuple) else value
    usual = {field.name: plain(getattr(defaults, field.name)) for field in dataclasses.fields(defaults)}
    return [flag(f"{section}.{name}", value) for name, value in values.items() if plain(value) != usual.get(name)]
