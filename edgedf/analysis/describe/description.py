"""The answer of `edgedf show`: plain values that print as text and as JSON alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Cell = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A titled table; each row has one cell per column. `right` names the columns that hold numbers."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    right: tuple[str, ...] = ()

    def records(self) -> list[dict[str, Cell]]:
        """One dict per row, keyed by column."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a file is.

    Attributes:
        kind: "ticket", "bundle", "executorch artifact", ...
        facts: label -> JSON-ready value, in the order of reading.
        tables: layers, artifacts, operators, ...
        notes: sentences worth telling, such as what could not be looked at here.
    """

    kind: str
    facts: Mapping[str, Any]
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict; tables become lists of records under their titles."""
        tables = {table.title: table.records() for table in self.tables}
        return {"kind": self.kind, **self.facts, **tables, "notes": list(self.notes)}
