"""From the bytes of a saved Core ML package to a Model. Hostile bytes give a DecodeError, nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedf.runtime.mil_reference import fields as f
from edgedf.runtime.mil_reference.blob import BlobError, read_blob
from edgedf.runtime.mil_reference.program import (
    DTYPES,
    STRING,
    STRING_NUMBER,
    Feature,
    Model,
    Operation,
    Output,
    TensorType,
    Value,
)
from edgedf.runtime.mil_reference.wire import Message, WireError

# One constant or activation beyond this many numbers is not a phone's detector; the cap bounds memory.
MAX_ELEMENTS = 1 << 26
MAX_RANK = 5
MAX_OPERATIONS = 100_000
_NAMES = {number: name for name, (number, _) in DTYPES.items()} | {STRING_NUMBER: STRING}
_ARRAY_NAMES = {number: name for name, number in f.ARRAY_DTYPES.items()}


class DecodeError(ValueError):
    """The file is not an ML program that this reader understands."""


def decode_model(model: bytes, weights: bytes) -> Model:
    """The Model in the bytes of model.mlmodel and weights/weight.bin.

    Raises DecodeError on anything damaged: cut messages, blobs outside the file, sizes that do not match,
    more than one block, flexible shapes.
    """
    try:
        return _model(Message(model), _Weights(memoryview(weights)))
    except (WireError, BlobError) as error:
        raise DecodeError(str(error)) from error


class _Weights:
    """The weight file, read by position."""

    def __init__(self, data: memoryview) -> None:
        self._data = data

    def array(self, blob: Message, type_: TensorType) -> npt.NDArray[Any]:
        if blob.text(f.BLOB_FILE) != f.WEIGHTS_PATH:
            raise DecodeError(f"refers to a weight file {blob.text(f.BLOB_FILE)[:60]!r}")
        count = math.prod(type_.shape)
        flat = read_blob(self._data, blob.integer(f.BLOB_OFFSET), type_.dtype, count)
        return flat.reshape(type_.shape)


def _model(model: Message, weights: _Weights) -> Model:
    description = model.message(f.MODEL_DESCRIPTION) or Message(b"")
    metadata = description.message(f.DESCRIPTION_METADATA) or Message(b"")
    program = model.message(f.MODEL_PROGRAM)
    if program is None:
        raise DecodeError("holds no ML program")
    function = program.table(f.PROGRAM_FUNCTIONS).get(f.MAIN)
    if function is None:
        raise DecodeError("has no function 'main'")
    opset = function.text(f.FUNCTION_OPSET)
    block = function.table(f.FUNCTION_BLOCKS).get(opset)
    if block is None:
        raise DecodeError(f"has no block for its opset {opset[:40]!r}")
    operations = block.messages(f.BLOCK_OPERATIONS)
    if len(operations) > MAX_OPERATIONS:
        raise DecodeError(f"has {len(operations)} operations")
    return Model(
        specification_version=model.integer(f.MODEL_VERSION),
        opset=opset,
        inputs=tuple(_feature(item) for item in description.messages(f.DESCRIPTION_INPUT)),
        outputs=tuple(_feature(item) for item in description.messages(f.DESCRIPTION_OUTPUT)),
        operations=tuple(_operation(item, weights) for item in operations),
        results=tuple(block.texts(f.BLOCK_OUTPUTS)),
        description=metadata.text(f.METADATA_TEXT),
        author=metadata.text(f.METADATA_AUTHOR),
        version=metadata.text(f.METADATA_VERSION),
        metadata=metadata.text_table(f.METADATA_USER),
    )


def _feature(item: Message) -> Feature:
    name = item.text(f.FEATURE_NAME)
    type_ = item.message(f.FEATURE_TYPE)
    array = type_.message(f.TYPE_MULTI_ARRAY) if type_ else None
    if array is None:
        raise DecodeError(f"input or output {name[:60]!r} is not a multi-array")
    dtype = _ARRAY_NAMES.get(array.integer(f.ARRAY_DTYPE))
    if dtype is None:
        raise DecodeError(f"input or output {name[:60]!r} has an unknown data type")
    shape = _shape(array.integers(f.ARRAY_SHAPE))
    return Feature(name=name, type=TensorType(dtype, shape), description=item.text(f.FEATURE_TEXT))


def _operation(item: Message, weights: _Weights) -> Operation:
    if item.messages(f.OPERATION_BLOCKS):
        raise DecodeError(f"operation {item.text(f.OPERATION_TYPE)[:40]!r} has inner blocks")
    return Operation(
        type=item.text(f.OPERATION_TYPE),
        inputs={key: _argument(value, weights) for key, value in item.table(f.OPERATION_INPUTS).items()},
        attributes={k: _value(v, weights) for k, v in item.table(f.OPERATION_ATTRIBUTES).items()},
        outputs=tuple(
            Output(named.text(f.NAMED_NAME), _type(named.message(f.NAMED_TYPE)))
            for named in item.messages(f.OPERATION_OUTPUTS)
        ),
    )


def _argument(item: Message, weights: _Weights) -> tuple[str | Value, ...]:
    bindings: list[str | Value] = []
    for binding in item.messages(f.ARGUMENT_BINDINGS):
        value = binding.message(f.BINDING_VALUE)
        bindings.append(binding.text(f.BINDING_NAME) if value is None else _value(value, weights))
    return tuple(bindings)


def _type(item: Message | None) -> TensorType:
    tensor = item.message(f.VALUE_TYPE_TENSOR) if item else None
    dtype = _NAMES.get(tensor.integer(f.TENSOR_DTYPE)) if tensor else None
    if tensor is None or dtype is None:
        raise DecodeError("holds a value that is not a tensor of a known data type")
    sides = []
    for dimension in tensor.messages(f.TENSOR_DIMENSIONS):
        constant = dimension.message(f.DIMENSION_CONSTANT)
        if constant is None:
            raise DecodeError("holds a flexible shape")
        sides.append(constant.integer(f.CONSTANT_SIZE))
    if len(sides) != tensor.integer(f.TENSOR_RANK):
        raise DecodeError("holds a tensor whose rank is not its number of sides")
    return TensorType(dtype, _shape(sides))


def _shape(sides: list[int]) -> tuple[int, ...]:
    if len(sides) > MAX_RANK or any(side < 0 for side in sides) or math.prod(sides) > MAX_ELEMENTS:
        raise DecodeError("holds a tensor that is too large")
    return tuple(sides)


def _value(item: Message, weights: _Weights) -> Value:
    type_ = _type(item.message(f.VALUE_TYPE))
    blob = item.message(f.VALUE_BLOB)
    if blob is not None:
        return Value(type_, weights.array(blob, type_))
    immediate = item.message(f.VALUE_IMMEDIATE)
    tensor = immediate.message(f.IMMEDIATE_TENSOR) if immediate else None
    if tensor is None:
        raise DecodeError("holds a constant without a value")
    if type_.dtype == STRING:
        strings = tensor.message(f.TENSOR_STRINGS)
        texts = strings.texts(f.REPEATED_VALUES) if strings else []
        if type_.shape or len(texts) > 1:
            raise DecodeError("holds a list of texts")
        return Value(type_, texts[0] if texts else "")
    flat = _IMMEDIATE[type_.dtype](tensor, type_)
    if flat.size != math.prod(type_.shape):
        raise DecodeError(f"holds a constant of {flat.size} numbers, expected {math.prod(type_.shape)}")
    return Value(type_, flat.reshape(type_.shape))


def _floats(tensor: Message, _: TensorType) -> npt.NDArray[Any]:
    values = tensor.message(f.TENSOR_FLOATS)
    return values.floats(f.REPEATED_VALUES) if values else np.zeros(0, np.float32)


def _integers(tensor: Message, type_: TensorType) -> npt.NDArray[Any]:
    kind = f.TENSOR_BOOLS if type_.dtype == "bool" else f.TENSOR_INTS
    values = tensor.message(kind)
    numbers = values.integers(f.REPEATED_VALUES) if values else []
    low, high = (0, 1) if type_.dtype == "bool" else (-(1 << 31), (1 << 31) - 1)
    if any(not low <= number <= high for number in numbers):
        raise DecodeError(f"holds a number that is no {type_.dtype}")
    return np.array(numbers, DTYPES[type_.dtype][1])


def _raw(tensor: Message, type_: TensorType) -> npt.NDArray[Any]:
    """Types without a field of their own are stored as little-endian bytes."""
    values = tensor.message(f.TENSOR_BYTES)
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
