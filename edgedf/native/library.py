"""The C core's shared library, found and loaded once. ctypes releases the GIL during every call."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from pathlib import Path

from edgedf.errors import NotRunError

_NAMES = {"win32": "edgedf.dll", "darwin": "libedgedf.dylib"}


def library_path() -> Path:
    """Where the shared library must be: beside this file, however edgedf was installed."""
    return Path(__file__).with_name(_NAMES.get(sys.platform, "libedgedf.so"))


@cache
def load_library() -> ctypes.CDLL:
    """The C core. Raises NotRunError with the remedy if it was not built or cannot be loaded here."""
    path = library_path()
    if not path.is_file():
        raise NotRunError(
            "the C core is not built",
            file=path.name,
            hint="run `make native` (or `pip install -e .`); it needs a C compiler",
        )
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise NotRunError(
            "the C core cannot be loaded on this machine", file=path.name, hint="build it again: make native"
        ) from error
