"""Runs an ML program in numpy: constants once, then operation by operation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgedf.runtime.mil_reference.budget import check_budget, last_uses
from edgedf.runtime.mil_reference.call import Array, Call, ProgramError, UnknownOperationError
from edgedf.runtime.mil_reference.ops import OPERATIONS
from edgedf.runtime.mil_reference.program import STRING, Model, Operation, TensorType, Value
from edgedf.runtime.mil_reference.structure import check_structure, is_constant


class Evaluator:
    """A checked program ready to run.

    Args:
        model: what `decode_model` returned.
    Raises UnknownOperationError naming the first operation it cannot evaluate, ProgramError if the program
    contradicts itself or is too large.
    """

    def __init__(self, model: Model) -> None:
        unknown = sorted({step.type for step in model.operations} - set(OPERATIONS))
        if unknown:
            raise UnknownOperationError(unknown[0][:60])
        check_structure(model)
        check_budget(model)
        self.model = model
        self._last_use = last_uses(model)
        self._constants: dict[str, Array] = {}
        with np.errstate(all="ignore"):
            for step in filter(is_constant, model.operations):
                self._constants[step.outputs[0].name] = _run(step, {})

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Output name -> array, for one set of inputs. Raises ProgramError if they do not fit."""
        values: dict[str, Array] = dict(self._constants)
        for feature in self.model.inputs:
            array = inputs.get(feature.name)
            if array is None or array.shape != feature.type.shape or array.dtype != feature.type.dtype:
                raise ProgramError(f"input {feature.name!r} is not {feature.type}")
            values[feature.name] = array
        with np.errstate(all="ignore"):
            for index, step in enumerate(self.model.operations):
                if is_constant(step):
                    continue
                values[step.outputs[0].name] = _run(step, values)
                for name in self._last_use.get(index, ()):
                    values.pop(name, None)
        return {feature.name: _fits(values.get(feature.name), feature.type) for feature in self.model.outputs}


def _run(step: Operation, values: Mapping[str, Array]) -> Array:
    """The result of one operation, checked against its declared type."""
    arguments: dict[str, Array | str] = {name: value.data for name, value in step.attributes.items()}
    for name, bindings in step.inputs.items():
        if len(bindings) != 1:
            raise UnknownOperationError(f"{step.type} with a list in {name[:40]!r}")
        arguments[name] = _argument(bindings[0], values)
    call = Call(step, arguments)
    declared = call.result
    result = OPERATIONS[step.type](call)
    if declared.dtype == STRING and result.dtype.kind == "U" and result.shape == declared.shape:
        return result
    if result.dtype == np.float32 and declared.dtype == "float16":
        result = result.astype(np.float16)
    return _fits(result, declared)


def _argument(binding: str | Value, values: Mapping[str, Array]) -> Array | str:
    if isinstance(binding, Value):
        return binding.data
    value = values.get(binding)
    if value is None:
        raise ProgramError(f"uses {binding[:60]!r} before it is defined")
    return str(value) if value.dtype.kind == "U" else value


def _fits(value: Array | None, type_: TensorType) -> Array:
    if value is None or value.shape != type_.shape or value.dtype != type_.dtype:
        got = "nothing" if value is None else f"{value.dtype}{value.shape}"
        raise ProgramError(f"gives {got} where it declares {type_.dtype}{type_.shape}")
    return value
