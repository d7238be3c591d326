"""Native runtimes print their own log lines while loading a model; users of edgedf must not see them."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def quiet_output() -> Iterator[None]:
    """Whatever is written to file descriptors 1 and 2 or to Python's streams meanwhile goes nowhere.

    Both, because some bindings write through Python's sys.stderr. What Python had buffered goes out first.
    For short moments only: streams and descriptors belong to the whole process.
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
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        os.close(nowhere)
        for number, copy in saved.items():
            os.dup2(copy, number)
            os.close(copy)
