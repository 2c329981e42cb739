"""Writes docs/messages.md: every error message of the library, as it stands in the code.

Run from the top: python docs/error_messages.py
"""

import ast
import pathlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

__all__ = ["Message", "messages", "page"]

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "messages.md"
BLANK = "{...}"  # what is filled in when the message is made
ERRORS = ("InputError", "UnsolvedError")

HEAD = """# All error messages

Each message of an `InputError` or an `UnsolvedError`, by the room of the package that raises it. `{...}` stands for what
the message fills in: a name, a value, a shape. [Troubleshooting](troubleshooting.md) explains those that newcomers meet.
The command line prints the same messages after `stackjax: error:` and ends with exit code 2.

This page is written by `python docs/error_messages.py`, and a test compares it with the code.
"""


class Message(NamedTuple):
    """One message: its words, the file it is raised in, relative to the top, and whether it says that an optimum is not had."""

    words: str
    file: str
    error: str


def text(node: ast.expr | None) -> str:
    """What an expression says, with `BLANK` for all that is not written out."""
    if isinstance(node, ast.Constant) and isinstance(node.value, (str, int, float)):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(text(part) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return text(node.left) + text(node.right)
    return BLANK


def _argument(call: ast.Call, place: int, name: str) -> ast.expr | None:
    by_name = {keyword.arg: keyword.value for keyword in call.keywords}
    return call.args[place] if len(call.args) > place else by_name.get(name)


def _allowed(place: int) -> Callable[[ast.Call], str]:
    return lambda call: f"{text(_argument(call, 0, 'name'))}={BLANK} must be {text(_argument(call, place, 'allowed'))}"


def _count(call: ast.Call) -> str:
    least = _argument(call, 2, "least")
    return f"{text(_argument(call, 0, 'name'))}={BLANK} must be a whole number of at least {text(least) if least else 1}"


def _positive(call: ast.Call) -> str:
    return f"{text(_argument(call, 0, 'name'))}={BLANK} must be a positive finite number"


def _array(call: ast.Call) -> str:
    return f"{text(_argument(call, 0, 'name'))}={BLANK} must be an array of numbers"


CHECKS: dict[str, Callable[[ast.Call], str]] = {  # the checks of stackjax/errors.py, which make their messages themselves
    "require": _allowed(3),
    "require_is": _allowed(3),
    "require_number": _allowed(3),
    "require_array": _array,
    "require_count": _count,
    "require_positive": _positive,
}


def _called(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _framed(frame: ast.expr, parameter: str, filled: str) -> str:
    """What ``frame`` says with ``filled`` in the place of its ``parameter``."""
    own = lambda part: isinstance(part, ast.FormattedValue) and isinstance(part.value, ast.Name) and part.value.id == parameter
    parts = frame.values if isinstance(frame, ast.JoinedStr) else [frame]
    return "".join(filled if own(part) else text(part) for part in parts)


def _in_file(path: pathlib.Path, tree: ast.Module) -> Iterator[Message]:
    file = path.relative_to(ROOT).as_posix()
    makers: dict[str, tuple[ast.expr, str]] = {}  # methods that put words into a frame, as `_Check.fail` does
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            for inner in node.body:
                value = inner.value if isinstance(inner, ast.Return) else None
                if isinstance(value, ast.Call) and _called(value) in ERRORS:
                    makers[node.name] = value.args[0], node.args.args[-1].arg
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = _called(node)
        if name in ERRORS:
            yield Message(text(_argument(node, 0, "")), file, name)
        elif name in CHECKS:
            yield Message(CHECKS[name](node), file, "InputError")
        elif name in makers and node.args:
            yield Message(_framed(*makers[name], text(node.args[0])), file, "InputError")


def messages() -> list[Message]:
    """All messages, by file and then by words, each once a file; those without a word of their own are left out."""
    found = set()
    for path in sorted((ROOT / "stackjax").rglob("*.py")):
        if path.name != "errors.py" or path.parent.name != "stackjax":
            found |= set(_in_file(path, ast.parse(path.read_text(encoding="utf-8"))))
    bare = {BLANK, f"{BLANK}={BLANK} must be {BLANK}", f"game {BLANK}: {BLANK}"}
    return sorted((one for one in found if one.words not in bare), key=lambda one: (one.file, one.words))


def _room(file: str) -> str:
    parts = file.split("/")
    return f"stackjax/{parts[1]}" if len(parts) > 2 else "stackjax"


def page() -> str:
    """The content of docs/messages.md."""
    lines, room = [HEAD], ""
    for one in messages():
        if _room(one.file) != room:
            room = _room(one.file)
            lines += (
                ["", f"## {room}", "", "| message | where |", "|---|---|"]
                if lines[1:]
                else [f"## {room}", "", "| message | where |", "|---|---|"]
            )
        words = one.words.strip().replace("|", "\\|").replace("\n", " ")
        words = f"`` {words} ``" if "`" in words else f"`{words}`"
        lines.append(f"| {words} | `{one.file}` |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {len(messages())} messages")
