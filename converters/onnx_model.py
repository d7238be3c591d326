"""The inference graph as an ONNX model, written node by node.

Built straight from the graph, not traced: nothing but the graph's own names and numbers can enter the file,
so equal graphs give equal bytes, and no exporter's rewriting stands between the ticket and the artifact.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edgedf.compact import graph as ops
from edgedf.compact.graph import INPUT, Graph, Node
from edgedf.contract import Contract

if TYPE_CHECKING:
    from onnx import ModelProto

# Opset 18 and IR 9 are old enough for every reader in use and new enough for all that the graph needs.
OPSET = 18
IR_VERSION = 9


def onnx_model(graph: Graph, contract: Contract) -> ModelProto:
    """`graph` as a checked ONNX model: NCHW float32 in and out, tensor names from the contract, batch 1."""
    import onnx
    from onnx import TensorProto, helper

    shapes = graph.shapes()
    writer = _Writer(contract.input_name, shapes)
    for node in graph.nodes:
        writer.node(node)
    # A last Identity gives the output the contract's name, whatever the last node is called.
    writer.op("Identity", "edgedf_output", [graph.output], outputs=[contract.output_name])
    body = helper.make_graph(
        writer.nodes,
        "edgedf",
        [helper.make_tensor_value_info(contract.input_name, TensorProto.FLOAT, [1, *graph.input_chw])],
        [helper.make_tensor_value_info(contract.output_name, TensorProto.FLOAT, [1, *shapes[graph.output]])],
        initializer=writer.tensors,
    )
    model = helper.make_model(body, producer_name="edgedf", opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model)
    return model


class _Writer:
    """Collects ONNX nodes and constants; every node's output carries the graph node's name."""

    def __init__(self, input_name: str, shapes: Mapping[str, tuple[int, ...]]) -> None:
        self.input_name, self.shapes = input_name, shapes
        self.nodes: list[Any] = []
        self.tensors: list[Any] = []

    def tensor(self, name: str, value: npt.NDArray[Any]) -> str:
        from onnx import numpy_helper

        self.tensors.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def op(
        self,
        kind: str,
        name: str,
        inputs: list[str],
        *,
        outputs: list[str] | None = None,
        **attributes: Any,
    ) -> None:
        from onnx import helper

        self.nodes.append(helper.make_node(kind, inputs, outputs or [name], name=name, **attributes))

    def node(self, node: Node) -> None:
        inputs = [self.input_name if name == INPUT else name for name in node.inputs]
        name = node.name
        match node.op:
            case ops.Conv2d():
                self.conv(name, node.op, inputs)
            case ops.Linear(weight_oi=weight, bias_o=bias):
                inputs.append(self.tensor(f"{name}.weight", weight))
                if bias is not None:
                    inputs.append(self.tensor(f"{name}.bias", bias))
                self.op("Gemm", name, inputs, transB=1)
            case ops.Affine(scale_c=scale, shift_c=shift):
                # One number per channel, whatever follows the channels: (1, C, 1, 1) or, once flat, (1, C).
                sides = (1, -1, *[1] * (len(self.shapes[name]) - 1))
                scaled = self.tensor(f"{name}.scale", scale.reshape(sides))
                shifted = self.tensor(f"{name}.shift", shift.reshape(sides))
                self.op("Mul", f"{name}.scaled", [*inputs, scaled])
                self.op("Add", name, [f"{name}.scaled", shifted])
            case ops.MaxPool2d(kernel=kernel, stride=stride, padding=(top, left)):
                pads = [top, left, top, left]
                self.op("MaxPool", name, inputs, kernel_shape=kernel, strides=stride, pads=pads)
            case ops.AvgPool2d(kernel=kernel, stride=stride):
                self.op("AveragePool", name, inputs, kernel_shape=kernel, strides=stride)
            case ops.LeakyRelu(slope=slope):
                self.op("LeakyRelu", name, inputs, alpha=float(slope))
            case ops.Relu():
                self.op("Relu", name, inputs)
            case ops.Add():
                self.op("Add", name, inputs)
            case ops.Flatten():
                self.op("Flatten", name, inputs, axis=1)

    def conv(self, name: str, op: ops.Conv2d, inputs: list[str]) -> None:
        inputs.append(self.tensor(f"{name}.weight", op.weight_oihw))
        if op.bias_o is not None:
            inputs.append(self.tensor(f"{name}.bias", op.bias_o))
        top, left = op.padding
        self.op(
            "Conv",
            name,
            inputs,
            kernel_shape=list(op.weight_oihw.shape[2:]),
            strides=list(op.stride),
            pads=[top, left, top, left],
            group=op.groups,
        )
