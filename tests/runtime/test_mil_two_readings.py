"""A package that Core ML reads differently from the reference: each way to say two things at once is refused.

Protobuf takes the last of two members of a oneof, merges a message that is there twice and skips what it does
not know. A reference that did otherwise would call a sabotaged package sound.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from converters.mil_encode import encode_model
from edgedf.runtime.mil_reference import DecodeError, Evaluator, ProgramError, decode_model
from edgedf.runtime.mil_reference import fields as f
from edgedf.runtime.mil_reference.program import Model, Operation, Output, Value
from edgedf.runtime.mil_reference.wire import put_bytes, put_integer, put_text, varint
from tests.artifact_files import artifact
from tests.protobuf_edit import edited, fields

MODEL = "Data/com.apple.CoreML/model.mlmodel"
WEIGHTS = "Data/com.apple.CoreML/weights/weight.bin"
FUNCTION = (f.MODEL_PROGRAM, f.PROGRAM_FUNCTIONS, 2)
BLOCK = (*FUNCTION, f.FUNCTION_BLOCKS, 2)
OPERATION = (*BLOCK, f.BLOCK_OPERATIONS)
VALUE = (*OPERATION, f.OPERATION_ATTRIBUTES, 2)
TENSOR = (*VALUE, f.VALUE_IMMEDIATE, f.IMMEDIATE_TENSOR)
BINDING = (*OPERATION, f.OPERATION_INPUTS, 2, f.ARGUMENT_BINDINGS)
OUTPUT = (*OPERATION, f.OPERATION_OUTPUTS)
TYPE = (*OUTPUT, f.NAMED_TYPE, f.VALUE_TYPE_TENSOR)
FEATURE = (f.MODEL_DESCRIPTION, f.DESCRIPTION_INPUT)
NINES = put_bytes(1, put_bytes(1, put_bytes(1, struct.pack("<16f", *[9.0] * 16))))


def _parts() -> tuple[bytes, bytes]:
    made = artifact("coreml", "mesonet", 64)
    return made.files[f"{made.path}/{MODEL}"], made.files[f"{made.path}/{WEIGHTS}"]


def _sample() -> Model:
    return decode_model(*_parts())


def _add(extra: bytes) -> Callable[[bytes], bytes]:
    return lambda message: message + extra


def _where(number: int, extra: bytes) -> Callable[[bytes], bytes]:
    """Add fields to a message that has this one."""
    return lambda data: data + extra if any(field[0] == number for field in fields(data)) else data


def _again(number: int) -> Callable[[bytes], bytes]:
    """Put a field there twice."""

    def change(message: bytes) -> bytes:
        value = next((value for n, _, value in fields(message) if n == number), None)
        if value is None:
            return message
        return message + (
            put_bytes(number, value) if isinstance(value, bytes) else put_integer(number, value)
        )

    return change


def _eight_bytes(number: int) -> bytes:
    return varint(number << 3 | 1) + bytes(8)


EVERYWHERE: tuple[Sequence[int], ...] = (
    (),
    FEATURE[:1],
    FEATURE,
    FUNCTION[:1],
    FUNCTION,
    BLOCK,
    OPERATION,
    (*OPERATION, f.OPERATION_INPUTS),
    BINDING[:-1],
    BINDING,
    OUTPUT,
    TYPE,
    VALUE,
    TENSOR,
    (*VALUE, f.VALUE_BLOB),
)
SABOTAGES: dict[str, tuple[Sequence[int], Callable[[bytes], bytes]]] = {
    "blob, then numbers": (VALUE, _where(f.VALUE_BLOB, put_bytes(f.VALUE_IMMEDIATE, NINES))),
    "numbers, then blob": (VALUE, _where(f.VALUE_IMMEDIATE, put_bytes(f.VALUE_BLOB, put_integer(2, 64)))),
    "floats, then integers": (TENSOR, _where(f.TENSOR_FLOATS, put_bytes(f.TENSOR_INTS, b""))),
    "a tensor, then a list": ((*VALUE, f.VALUE_IMMEDIATE), _add(put_bytes(3, b""))),
    "a name, then a value": (BINDING, _add(put_bytes(f.BINDING_VALUE, put_bytes(f.VALUE_IMMEDIATE, NINES)))),
    "a program, then a pipeline": ((), _add(put_bytes(202, b""))),
    "a multi-array, then an image": ((*FEATURE, f.FEATURE_TYPE), _add(put_bytes(4, b""))),
    "an optional input": ((*FEATURE, f.FEATURE_TYPE), _add(put_integer(1000, 1))),
    "a flexible input": ((*FEATURE, f.FEATURE_TYPE, f.TYPE_MULTI_ARRAY), _add(put_bytes(31, b""))),
    "a flexible side": ((*TYPE, f.TENSOR_DIMENSIONS), _add(put_bytes(f.DIMENSION_UNKNOWN, b""))),
    "a tensor, then a list type": (TYPE[:-1], _add(put_bytes(2, b""))),
    "two programs": ((), _again(f.MODEL_PROGRAM)),
    "two descriptions": ((), _again(f.MODEL_DESCRIPTION)),
    "two metadata": (FEATURE[:1], _again(f.DESCRIPTION_METADATA)),
    "two opsets": (FUNCTION, _again(f.FUNCTION_OPSET)),
    "two blocks": (FUNCTION, _add(put_bytes(f.FUNCTION_BLOCKS, put_text(1, "CoreML7")))),
    "one block twice": (FUNCTION, _again(f.FUNCTION_BLOCKS)),
    "two functions": (FUNCTION[:1], _add(put_bytes(f.PROGRAM_FUNCTIONS, put_text(1, "other")))),
    "another default function": (FEATURE[:1], _add(put_text(21, "other"))),
    "one function twice": (FUNCTION[:1], _again(f.PROGRAM_FUNCTIONS)),
    "another version": (FUNCTION[:1], _again(f.PROGRAM_VERSION)),
    "two types of an operation": (OPERATION, _again(f.OPERATION_TYPE)),
    "one attribute twice": (OPERATION, _again(f.OPERATION_ATTRIBUTES)),
    "one argument twice": (OPERATION, _again(f.OPERATION_INPUTS)),
    "an inner block": (OPERATION, _add(put_bytes(f.OPERATION_BLOCKS, b""))),
    "two types of a value": (VALUE, _again(f.VALUE_TYPE)),
    "two places in the weights": ((*VALUE, f.VALUE_BLOB), _again(f.BLOB_OFFSET)),
    "two weight files": ((*VALUE, f.VALUE_BLOB), _again(f.BLOB_FILE)),
    "a data type in eight bytes": (TYPE, _add(_eight_bytes(f.TENSOR_DTYPE))),
    "a type in eight bytes": (OPERATION, _add(_eight_bytes(f.OPERATION_TYPE))),
    "other inputs than described": (FUNCTION, _again(f.FUNCTION_INPUTS)),
    **{f"an unknown field at {path}": (path, _add(put_integer(77, 1))) for path in EVERYWHERE},
}


@pytest.mark.parametrize("sabotage", sorted(SABOTAGES))
def test_a_message_with_two_readings_is_refused(sabotage: str) -> None:
    path, change = SABOTAGES[sabotage]
    model, weights = _parts()
    assert edited(model, path, lambda message: message) == model
    changed = edited(model, path, change)
    assert changed != model
    with pytest.raises(DecodeError):
        decode_model(changed, weights)


@pytest.mark.slow
def test_protobuf_takes_what_the_reader_refuses() -> None:
    """The sabotages are real: coremltools reads every one, and other numbers where two are given."""
    spec = pytest.importorskip("coremltools").proto.Model_pb2.Model
    model, _ = _parts()
    for path, change in SABOTAGES.values():
        spec.FromString(edited(model, path, change))
    counts = []
    path, change = SABOTAGES["blob, then numbers"]
    for data in (model, edited(model, path, change)):
        block = spec.FromString(data).mlProgram.functions["main"].block_specializations["CoreML6"]
        values = [value for step in block.operations for value in step.attributes.values()]
        counts.append(sum(value.WhichOneof("value") == "blobFileValue" for value in values))
    assert counts[1] == counts[0] - 1


def _swap(model: Model, index: int, step: Operation) -> Model:
    steps = list(model.operations)
    steps[index] = step
    return replace(model, operations=tuple(steps))


def _index(model: Model, kind: str) -> int:
    return next(index for index, step in enumerate(model.operations) if step.type == kind)


def _structural() -> dict[str, tuple[Model, str]]:
    model = _sample()
    relu, const = _index(model, "relu"), _index(model, "const")
    step, constant = model.operations[relu], model.operations[const]
    other = Output("other", step.outputs[0].type)
    value = constant.attributes["val"]
    return {
        "a result of another name": (
            replace(model, results=(step.outputs[0].name,)),
            "gives .* where it describes",
        ),
        "weights that Core ML ignores": (
            _swap(model, relu, replace(step, attributes={"x": value})),
            "has an attribute 'x'",
        ),
        "a constant with inputs": (
            _swap(model, const, replace(constant, inputs={"val": (value,)})),
            "const has inputs",
        ),
        "a name defined twice": (
            replace(model, operations=(*model.operations, step)),
            "twice",
        ),
        "a name used too early": (
            replace(model, operations=(step, *model.operations[:relu], *model.operations[relu + 1 :])),
            "before it is defined",
        ),
        "two outputs": (_swap(model, relu, replace(step, outputs=(*step.outputs, other))), "has 2 outputs"),
        "numbers declared as a text": (
            _swap(model, const, replace(constant, outputs=(Output("x", Value.of("").type),))),
            "before it is defined|declares",
        ),
    }


@pytest.mark.parametrize("kind", sorted(_structural()))
def test_a_program_that_core_ml_would_read_differently_is_refused(kind: str) -> None:
    model, message = _structural()[kind]
    Evaluator(_sample())
    with pytest.raises(ProgramError, match=message):
        Evaluator(model)


def test_writing_a_sabotaged_model_keeps_it_refused() -> None:
    model, message = _structural()["a result of another name"]
    with pytest.raises(ProgramError, match=message):
        Evaluator(decode_model(*encode_model(model)))
