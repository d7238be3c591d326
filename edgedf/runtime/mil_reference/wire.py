"""Protocol buffers on the wire: the little of the encoding that a Core ML model file needs, both ways.

Source: protobuf.dev, "Encoding". A message is a row of (field number, wire type, value); wire type 0 is a
varint, 1 eight bytes, 2 a length and that many bytes, 5 four bytes. Every length is checked before use.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_MAX_VARINT_BYTES = 10

Payload = int | memoryview


class WireError(ValueError):
    """The bytes are not a protocol buffer message."""


class Message:
    """One message, split into its fields; sub-messages are split when they are asked for.

    Raises WireError if the bytes end early, or hold a varint of more than ten bytes or a group.
    """

    def __init__(self, data: memoryview | bytes) -> None:
        self._fields: Mapping[int, list[Payload]] = _split(memoryview(data))

    def messages(self, number: int) -> list[Message]:
        """Every sub-message with this field number, in order."""
        return [Message(self._bytes(value, number)) for value in self._fields.get(number, [])]

    def message(self, number: int) -> Message | None:
        """The last sub-message with this field number (the rule for repeated singles), or None."""
        values = self._fields.get(number, [])
        return Message(self._bytes(values[-1], number)) if values else None

    def integer(self, number: int, default: int = 0) -> int:
        """A varint field as an unsigned integer below 2**64."""
        value = self._fields.get(number, [default])[-1]
        if not isinstance(value, int):
            raise WireError(f"field {number} is not a varint")
        return value

    def text(self, number: int) -> str:
        """A string field, "" if absent."""
        return (self.texts(number) or [""])[-1]

    def texts(self, number: int) -> list[str]:
        """A repeated string field."""
        values = [self._bytes(value, number) for value in self._fields.get(number, [])]
        try:
            return [bytes(value).decode() for value in values]
        except UnicodeDecodeError as error:
            raise WireError(f"field {number} is not UTF-8") from error

    def raw(self, number: int) -> bytes:
        """A bytes field, b"" if absent."""
        values = self._fields.get(number, [])
        return bytes(self._bytes(values[-1], number)) if values else b""

    def integers(self, number: int) -> list[int]:
        """A repeated varint field, packed or not, each as a signed 64-bit integer."""
        found: list[int] = []
        for value in self._fields.get(number, []):
            if isinstance(value, int):
                found.append(value)
                continue
            position = 0
            while position < len(value):
                item, position = _varint(value, position)
                found.append(item)
        return [value - (1 << 64) if value >> 63 else value for value in found]

    def floats(self, number: int) -> npt.NDArray[np.float32]:
        """A repeated float field, packed or not: four little-endian bytes each."""
        joined = b"".join(bytes(self._bytes(value, number)) for value in self._fields.get(number, []))
        if len(joined) % 4:
            raise WireError(f"field {number} is not a list of floats")
        return np.frombuffer(joined, "<f4").astype(np.float32)

    def table(self, number: int) -> dict[str, Message]:
        """A map from text to message: entries with the key in field 1 and the value in field 2."""
        return {entry.text(1): entry.message(2) or Message(b"") for entry in self.messages(number)}

    def text_table(self, number: int) -> dict[str, str]:
        """A map from text to text."""
        return {entry.text(1): entry.text(2) for entry in self.messages(number)}

    @staticmethod
    def _bytes(value: Payload, number: int) -> memoryview:
        if isinstance(value, int):
            raise WireError(f"field {number} is a number, expected bytes")
        return value


def _split(data: memoryview) -> Mapping[int, list[Payload]]:
    fields: defaultdict[int, list[Payload]] = defaultdict(list)
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, position = _varint(data, position)
            fields[number].append(value)
            continue
        if kind == BYTES:
            length, position = _varint(data, position)
        elif kind in (FIXED32, FIXED64):
            length = 4 if kind == FIXED32 else 8
        else:
            raise WireError(f"field {number} has wire type {kind}")
        if length > len(data) - position:
            raise WireError(f"field {number} runs past the end")
        fields[number].append(data[position : position + length])
        position += length
    return fields


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    """The varint at `position` and the position after it."""
    result = 0
    for shift in range(_MAX_VARINT_BYTES):
        if position >= len(data):
            raise WireError("ends inside a number")
        byte = data[position]
        position += 1
        result |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            if result >> 64:
                break
            return result, position
    raise WireError("holds a number of more than 64 bits")


def varint(value: int) -> bytes:
    """The varint of an integer; a negative one as its 64-bit two's complement."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def put_integer(number: int, value: int) -> bytes:
    """A varint field; zero, the default, is left out as every writer does."""
    return varint(number << 3 | VARINT) + varint(value) if value else b""


def put_bytes(number: int, value: bytes) -> bytes:
    """A length-delimited field: a sub-message, a text or raw bytes, even if empty."""
    return varint(number << 3 | BYTES) + varint(len(value)) + value


def put_text(number: int, value: str) -> bytes:
    """A string field; the empty default is left out."""
    return put_bytes(number, value.encode()) if value else b""


def put_packed(number: int, values: Iterable[int]) -> bytes:
    """A packed repeated varint field; nothing at all if empty."""
    body = b"".join(map(varint, values))
    return put_bytes(number, body) if body else b""


def put_table(number: int, table: Mapping[str, bytes]) -> bytes:
    """A map from text to message or text, in the order of its keys, so that equal maps give equal bytes."""
    return b"".join(put_bytes(number, put_text(1, key) + put_bytes(2, table[key])) for key in sorted(table))
