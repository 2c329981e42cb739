"""Writing files so that neither a reader nor a kill meets half of one."""

import json
import math
import os
import pathlib
import secrets
from collections.abc import Callable
from typing import Any, BinaryIO

__all__ = ["append_lines", "to_json", "write_bytes", "write_text", "write_whole"]


def write_text(path: pathlib.Path, text: str) -> None:
    """Replace ``path`` with ``text`` in one step, as `write_bytes` does."""
    write_bytes(path, _encoded(text))


def _encoded(text: str) -> bytes:
    """UTF-8; half of a letter, which a file may have in its name, is written as JSON does and reads again as it was."""
    return text.encode("utf-8", errors="backslashreplace")


def write_bytes(path: pathlib.Path, content: bytes) -> None:
    """Replace ``path`` with ``content`` in one step, as `write_whole` does."""
    write_whole(path, lambda stream: stream.write(content))


def write_whole(path: pathlib.Path, write: Callable[[BinaryIO], object]) -> None:
    """Replace ``path`` with what ``write`` writes, in one step: written beside it, flushed to disk, then renamed.

    Who may read it is for the umask to say, as everywhere.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as stream:  # a new file, or an error
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def append_lines(path: pathlib.Path, lines: list[str]) -> None:
    """Append whole lines with one write."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        remaining = _encoded("".join(f"{line}\n" for line in lines))
        while remaining:
            remaining = remaining[os.write(handle, remaining) :]
    finally:
        os.close(handle)


def to_json(value: Any, *, indent: int | None = None) -> str:
    """Strict JSON: numbers that are not finite become null."""
    return json.dumps(_finite(value), indent=indent, allow_nan=False, ensure_ascii=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
