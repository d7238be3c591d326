"""From the bytes of a saved Core ML package to a Model. Hostile bytes give a DecodeError, nothing else.

What is decoded must be what Core ML loads. Every message is therefore asked for exactly the fields that are
known here: one more, or a second member of a oneof, could make Core ML read another program.
"""

from __future__ import annotations

from edgedf.runtime.mil_reference import fields as f
from edgedf.runtime.mil_reference.blob import BlobError
from edgedf.runtime.mil_reference.program import Feature, Model, Operation, Output, TensorType, Value
from edgedf.runtime.mil_reference.values import DecodeError, Weights, read_shape, read_type, read_value
from edgedf.runtime.mil_reference.wire import Message, WireError

# The largest network that edgedf converts, ResNet-18, needs about 200 operations and 40 KB. The caps bound
# the time that a hostile file takes to read, to a few seconds.
MAX_OPERATIONS = 10_000
MAX_PROGRAM_BYTES = 4 << 20
_PROGRAM_VERSION = 1
_ARRAY_NAMES = {number: name for name, number in f.ARRAY_DTYPES.items()}


def decode_model(model: bytes, weights: bytes) -> Model:
    """The Model in the bytes of model.mlmodel and weights/weight.bin.

    Raises DecodeError on anything damaged (cut messages, blobs outside the file, sizes that do not match),
    and on anything that another reader could read differently: a field twice, two members of a oneof, an
    unknown field, more than one function or block, flexible shapes.
    """
    if len(model) > MAX_PROGRAM_BYTES:
        raise DecodeError(f"its program has {len(model)} bytes, more than {MAX_PROGRAM_BYTES}")
    try:
        return _model(Message(model), Weights(memoryview(weights)))
    except (WireError, BlobError) as error:
        raise DecodeError(str(error)) from error


def _model(model: Message, weights: Weights) -> Model:
    program = model.only(f.MODEL_VERSION, f.MODEL_DESCRIPTION, f.MODEL_PROGRAM).message(f.MODEL_PROGRAM)
    if program is None:
        raise DecodeError("holds no ML program")
    description = (model.message(f.MODEL_DESCRIPTION) or Message(b"")).only(
        f.DESCRIPTION_INPUT, f.DESCRIPTION_OUTPUT, f.DESCRIPTION_METADATA
    )
    metadata = (description.message(f.DESCRIPTION_METADATA) or Message(b"")).only(
        f.METADATA_TEXT, f.METADATA_VERSION, f.METADATA_AUTHOR, f.METADATA_LICENSE, f.METADATA_USER
    )
    function = _function(program)
    opset = function.text(f.FUNCTION_OPSET)
    block = _block(function, opset)
    inputs = tuple(_feature(item) for item in description.messages(f.DESCRIPTION_INPUT))
    parameters = tuple(_output(named) for named in function.messages(f.FUNCTION_INPUTS))
    if parameters != tuple(Output(feature.name, feature.type) for feature in inputs):
        raise DecodeError("its function takes other inputs than it describes")
    return Model(
        specification_version=model.integer(f.MODEL_VERSION),
        opset=opset,
        inputs=inputs,
        outputs=tuple(_feature(item) for item in description.messages(f.DESCRIPTION_OUTPUT)),
        operations=tuple(_operation(item, weights) for item in block.messages(f.BLOCK_OPERATIONS)),
        results=tuple(block.texts(f.BLOCK_OUTPUTS)),
        description=metadata.text(f.METADATA_TEXT),
        author=metadata.text(f.METADATA_AUTHOR),
        version=metadata.text(f.METADATA_VERSION),
        metadata=metadata.text_table(f.METADATA_USER),
    )


def _function(program: Message) -> Message:
    """The one function, which must be "main": Core ML could be told to run another."""
    program.only(f.PROGRAM_VERSION, f.PROGRAM_FUNCTIONS, f.PROGRAM_TEXT, f.PROGRAM_ATTRIBUTES)
    if program.integer(f.PROGRAM_VERSION) != _PROGRAM_VERSION:
        raise DecodeError(f"is a program of version {program.integer(f.PROGRAM_VERSION)}")
    functions = program.table(f.PROGRAM_FUNCTIONS)
    if set(functions) != {f.MAIN}:
        raise DecodeError(f"has {len(functions)} functions, expected one, {f.MAIN!r}")
    return functions[f.MAIN].only(f.FUNCTION_INPUTS, f.FUNCTION_OPSET, f.FUNCTION_BLOCKS)


def _block(function: Message, opset: str) -> Message:
    """The function's one block."""
    blocks = function.table(f.FUNCTION_BLOCKS)
    if set(blocks) != {opset}:
        raise DecodeError(f"has {len(blocks)} blocks, expected one, for its opset {opset[:40]!r}")
    block = blocks[opset].only(f.BLOCK_OUTPUTS, f.BLOCK_OPERATIONS)
    count = block.count(f.BLOCK_OPERATIONS)
    if count > MAX_OPERATIONS:
        raise DecodeError(f"has {count} operations, more than {MAX_OPERATIONS}")
    return block


def _feature(item: Message) -> Feature:
    name = item.only(f.FEATURE_NAME, f.FEATURE_TEXT, f.FEATURE_TYPE).text(f.FEATURE_NAME)
    type_ = item.message(f.FEATURE_TYPE)
    # No other member of the type's oneof, and not optional.
    array = type_.only(f.TYPE_MULTI_ARRAY).message(f.TYPE_MULTI_ARRAY) if type_ else None
    if array is None:
        raise DecodeError(f"input or output {name[:60]!r} is not a multi-array")
    dtype = _ARRAY_NAMES.get(array.only(f.ARRAY_SHAPE, f.ARRAY_DTYPE).integer(f.ARRAY_DTYPE))
    if dtype is None:
        raise DecodeError(f"input or output {name[:60]!r} has an unknown data type")
    shape = read_shape(array.integers(f.ARRAY_SHAPE))
    return Feature(name=name, type=TensorType(dtype, shape), description=item.text(f.FEATURE_TEXT))


def _operation(item: Message, weights: Weights) -> Operation:
    kind = item.text(f.OPERATION_TYPE)
    if item.count(f.OPERATION_BLOCKS):
        raise DecodeError(f"operation {kind[:40]!r} has inner blocks")
    item.only(f.OPERATION_TYPE, f.OPERATION_INPUTS, f.OPERATION_OUTPUTS, f.OPERATION_ATTRIBUTES)
    return Operation(
        type=kind,
        inputs={key: _argument(value, weights) for key, value in item.table(f.OPERATION_INPUTS).items()},
        attributes={k: read_value(v, weights) for k, v in item.table(f.OPERATION_ATTRIBUTES).items()},
        outputs=tuple(_output(named) for named in item.messages(f.OPERATION_OUTPUTS)),
    )


def _output(named: Message) -> Output:
    named.only(f.NAMED_NAME, f.NAMED_TYPE)
    return Output(named.text(f.NAMED_NAME), read_type(named.message(f.NAMED_TYPE)))


def _argument(item: Message, weights: Weights) -> tuple[str | Value, ...]:
    return tuple(
        _binding(binding, weights) for binding in item.only(f.ARGUMENT_BINDINGS).messages(f.ARGUMENT_BINDINGS)
    )


def _binding(binding: Message, weights: Weights) -> str | Value:
    binding.only(f.BINDING_NAME, f.BINDING_VALUE)
    if binding.member(f.BINDING_NAME, f.BINDING_VALUE) == f.BINDING_NAME:
        return binding.text(f.BINDING_NAME)
    value = binding.message(f.BINDING_VALUE)
    if value is None:
        raise DecodeError("has an argument without a value")
    return read_value(value, weights)
