"""GraphModule: the inference graph as a PyTorch module, for proofs and for every converter."""

from __future__ import annotations

from collections import Counter
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgedf.compact import graph as ops
from edgedf.compact.graph import F32, INPUT, Graph, Node


class GraphModule(nn.Module):
    """Executes a Graph with torch's functional ops, node by node. It can be given to torch.export.

    Weights and biases are parameters named `<node>_weight` and `<node>_bias`; an Affine is
    `x * <node>_scale + <node>_shift`, two buffers (1, C, 1, 1), without the product where every scale is 1.

    Args:
        graph: what to compute; `graph.input_chw` fixes the input's shape but not the batch.
    Input (N, 3, S, S) float32 RGB 0..255; output (N, 1) float32, fake > 0. In evaluation mode, no gradients.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph
        shapes = graph.shapes()
        for node in graph.nodes:
            match node.op:
                case ops.Conv2d(weight_oihw=weight, bias_o=bias) | ops.Linear(weight_oi=weight, bias_o=bias):
                    self._parameter(f"{node.name}_weight", weight)
                    self._parameter(f"{node.name}_bias", bias)
                case ops.Affine(scale_c=scale, shift_c=shift):
                    plane = (1, -1) + (1,) * (len(shapes[node.name]) - 1)
                    if bool((scale != 1).any()):
                        self.register_buffer(f"{node.name}_scale", _tensor(scale).reshape(plane))
                    self.register_buffer(f"{node.name}_shift", _tensor(shift).reshape(plane))
        self.eval()

    def forward(self, input: Tensor) -> Tensor:
        values = {INPUT: input}
        waiting = Counter(name for node in self.graph.nodes for name in node.inputs)
        for node in self.graph.nodes:
            values[node.name] = self._run(node, [values[name] for name in node.inputs])
            waiting.subtract(node.inputs)
            # Free what nobody waits for, or a large batch would hold every activation of the network.
            for name in {name for name in node.inputs if not waiting[name]}:
                del values[name]
        return values[self.graph.output]

    def _parameter(self, name: str, value: F32 | None) -> None:
        parameter = None if value is None else nn.Parameter(_tensor(value), requires_grad=False)
        self.register_parameter(name, parameter)

    def _constant(self, node: Node, part: str) -> Tensor:
        return cast(Tensor, getattr(self, f"{node.name}_{part}"))

    def _run(self, node: Node, inputs: list[Tensor]) -> Tensor:
        x = inputs[0]
        match node.op:
            case ops.Conv2d(stride=stride, padding=padding, groups=groups):
                weight, bias = self._constant(node, "weight"), self._constant(node, "bias")
                return F.conv2d(x, weight, bias, stride, padding, 1, groups)
            case ops.Linear():
                return F.linear(x, self._constant(node, "weight"), self._constant(node, "bias"))
            case ops.Affine():
                if hasattr(self, f"{node.name}_scale"):
                    x = x * self._constant(node, "scale")
                return x + self._constant(node, "shift")
            case ops.Relu():
                return F.relu(x)
            case ops.LeakyRelu(slope=slope):
                return F.leaky_relu(x, slope)
            case ops.MaxPool2d(kernel=kernel, stride=stride, padding=padding):
                return F.max_pool2d(x, kernel, stride, padding)
            case ops.AvgPool2d(kernel=kernel, stride=stride):
                # Without padding both settings give the same mean; XNNPACK takes only this one.
                return F.avg_pool2d(x, kernel, stride, count_include_pad=False)
            case ops.Add():
                return x + inputs[1]
            case ops.Flatten():
                return torch.flatten(x, 1)


def _tensor(value: F32) -> Tensor:
    return torch.from_numpy(np.array(value, dtype=np.float32, order="C"))
