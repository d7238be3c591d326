"""What the operating system refused, as a FileError with the remedy."""

from __future__ import annotations

import errno
from pathlib import Path

from edgedf.errors import FileError

_READ_HINTS = {
    errno.EACCES: "ask for the right to read it, or copy it to a place of yours",
    errno.EISDIR: "it is a folder; name a file",
    errno.ENOTDIR: "a part of the path is a file; check the path",
}
_WRITE_HINTS = {
    errno.ENOSPC: "free some space and run again; nothing was changed",
    errno.EDQUOT: "free some space and run again; nothing was changed",
    errno.EACCES: "choose a place that you may write to",
    errno.EPERM: "choose a place that you may write to",
    errno.EROFS: "choose a place that can be written to",
    errno.EISDIR: "it is a folder; name a file",
    errno.ENOTDIR: "a part of the path is a file; choose another place",
    errno.EEXIST: "a part of the path is a file; choose another place",
}


def read_error(path: Path, error: OSError) -> FileError:
    """The FileError for an OSError met while reading `path`."""
    if isinstance(error, FileNotFoundError):
        return FileError("no such file", file=path, hint="check the path")
    hint = _READ_HINTS.get(error.errno or 0)
    return FileError(f"cannot be read ({error.strerror or error})", file=path, hint=hint)


def write_error(path: Path, error: OSError) -> FileError:
    """The FileError for an OSError met while writing `path`."""
    hint = _WRITE_HINTS.get(error.errno or 0)
    if error.errno == errno.ENOENT:
        hint = f"make the folder {path.parent} first, or choose another place"
    return FileError(f"cannot be written ({error.strerror or error})", file=path, hint=hint)
