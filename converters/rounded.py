"""The network that an artifact with rounded weights really holds.

Plain numpy on whole tensors, and no code of the writers but where they decide what to round: the gate
compares an artifact's answers with this network's, and a mistake made in both would be seen by neither.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from converters.native_format.weights import F32_FORM, read_vector, store_vector
from edgedf.compact.graph import F32, Affine, Conv2d, Graph, Linear, Node
from edgedf.runtime.stored_precision import MIN_HALF_ELEMENTS

# Weight, bias: as one layer keeps them.
_Weight = Callable[[F32], F32]
_Bias = Callable[[F32 | None], F32 | None]


def rounded_graph(graph: Graph, target: str, precision: str) -> Graph | None:
    """`graph` with its numbers as `target` keeps them at `precision`; itself at float32.

    None where they are not known: Core ML at float16 rounds every activation too.
    """
    if precision == "float32":
        return graph
    if target == "native":
        nodes = [_native(node, precision) for node in graph.nodes]
    elif target == "tflite":
        nodes = [_weighted(node, _large_half, lambda bias: bias) for node in graph.nodes]
    else:
        return None
    return replace(graph, nodes=tuple(nodes))


def _native(node: Node, precision: str) -> Node:
    """Every weight; vectors in the form that the file chooses for each."""

    def vector(values: F32, form: str = precision) -> F32:
        return read_vector(*store_vector(values, form))

    def int8(weight: F32) -> F32:
        largest = np.abs(weight).reshape(len(weight), -1).max(axis=1, initial=0.0)
        scales = vector(np.where(largest > 0, largest / 127.0, 1.0).astype(np.float32))
        scale = scales.reshape(-1, *(1,) * (weight.ndim - 1))
        steps: F32 = np.clip(np.rint(weight / scale), -127, 127).astype(np.float32)
        return steps * scale

    if isinstance(node.op, Affine):
        # Both vectors of an affine are kept in the wider form of the two.
        pair = node.op.scale_c, node.op.shift_c
        form = "float32" if any(store_vector(v, precision)[0] == F32_FORM for v in pair) else precision
        scale, shift = (vector(values, form) for values in pair)
        return replace(node, op=Affine(scale_c=scale, shift_c=shift))
    weight = _half if precision == "float16" else int8
    return _weighted(node, weight, lambda bias: None if bias is None else vector(bias))


def _weighted(node: Node, weight: _Weight, bias: _Bias) -> Node:
    """The node with what a layer's weight and bias become; other nodes as they are."""
    match node.op:
        case Conv2d(weight_oihw=weights, bias_o=biases) as op:
            return replace(node, op=replace(op, weight_oihw=weight(weights), bias_o=bias(biases)))
        case Linear(weight_oi=weights, bias_o=biases):
            return replace(node, op=Linear(weight_oi=weight(weights), bias_o=bias(biases)))
        case _:
            return node


def _half(weight: F32) -> F32:
    return weight.astype(np.float16).astype(np.float32)


def _large_half(weight: F32) -> F32:
    """TFLite: float16 for the tensors that are large enough to be worth a DEQUANTIZE."""
    return weight if weight.size < MIN_HALF_ELEMENTS else _half(weight)
