"""Model files written node by node, for what no converter would write."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np

from converters.native_format.file import MAGIC, VERSION, contract_bytes
from converters.native_format.nodes import varint
from converters.native_format.weights import store_weights
from edgedf.contract import Contract
from edgedf.native.engine import encode_weights

FLATTEN = 9


def node(op: int, *numbers: int, tail: bytes = b"") -> bytes:
    """One node without a name: its operator, its inputs and numbers as varints, then `tail`."""
    return bytes([op]) + b"".join(varint(number) for number in numbers) + tail + b"\0"


def linear(value: int, weight_oi: np.ndarray) -> bytes:
    """A float32 linear layer without bias that reads `value`."""
    return node(10, value, len(weight_oi), tail=b"\0\1\0" + varint(int(np.count_nonzero(weight_oi))))


def model_bytes(
    nodes: Sequence[bytes], weights: Sequence[np.ndarray] = (), *, contract: Contract | None = None
) -> bytes:
    """A whole file; `weights` are the float32 tensors of its layers, in order."""
    stored = [store_weights(weight.astype(np.float32), "float32", "test") for weight in weights]
    parts = (
        varint(len(nodes)) + b"".join(nodes),
        b"".join(tensor.low for tensor in stored),
        encode_weights([(tensor.present, tensor.high) for tensor in stored]),
        b"",
    )
    body = (
        struct.pack("<4I", *map(len, parts)) + contract_bytes(contract or Contract(size=16)) + b"".join(parts)
    )
    return MAGIC + struct.pack("<II", VERSION, zlib.crc32(body)) + body
