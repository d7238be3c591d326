"""Two things the operating system does better than Python: exchange two names, and lock a folder."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator
from pathlib import Path


def exchange_names(first: Path, second: Path) -> bool:
    """Exchange two names in one atomic step; False where the system or file system cannot."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        names = os.fsencode(first), os.fsencode(second)
        if sys.platform == "darwin":
            return bool(libc.renamex_np(*names, 2) == 0)  # 2: RENAME_SWAP
        # -100: relative to the working folder; 2: RENAME_EXCHANGE (Linux 3.15, glibc 2.28).
        return bool(libc.renameat2(-100, names[0], -100, names[1], 2) == 0)
    except (OSError, AttributeError, TypeError):
        return False


@contextlib.contextmanager
def folder_lock(folder: Path) -> Iterator[bool]:
    """Hold a lock on a folder; yields False if another process holds it.

    The system drops the lock when its process dies, however it dies.
    """
    try:
        import fcntl
    except ImportError:  # Windows: no lock, so leftovers stay until a person removes them
        yield False
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True
    finally:
        os.close(handle)
