"""Native runtimes print their own log lines while loading a model; users of edgedf must not see them."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def quiet_descriptors() -> Iterator[None]:
    """Whatever native code writes to file descriptors 1 and 2 goes nowhere; Python's own output is flushed.

    For the moment of loading only: the descriptors belong to the whole process.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    saved: dict[int, int] = {}
    try:
        for number in (1, 2):
            with contextlib.suppress(OSError):  # a daemon may have closed it
                saved[number] = os.dup(number)
                os.dup2(nowhere, number)
        yield
    finally:
        os.close(nowhere)
        for number, copy in saved.items():
            os.dup2(copy, number)
            os.close(copy)
