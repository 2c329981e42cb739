"""Standard streams that never stop the work: closed ones, broken pipes, full disks, terminals that cannot show every letter."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any

__all__ = ["Outlet", "standard_streams"]


class Outlet:
    """A stream for writing that remembers its first ``error`` instead of raising it; what is written after that is lost."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.error: OSError | None = None
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")

    def write(self, text: str) -> int:
        """As a stream's, whatever becomes of ``text``."""
        self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        """As a stream's."""
        self._try(self._stream.flush)

    def _try(self, work: Any) -> None:
        try:
            work()
        except OSError as error:
            self.error = self.error or error
            with open(os.devnull, "w", encoding="utf-8") as nowhere:
                os.dup2(nowhere.fileno(), self._stream.fileno())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def standard_streams() -> Iterator[Outlet]:
    """Inside, standard output, which is what one gets, and standard error are `Outlet`; one that is closed leads nowhere."""
    before = sys.stdout, sys.stderr
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # or a file that is opened later would get this number, and what is printed
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
    with contextlib.ExitStack() as closed:
        nowhere = lambda: closed.enter_context(open(os.devnull, "w", encoding="utf-8"))
        output, errors = (Outlet(nowhere() if stream is None else stream) for stream in before)
        sys.stdout, sys.stderr = output, errors
        try:
            yield output
        finally:
            output.flush()
            errors.flush()
            sys.stdout, sys.stderr = before
