"""Facts that every artifact has, whatever its target."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgedf.bundle.archive import zip_bytes
from edgedf.files import read_bytes, sha256_bytes


def folder_files(folder: Path) -> dict[str, bytes]:
    """Relative POSIX path -> bytes of every file below a folder, sorted. Raises FileError if unreadable."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): read_bytes(path) for path in paths}


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
