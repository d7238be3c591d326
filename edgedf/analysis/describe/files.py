"""Facts that every artifact has, whatever its target."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgedf.bundle.archive import zip_bytes
from edgedf.bundle.manifest_reader import MAX_BUNDLE_BYTES
from edgedf.errors import BundleError, FileError
from edgedf.files import read_bytes, sha256_bytes
from edgedf.os_errors import read_error


def folder_files(folder: Path) -> dict[str, bytes]:
    """Relative POSIX path -> bytes of every file below a folder, sorted.

    Raises FileError if something is unreadable or all together is larger than a bundle may be, BundleError
    on links and special files, which lead out of the folder.
    """
    sizes = {path: _plain_size(folder, path) for path in _inside(folder)}
    if sum(sizes.values()) > MAX_BUNDLE_BYTES:
        raise FileError(f"larger than the allowed {MAX_BUNDLE_BYTES} bytes", file=folder)
    return {path: read_bytes(folder / path, max_bytes=size) for path, size in sorted(sizes.items())}


def _inside(folder: Path) -> list[str]:
    """Everything below a folder that is no folder itself, linked folders included but not entered."""

    def fail(error: OSError) -> None:
        raise read_error(folder, error) from error

    found: list[Path] = []
    for top, folders, names in os.walk(folder, onerror=fail):
        linked = [name for name in folders if (Path(top) / name).is_symlink()]
        found += [Path(top) / name for name in (*linked, *names)]
    return [path.relative_to(folder).as_posix() for path in found]


def _plain_size(folder: Path, path: str) -> int:
    """Size in bytes of a plain file."""
    try:
        status = (folder / path).lstat()
    except OSError as error:
        raise read_error(folder / path, error) from error
    if not stat.S_ISREG(status.st_mode):
        problem = "is a link" if stat.S_ISLNK(status.st_mode) else "is neither a file nor a folder"
        hint = "an artifact holds plain files only"
        raise BundleError(problem, file=folder, field=path[:200], hint=hint)
    return status.st_size


def artifact_facts(path: Path, files: Mapping[str, bytes]) -> dict[str, Any]:
    """Name, sizes (installed, and zipped as a store would), and the sha256 of a single file."""
    facts: dict[str, Any] = {
        "file": str(path),
        "size": sum(map(len, files.values())),
        "size_zipped": len(zip_bytes(files)),
    }
    if len(files) == 1:
        facts["sha256"] = sha256_bytes(next(iter(files.values())))
    return facts
