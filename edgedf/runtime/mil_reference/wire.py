"""Protocol buffers on the wire: the little of the encoding that a Core ML model file needs, both ways.

Source: protobuf.dev, "Encoding". A message is a row of (field number, wire type, value); wire type 0 is a
varint, 1 eight bytes, 2 a length and that many bytes, 5 four bytes. Every length is checked before use.

The encoding lets one message be said in many ways: a field twice, two members of a oneof, fields that a
reader skips. Readers then differ in what they see, so a Message gives nothing that has two readings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_MAX_VARINT_BYTES = 10

# A field number beyond this is an error to protobuf.
_MAX_FIELD = (1 << 29) - 1

# Wire type and value.
Payload = tuple[int, int | memoryview]


class WireError(ValueError):
    """The bytes are not a protocol buffer message."""


class Message:
    """One message, split into its fields; sub-messages are split when they are asked for.

    Raises WireError if the bytes end early, or hold a varint of more than ten bytes, a group or a field
    number that no writer gives; and where a field that is asked for once is there twice, or is of another
    wire type (protobuf would skip it).
    """

    def __init__(self, data: memoryview | bytes) -> None:
        self._fields: Mapping[int, list[Payload]] = _split(memoryview(data))

    def only(self, *numbers: int) -> Message:
        """This message. Raises WireError if it has any other field: it may mean something to its reader."""
        if odd := sorted(set(self._fields) - set(numbers)):
            raise WireError(f"has a field {odd[0]} that this reader does not know")
        return self

    def member(self, *numbers: int) -> int | None:
        """The one member of a oneof that is there, None if none is. Raises WireError if two are."""
        found = [number for number in numbers if number in self._fields]
        if len(found) > 1:
            raise WireError(f"has the fields {found[0]} and {found[1]}, of which only one may be there")
        return found[0] if found else None

    def count(self, number: int) -> int:
        """How often a field is there."""
        return len(self._fields.get(number, []))

    def messages(self, number: int) -> list[Message]:
        """Every sub-message with this field number, in order."""
        return [Message(value) for value in self._bytes(number)]

    def message(self, number: int) -> Message | None:
        """The sub-message with this field number, or None."""
        values = self._bytes(number, most=1)
        return Message(values[0]) if values else None

    def integer(self, number: int) -> int:
        """A varint field as an unsigned integer below 2**64, 0 if absent."""
        values = self._values(number, (VARINT,), most=1)
        return values[0] if values and isinstance(values[0], int) else 0

    def text(self, number: int) -> str:
        """A string field, "" if absent."""
        self._bytes(number, most=1)
        return (self.texts(number) or [""])[0]

    def texts(self, number: int) -> list[str]:
        """A repeated string field."""
        try:
            return [bytes(value).decode() for value in self._bytes(number)]
        except UnicodeDecodeError as error:
            raise WireError(f"field {number} is not UTF-8") from error

    def raw(self, number: int) -> bytes:
        """A bytes field, b"" if absent."""
        values = self._bytes(number, most=1)
        return bytes(values[0]) if values else b""

    def integers(self, number: int) -> list[int]:
        """A repeated varint field, packed or not, each as a signed 64-bit integer."""
        found: list[int] = []
        for value in self._values(number, (VARINT, BYTES)):
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
        values = self._values(number, (BYTES, FIXED32))
        joined = b"".join(bytes(value) for value in values if not isinstance(value, int))
        if len(joined) % 4:
            raise WireError(f"field {number} is not a list of floats")
        return np.frombuffer(joined, "<f4").astype(np.float32)

    def table(self, number: int) -> dict[str, Message]:
        """A map from text to message: entries with the key in field 1 and the value in field 2."""
        return {key: entry.message(2) or Message(b"") for key, entry in self._entries(number).items()}

    def text_table(self, number: int) -> dict[str, str]:
        """A map from text to text."""
        return {key: entry.text(2) for key, entry in self._entries(number).items()}

    def _entries(self, number: int) -> dict[str, Message]:
        found: dict[str, Message] = {}
        for entry in self.messages(number):
            key = entry.only(1, 2).text(1)
            if key in found:
                raise WireError(f"has the key {key[:60]!r} twice")
            found[key] = entry
        return found

    def _bytes(self, number: int, *, most: int | None = None) -> list[memoryview]:
        values = self._values(number, (BYTES,), most=most)
        return [value for value in values if not isinstance(value, int)]

    def _values(
        self, number: int, kinds: tuple[int, ...], *, most: int | None = None
    ) -> list[int | memoryview]:
        payloads = self._fields.get(number, [])
        if most is not None and len(payloads) > most:
            raise WireError(f"has the field {number} twice")
        if any(kind not in kinds for kind, _ in payloads):
            raise WireError(f"field {number} is of another wire type")
        return [value for _, value in payloads]


def _split(data: memoryview) -> Mapping[int, list[Payload]]:
    fields: defaultdict[int, list[Payload]] = defaultdict(list)
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        number, kind = key >> 3, key & 7
        if not 0 < number <= _MAX_FIELD:
            raise WireError(f"has a field {number}")
        if kind == VARINT:
            value, position = _varint(data, position)
            fields[number].append((kind, value))
            continue
        if kind == BYTES:
            length, position = _varint(data, position)
        elif kind in (FIXED32, FIXED64):
            length = 4 if kind == FIXED32 else 8
        else:
            raise WireError(f"field {number} has wire type {kind}")
        if length > len(data) - position:
            raise WireError(f"field {number} runs past the end")
        fields[number].append((kind, data[position : position + length]))
        position += length
    return dict(fields)


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
