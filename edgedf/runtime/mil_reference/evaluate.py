"""Runs an ML program in numpy: constants once, then operation by operation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgedf.runtime.mil_reference.call import Array, Call, ProgramError, UnknownOperationError
from edgedf.runtime.mil_reference.ops import OPERATIONS
from edgedf.runtime.mil_reference.program import STRING, Model, Operation, TensorType, Value


class Evaluator:
    """A checked program ready to run.

    Args:
        model: what `decode_model` returned.
    Raises UnknownOperationError naming the first operation it cannot evaluate, ProgramError if the program
    contradicts itself.
    """

    def __init__(self, model: Model) -> None:
        unknown = sorted({step.type for step in model.operations} - set(OPERATIONS))
        if unknown:
            raise UnknownOperationError(unknown[0][:60])
        if len(model.results) != len(model.outputs):
            raise ProgramError(f"returns {len(model.results)} results for {len(model.outputs)} outputs")
        self.model = model
        constant = [_is_constant(step) for step in model.operations]
        self._steps = tuple(s for s, fixed in zip(model.operations, constant, strict=True) if not fixed)
        self._constants: dict[str, Array] = {}
        with np.errstate(all="ignore"):
            for step, fixed in zip(model.operations, constant, strict=True):
                if fixed:
                    value = _run(step, {})
                    self._constants[step.outputs[0].name] = value
        self._last_use = self._find_last_uses()

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Output name -> array, for one set of inputs. Raises ProgramError if they do not fit."""
        values: dict[str, Array] = dict(self._constants)
        for feature in self.model.inputs:
            array = inputs.get(feature.name)
            if array is None or array.shape != feature.type.shape or array.dtype != feature.type.dtype:
                raise ProgramError(f"input {feature.name!r} is not {feature.type}")
            values[feature.name] = array
        with np.errstate(all="ignore"):
            for index, step in enumerate(self._steps):
                values[step.outputs[0].name] = _run(step, values)
                for name in self._last_use.get(index, ()):
                    values.pop(name, None)
        results = zip(self.model.outputs, self.model.results, strict=True)
        return {feature.name: _fits(values.get(name), feature.type) for feature, name in results}

    def _find_last_uses(self) -> dict[int, list[str]]:
        """Step -> activations that nobody needs after it, so that memory stays small."""
        last: dict[str, int] = {}
        for index, step in enumerate(self._steps):
            for bindings in step.inputs.values():
                last |= {name: index for name in bindings if isinstance(name, str)}
        keep = set(self._constants) | set(self.model.results)
        uses: dict[int, list[str]] = {}
        for name, index in last.items():
            if name not in keep:
                uses.setdefault(index, []).append(name)
        return uses


def _is_constant(step: Operation) -> bool:
    return step.type == "const" or step.type.startswith("constexpr_")


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
    if declared.dtype == STRING:
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
