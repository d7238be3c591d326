"""Programs that no converter writes: the reference runs them or says by its own errors what is wrong."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from edgedf.runtime.coreml_package import MODEL_PATH, WEIGHTS_PATH
from edgedf.runtime.mil_reference import Evaluator, ProgramError, UnknownOperationError, decode_model
from edgedf.runtime.mil_reference.program import Model, Output, TensorType, Value
from tests.artifact_files import artifact

SIZE = 64


@lru_cache(maxsize=2)
def _sample(arch: str) -> Model:
    made = artifact("coreml", arch, SIZE)
    return decode_model(*(made.files[f"{made.path}/{part}"] for part in (MODEL_PATH, WEIGHTS_PATH)))


def _odd_value(generator: np.random.Generator, value: Value) -> Value:
    if isinstance(value.data, str):
        return Value.of(str(generator.choice(["", "valid", "custom", "same", "fp16", "int8"])))
    data: Any = value.data
    numbers = generator.choice([0, 1, -1, 2, 7, 65536, 65537, 2**31 - 1], int(generator.integers(0, 6)))
    match generator.integers(4):
        case 0:
            return Value.of(numbers.astype(np.int32))
        case 1:
            return Value.of(np.zeros(tuple(generator.integers(0, 4, generator.integers(0, 5))), data.dtype))
        case 2:
            return Value.of(data.reshape(-1)[: int(generator.integers(0, 9))])
        case _:
            changed = data.reshape(-1).copy()
            changed[: max(1, changed.size // 2)] = generator.choice([0, 1, 3, 127])
            return Value.of(changed.reshape(data.shape))


def _odd(generator: np.random.Generator, model: Model) -> Model:
    """The sample with an attribute, an argument, a declared shape or a kind of operation changed."""
    steps = list(model.operations)
    for at in generator.integers(0, len(steps), generator.integers(1, 3)):
        step = steps[at]
        attributes, inputs, outputs = dict(step.attributes), dict(step.inputs), list(step.outputs)
        match generator.integers(5):
            case 0 | 1 if attributes:
                name = str(generator.choice(sorted(attributes)))
                attributes[name] = _odd_value(generator, attributes[name])
                if step.type == "const" and name == "val":
                    outputs = [Output(outputs[0].name, attributes["val"].type)]
            case 2 if inputs:
                name, other = generator.choice(sorted(inputs), 2)
                inputs[name] = inputs[other]
            case 3:
                sides = tuple(int(side) for side in generator.choice([0, 1, 2, 8, 64], generator.integers(5)))
                outputs = [Output(outputs[0].name, TensorType("float32", sides))]
            case _:
                kinds = sorted({other.type for other in steps})
                step = replace(step, type=str(generator.choice(kinds)))
        steps[at] = replace(step, attributes=attributes, inputs=inputs, outputs=tuple(outputs))
    return replace(model, operations=tuple(steps))


@pytest.mark.parametrize("arch", ["mesonet", "resnet18"])
def test_odd_programs_run_or_are_refused_by_name(arch: str) -> None:
    """Whatever a program says, the reference raises its own errors and no others."""
    generator = np.random.default_rng(1)
    crop = np.zeros((1, 3, SIZE, SIZE), np.float32)
    refused = 0
    for _ in range(400 if arch == "mesonet" else 60):
        odd = _odd(generator, _sample(arch))
        try:
            Evaluator(odd).run({"input": crop})
        except (ProgramError, UnknownOperationError):
            refused += 1
    assert refused > 30
