"""Which channels are the same for every picture, and what they hold there.

A channel is static when nothing that varies with the picture reaches it through a nonzero weight. It is
uniform when it also holds one number at every pixel. Zero padding makes static channels that are not
uniform: their border differs from their middle, and that is why a uniform channel behind a padded
convolution cannot simply move into a bias.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from edgedf.compact import graph as ops
from edgedf.compact.edit import F64, bias64, f64
from edgedf.compact.graph import INPUT, Graph, Node
from edgedf.compact.shapes import Shape

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about one value of the graph.

    Attributes:
        value: (C,) float64, the number a uniform channel holds; NaN for every other channel.
        planes: channel -> its (H, W) float64 plane, for channels that are static but not uniform.
    """

    value: F64
    planes: dict[int, F64] = field(default_factory=dict)

    @property
    def uniform(self) -> Bools:
        """(C,) whether the channel holds one number everywhere, always."""
        return ~np.isnan(self.value)

    @property
    def static(self) -> Bools:
        """(C,) whether the channel is the same for every picture."""
        result = self.uniform
        result[list(self.planes)] = True
        return result


def analyse(graph: Graph) -> dict[str, Facts]:
    """The Facts of INPUT and of every node."""
    shapes = graph.shapes()
    facts = {INPUT: Facts(np.full(graph.input_chw[0], np.nan))}
    for node in graph.nodes:
        inputs = [facts[name] for name in node.inputs]
        facts[node.name] = _node_facts(node, inputs, shapes[node.inputs[0]], shapes[node.name])
    return facts


def _node_facts(node: Node, inputs: list[Facts], before: Shape, after: Shape) -> Facts:
    first = inputs[0]
    match node.op:
        case ops.Conv2d():
            return _conv(node.op, first, before, after)
        case ops.Linear(weight_oi=weight, bias_o=bias):
            known = first.uniform
            varying = (weight[:, ~known] != 0).any(1)
            total = f64(weight) @ np.where(known, first.value, 0.0) + bias64(bias, weight.shape[0])
            return Facts(np.where(varying, np.nan, total))
        case ops.Affine(scale_c=scale, shift_c=shift):
            slope, offset = f64(scale), f64(shift)
            value = np.where(slope == 0, offset, first.value * slope + offset)
            return Facts(value, {c: p * slope[c] + offset[c] for c, p in first.planes.items() if slope[c]})
        case ops.Relu():
            return _each(first, lambda x: np.maximum(x, 0.0))
        case ops.LeakyRelu(slope=leak):
            return _each(first, lambda x: np.where(x >= 0, x, leak * x))
        case ops.MaxPool2d(kernel=kernel, stride=stride, padding=padding):
            planes = {c: _pool(p, kernel, stride, padding, np.max) for c, p in first.planes.items()}
            return _settled(first.value, planes)
        case ops.AvgPool2d(kernel=kernel, stride=stride):
            planes = {c: _pool(p, kernel, stride, (0, 0), np.mean) for c, p in first.planes.items()}
            return _settled(first.value, planes)
        case ops.Add():
            return _add(first, inputs[1])
        case ops.Flatten():
            return _flatten(first, before)


def _each(facts: Facts, function: Callable[[F64], F64]) -> Facts:
    return _settled(function(facts.value), {c: function(p) for c, p in facts.planes.items()})


def _settled(value: F64, planes: dict[int, F64]) -> Facts:
    """Planes that hold one number everywhere become uniform channels."""
    value = value.copy()
    uneven = {}
    for channel, plane in planes.items():
        if bool((plane == plane.flat[0]).all()):
            value[channel] = plane.flat[0]
        else:
            uneven[channel] = plane
    return Facts(value, uneven)


def _pool(
    plane: F64,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    reduce: Callable[..., F64],
) -> F64:
    padded = np.pad(plane, [(p, p) for p in padding], constant_values=-np.inf)
    windows = sliding_window_view(padded, kernel)[:: stride[0], :: stride[1]]
    return reduce(windows, axis=(2, 3))


def _add(first: Facts, second: Facts) -> Facts:
    planes = {}
    for channel in set(first.planes) | set(second.planes):
        parts = [f.planes.get(channel, f.value[channel]) for f in (first, second)]
        if not any(np.isnan(part).any() for part in parts):
            planes[channel] = np.asarray(parts[0] + parts[1])
    return _settled(first.value + second.value, planes)


def _flatten(facts: Facts, chw: Shape) -> Facts:
    size = int(np.prod(chw[1:], dtype=np.int64))
    value = np.repeat(facts.value, size)
    for channel, plane in facts.planes.items():
        value[channel * size : (channel + 1) * size] = plane.reshape(-1)
    return Facts(value)


def _conv(conv: ops.Conv2d, facts: Facts, before: Shape, after: Shape) -> Facts:
    outputs, per_group, _, _ = conv.weight_oihw.shape
    group = np.arange(outputs) * conv.groups // outputs
    channels = group[:, None] * per_group + np.arange(per_group)  # (O, I/groups) input channel of each weight
    used = (conv.weight_oihw != 0).any((2, 3))
    varying = (used & ~facts.static[channels]).any(1)
    bias = bias64(conv.bias_o, outputs)
    value, planes = np.full(outputs, np.nan), {}
    inside = [inside_taps(*axis) for axis in zip(*_axes(conv, before, after), strict=True)]
    at_border = padded_taps(conv, before, after)
    for o in np.flatnonzero(~varying):
        known = np.where(facts.uniform[channels[o]], facts.value[channels[o]], 0.0)
        # (KH, KW): what each tap adds to an output pixel where it reads a pixel and not padding.
        taps = np.tensordot(known, f64(conv.weight_oihw[o]), 1)
        uneven = [i for i in np.flatnonzero(used[o]) if int(channels[o, i]) in facts.planes]
        if not uneven and not taps[at_border].any():
            value[o] = bias[o] + taps.sum()
            continue
        plane = bias[o] + inside[0].T @ taps @ inside[1]
        for i in uneven:
            plane = plane + _slide(facts.planes[int(channels[o, i])], f64(conv.weight_oihw[o, i]), conv)
        planes[int(o)] = plane
    return _settled(value, planes)


def _axes(conv: ops.Conv2d, before: Shape, after: Shape) -> tuple[tuple[int, int], ...]:
    """(input side, output side, kernel, stride, padding), each for rows and columns."""
    kernel = conv.weight_oihw.shape[2:]
    return ((before[1], before[2]), (after[1], after[2]), (kernel[0], kernel[1]), conv.stride, conv.padding)


def inside_taps(side: int, outputs: int, kernel: int, stride: int, padding: int) -> F64:
    """(kernel, outputs) 1.0 where a tap of an output position reads a pixel, 0.0 where it reads padding."""
    at = np.arange(outputs) * stride - padding + np.arange(kernel)[:, None]
    return ((at >= 0) & (at < side)).astype(np.float64)


def padded_taps(conv: ops.Conv2d, before: Shape, after: Shape) -> Bools:
    """(KH, KW) whether a tap reads zero padding at any output position."""
    rows, columns = (inside_taps(*axis).min(1) == 0 for axis in zip(*_axes(conv, before, after), strict=True))
    return np.asarray(rows[:, None] | columns[None, :], np.bool_)


def _slide(plane: F64, weight_hw: F64, conv: ops.Conv2d) -> F64:
    """One plane through one kernel with the convolution's stride and zero padding."""
    padded = np.pad(plane, [(p, p) for p in conv.padding])
    windows = sliding_window_view(padded, weight_hw.shape)[:: conv.stride[0], :: conv.stride[1]]
    return np.asarray(np.einsum("yxhw,hw->yx", windows, weight_hw), np.float64)
