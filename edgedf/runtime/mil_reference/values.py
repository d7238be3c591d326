"""From protobuf messages to typed values: tensor types, constants in place, constants in the weight file."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedf.runtime.mil_reference import fields as f
from edgedf.runtime.mil_reference.blob import read_blob
from edgedf.runtime.mil_reference.program import DTYPES, STRING, STRING_NUMBER, TensorType, Value
from edgedf.runtime.mil_reference.wire import Message

# One constant or activation beyond this many numbers is not a phone's detector; the cap bounds memory.
MAX_ELEMENTS = 1 << 26
MAX_RANK = 5
_NAMES = {number: name for name, (number, _) in DTYPES.items()} | {STRING_NUMBER: STRING}


class DecodeError(ValueError):
    """The file is not an ML program that this reader understands."""


class Weights:
    """The weight file, read by position."""

    def __init__(self, data: memoryview) -> None:
        self._data = data

    def array(self, blob: Message, type_: TensorType) -> npt.NDArray[Any]:
        """The tensor that a blob reference stands for. Raises DecodeError or BlobError."""
        if blob.only(f.BLOB_FILE, f.BLOB_OFFSET).text(f.BLOB_FILE) != f.WEIGHTS_PATH:
            raise DecodeError(f"refers to a weight file {blob.text(f.BLOB_FILE)[:60]!r}")
        count = math.prod(type_.shape)
        flat = read_blob(self._data, blob.integer(f.BLOB_OFFSET), type_.dtype, count)
        return flat.reshape(type_.shape)


def read_type(item: Message | None) -> TensorType:
    """The type of a tensor of fixed shape. Raises DecodeError for anything else."""
    tensor = item.only(f.VALUE_TYPE_TENSOR).message(f.VALUE_TYPE_TENSOR) if item else None
    dtype = _NAMES.get(tensor.integer(f.TENSOR_DTYPE)) if tensor else None
    if tensor is None or dtype is None:
        raise DecodeError("holds a value that is not a tensor of a known data type")
    sides = []
    for dimension in tensor.only(f.TENSOR_DTYPE, f.TENSOR_RANK, f.TENSOR_DIMENSIONS).messages(
        f.TENSOR_DIMENSIONS
    ):
        if dimension.member(f.DIMENSION_CONSTANT, f.DIMENSION_UNKNOWN) != f.DIMENSION_CONSTANT:
            raise DecodeError("holds a flexible shape")
        constant = dimension.only(f.DIMENSION_CONSTANT).message(f.DIMENSION_CONSTANT) or Message(b"")
        sides.append(constant.only(f.CONSTANT_SIZE).integer(f.CONSTANT_SIZE))
    if len(sides) != tensor.integer(f.TENSOR_RANK):
        raise DecodeError("holds a tensor whose rank is not its number of sides")
    return TensorType(dtype, read_shape(sides))


def read_shape(sides: list[int]) -> tuple[int, ...]:
    """The sides as a shape. Raises DecodeError beyond MAX_RANK or MAX_ELEMENTS."""
    if len(sides) > MAX_RANK or any(side < 0 for side in sides) or math.prod(sides) > MAX_ELEMENTS:
        raise DecodeError("holds a tensor that is too large")
    return tuple(sides)


def read_value(item: Message, weights: Weights) -> Value:
    """A constant, wherever it is stored. Raises DecodeError if it is damaged or of an unknown kind."""
    item.only(f.VALUE_TEXT, f.VALUE_TYPE, f.VALUE_IMMEDIATE, f.VALUE_BLOB)
    type_ = read_type(item.message(f.VALUE_TYPE))
    # Both would be legal bytes, of which protobuf takes the last.
    item.member(f.VALUE_IMMEDIATE, f.VALUE_BLOB)
    blob = item.message(f.VALUE_BLOB)
    if blob is not None:
        return Value(type_, weights.array(blob, type_))
    immediate = item.message(f.VALUE_IMMEDIATE)
    tensor = immediate.only(f.IMMEDIATE_TENSOR).message(f.IMMEDIATE_TENSOR) if immediate else None
    if tensor is None:
        raise DecodeError("holds a constant without a value")
    if type_.dtype == STRING:
        strings = _repeated(tensor, f.TENSOR_STRINGS)
        texts = strings.texts(f.REPEATED_VALUES) if strings else []
        if type_.shape or len(texts) > 1:
            raise DecodeError("holds a list of texts")
        return Value(type_, texts[0] if texts else "")
    flat = _IMMEDIATE[type_.dtype](tensor, type_)
    if flat.size != math.prod(type_.shape):
        raise DecodeError(f"holds a constant of {flat.size} numbers, expected {math.prod(type_.shape)}")
    return Value(type_, flat.reshape(type_.shape))


def _repeated(tensor: Message, kind: int) -> Message | None:
    """The numbers or texts of a constant, which are of this kind and no other; None if there are none."""
    values = tensor.only(kind).message(kind)
    return None if values is None else values.only(f.REPEATED_VALUES)


def _floats(tensor: Message, _: TensorType) -> npt.NDArray[Any]:
    values = _repeated(tensor, f.TENSOR_FLOATS)
    return values.floats(f.REPEATED_VALUES) if values else np.zeros(0, np.float32)


def _integers(tensor: Message, type_: TensorType) -> npt.NDArray[Any]:
    kind = f.TENSOR_BOOLS if type_.dtype == "bool" else f.TENSOR_INTS
    values = _repeated(tensor, kind)
    numbers = values.integers(f.REPEATED_VALUES) if values else []
    low, high = (0, 1) if type_.dtype == "bool" else (-(1 << 31), (1 << 31) - 1)
    if any(not low <= number <= high for number in numbers):
        raise DecodeError(f"holds a number that is no {type_.dtype}")
    return np.array(numbers, DTYPES[type_.dtype][1])


def _raw(tensor: Message, type_: TensorType) -> npt.NDArray[Any]:
    """Types without a field of their own are stored as little-endian bytes."""
    values = _repeated(tensor, f.TENSOR_BYTES)
    body = values.raw(f.REPEATED_VALUES) if values else b""
    dtype = np.dtype(type_.dtype).newbyteorder("<")
    if len(body) % dtype.itemsize:
        raise DecodeError(f"holds half a {type_.dtype}")
    return np.frombuffer(body, dtype)


_IMMEDIATE: dict[str, Callable[[Message, TensorType], npt.NDArray[Any]]] = {
    "float32": _floats,
    "int32": _integers,
    "bool": _integers,
    "float16": _raw,
    "int8": _raw,
    "uint8": _raw,
    "uint32": _raw,
}
