"""Ctrl-C ends a command within two seconds, also while a compiler does not listen."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator

__all__ = ["ends_soon"]

PATIENCE = 1.5  # seconds in which Python may end the command as usual


@contextlib.contextmanager
def ends_soon() -> Iterator[None]:
    """While entered, Ctrl-C ends this process if Python does not get to it soon. Whoever handles the signal keeps it."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(os, "set_blocking"):
        yield
        return
    seen, told = os.pipe()
    os.set_blocking(told, False)
    is_over = threading.Event()
    before = signal.set_wakeup_fd(told, warn_on_full_buffer=False)

    def watch() -> None:
        while (number := os.read(seen, 1)) and not is_over.is_set():
            if number[0] == signal.SIGINT and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
                time.sleep(PATIENCE)
                if not is_over.is_set():
                    print("stackjax: error: interrupted", file=sys.stderr, flush=True)
                    os._exit(130)
        os.close(seen)

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        is_over.set()
        signal.set_wakeup_fd(before)
        os.close(told)
