"""A reader of native model files in plain Python, written from docs/formats.md; no code of edgedf is in it.

It is the oracle of the format: what it reads must be what the ticket holds, and what it cannot read is not
documented well enough.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

CONV, AFFINE, RELU, LEAKY, CLAMP, MAX_POOL, AVG_POOL, ADD, FLATTEN, LINEAR, SIGMOID = range(1, 12)
WINDOW = ("kernel_h", "kernel_w", "stride_h", "stride_w", "padding_h", "padding_w")
VARINTS = {
    CONV: ("out", "groups", *WINDOW),
    MAX_POOL: WINDOW,
    AVG_POOL: WINDOW[:4],
    LINEAR: ("out",),
}
FLOATS = {LEAKY: ("slope",), CLAMP: ("low", "high")}
BYTES_OF_FORM = {0: 0, 1: 4, 2: 2, 3: 1}


@dataclass
class FileNode:
    """One node as the file has it; `arrays` holds weight, bias, scale, shift as float32."""

    op: int
    inputs: list[int]
    name: str
    raw_numbers: bytes
    numbers: dict[str, float] = field(default_factory=dict)
    forms: dict[str, int] = field(default_factory=dict)
    shape: tuple[int, ...] = ()
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass
class ModelFile:
    """A whole file. `contract`: size, box_scale, threshold, temperature, logit_threshold."""

    contract: dict[str, float]
    nodes: list[FileNode]
    metadata: dict[str, Any]
    sections: tuple[bytes, bytes, bytes, bytes]


class Cursor:
    """Takes bytes off the front of a section; running out of them is an error."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, count: int) -> bytes:
        assert self.at + count <= len(self.data), "section too short"
        self.at += count
        return self.data[self.at - count : self.at]

    def u8(self) -> int:
        return self.take(1)[0]

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.u8()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                assert byte > 0 or shift == 7, "not the shortest form"
                return value

    def vector(self, count: int, form: int) -> np.ndarray:
        numbers = np.frombuffer(self.take(count * BYTES_OF_FORM[form]), {1: "<f4", 2: "<f2"}[form]).astype(
            "f4"
        )
        assert np.isfinite(numbers).all(), "not finite"
        return numbers


class Bits:
    """The adaptive binary range decoder of the CODE section."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 4
        self.range, self.code = 2**32 - 1, int.from_bytes(data[:4], "big")

    def bit(self, context: list[int]) -> int:
        p, n = context
        bound = (self.range >> 16) * p
        shift = 1
        while shift < 7 and n >> shift:
            shift += 1
        if self.code < bound:
            bit, self.range = 1, bound
            p += (65536 - p) >> shift
        else:
            bit = 0
            self.code -= bound
            self.range -= bound
            p -= p >> shift
        context[0], context[1] = min(max(p, 32), 65504), min(n + 1, 255)
        while self.range < 1 << 24:
            self.range <<= 8
            self.code = self.code << 8 | self.data[self.at]
            self.at += 1
        return bit


def decode(data: bytes) -> ModelFile:
    """Read a whole file; anything odd is an AssertionError."""
    assert data[:8] == bytes.fromhex("4544464d0d0a1a0a")
    version, crc, *sizes = struct.unpack_from("<II4I", data, 8)
    assert version == 2
    assert zlib.crc32(data[16:]) == crc
    assert 72 + sum(sizes) == len(data)
    size, rule = struct.unpack_from("<HB", data, 32)
    assert rule == 1
    assert data[35:40] == bytes(5)
    scale, threshold, temperature, logit_threshold = struct.unpack_from("<4d", data, 40)
    starts = np.cumsum([72, *sizes])
    graph, raw, code, meta = (data[a:b] for a, b in pairwise(starts))
    nodes = list(_nodes(Cursor(graph), size))
    _weights(nodes, Cursor(raw), Bits(code))
    return ModelFile(
        contract={
            "size": size,
            "box_scale": scale,
            "threshold": threshold,
            "temperature": temperature,
            "logit_threshold": logit_threshold,
        },
        nodes=nodes,
        metadata=json.loads(meta) if meta else {},
        sections=(graph, raw, code, meta),
    )


def _nodes(cursor: Cursor, size: int) -> Iterator[FileNode]:
    shapes: list[tuple[int, ...]] = [(3, size, size)]
    for _ in range(cursor.varint()):
        op = cursor.u8()
        inputs = [cursor.varint() for _ in range(2 if op == ADD else 1)]
        start = cursor.at
        node = FileNode(op, inputs, "", b"")
        node.numbers.update({name: cursor.varint() for name in VARINTS.get(op, ())})
        node.numbers.update({n: struct.unpack("<f", cursor.take(4))[0] for n in FLOATS.get(op, ())})
        if op == AFFINE:
            node.forms["vector"] = cursor.u8()
        if op in (CONV, LINEAR):
            node.forms.update(bias=cursor.u8(), weight=cursor.u8(), scale=cursor.u8())
            node.numbers["nonzero"] = cursor.varint()
        node.raw_numbers = cursor.data[start : cursor.at]
        node.name = cursor.take(cursor.u8()).decode("ascii")
        given = shapes[inputs[0]]
        if op == CONV:
            sizes = (node.numbers["kernel_h"], node.numbers["kernel_w"])
            node.shape = tuple(map(int, (node.numbers["out"], given[0] // node.numbers["groups"], *sizes)))
        elif op == LINEAR:
            node.shape = (int(node.numbers["out"]), given[0])
        elif op == AFFINE:
            node.shape = given[:1]
        shapes.append(_output_shape(node, given))
        yield node
    assert cursor.at == len(cursor.data)
    assert int(np.prod(shapes[-1])) == 1


def _output_shape(node: FileNode, given: tuple[int, ...]) -> tuple[int, ...]:
    n = node.numbers
    if node.op == LINEAR:
        return (int(n["out"]),)
    if node.op == FLATTEN:
        return (int(np.prod(given)),)
    if node.op not in (CONV, MAX_POOL, AVG_POOL):
        return given
    sides = [
        (side + 2 * int(n.get(f"padding_{axis}", 0)) - int(n[f"kernel_{axis}"])) // int(n[f"stride_{axis}"])
        + 1
        for axis, side in zip("hw", given[1:], strict=True)
    ]
    return (int(n.get("out", given[0])), *sides)


def _weights(nodes: list[FileNode], raw: Cursor, bits: Bits) -> None:
    """RAW and CODE run side by side over the layers, in order."""
    sign, top = [32768, 0], [[32768, 0] for _ in range(128)]
    for node in nodes:
        if node.op == AFFINE:
            for name in ("scale", "shift"):
                node.arrays[name] = raw.vector(node.shape[0], node.forms["vector"])
        if node.op not in (CONV, LINEAR):
            continue
        form, outputs = node.forms["weight"], node.shape[0]
        scales = raw.vector(outputs, node.forms["scale"]) if form == 3 else np.ones(outputs, "f4")
        assert form == 3 or node.forms["scale"] == 0
        if node.forms["bias"]:
            node.arrays["bias"] = raw.vector(outputs, node.forms["bias"])
        present, tops = _coded(int(np.prod(node.shape)), bits, sign, top)
        assert len(present) == node.numbers["nonzero"]
        values = _values(tops, raw.take(len(tops) * (BYTES_OF_FORM[form] - 1)), form)
        flat = np.zeros(int(np.prod(node.shape)), "f4")
        flat[present] = values
        node.arrays["weight"] = (flat.reshape(outputs, -1) * scales[:, None]).reshape(node.shape)
    assert raw.at == len(raw.data)
    assert bits.at == len(bits.data)


def _coded(count: int, bits: Bits, sign: list[int], top: list[list[int]]) -> tuple[list[int], list[int]]:
    """Positions of the stored weights and their top bytes."""
    contexts = [[32768, 0] for _ in range(4)]
    before, positions, tops = 0, [], []
    for position in range(count):
        present = bits.bit(contexts[before])
        before = (before << 1 | present) & 3
        if not present:
            continue
        byte, node = bits.bit(sign), 1
        for _ in range(7):
            bit = bits.bit(top[node])
            node, byte = node * 2 + bit, byte << 1 | bit
        positions.append(position)
        tops.append(byte)
    return positions, tops


def _values(tops: list[int], low: bytes, form: int) -> np.ndarray:
    if form == 3:
        return np.array([-(t & 127) if t & 128 else t for t in tops], "f4")
    width = BYTES_OF_FORM[form]
    planes = np.empty((len(tops), width), np.uint8)
    planes[:, :-1] = np.frombuffer(low, np.uint8).reshape(len(tops), width - 1)
    planes[:, -1] = tops
    return planes.view("<f4" if form == 1 else "<f2")[:, 0].astype("f4")


def encode_graph(nodes: list[FileNode]) -> bytes:
    """The GRAPH section of these nodes; fewer than 128 of them."""
    assert len(nodes) < 128
    parts = [bytes([len(nodes)])]
    for node in nodes:
        name = node.name.encode()
        parts += [bytes([node.op, *node.inputs]), node.raw_numbers, bytes([len(name)]), name]
    return b"".join(parts)


def sealed(header: bytes, sections: tuple[bytes, ...]) -> bytes:
    """A file of these sections with the contract of `header`, sizes and checksum made to fit."""
    body = struct.pack("<4I", *map(len, sections)) + header[32:72] + b"".join(sections)
    return header[:12] + struct.pack("<I", zlib.crc32(body)) + body
