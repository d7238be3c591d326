"""`index.json`, the optional file beside a data set's folders: boxes, identities, kinds, masks, hashes.

    {"format": "edgedf-dataset", "format_version": 1, "name": ..., "description": ..., "recipe": {...},
     "samples": {"Train/Fake/000001.jpg": {"box": [x, y, width, height] or null, "identity": "a+b" or null,
                                           "kind": "swap", "mask": "masks/000001.png" or null,
                                           "sha256": "..." or null}, ...}}

The label is the folder the picture is in, nothing else. docs/data.md describes each field.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgedf.crop import Box
from edgedf.errors import DataError
from edgedf.files import MAX_JSON_BYTES, canonical_json, parse_json, read_bytes
from edgedf.plain_json import check_plain

INDEX_NAME = "index.json"
FORMAT = "edgedf-dataset"
FORMAT_VERSION = 1
MAX_COORDINATE = 1e6
_ENTRY_FIELDS = {"box", "identity", "kind", "mask", "sha256"}
_HEAD_FIELDS = {"format", "format_version", "name", "description", "recipe", "samples"}
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TEXT_LIMIT = 500


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """What index.json says about one picture; the fields of `Sample` of the same names."""

    box: Box | None
    identity: str | None
    kind: str
    mask: str | None
    sha256: str | None

    def to_json(self) -> dict[str, Any]:
        """The entry as index.json holds it."""
        box = self.box
        return {
            "box": None if box is None else [box.x, box.y, box.width, box.height],
            "identity": self.identity,
            "kind": self.kind,
            "mask": self.mask,
            "sha256": self.sha256,
        }


@dataclass(frozen=True, slots=True)
class IndexFile:
    """A whole index.json: name, one-line description, how it was made, entries by relative path."""

    name: str
    description: str
    recipe: Mapping[str, Any]
    entries: Mapping[str, IndexEntry]

    def to_bytes(self) -> bytes:
        """The file's bytes; equal contents give equal bytes."""
        head = {"format": FORMAT, "format_version": FORMAT_VERSION, "name": self.name}
        samples = {path: entry.to_json() for path, entry in self.entries.items()}
        return canonical_json(
            head | {"description": self.description, "recipe": dict(self.recipe), "samples": samples}
        )


def read_index_file(root: Path) -> IndexFile | None:
    """The checked index.json of a data set, or None if it has none.

    Raises DataError naming the entry and field that is wrong, FileError if it cannot be read.
    """
    path = root / INDEX_NAME
    if path.is_symlink():
        raise DataError("is a link", file=path, hint="copy the file")
    if not path.exists():
        return None
    value = parse_json(read_bytes(path, max_bytes=MAX_JSON_BYTES), file=path, error=DataError)
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise DataError(f"is not an index: no format {FORMAT!r}", file=path, hint=_REMOVE_HINT)
    version = value.get("format_version")
    if version != FORMAT_VERSION or isinstance(version, bool):
        problem = f"version {str(version)[:40]}, this edgedf reads version {FORMAT_VERSION}"
        raise DataError(problem, file=path, field="format_version", hint=_REMOVE_HINT)
    if odd := sorted(_HEAD_FIELDS ^ set(value)):
        raise DataError("unknown or missing field", file=path, field=odd[0][:60])
    return IndexFile(
        name=_text(value["name"], path, "name"),
        description=_text(value["description"], path, "description"),
        recipe=_plain(value["recipe"], path),
        entries={
            _relative(key, path, "samples"): _entry(entry, path, f"samples.{key[:200]}")
            for key, entry in _table(value["samples"], path, "samples").items()
        },
    )


_REMOVE_HINT = "make the data set again, or remove index.json to use the folders alone"


def _entry(value: Any, file: Path, where: str) -> IndexEntry:
    entry = _table(value, file, where)
    if odd := sorted(_ENTRY_FIELDS ^ set(entry)):
        raise DataError("unknown or missing field", file=file, field=f"{where}.{odd[0][:60]}")
    identity, mask, digest = entry["identity"], entry["mask"], entry["sha256"]
    if digest is not None and not (isinstance(digest, str) and _SHA256.fullmatch(digest)):
        raise DataError("is not a sha256 in lower-case hex", file=file, field=f"{where}.sha256")
    return IndexEntry(
        box=_box(entry["box"], file, f"{where}.box"),
        identity=None if identity is None else _text(identity, file, f"{where}.identity"),
        kind=_text(entry["kind"], file, f"{where}.kind"),
        mask=None if mask is None else _relative(mask, file, f"{where}.mask"),
        sha256=digest,
    )


def _box(value: Any, file: Path, where: str) -> Box | None:
    if value is None:
        return None
    good = isinstance(value, list) and len(value) == 4 and all(map(_is_number, value))
    if not good or min(value[2:]) <= 0 or max(map(abs, value)) > MAX_COORDINATE:
        problem = f"is {str(value)[:80]}, expected [x, y, width, height] in pixels, width and height above 0"
        raise DataError(problem, file=file, field=where)
    return Box(*map(float, value))


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    # The range is checked first: an integer of a thousand digits cannot become a double.
    return -MAX_COORDINATE <= value <= MAX_COORDINATE and math.isfinite(value)


def _relative(value: Any, file: Path, where: str) -> str:
    """A path that stays inside the data set: no "..", no root, no drive, no backslash."""
    text = _text(value, file, where)
    parts = text.split("/")
    if any(part in ("", ".", "..") for part in parts) or any(c in text for c in "\\:\x00"):
        raise DataError(f"{text[:120]!r} is not a plain relative path", file=file, field=where)
    return text


def _text(value: Any, file: Path, where: str) -> str:
    if not isinstance(value, str) or len(value) > _TEXT_LIMIT:
        raise DataError(f"is not a text of at most {_TEXT_LIMIT} characters", file=file, field=where)
    # Every one of these texts is printed sooner or later, and some are file names.
    if not value.isprintable():
        raise DataError("holds characters that cannot be printed", file=file, field=where)
    return value


def _plain(value: Any, file: Path) -> Mapping[str, Any]:
    table = _table(value, file, "recipe")
    check_plain(table, "recipe", file=file, error=DataError)
    return table


def _table(value: Any, file: Path, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise DataError("is not a JSON object", file=file, field=where)
    return value
