"""Lineage: where a ticket came from, as plain JSON that a file cannot abuse."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from edgedf import plain_json
from edgedf.errors import TicketError


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Where a ticket came from.

    Attributes:
        recipe: name and settings of the training run, plain JSON.
        seed: seed of weights and data order, 0..2^63-1.
        dataset: name and fingerprint (sha256 of the index) of the data, and what it was; plain JSON.
        round: number of pruning rounds behind the mask, 0..10,000; 0 is dense.
        sparsity: share of zeros among the prunable weights, 0..1.
        metrics: split name -> metric name -> finite value.
        parent: sha256 of the ticket of the round before (64 hex digits), or None.
        tools: package name -> version.
        created: date as YYYY-MM-DD, or "" where reproducible bytes matter more.
    """

    recipe: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    dataset: Mapping[str, Any] = field(default_factory=dict)
    round: int = 0
    sparsity: float = 0.0
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    parent: str | None = None
    tools: Mapping[str, str] = field(default_factory=dict)
    created: str = ""

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict with every field; `from_json` inverts it."""
        return {item.name: _as_json(getattr(self, item.name)) for item in fields(Lineage)}

    @staticmethod
    def from_json(value: Any, *, file: str) -> Lineage:
        """The lineage in a parsed JSON object. Raises TicketError that names the field."""
        if not isinstance(value, Mapping):
            raise TicketError("is not a JSON object", file=file, field="lineage")
        if odd := sorted({item.name for item in fields(Lineage)} ^ set(value)):
            verb = "unknown" if odd[0] in value else "missing"
            raise TicketError(f"{verb} field", file=file, field=f"lineage.{odd[0][:60]}")
        lineage = Lineage(**value)
        check_lineage(lineage, file=file)
        return lineage


def check_lineage(lineage: Lineage, *, file: str) -> None:
    """Every rule on the fields' types and ranges. Raises TicketError that names the field."""
    checker = _Checker(file)
    for name in ("recipe", "dataset", "metrics", "tools"):
        checker.table(getattr(lineage, name), f"lineage.{name}")
    checker.integer(lineage.seed, "lineage.seed", (1 << 63) - 1)
    checker.integer(lineage.round, "lineage.round", 10_000)
    checker.require(
        _is_number(lineage.sparsity) and 0 <= lineage.sparsity <= 1, "lineage.sparsity", "a number in 0..1"
    )
    for split, metrics in lineage.metrics.items():
        at = f"lineage.metrics.{split[:60]}"
        checker.require(isinstance(metrics, Mapping), at, "a table of numbers")
        for name, value in metrics.items():
            checker.require(_is_number(value), f"{at}.{name[:60]}", "a finite number")
    for name, version in lineage.tools.items():
        checker.require(isinstance(version, str), f"lineage.tools.{name[:60]}", "a text")
    parent, created = lineage.parent, lineage.created
    checker.require(parent is None or _matches("[0-9a-f]{64}", parent), "lineage.parent", "a sha256 or null")
    checker.require(
        _matches(r"(\d{4}-\d\d-\d\d)?", created), "lineage.created", "a date YYYY-MM-DD or an empty text"
    )


def check_plain(value: Any, at: str, *, file: str) -> None:
    """Raise TicketError naming the field unless `value` is plain JSON (edgedf/plain_json.py)."""
    plain_json.check_plain(value, at, file=file, error=TicketError)


class _Checker:
    """Rules that raise TicketError with the file's name."""

    def __init__(self, file: str) -> None:
        self.file = file

    def require(self, good: bool, at: str, expected: str) -> None:
        if not good:
            raise TicketError(f"is not {expected}", file=self.file, field=at)

    def integer(self, value: Any, at: str, largest: int) -> None:
        good = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= largest
        self.require(good, at, f"an integer in 0..{largest}")

    def table(self, value: Any, at: str) -> None:
        self.require(isinstance(value, Mapping), at, "a JSON object")
        check_plain(value, at, file=self.file)


def _is_number(value: Any) -> bool:
    # A Python integer may be too large for a float, so it is bounded before anything converts it.
    if isinstance(value, int) and not isinstance(value, bool):
        return abs(value) < 1 << 64
    return isinstance(value, float) and math.isfinite(value)


def _matches(pattern: str, value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(pattern, value, re.ASCII) is not None


def _as_json(value: Any) -> Any:
    """Read-only mappings and tuples as the dicts and lists that JSON knows."""
    if isinstance(value, Mapping):
        return {key: _as_json(item) for key, item in value.items()}
    return [_as_json(item) for item in value] if isinstance(value, list | tuple) else value
