"""`cache.json`: which data a crop cache was made from, how many crops it holds, which files were damaged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgedf.data.sample import SPLITS
from edgedf.errors import DataError
from edgedf.files import MAX_JSON_BYTES, canonical_json, parse_json, read_bytes

CACHE_NAME = "cache.json"
FORMAT = "edgedf-crop-cache"
FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class DamagedFile:
    """A picture that could not be cropped: relative path and reason."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class CacheReport:
    """What a build met: split -> crops kept, and the damaged files left out."""

    counts: Mapping[str, int]
    damaged: tuple[DamagedFile, ...]

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict."""
        damaged = [{"path": file.path, "reason": file.reason} for file in self.damaged]
        return {"counts": dict(self.counts), "damaged": damaged}


@dataclass(frozen=True, slots=True)
class CacheFile:
    """The contents of cache.json: the key of `cache_key`, the crop's side in pixels, the report."""

    key: str
    size: int
    report: CacheReport

    def to_bytes(self) -> bytes:
        """The file's bytes."""
        head = {"format": FORMAT, "format_version": FORMAT_VERSION, "key": self.key, "size": self.size}
        return canonical_json(head | self.report.to_json())


def read_cache_file(folder: Path) -> CacheFile | None:
    """The cache.json of a folder, or None if there is none that this edgedf can use.

    A damaged one is as good as none: the cache is only ever a copy, and is made again.
    """
    path = folder / CACHE_NAME
    if not path.is_file():
        return None
    try:
        value = parse_json(read_bytes(path, max_bytes=MAX_JSON_BYTES), file=path, error=DataError)
        if value["format"] != FORMAT or value["format_version"] != FORMAT_VERSION:
            return None
        damaged = tuple(DamagedFile(str(file["path"]), str(file["reason"])) for file in value["damaged"])
        counts = {name: int(value["counts"][name]) for name in SPLITS}
        return CacheFile(str(value["key"]), int(value["size"]), CacheReport(counts, damaged))
    except (DataError, KeyError, TypeError, ValueError):
        return None
