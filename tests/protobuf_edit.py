"""Change the fields of a protocol buffer message wherever they lie, by a reader of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edgedf.runtime.mil_reference.wire import BYTES, FIXED32, FIXED64, VARINT, varint

Field = tuple[int, int, int | bytes]


def fields(data: bytes) -> list[Field]:
    """Every field in order: number, wire type, value."""
    found: list[Field] = []
    at = 0
    while at < len(data):
        key, at = _number(data, at)
        kind = key & 7
        if kind == VARINT:
            value, at = _number(data, at)
            found.append((key >> 3, kind, value))
            continue
        length = {FIXED32: 4, FIXED64: 8}.get(kind)
        if length is None:
            length, at = _number(data, at)
        found.append((key >> 3, kind, data[at : at + length]))
        at += length
    return found


def joined(parts: Sequence[Field]) -> bytes:
    """The bytes of fields."""
    out = bytearray()
    for number, kind, value in parts:
        out += varint(number << 3 | kind)
        if isinstance(value, int):
            out += varint(value)
        else:
            out += (varint(len(value)) if kind == BYTES else b"") + value
    return bytes(out)


def edited(data: bytes, path: Sequence[int], change: Callable[[bytes], bytes]) -> bytes:
    """`data` with `change` applied to the first message at the path of field numbers that it changes."""
    if not path:
        return change(data)
    parts = fields(data)
    for index, (number, kind, value) in enumerate(parts):
        if number == path[0] and kind == BYTES and isinstance(value, bytes):
            after = edited(value, path[1:], change)
            if after != value:
                parts[index] = (number, kind, after)
                break
    return joined(parts)


def _number(data: bytes, at: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        byte = data[at]
        result |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return result, at
