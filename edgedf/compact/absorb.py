"""Take uniform channels out of the sums that read them, without touching a single logit.

Behind a tap that never reads padding, a uniform channel is a number: weight times number goes into the
bias. Behind a tap that does, it is that number in the middle and zero outside, so it must stay an input;
but one such channel can speak for all of them, with the others' weights added to its own in proportion.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edgedf.compact.edit import F64, bias64, f32, f64, reachable
from edgedf.compact.facts import Bools, Facts, padded_taps
from edgedf.compact.graph import Add, Affine, Conv2d, Graph, Linear, Node
from edgedf.compact.shapes import Shape


def absorb_constants(graph: Graph, facts: Mapping[str, Facts], kept: Mapping[str, Bools]) -> Graph:
    """The equal graph in which uniform channels reach other layers through at most one channel per value.

    Args:
        facts: from `analyse(graph)`.
        kept: per value the channels that stay in any case, preferred as the one that speaks for all.
    """
    shapes = graph.shapes()
    nodes = []
    for node in graph.nodes:
        known = [facts[name] for name in node.inputs]
        match node.op:
            case Conv2d(groups=1):
                speaker = _speaker(known[0].value, kept[node.inputs[0]])
                taps = padded_taps(node.op, shapes[node.inputs[0]], shapes[node.name])
                nodes.append(replace(node, op=_conv(node.op, known[0], speaker, taps)))
            case Linear():
                nodes.append(replace(node, op=_linear(node.op, known[0])))
            case Add():
                nodes.append(_add(node, known, shapes[node.name]))
            case _:
                nodes.append(node)
    return reachable(replace(graph, nodes=tuple(nodes)))


def without_constants(graph: Graph, facts: Mapping[str, Facts]) -> Graph:
    """The graph with every weight on a uniform channel set to zero: not equal, only for asking what
    the varying channels alone keep."""
    nodes = []
    for node in graph.nodes:
        known = facts[node.inputs[0]].uniform
        match node.op:
            case Conv2d(weight_oihw=weight, groups=1):
                nodes.append(replace(node, op=replace(node.op, weight_oihw=_emptied(weight, known))))
            case Linear(weight_oi=weight):
                nodes.append(replace(node, op=replace(node.op, weight_oi=_emptied(weight, known))))
            case _:
                nodes.append(node)
    return replace(graph, nodes=tuple(nodes))


def _emptied(weight: npt.NDArray[np.float32], inputs: Bools) -> npt.NDArray[np.float32]:
    weight = weight.copy()
    weight[:, inputs] = 0
    return weight


def _speaker(value: F64, kept: Bools) -> int:
    """The uniform channel that speaks for the others: the largest, or nearly, if it stays anyway.

    A large value keeps the combined weights small: they are the others' weights times value over value.
    """
    size = np.where(np.isnan(value), 0.0, np.abs(value))
    staying = np.where(kept, size, 0.0)
    return int(staying.argmax() if staying.max() * 4 >= size.max() else size.argmax())


def _conv(conv: Conv2d, facts: Facts, speaker: int, padded: Bools) -> Conv2d:
    uniform = facts.uniform
    used = (conv.weight_oihw[:, uniform] != 0).any()
    if not used:
        return conv
    value = np.where(uniform, facts.value, 0.0)
    weight = f64(conv.weight_oihw)
    share = np.where(padded, 0.0, np.einsum("oihw,i->ohw", weight, value))
    bias = bias64(conv.bias_o, weight.shape[0]) + share.sum((1, 2))
    weight[:, uniform] = np.where(padded, weight[:, uniform], 0.0)
    others = uniform & (value != 0)
    others[speaker] = False
    if others.any():
        weight[:, speaker] += np.einsum("oihw,i->ohw", weight[:, others], value[others] / value[speaker])
    weight[:, others | (uniform & (value == 0))] = 0.0
    return replace(conv, weight_oihw=f32(weight), bias_o=_bias(bias, conv))


def _linear(linear: Linear, facts: Facts) -> Linear:
    uniform = facts.uniform
    if not (linear.weight_oi[:, uniform] != 0).any():
        return linear
    weight = f64(linear.weight_oi)
    bias = bias64(linear.bias_o, weight.shape[0]) + weight[:, uniform] @ facts.value[uniform]
    weight[:, uniform] = 0.0
    return replace(linear, weight_oi=f32(weight), bias_o=f32(bias))


def _bias(bias: F64, conv: Conv2d) -> npt.NDArray[np.float32] | None:
    """No bias stays no bias where nothing moved into it."""
    return None if conv.bias_o is None and not bias.any() else f32(bias)


def _add(node: Node, known: list[Facts], shape: Shape) -> Node:
    """A sum with a branch that is uniform throughout is an affine step of the other branch."""
    for index in (1, 0):
        if bool(known[index].uniform.all()):
            shift = f32(known[index].value)
            op = Affine(scale_c=np.ones(shape[0], np.float32), shift_c=shift)
            return replace(node, op=op, inputs=(node.inputs[1 - index],))
    return node
