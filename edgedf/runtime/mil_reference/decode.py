"""From the bytes of a saved Core ML package to a Model. Hostile bytes give a DecodeError, nothing else."""

from __future__ import annotations

from edgedf.runtime.mil_reference import fields as f
from edgedf.runtime.mil_reference.blob import BlobError
from edgedf.runtime.mil_reference.program import Feature, Model, Operation, Output, TensorType, Value
from edgedf.runtime.mil_reference.values import DecodeError, Weights, read_shape, read_type, read_value
from edgedf.runtime.mil_reference.wire import Message, WireError

MAX_OPERATIONS = 100_000
_ARRAY_NAMES = {number: name for name, number in f.ARRAY_DTYPES.items()}


def decode_model(model: bytes, weights: bytes) -> Model:
    """The Model in the bytes of model.mlmodel and weights/weight.bin.

    Raises DecodeError on anything damaged: cut messages, blobs outside the file, sizes that do not match,
    more than one block, flexible shapes.
    """
    try:
        return _model(Message(model), Weights(memoryview(weights)))
    except (WireError, BlobError) as error:
        raise DecodeError(str(error)) from error


def _model(model: Message, weights: Weights) -> Model:
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
    shape = read_shape(array.integers(f.ARRAY_SHAPE))
    return Feature(name=name, type=TensorType(dtype, shape), description=item.text(f.FEATURE_TEXT))


def _operation(item: Message, weights: Weights) -> Operation:
    if item.messages(f.OPERATION_BLOCKS):
        raise DecodeError(f"operation {item.text(f.OPERATION_TYPE)[:40]!r} has inner blocks")
    return Operation(
        type=item.text(f.OPERATION_TYPE),
        inputs={key: _argument(value, weights) for key, value in item.table(f.OPERATION_INPUTS).items()},
        attributes={k: read_value(v, weights) for k, v in item.table(f.OPERATION_ATTRIBUTES).items()},
        outputs=tuple(
            Output(named.text(f.NAMED_NAME), read_type(named.message(f.NAMED_TYPE)))
            for named in item.messages(f.OPERATION_OUTPUTS)
        ),
    )


def _argument(item: Message, weights: Weights) -> tuple[str | Value, ...]:
    bindings: list[str | Value] = []
    for binding in item.messages(f.ARGUMENT_BINDINGS):
        value = binding.message(f.BINDING_VALUE)
        bindings.append(binding.text(f.BINDING_NAME) if value is None else read_value(value, weights))
    return tuple(bindings)
