"""From a Core ML Model to the bytes of model.mlmodel and weights/weight.bin.

edgedf writes the file itself: coremltools needs about 20 s of processor time to import, stamps the date and
random names into each file, and cannot be told not to. Tests hold this writer to coremltools' own: the same
network must give the same message, its reader must accept the file, and the weight file must be
byte-identical.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edgedf.runtime.mil_reference import fields as f
from edgedf.runtime.mil_reference.blob import BLOB_DTYPES, BlobWriter
from edgedf.runtime.mil_reference.program import (
    DTYPES,
    STRING,
    STRING_NUMBER,
    Feature,
    Model,
    Operation,
    TensorType,
    Value,
)
from edgedf.runtime.mil_reference.wire import put_bytes, put_integer, put_packed, put_table, put_text, varint

# coremltools' rule: shorter constants stay inside the program text.
MIN_BLOB_ELEMENTS = 10


def encode_model(model: Model) -> tuple[bytes, bytes]:
    """The bytes of model.mlmodel and of weight.bin. Equal models give equal bytes."""
    blobs = BlobWriter()
    block = b"".join(put_bytes(f.BLOCK_OUTPUTS, name.encode()) for name in model.results)
    block += b"".join(put_bytes(f.BLOCK_OPERATIONS, _operation(op, blobs)) for op in model.operations)
    function = b"".join(
        put_bytes(f.FUNCTION_INPUTS, _named(feature.name, feature.type)) for feature in model.inputs
    )
    function += put_text(f.FUNCTION_OPSET, model.opset)
    function += put_table(f.FUNCTION_BLOCKS, {model.opset: block})
    program = put_integer(f.PROGRAM_VERSION, 1) + put_table(f.PROGRAM_FUNCTIONS, {f.MAIN: function})
    data = (
        put_integer(f.MODEL_VERSION, model.specification_version)
        + put_bytes(f.MODEL_DESCRIPTION, _description(model))
        + put_bytes(f.MODEL_PROGRAM, program)
    )
    return data, blobs.data()


def uses_blob(array: npt.NDArray[Any]) -> bool:
    """Whether a constant goes to weight.bin; the others stay in the program."""
    return array.size >= MIN_BLOB_ELEMENTS and array.dtype.name in BLOB_DTYPES


def _description(model: Model) -> bytes:
    metadata = (
        put_text(f.METADATA_TEXT, model.description)
        + put_text(f.METADATA_VERSION, model.version)
        + put_text(f.METADATA_AUTHOR, model.author)
        + put_table(f.METADATA_USER, {k: v.encode() for k, v in model.metadata.items()})
    )
    return (
        b"".join(put_bytes(f.DESCRIPTION_INPUT, _feature(item)) for item in model.inputs)
        + b"".join(put_bytes(f.DESCRIPTION_OUTPUT, _feature(item)) for item in model.outputs)
        + put_bytes(f.DESCRIPTION_METADATA, metadata)
    )


def _feature(feature: Feature) -> bytes:
    array = put_packed(f.ARRAY_SHAPE, feature.type.shape)
    array += put_integer(f.ARRAY_DTYPE, f.ARRAY_DTYPES[feature.type.dtype])
    return (
        put_text(f.FEATURE_NAME, feature.name)
        + put_text(f.FEATURE_TEXT, feature.description)
        + put_bytes(f.FEATURE_TYPE, put_bytes(f.TYPE_MULTI_ARRAY, array))
    )


def _operation(operation: Operation, blobs: BlobWriter) -> bytes:
    # In the order of names, as put_table writes them: equal models number their blobs alike.
    inputs = {
        key: b"".join(put_bytes(f.ARGUMENT_BINDINGS, _binding(item, blobs)) for item in bindings)
        for key, bindings in sorted(operation.inputs.items())
    }
    attributes = {key: _value(value, blobs) for key, value in sorted(operation.attributes.items())}
    return (
        put_text(f.OPERATION_TYPE, operation.type)
        + put_table(f.OPERATION_INPUTS, inputs)
        + b"".join(put_bytes(f.OPERATION_OUTPUTS, _named(o.name, o.type)) for o in operation.outputs)
        + put_table(f.OPERATION_ATTRIBUTES, attributes)
    )


def _binding(item: str | Value, blobs: BlobWriter) -> bytes:
    if isinstance(item, Value):
        return put_bytes(f.BINDING_VALUE, _value(item, blobs))
    return put_text(f.BINDING_NAME, item)


def _named(name: str, type_: TensorType) -> bytes:
    return put_text(f.NAMED_NAME, name) + put_bytes(f.NAMED_TYPE, _type(type_))


def _type(type_: TensorType) -> bytes:
    number = STRING_NUMBER if type_.dtype == STRING else DTYPES[type_.dtype][0]
    tensor = put_integer(f.TENSOR_DTYPE, number) + put_integer(f.TENSOR_RANK, len(type_.shape))
    for side in type_.shape:
        constant = put_bytes(f.DIMENSION_CONSTANT, put_integer(f.CONSTANT_SIZE, side))
        tensor += put_bytes(f.TENSOR_DIMENSIONS, constant)
    return put_bytes(f.VALUE_TYPE_TENSOR, tensor)


def _value(value: Value, blobs: BlobWriter) -> bytes:
    head = put_bytes(f.VALUE_TYPE, _type(value.type))
    if isinstance(value.data, np.ndarray) and uses_blob(value.data):
        blob = put_text(f.BLOB_FILE, f.WEIGHTS_PATH) + put_integer(f.BLOB_OFFSET, blobs.add(value.data))
        return head + put_bytes(f.VALUE_BLOB, blob)
    return head + put_bytes(f.VALUE_IMMEDIATE, put_bytes(f.IMMEDIATE_TENSOR, _immediate(value.data)))


def _immediate(data: npt.NDArray[Any] | str) -> bytes:
    if isinstance(data, str):
        return put_bytes(f.TENSOR_STRINGS, put_bytes(f.REPEATED_VALUES, data.encode()))
    flat = np.ascontiguousarray(data).reshape(-1)
    match data.dtype.name:
        case "float32":
            return put_bytes(f.TENSOR_FLOATS, put_bytes(f.REPEATED_VALUES, flat.astype("<f4").tobytes()))
        case "int32" | "bool":
            kind = f.TENSOR_BOOLS if data.dtype == np.bool_ else f.TENSOR_INTS
            packed = b"".join(varint(int(number)) for number in flat)
            return put_bytes(kind, put_bytes(f.REPEATED_VALUES, packed))
        case _:
            body = flat.astype(flat.dtype.newbyteorder("<")).tobytes()
            return put_bytes(f.TENSOR_BYTES, put_bytes(f.REPEATED_VALUES, body))
