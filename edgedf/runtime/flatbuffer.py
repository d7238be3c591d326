"""A reader for FlatBuffers files, every access checked against the file's end.

Source: flatbuffers.dev, "Internals". A table starts with a signed 32-bit distance back to its vtable; the
vtable holds its own size, the table's size, and per field a 16-bit place in the table (0: absent). Vectors
and strings start with a 32-bit count. All little-endian. It lets `edgedf show` and the gate look into .tflite
and .pte files without TensorFlow Lite or ExecuTorch, and into damaged ones without a crash.

Many places may refer to one vector, so a small file can hold nested loops of any length. All tables of a file
therefore draw on one budget of entries.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Self

# Entries of vectors and bytes of texts that one file may make us walk. The largest model that edgedf converts
# needs a few hundred; the cap bounds the time spent on a hostile file to seconds.
MAX_ENTRIES = 50_000


class FlatbufferError(ValueError):
    """The bytes are not the table they should be."""


@dataclass(slots=True)
class _Budget:
    """What is left to walk in one file."""

    left: int = MAX_ENTRIES

    def spend(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise FlatbufferError(f"it refers to more than {MAX_ENTRIES} entries")


@dataclass(frozen=True, slots=True)
class FlatTable:
    """One table at byte `at` of `data`. Every vector that is walked spends from the file's budget."""

    data: bytes
    at: int
    budget: _Budget = field(default_factory=_Budget, compare=False, repr=False)

    @classmethod
    def root(cls, data: bytes) -> Self:
        """The file's root table."""
        return cls(data, _number(data, 0, "<I"))

    def integer(self, field: int, form: str, default: int = 0) -> int:
        """A scalar field; `form` is its struct format, such as "<i"."""
        place = self._place(field)
        return default if place is None else _number(self.data, place, form)

    def text(self, field: int) -> str:
        """A string field, "" if absent; broken UTF-8 is replaced."""
        start, count = self._vector(field, 1)
        self.budget.spend(count)
        return self.data[start : start + count].decode(errors="replace")

    def table(self, field: int) -> FlatTable | None:
        """A table field, None if absent."""
        place = self._place(field)
        return None if place is None else self._at(self._follow(place))

    def tables(self, field: int) -> list[FlatTable]:
        """A vector of tables."""
        start, count = self._vector(field, 4)
        self.budget.spend(count)
        return [self._at(self._follow(start + 4 * index)) for index in range(count)]

    def integers(self, field: int, form: str) -> tuple[int, ...]:
        """A vector of scalars."""
        size = struct.calcsize(form)
        start, count = self._vector(field, size)
        self.budget.spend(count)
        return tuple(_number(self.data, start + size * index, form) for index in range(count))

    def bytes(self, field: int) -> bytes:
        """A vector of bytes, empty if absent."""
        start, count = self._vector(field, 1)
        return self.data[start : start + count]

    def count(self, field: int) -> int:
        """Length of a vector of bytes, without reading it."""
        return self._vector(field, 1)[1]

    def _at(self, at: int) -> FlatTable:
        return FlatTable(self.data, at, self.budget)

    def _place(self, field: int) -> int | None:
        vtable = self.at - _number(self.data, self.at, "<i")
        if 4 + 2 * field + 2 > _number(self.data, vtable, "<H"):
            return None
        distance = _number(self.data, vtable + 4 + 2 * field, "<H")
        return self.at + distance if distance else None

    def _follow(self, place: int) -> int:
        return place + _number(self.data, place, "<I")

    def _vector(self, field: int, size: int) -> tuple[int, int]:
        place = self._place(field)
        if place is None:
            return 0, 0
        start = self._follow(place)
        count = _number(self.data, start, "<I")
        if start + 4 + count * size > len(self.data):
            raise FlatbufferError("a vector reaches beyond the end of the file")
        return start + 4, count


def _number(data: bytes, at: int, form: str) -> int:
    if not 0 <= at <= len(data) - struct.calcsize(form):
        raise FlatbufferError("a reference leads out of the file")
    value: int = struct.unpack_from(form, data, at)[0]
    return value
