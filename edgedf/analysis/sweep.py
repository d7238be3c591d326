"""Latency over sparsity on one machine: the file that `edgedf bench --sweep` writes and a report shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from edgedf.errors import FileError
from edgedf.files import canonical_json, parse_json, read_bytes, write_atomic

SWEEP_NAME = "sweep.json"
FORMAT_VERSION = 1
MAX_BYTES = 1 << 22
MAX_POINTS = 10_000
# A nanosecond and an hour: outside, no axis of milliseconds makes sense.
_LEAST_MS, _MOST_MS = 1e-6, 3.6e6
_WANTED = "name the file that `edgedf bench --sweep` writes, or write it again"


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPoint:
    """One network on one engine.

    Attributes:
        work: architecture and crop size, such as "mesonet@128".
        sparsity: share of zeros in every layer, 0..1.
        target, runtime: what ran it.
        median, low, high: median, 10th and 90th percentile of one crop, milliseconds.
        runs: timed calls.
    """

    work: str
    sparsity: float
    target: str
    runtime: str
    median: float
    low: float
    high: float
    runs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A whole file.

    Attributes:
        processor: name of the machine's processor.
        threads: threads of every engine.
        points: in the order they were measured.
        not_run: target -> why it is missing.
    """

    processor: str
    threads: int
    points: tuple[SweepPoint, ...]
    not_run: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"format_version": FORMAT_VERSION} | asdict(self)


def write_sweep(path: Path, sweep: Sweep) -> None:
    """Write the file as a whole or not at all. Raises FileError."""
    write_atomic(path, canonical_json(sweep.to_json()))


def read_sweep(path: Path) -> Sweep:
    """The file at `path`. Raises FileError that names the field if it is not one."""
    tree = parse_json(read_bytes(path, max_bytes=MAX_BYTES), file=path, error=FileError, hint=_WANTED)
    _keys(path, tree, {"format_version", *(field.name for field in fields(Sweep))}, "the file")
    if tree["format_version"] != FORMAT_VERSION:
        raise _bad(
            path, "format_version", f"is {str(tree['format_version'])[:20]}, expected {FORMAT_VERSION}"
        )
    points = tree["points"]
    if not isinstance(points, list) or len(points) > MAX_POINTS:
        raise _bad(path, "points", f"is no list of at most {MAX_POINTS} points")
    missing = tree["not_run"]
    if not isinstance(missing, dict) or not all(isinstance(why, str) for why in missing.values()):
        raise _bad(path, "not_run", "does not map targets to reasons")
    return Sweep(
        processor=_text(path, "processor", tree["processor"]),
        threads=_count(path, "threads", tree["threads"]),
        points=tuple(_point(path, f"points[{index}]", point) for index, point in enumerate(points)),
        not_run=missing,
    )


def _point(path: Path, at: str, tree: Any) -> SweepPoint:
    _keys(path, tree, {field.name for field in fields(SweepPoint)}, at)
    point = SweepPoint(
        work=_text(path, f"{at}.work", tree["work"]),
        sparsity=_number(path, f"{at}.sparsity", tree["sparsity"]),
        target=_text(path, f"{at}.target", tree["target"]),
        runtime=_text(path, f"{at}.runtime", tree["runtime"]),
        median=_number(path, f"{at}.median", tree["median"]),
        low=_number(path, f"{at}.low", tree["low"]),
        high=_number(path, f"{at}.high", tree["high"]),
        runs=_count(path, f"{at}.runs", tree["runs"]),
    )
    if point.sparsity > 1 or not _LEAST_MS <= point.low <= point.median <= point.high <= _MOST_MS:
        raise _bad(path, at, "needs sparsity <= 1 and low <= median <= high in milliseconds")
    return point


def _keys(path: Path, tree: Any, wanted: set[str], at: str) -> None:
    if not isinstance(tree, dict):
        raise _bad(path, at, "is not an object")
    if odd := sorted(wanted ^ set(tree)):
        raise _bad(path, odd[0][:60], f"{'unknown' if odd[0] in tree else 'missing'} field of {at}")


def _text(path: Path, field: str, value: Any) -> str:
    if not isinstance(value, str) or not value.isprintable() or len(value) > 500:
        raise _bad(path, field, "is not a printable text")
    return value


def _number(path: Path, field: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise _bad(path, field, "is not a number from 0 on")
    return float(value)


def _count(path: Path, field: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1_000_000:
        raise _bad(path, field, "is not a whole number above 0")
    return value


def _bad(path: Path, field: str, problem: str) -> FileError:
    return FileError(problem, file=path, field=field or None, hint="write it again: edgedf bench --sweep")
