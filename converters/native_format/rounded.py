"""The network that a native file really holds: every weight and vector as it is after rounding.

Plain numpy on whole tensors and no code of the writer but the choice of a vector's form: the gate compares a
file's answers with this network's, and a mistake made in both would be seen by neither.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from converters.native_format.weights import F32_FORM, read_vector, store_vector
from edgedf.compact.graph import F32, Affine, Conv2d, Graph, Linear, Node


def rounded_graph(graph: Graph, precision: str) -> Graph:
    """`graph` with its numbers as precision "float32", "float16" or "int8" keeps them."""
    if precision == "float32":
        return graph
    return replace(graph, nodes=tuple(_rounded_node(node, precision) for node in graph.nodes))


def _rounded_node(node: Node, precision: str) -> Node:
    match node.op:
        case Conv2d(weight_oihw=weight, bias_o=bias) as op:
            weight, bias = _weight(weight, precision), _bias(bias, precision)
            return replace(node, op=replace(op, weight_oihw=weight, bias_o=bias))
        case Linear(weight_oi=weight, bias_o=bias):
            return replace(
                node, op=Linear(weight_oi=_weight(weight, precision), bias_o=_bias(bias, precision))
            )
        case Affine(scale_c=scale, shift_c=shift):
            # Both vectors of an affine are kept in the wider form of the two.
            wide = F32_FORM in (store_vector(scale, precision)[0], store_vector(shift, precision)[0])
            form = "float32" if wide else precision
            return replace(node, op=Affine(scale_c=_vector(scale, form), shift_c=_vector(shift, form)))
        case _:
            return node


def _weight(weight: F32, precision: str) -> F32:
    if precision == "float16":
        return weight.astype(np.float16).astype(np.float32)
    largest = np.abs(weight).reshape(len(weight), -1).max(axis=1, initial=0.0)
    scales = _vector(np.where(largest > 0, largest / 127.0, 1.0).astype(np.float32), precision)
    scale = scales.reshape(-1, *(1,) * (weight.ndim - 1))
    steps: F32 = np.clip(np.rint(weight / scale), -127, 127).astype(np.float32)
    return steps * scale


def _bias(bias: F32 | None, precision: str) -> F32 | None:
    return None if bias is None else _vector(bias, precision)


def _vector(values: F32, precision: str) -> F32:
    return read_vector(*store_vector(values, precision))
