"""Standard output and standard error for the whole of a verb, also where nobody reads them any more."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from edgedf.errors import FileError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def lasting_streams() -> Iterator[None]:
    """A block in which a reader that goes away, such as `head`, stops nothing: the rest goes nowhere.

    Else a verb would end at its first line that nobody reads, and its exit code with it: a gate's no must
    reach `edgedf parity B | head -1` under pipefail. A stream that was closed from the start is one of
    these. Standard output that cannot be written for another reason is a FileError; standard error has
    nobody left to tell. Terminals and streams that are not this process's own are left as they are.
    """
    _fill_descriptors()
    before = sys.stdout, sys.stderr
    sys.stdout = _lasting(sys.stdout, sys.__stdout__, "standard output")
    sys.stderr = _lasting(sys.stderr, sys.__stderr__, "")
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, FileError):
                stream.flush()
        sys.stdout, sys.stderr = before


def _fill_descriptors() -> None:
    """Else the next file that is opened gets the number of a closed stream, and what a library prints."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is the one that was just found to be free.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def _lasting(stream: TextIO | None, own: TextIO | None, name: str) -> TextIO:
    """What to write to instead of `stream`, which is `own` unless a program put another in its place."""
    if stream is None:
        return Path(os.devnull).open("w", encoding="utf-8", errors="replace")
    if stream is not own or stream.isatty():
        return stream
    binary = io.BufferedWriter(_Descriptor(stream.fileno(), name))
    return io.TextIOWrapper(
        binary, stream.encoding, stream.errors, line_buffering=bool(stream.line_buffering)
    )


class _Descriptor(io.FileIO):
    """Writes to a file descriptor until that fails, and from then on nowhere."""

    def __init__(self, number: int, name: str) -> None:
        super().__init__(number, "wb", closefd=False)
        self._name, self._lost = name, False

    def write(self, data: ReadableBuffer, /) -> int:
        if not self._lost:
            try:
                return super().write(data)
            except ConnectionError:  # a broken pipe is one
                self._lost = True
            except OSError as error:
                self._lost = True
                if self._name:
                    raise _refused(self._name, error) from error
        return memoryview(data).nbytes


def _refused(name: str, error: OSError) -> FileError:
    elsewhere = "send the output elsewhere"
    hint = f"free some space there, or {elsewhere}" if error.errno in _FULL else elsewhere
    return FileError(f"cannot be written ({error.strerror or error})", file=name, hint=hint)
