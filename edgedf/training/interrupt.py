"""Ctrl-C and a polite kill, taken between two steps so that nothing is half done."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType


class StopFlag:
    """Says whether somebody asked the run to stop."""

    def __init__(self, on_stop: Callable[[], None] | None = None) -> None:
        self.wanted = False
        self._on_stop = on_stop

    def ask(self, number: int, frame: FrameType | None) -> None:
        """Signal handler: the first signal is noted, a second one interrupts at once."""
        if self.wanted:
            raise KeyboardInterrupt
        self.wanted = True
        if self._on_stop is not None:
            self._on_stop()

    def check(self) -> None:
        """Raise KeyboardInterrupt if a stop was asked for; for work that has nothing to save."""
        if self.wanted:
            raise KeyboardInterrupt


@contextlib.contextmanager
def stop_flag(on_stop: Callable[[], None] | None = None) -> Iterator[StopFlag]:
    """A flag that SIGINT and SIGTERM set while the block runs; outside the main thread it stays down.

    Args:
        on_stop: called in the signal handler of the first of them.
    """
    flag = StopFlag(on_stop)
    if threading.current_thread() is not threading.main_thread():
        yield flag
        return
    before = {number: signal.signal(number, flag.ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield flag
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
