"""Settings as a command line has them."""

import dataclasses
import shlex
from typing import Any

__all__ = ["changed_flags", "flag"]


def flag(name: str, value: Any) -> str:
    """For example ``--ppo.num-envs 64`` or ``--followers.no-memory``."""
    section, dot, field = name.replace("_", "-").rpartition(".")
    if isinstance(value, bool):
        return f"--{section}{dot}{'' if value else 'no-'}{field}"
    shown = " ".join(map(str, value)) if isinstance(value, (tuple, list)) else shlex.quote(str(value))
    return f"--{section}{dot}{field} {shown}"


def changed_flags(section: str, values: dict[str, Any], defaults: Any) -> list[str]:
    """The flags of ``values`` that differ from the dataclass ``defaults``."""
    plain = lambda value: list(value) if isinstance(value, tuple) else value
    usual = {field.name: plain(getattr(defaults, field.name)) for field in dataclasses.fields(defaults)}
    return [flag(f"{section}.{name}", value) for name, value in values.items() if plain(value) != usual.get(name)]
