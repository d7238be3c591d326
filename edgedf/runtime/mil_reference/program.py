"""An ML program as plain data: what a saved .mlpackage says, and what the Core ML converter writes.

Source: the MIL.proto and Model.proto files published with coremltools 9.0; their field numbers are in
`fields.py`. Shapes are concrete: edgedf's programs have no flexible dimension.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

# MIL data type -> (number in MIL.proto, numpy dtype). STRING has no array form.
DTYPES: Mapping[str, tuple[int, type[Any]]] = MappingProxyType(
    {
        "bool": (1, np.bool_),
        "float16": (10, np.float16),
        "float32": (11, np.float32),
        "int8": (21, np.int8),
        "int32": (23, np.int32),
        "uint8": (31, np.uint8),
        "uint32": (33, np.uint32),
    }
)
STRING = "string"
STRING_NUMBER = 2


@dataclass(frozen=True, slots=True)
class TensorType:
    """A tensor's type: dtype (a key of DTYPES, or "string") and shape; () is a scalar."""

    dtype: str
    shape: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A constant: an array of the type's dtype and shape, or a text for a string scalar."""

    type: TensorType
    data: npt.NDArray[Any] | str

    @staticmethod
    def of(data: npt.NDArray[Any] | str) -> Value:
        """The value of an array (its dtype must be in DTYPES) or a text."""
        if isinstance(data, str):
            return Value(TensorType(STRING), data)
        return Value(TensorType(data.dtype.name, data.shape), data)


@dataclass(frozen=True, slots=True)
class Output:
    """A named result of an operation, or a named input of the program."""

    name: str
    type: TensorType


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Operation:
    """One step.

    Attributes:
        type: "conv", "relu", "const", ...
        inputs: parameter -> names of earlier results, or constants written in place.
        attributes: constants: a `const` keeps its value in "val", a `constexpr_` all its parameters.
        outputs: results, in order.
    """

    type: str
    inputs: Mapping[str, tuple[str | Value, ...]] = field(default_factory=dict)
    attributes: Mapping[str, Value] = field(default_factory=dict)
    outputs: tuple[Output, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """An input or output as an app sees it: a multi-array with name, type and a short description."""

    name: str
    type: TensorType
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Model:
    """A whole model file.

    Attributes:
        specification_version: 7 is iOS 16 / macOS 13.
        opset: "CoreML6" for iOS 16.
        inputs, outputs: what an app sees.
        operations: the body of the function "main", in order of execution.
        results: names of the body's results, in the order of `outputs`.
        description, author, version: what Xcode shows.
        metadata: the user-defined texts.
    """

    specification_version: int
    opset: str
    inputs: tuple[Feature, ...]
    outputs: tuple[Feature, ...]
    operations: tuple[Operation, ...]
    results: tuple[str, ...]
    description: str = ""
    author: str = ""
    version: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
