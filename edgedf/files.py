"""Files: hashes, canonical JSON, and writes that either happen whole or not at all."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import io
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgedf import strict_json
from edgedf.errors import EdgedfError, FileError
from edgedf.os_errors import read_error, write_error
from edgedf.system import exchange_names, folder_lock

# A manifest or index beyond this is not ours; the cap keeps a hostile file from filling memory.
MAX_JSON_BYTES = 64 * 1024 * 1024


def sha256_bytes(data: bytes) -> str:
    """SHA-256 of `data`, 64 lower-case hex digits."""
    return hashlib.sha256(data).hexdigest()


def open_regular(path: Path) -> io.BufferedReader:
    """A file opened for reading bytes. Raises FileError if it is missing, unreadable or no regular file.

    Opening a named pipe would wait for a writer for ever, and /dev/zero has no end.
    """
    try:
        stream = open(path, "rb", opener=_open_at_once)  # noqa: SIM115  Path.open takes no opener
    except OSError as error:
        raise read_error(path, error) from error
    if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        stream.close()
        hint = "name a file on disk; save what comes through a pipe first"
        raise FileError("is a pipe or a device, not a file", file=path, hint=hint)
    return stream


def _open_at_once(path: str, flags: int) -> int:
    """O_NONBLOCK: a pipe opens at once and can be looked at; regular files do not know the flag."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 lower-case hex digits. Raises FileError if it cannot be read."""
    try:
        with open_regular(path) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise read_error(path, error) from error


def read_bytes(path: Path, *, max_bytes: int | None = None) -> bytes:
    """A file's bytes. Raises FileError if it is missing, unreadable or larger than `max_bytes`."""
    try:
        with open_regular(path) as stream:
            if max_bytes is None:
                return stream.read()
            # A file that states its size is not read in vain; those in /proc say 0 and are read to the limit.
            size = os.fstat(stream.fileno()).st_size
            data = b"" if size > max_bytes else stream.read(size + 1 if size else max_bytes + 1)
    except OSError as error:
        raise read_error(path, error) from error
    if max(size, len(data)) > max_bytes:
        raise FileError(f"larger than the allowed {max_bytes} bytes", file=path)
    return data


def canonical_json(value: Any) -> bytes:
    """UTF-8 JSON with sorted keys, two-space indent and a final newline: one value, one byte string.

    Raises ValueError on NaN or infinity, which JSON cannot carry.
    """
    return canonical_text(value).encode()


def canonical_text(value: Any) -> str:
    """`canonical_json` before it is bytes; may hold a file name's lone surrogates, which UTF-8 cannot."""
    return json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def parse_json(
    data: bytes | str, *, file: str | Path, error: type[EdgedfError], hint: str | None = None
) -> Any:
    """The value of a JSON document by the rules of `edgedf.strict_json`.

    Raises `error` with the file's name, and with `hint`, on anything else.
    """
    try:
        return strict_json.loads(data)
    except ValueError as cause:
        raise error(f"not valid JSON ({cause})", file=file, hint=hint) from cause


def _prefix(path: Path) -> str:
    """How the names of everything unfinished for `path` begin; nobody's own files are called so."""
    return f".{path.name}.edgedf-"


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: temporary sibling, flush to disk, rename.

    Raises FileError if the folder is missing or the disk is full; the old file, if any, is then untouched.
    Once the new file is in place nothing fails any more.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=_prefix(path), suffix=".tmp", dir=path.parent)
    except OSError as error:
        raise write_error(path, error) from error
    temporary = Path(name)
    try:
        try:
            with os.fdopen(handle, "wb") as stream:
                # mkstemp makes a private file (0600); what we publish has the permissions of any new file.
                temporary.chmod(0o666 & ~_umask())
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
        except OSError as error:
            raise write_error(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    _settle(path.parent)


@contextlib.contextmanager
def new_folder(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """Fill a temporary sibling of `path`; on success rename it to `path`, on any failure remove it.

    With `replace`, an existing folder at `path` is swapped out only once the new one is complete.
    What a killed process left beside `path` is removed first.
    Raises FileError if `path` exists and `replace` is false, or if the disk is full. What the block meets
    with files elsewhere is its own.
    """
    if path.exists() and not replace:
        raise FileError("already exists", file=path, hint="choose another name or remove it first")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(path)
        made = Path(tempfile.mkdtemp(prefix=_prefix(path), suffix=".new", dir=path.parent))
        # mkdtemp makes a private folder (0700); what we publish has the permissions of any new folder.
        made.chmod(0o777 & ~_umask())
    except OSError as error:
        raise write_error(path, error) from error
    # Only a locked folder gets the name that another process's _remove_leftovers looks for.
    with folder_lock(made):
        temporary = made.with_suffix(".tmp")
        try:
            made.rename(temporary)
            yield temporary
            _swap_in(temporary, path)
        except OSError as error:
            if _is_elsewhere(error, path):
                raise
            raise write_error(path, error) from error
        finally:
            for folder in (made, temporary):
                shutil.rmtree(folder, ignore_errors=True)
        _settle(path.parent)


def _is_elsewhere(error: OSError, path: Path) -> bool:
    """Whether an OSError names a file that is neither `path` nor in its temporary folder.

    A full disk names no file.
    """
    if not isinstance(error.filename, str):
        return False
    named, parent = Path(error.filename).absolute(), path.parent.absolute()
    if parent not in named.parents:
        return True
    first = named.relative_to(parent).parts[0]
    return first != path.name and not first.startswith(_prefix(path))


def _swap_in(temporary: Path, path: Path) -> None:
    """Make `temporary` appear as `path`; an older folder there ends up at `temporary`."""
    if not path.exists():
        temporary.rename(path)
        return
    if exchange_names(temporary, path):
        return
    # Two renames where the system cannot exchange: a kill between them is undone by _remove_leftovers.
    old = path.with_name(f"{_prefix(path)}{os.getpid()}.old")
    path.rename(old)
    try:
        temporary.rename(path)
    except OSError:
        old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _settle(folder: Path) -> None:
    """Ask the disk to keep a rename in `folder` through a power cut.

    The new name is there already, so a system that cannot do this (a network share, Windows) changes
    nothing about the result and is no error.
    """
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _remove_leftovers(path: Path) -> None:
    """Remove what a killed `new_folder(path)` left, and put back an old folder it had moved away."""
    ours = glob.escape(_prefix(path))
    for old in sorted(path.parent.glob(f"{ours}*.old")):
        with contextlib.suppress(FileNotFoundError), folder_lock(old) as free:
            if free and not path.exists():
                old.rename(path)
            elif free:
                shutil.rmtree(old, ignore_errors=True)
    for temporary in sorted(path.parent.glob(f"{ours}*.tmp")):
        if temporary.is_dir() and not temporary.is_symlink():
            with contextlib.suppress(FileNotFoundError), folder_lock(temporary) as free:
                if free:
                    shutil.rmtree(temporary, ignore_errors=True)
