"""One node of the inference graph as bytes (operator, inputs, numbers, name), and its weights."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from converters.native_format.weights import NONE, U8, StoredWeights, store_vector, store_weights
from edgedf.compact import graph as ops
from edgedf.compact.graph import F32, Node

CONV, AFFINE, RELU, LEAKY_RELU, CLAMP, MAX_POOL, AVG_POOL, ADD, FLATTEN, LINEAR, SIGMOID = range(1, 12)


@dataclass(slots=True)
class Sections:
    """The parts of a model file while it is being written."""

    nodes: bytearray = field(default_factory=bytearray)
    raw: bytearray = field(default_factory=bytearray)
    tensors: list[tuple[U8, U8]] = field(default_factory=list)


def varint(value: int) -> bytes:
    """Unsigned LEB128, shortest form, 0 <= value < 2^32."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def write_node(sections: Sections, node: Node, values: Mapping[str, int], precision: str) -> None:
    """Append one node. `values` maps names to numbers: INPUT is 0, node i is i + 1."""
    op, numbers = _operator(sections, node, precision)
    name = _layer_name(node)
    sections.nodes += bytes([op]) + b"".join(varint(values[value]) for value in node.inputs)
    sections.nodes += numbers + bytes([len(name)]) + name


def _layer_name(node: Node) -> bytes:
    """Only layers with weights carry their name: it is what a person looks for, and names cost bytes."""
    if not isinstance(node.op, ops.Conv2d | ops.Linear):
        return b""
    return (node.source or node.name).encode("ascii", "replace")[:63]


def _operator(sections: Sections, node: Node, precision: str) -> tuple[int, bytes]:
    match node.op:
        case ops.Conv2d(weight_oihw=weight, bias_o=bias, stride=stride, padding=padding, groups=groups):
            shape = (weight.shape[0], groups, *weight.shape[2:], *stride, *padding)
            return CONV, _varints(shape) + _weighted(sections, weight, bias, precision, node.name)
        case ops.Linear(weight_oi=weight, bias_o=bias):
            return LINEAR, varint(weight.shape[0]) + _weighted(sections, weight, bias, precision, node.name)
        case ops.Affine(scale_c=scale, shift_c=shift):
            return AFFINE, _affine(sections, scale, shift, precision)
        case ops.LeakyRelu(slope=slope):
            return LEAKY_RELU, struct.pack("<f", slope)
        case ops.MaxPool2d(kernel=kernel, stride=stride, padding=padding):
            return MAX_POOL, _varints((*kernel, *stride, *padding))
        case ops.AvgPool2d(kernel=kernel, stride=stride):
            return AVG_POOL, _varints((*kernel, *stride))
        case ops.Relu():
            return RELU, b""
        case ops.Add():
            return ADD, b""
        case ops.Flatten():
            return FLATTEN, b""


def _varints(values: tuple[int, ...]) -> bytes:
    return b"".join(varint(value) for value in values)


def _weighted(sections: Sections, weight: F32, bias: F32 | None, precision: str, name: str) -> bytes:
    stored: StoredWeights = store_weights(weight, precision, name)
    bias_form, bias_bytes = (NONE, b"") if bias is None else store_vector(bias, precision)
    sections.raw += stored.scales + bias_bytes + stored.low
    sections.tensors.append((stored.present, stored.high))
    return bytes([bias_form, stored.form, stored.scale_form]) + varint(stored.nonzero)


def _affine(sections: Sections, scale: F32, shift: F32, precision: str) -> bytes:
    """Scale, then shift, in one form: the wider of the two."""
    forms = [store_vector(vector, precision) for vector in (scale, shift)]
    widest = "float32" if min(form for form, _ in forms) == 1 else precision
    for vector in (scale, shift):
        sections.raw += store_vector(vector, widest)[1]
    return bytes([store_vector(scale, widest)[0]])
