"""Which of the library's error messages the tests meet.

With ``SAID=FOLDER`` pytest's processes write there what they say, wherever they go; ``python -m tests.said FOLDER`` fails if
one is missing.
"""

import json
import os
import pathlib
import re
import sys

from docs.error_messages import BLANK, messages
from stackjax.errors import InputError

__all__ = ["listen", "never_said"]

IN_PROCESSES_OF_THEIR_OWN = (  # tests read these from another process's standard error, or need what is built from source
    "process 0 could not go on",
    "several processes must use all",
    "the other processes cannot be joined",
    "is not a strategic-form game that Gambit can read",
)


def listen(folder: pathlib.Path) -> None:
    """Have this process write every message, and the files of the package that it comes from, below ``folder``."""
    place, made = folder.absolute() / f"said-{os.getpid()}.jsonl", InputError.__init__

    def init(self: InputError, *arguments: object) -> None:
        made(self, *arguments)
        files, frame = [], sys._getframe(1)
        while frame is not None and len(files) < 4:
            name = pathlib.Path(frame.f_code.co_filename).as_posix()
            if "/stackjax/" in name:
                files.append("stackjax/" + name.rpartition("/stackjax/")[2])
            frame = frame.f_back
        with place.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps([str(self), files]) + "\n")

    InputError.__init__ = init  # type: ignore[method-assign]


def never_said(folder: pathlib.Path) -> list[str]:
    """The messages of docs/messages.md that nothing below ``folder`` is an instance of."""
    said = [json.loads(line) for path in folder.glob("said-*.jsonl") for line in path.read_text(encoding="utf-8").splitlines()]
    missing = []
    for one in messages():
        pattern = re.compile(".*".join(map(re.escape, one.words.strip().split(BLANK))), re.DOTALL)
        if any(words in one.words for words in IN_PROCESSES_OF_THEIR_OWN):
            continue
        if not any(one.file in files and pattern.fullmatch(text.strip()) for text, files in said):
            missing.append(f"{one.file}: {one.words}")
    return missing


if __name__ == "__main__":
    missing = never_said(pathlib.Path(sys.argv[1]))
    sys.exit("\n".join(["error messages that no test meets:", *missing]) if missing else None)
