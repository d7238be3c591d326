"""Strict conversion of parsed JSON, one field at a time: whatever is unknown, missing or odd is named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from edgedf.errors import EdgedfError
from edgedf.plain_json import check_plain

_HEX = frozenset("0123456789abcdef")


class FieldReader:
    """Each method takes a value and the field it came from, and gives the value back, typed.

    All raise `error` with that field's name; `self.file` goes into every message. The fields of the document
    itself are at "".

    Attributes:
        error, hint: what a subclass raises, and the remedy.
        max_text: most characters of a text.
        max_entries: most entries of a list.
    """

    error: ClassVar[type[EdgedfError]]
    hint: ClassVar[str]
    max_text: ClassVar[int] = 500
    max_entries: ClassVar[int] = 10_000

    def __init__(self, file: str | Path) -> None:
        self.file = file

    def bad(self, at: str, problem: str) -> EdgedfError:
        """The error for a field, to be raised."""
        return self.error(problem, file=self.file, field=at or None, hint=self.hint)

    def record(self, value: Any, names: str, at: str) -> dict[str, Any]:
        """`value` as a dict with exactly these keys (one space-separated string)."""
        table = self.table(value, at)
        if odd := sorted(set(names.split()) ^ set(table)):
            problem = "unknown field" if odd[0] in table else "missing field"
            raise self.bad(f"{at}.{odd[0][:60]}".lstrip("."), problem)
        return table

    def table(self, value: Any, at: str) -> dict[str, Any]:
        """A dict of any keys."""
        if not isinstance(value, dict):
            raise self.bad(at, "is not a JSON object")
        return value

    def plain(self, value: Any, at: str) -> dict[str, Any]:
        """A table of plain JSON: safe to print and to write back."""
        table = self.table(value, at)
        check_plain(table, at, file=self.file, error=self.error)
        return table

    def sequence(self, value: Any, at: str) -> list[Any]:
        """A list of at most `max_entries`."""
        if not isinstance(value, list) or len(value) > self.max_entries:
            raise self.bad(at, f"is not a list of at most {self.max_entries:,} entries")
        return value

    def text(self, value: Any, at: str, *, most: int | None = None) -> str:
        """A text of one line that a terminal can show, at most `most` characters (`max_text` for None)."""
        most = self.max_text if most is None else most
        if not isinstance(value, str) or len(value) > most:
            raise self.bad(at, f"is {str(value)[:60]!r}, expected a text of at most {most} characters")
        if not value.isprintable():
            raise self.bad(at, "holds characters that cannot be printed")
        return value

    def one_of(self, value: Any, allowed: Sequence[str], at: str) -> str:
        """One of a few texts."""
        if not isinstance(value, str) or value not in allowed:
            raise self.bad(at, f"is {str(value)[:60]!r}, expected {' or '.join(allowed)}")
        return value

    def flag(self, value: Any, at: str) -> bool:
        """true or false."""
        if not isinstance(value, bool):
            raise self.bad(at, "is not true or false")
        return value

    def integer(self, value: Any, at: str, low: int, high: int) -> int:
        """An integer in low..high; 1.0 and true are none."""
        if type(value) is not int or not low <= value <= high:
            raise self.bad(at, f"is {str(value)[:40]}, expected an integer in {low}..{high}")
        return value

    def number(self, value: Any, at: str, low: float, high: float) -> float:
        """A number in low..high as a float."""
        if type(value) not in (int, float) or not low <= value <= high:
            raise self.bad(at, f"is {str(value)[:40]}, expected a number in {low:g}..{high:g}")
        return float(value)

    def sha256(self, value: Any, at: str) -> str:
        """64 lower-case hex digits."""
        if not isinstance(value, str) or len(value) != 64 or set(value) - _HEX:
            raise self.bad(at, "is not a sha256 (64 lower-case hex digits)")
        return value
