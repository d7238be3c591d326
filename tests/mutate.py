"""Damage on purpose: one seeded source of broken files for every format's tests.

Each function takes bytes and a `random.Random` and gives new bytes; the same seed gives the same damage.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

HOSTILE_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 0.5, -0.0, 1e308, float("nan"), float("inf"), 2**31, 2**63, 2**64,
    -(2**63), 10**400, "", "x", "../../etc/passwd", "/dev/zero", "\x00", "\x1b[31m", "\ud800", "é" * 300,
    "9" * 5000, "@1e400@", [], {}, [[]], [0, 0], [-1, 10**18], {"": {}}, list(range(50)),
)  # fmt: skip


def mutate_bytes(data: bytes, generator: random.Random) -> bytes:
    """One to four edits anywhere: bits flipped, bytes set or put in, slices cut, doubled, swapped, zeroed."""
    for _ in range(generator.choice((1, 1, 1, 2, 4))):
        data = generator.choice(_BYTE_EDITS)(data, generator)
    return data


def mutate_json(text: bytes, generator: random.Random) -> bytes:
    """One edit of a JSON document's structure; of its bytes if it is no JSON."""
    try:
        tree = json.loads(text)
    except ValueError:
        return mutate_bytes(text, generator)
    edit = generator.choice(
        (_set_value, _set_value, _set_value, _drop_key, _rename_key, _double_key, _deepen, _encode)
    )
    return edit(tree, generator)


def mutate_safetensors(data: bytes, generator: random.Random) -> bytes:
    """Damage to a safetensors file: raw bytes, the outer header or the edgedf document inside it.

    Edited headers get their length right again, so that the damage reaches the checks behind the frame.
    """
    length = int.from_bytes(data[:8], "little")
    header, body = data[8 : 8 + length], data[8 + length :]
    match generator.randrange(4):
        case 0:
            return mutate_bytes(data, generator)
        case 1:
            return _framed(mutate_bytes(header, generator), body)
        case 2:
            return _framed(mutate_json(header, generator), body)
        case _:
            tree = json.loads(header)
            inner = mutate_json(tree["__metadata__"]["edgedf"].encode(), generator)
            tree["__metadata__"]["edgedf"] = inner.decode("utf-8", "surrogateescape")
            return _framed(json.dumps(tree).encode(), body)


def _framed(header: bytes, body: bytes) -> bytes:
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + body


def _slice(data: bytes, generator: random.Random) -> tuple[int, int]:
    start = generator.randrange(len(data) + 1)
    return start, min(len(data), start + int(generator.expovariate(1 / 40)))


def _flip_bit(data: bytes, generator: random.Random) -> bytes:
    if not data:
        return data
    at = generator.randrange(len(data))
    return data[:at] + bytes((data[at] ^ 1 << generator.randrange(8),)) + data[at + 1 :]


def _set_byte(data: bytes, generator: random.Random) -> bytes:
    at = generator.randrange(len(data) + 1)
    return data[:at] + bytes((generator.choice((0, 255, 127, 128, 34, 123, 125)),)) + data[at + 1 :]


def _flip_early_bit(data: bytes, generator: random.Random) -> bytes:
    """Lengths, magic numbers and headers live in the first bytes."""
    return _flip_bit(data[:64], generator) + data[64:]


def _cut_tail(data: bytes, generator: random.Random) -> bytes:
    return data[: generator.randrange(len(data) + 1)]


def _cut_slice(data: bytes, generator: random.Random) -> bytes:
    start, stop = _slice(data, generator)
    return data[:start] + data[stop:]


def _double_slice(data: bytes, generator: random.Random) -> bytes:
    start, stop = _slice(data, generator)
    return data[:stop] + data[start:]


def _zero_slice(data: bytes, generator: random.Random) -> bytes:
    start, stop = _slice(data, generator)
    return data[:start] + bytes(stop - start) + data[stop:]


def _insert(data: bytes, generator: random.Random) -> bytes:
    at = generator.randrange(len(data) + 1)
    return data[:at] + generator.randbytes(generator.randrange(1, 20)) + data[at:]


def _swap_slices(data: bytes, generator: random.Random) -> bytes:
    (a, b), (c, d) = sorted((_slice(data, generator), _slice(data, generator)))
    return data if b > c else data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


_BYTE_EDITS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _flip_bit, _flip_bit, _flip_early_bit, _set_byte, _cut_tail, _cut_slice, _double_slice, _zero_slice,
    _insert, _swap_slices,
)  # fmt: skip


def _dump(tree: Any) -> bytes:
    # Python cannot hold the number that other writers can: finite in the text, infinity in a double.
    return json.dumps(tree, sort_keys=True).replace('"@1e400@"', "1e400").encode()


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Every (container, key or index) of a JSON tree."""
    places, open_nodes = [], [tree]
    while open_nodes:
        node = open_nodes.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        for key in keys:
            places.append((node, key))
            open_nodes.append(node[key])
    return places


def _set_value(tree: Any, generator: random.Random) -> bytes:
    places = _places(tree)
    value = generator.choice(HOSTILE_VALUES)
    if not places:
        return _dump(value)
    node, key = generator.choice(places)
    node[key] = value
    return _dump(tree)


def _tables(tree: Any) -> list[dict[str, Any]]:
    inner = [node[key] for node, key in _places(tree)]
    return [node for node in [tree, *inner] if isinstance(node, dict) and node]


def _drop_key(tree: Any, generator: random.Random) -> bytes:
    if tables := _tables(tree):
        table = generator.choice(tables)
        del table[generator.choice(sorted(table))]
    return _dump(tree)


def _rename_key(tree: Any, generator: random.Random) -> bytes:
    if tables := _tables(tree):
        table = generator.choice(tables)
        table[generator.choice(("", "x", "\x1b[2J", "\ud800", "a" * 500))] = table.pop(
            generator.choice(sorted(table))
        )
    return _dump(tree)


def _double_key(tree: Any, generator: random.Random) -> bytes:
    """The same key twice in one table: JSON allows it, so readers must decide."""
    text = _dump(tree).decode()
    starts = [at for at, character in enumerate(text) if text.startswith('{"', at)]
    if not starts:
        return text.encode()
    at = generator.choice(starts) + 1
    key = text[at : text.index('"', at + 1) + 1]
    return f"{text[:at]}{key}: 1, {text[at:]}".encode()


def _deepen(tree: Any, generator: random.Random) -> bytes:
    """A value nested deeper than any reader should follow."""
    depth = generator.choice((20, 500, 3000, 100_000))
    text = _dump(tree).decode()
    places = [at for at in range(len(text)) if text.startswith(": ", at)]
    at = generator.choice(places) + 2 if places else 0
    return f"{text[:at]}{'[' * depth}{']' * depth}{',' if places else ''}{text[at:]}".encode()


def _encode(tree: Any, generator: random.Random) -> bytes:
    """The same document in an encoding that JSON readers often guess."""
    return _dump(tree).decode().encode(generator.choice(("utf-16", "utf-16-le", "utf-32", "utf-8-sig")))
