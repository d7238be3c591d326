"""From the inference graph to a Core ML program, weights sparse where that is smaller.

Source of operations and parameters: coremltools 9.0, MIL operation reference for iOS 15 and 16.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt

from converters.mil_encode import uses_blob
from edgedf.compact import graph as ops
from edgedf.compact.graph import INPUT, Graph, Node
from edgedf.errors import ConvertError
from edgedf.runtime.mil_reference.blob import ALIGNMENT
from edgedf.runtime.mil_reference.program import Operation, Output, TensorType, Value

Shape = tuple[int, ...]


def mil_operations(
    graph: Graph, *, input_name: str, output_name: str, precision: str
) -> tuple[Operation, ...]:
    """The operations of `graph` for batch 1, ending in one result called `output_name`.

    Args:
        precision: "float32", or "float16" for weights and arithmetic in float16 between a cast of the
            float32 input and a cast back to the float32 output.
    Raises ConvertError if a weight does not fit float16.
    """
    writer = _Writer(graph, precision, {INPUT: input_name})
    if precision == "float16":
        writer.cast(INPUT, input_name, "fp16")
    for node in graph.nodes:
        last = node is graph.nodes[-1]
        writer.node(node, output_name if last and precision == "float32" else _identifier(node.name))
    if precision == "float16":
        writer.cast(graph.output, output_name, "fp32")
    return tuple(writer.operations)


def _identifier(name: str) -> str:
    """A MIL identifier: letters, digits and underscores, not starting with a digit."""
    clean = re.sub(r"\W", "_", name, flags=re.ASCII)
    return f"n{clean}" if clean[0].isdigit() else clean


class _Writer:
    """Appends operations; `names` maps a graph node to the MIL value that holds its result."""

    def __init__(self, graph: Graph, precision: str, names: dict[str, str]) -> None:
        self.shapes: dict[str, Shape] = {name: (1, *shape) for name, shape in graph.shapes().items()}
        self.dtype = precision
        self.names = names
        self.operations: list[Operation] = []
        self.taken = set(names.values())

    def emit(
        self,
        kind: str,
        name: str,
        type_: TensorType,
        inputs: dict[str, str] | None = None,
        attributes: dict[str, Value] | None = None,
    ) -> str:
        """Append an operation with one result; returns the result's name."""
        if name in self.taken:
            raise ConvertError("two values of the program would have this name", field=name)
        self.taken.add(name)
        self.operations.append(
            Operation(
                type=kind,
                inputs={key: (value,) for key, value in (inputs or {}).items()},
                attributes={"name": Value.of(name)} | (attributes or {}),
                outputs=(Output(name, type_),),
            )
        )
        return name

    def const(self, name: str, data: npt.NDArray[Any] | str) -> str:
        value = Value.of(data)
        return self.emit("const", name, value.type, attributes={"val": value})

    def numbers(self, data: npt.NDArray[np.float32], field: str) -> npt.NDArray[Any]:
        """`data` in the program's precision. Raises ConvertError if it overflows there."""
        with np.errstate(over="ignore"):
            result = data.astype(self.dtype)
        if not bool(np.isfinite(result).all()):
            raise ConvertError(
                f"holds a number too large for {self.dtype}", field=field, hint="build with precision float32"
            )
        return result

    def weight(self, name: str, data: npt.NDArray[np.float32]) -> str:
        """A weight: constexpr_sparse_to_dense where the file gets smaller, a plain constant elsewhere."""
        array = self.numbers(np.ascontiguousarray(data), name)
        mask = array != 0
        nonzero, bits = array[mask], np.packbits(mask, bitorder="little")
        if nonzero.size == 0 or _stored(nonzero) + _stored(bits) >= _stored(array):
            return self.const(name, array)
        parts = {"nonzero_data": nonzero, "mask": bits, "shape": np.array(array.shape, np.uint32)}
        attributes = {key: Value.of(part) for key, part in parts.items()}
        return self.emit(
            "constexpr_sparse_to_dense", name, TensorType(self.dtype, array.shape), attributes=attributes
        )

    def cast(self, node: str, name: str, dtype: str) -> None:
        """Cast a node's value to the MIL text `dtype`; a cast to float32 makes the program's output."""
        to_half = dtype == "fp16"
        result = f"{name}_to_fp16" if to_half else name
        text = self.const(f"{result}_dtype", dtype)
        type_ = TensorType("float16" if to_half else "float32", self.shapes[node])
        self.names[node] = self.emit("cast", result, type_, {"x": self.names[node], "dtype": text})

    def node(self, node: Node, name: str) -> None:
        x = self.names[node.inputs[0]]
        type_ = TensorType(self.dtype, self.shapes[node.name])
        match node.op:
            case ops.Conv2d():
                self.conv(node.op, name, type_, x)
            case ops.Linear(weight_oi=weight, bias_o=bias):
                inputs = {"x": x, "weight": self.weight(f"{name}_weight", weight)}
                inputs |= self.bias(name, bias)
                self.emit("linear", name, type_, inputs)
            case ops.Affine():
                self.affine(node.op, name, type_, x)
            case ops.MaxPool2d(kernel=kernel, stride=stride, padding=padding):
                inputs = self.window(name, kernel, stride, padding)
                self.emit("max_pool", name, type_, {"x": x} | inputs)
            case ops.AvgPool2d(kernel=kernel, stride=stride):
                inputs = self.window(name, kernel, stride, (0, 0))
                # coremltools gives padding no share in the mean; without padding it makes no difference.
                inputs["exclude_padding_from_average"] = self.const(f"{name}_exclude", np.array(True))
                self.emit("avg_pool", name, type_, {"x": x} | inputs)
            case ops.LeakyRelu(slope=slope):
                alpha = self.numbers(np.array(slope, np.float32), name)
                self.emit("leaky_relu", name, type_, {"x": x, "alpha": self.const(f"{name}_alpha", alpha)})
            case ops.Relu():
                self.emit("relu", name, type_, {"x": x})
            case ops.Add():
                self.emit("add", name, type_, {"x": x, "y": self.names[node.inputs[1]]})
            case ops.Flatten():
                shape = self.const(f"{name}_shape", np.array(type_.shape, np.int32))
                self.emit("reshape", name, type_, {"x": x, "shape": shape})
        self.names[node.name] = name

    def conv(self, op: ops.Conv2d, name: str, type_: TensorType, x: str) -> None:
        weight = self.weight(f"{name}_weight", op.weight_oihw)
        inputs = self.bias(name, op.bias_o) | self.sliding(name, op.stride, op.padding)
        inputs["dilations"] = self.const(f"{name}_dilations", np.array([1, 1], np.int32))
        inputs["groups"] = self.const(f"{name}_groups", np.array(op.groups, np.int32))
        self.emit("conv", name, type_, {"x": x, "weight": weight} | inputs)

    def affine(self, op: ops.Affine, name: str, type_: TensorType, x: str) -> None:
        side = (1, -1) + (1,) * (len(type_.shape) - 2)
        if bool((op.scale_c != 1).any()):
            scale = self.const(f"{name}_scale", self.numbers(op.scale_c, name).reshape(side))
            x = self.emit("mul", f"{name}_scaled", type_, {"x": x, "y": scale})
        shift = self.const(f"{name}_shift", self.numbers(op.shift_c, name).reshape(side))
        self.emit("add", name, type_, {"x": x, "y": shift})

    def bias(self, name: str, bias: npt.NDArray[np.float32] | None) -> dict[str, str]:
        return {} if bias is None else {"bias": self.const(f"{name}_bias", self.numbers(bias, name))}

    def sliding(self, name: str, stride: Shape, padding: Shape) -> dict[str, str]:
        """Strides and padding (top, bottom, left, right) of a convolution or pooling."""
        top, left = padding
        return {
            "strides": self.const(f"{name}_strides", np.array(stride, np.int32)),
            "pad_type": self.const(f"{name}_pad_type", "custom"),
            "pad": self.const(f"{name}_pad", np.array([top, top, left, left], np.int32)),
        }

    def window(self, name: str, kernel: Shape, stride: Shape, padding: Shape) -> dict[str, str]:
        return self.sliding(name, stride, padding) | {
            "kernel_sizes": self.const(f"{name}_kernel_sizes", np.array(kernel, np.int32)),
            "ceil_mode": self.const(f"{name}_ceil_mode", np.array(False)),
        }


def _stored(array: npt.NDArray[Any]) -> int:
    """Bytes that a constant takes in the package: in weight.bin with its record, or in the program."""
    if not uses_blob(array):
        return array.nbytes
    return 2 * ALIGNMENT + array.nbytes - array.nbytes % ALIGNMENT
