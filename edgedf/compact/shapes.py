"""Shape inference for the inference graph: every node's output shape, or an error that names the node."""

from __future__ import annotations

from edgedf.compact import graph as ops
from edgedf.compact.graph import INPUT, Graph, Node
from edgedf.errors import CompactError

Shape = tuple[int, ...]


def infer_shapes(graph: Graph) -> dict[str, Shape]:
    """Shape per image of INPUT and of every node. Raises CompactError on a mismatch or a missing input."""
    shapes: dict[str, Shape] = {INPUT: graph.input_chw}
    for node in graph.nodes:
        if node.name in shapes:
            raise CompactError("two nodes have this name", field=node.name)
        missing = [name for name in node.inputs if name not in shapes]
        if missing:
            raise CompactError(f"uses {missing[0]!r} before it is defined", field=node.name)
        shapes[node.name] = node_shape(node, [shapes[name] for name in node.inputs])
    return shapes


def node_shape(node: Node, inputs: list[Shape]) -> Shape:
    """Shape per image of one node's output. Raises CompactError if it cannot take these inputs."""
    expected = 2 if isinstance(node.op, ops.Add) else 1
    if len(inputs) != expected:
        raise CompactError(f"has {len(inputs)} inputs, expected {expected}", field=node.name)
    first = inputs[0]
    match node.op:
        case ops.Conv2d(weight_oihw=weight, padding=padding, stride=stride, groups=groups):
            _require(node, len(first) == 3 and first[0] == weight.shape[1] * groups, first)
            return (weight.shape[0], *_window(node, first, weight.shape[2:], stride, padding))
        case ops.MaxPool2d(kernel=kernel, stride=stride, padding=padding):
            return (first[0], *_window(node, first, kernel, stride, padding))
        case ops.AvgPool2d(kernel=kernel, stride=stride):
            return (first[0], *_window(node, first, kernel, stride, (0, 0)))
        case ops.Affine(scale_c=scale, shift_c=shift):
            _require(node, scale.shape == shift.shape == (first[0],), first)
            return first
        case ops.Linear(weight_oi=weight):
            _require(node, first == (weight.shape[1],), first)
            return (weight.shape[0],)
        case ops.Flatten():
            size = 1
            for side in first:
                size *= side
            return (size,)
        case ops.Add():
            _require(node, inputs[0] == inputs[1], inputs[1])
            return first
        case ops.Relu() | ops.LeakyRelu():
            return first


def _window(
    node: Node, chw: Shape, kernel: Shape, stride: tuple[int, int], padding: tuple[int, int]
) -> tuple[int, int]:
    _require(node, len(chw) == 3, chw)
    sides = [
        (side + 2 * pad - window) // step + 1
        for side, window, step, pad in zip(chw[1:], kernel, stride, padding, strict=True)
    ]
    _require(node, min(sides) >= 1, chw)
    return sides[0], sides[1]


def _require(node: Node, good: bool, shape: Shape) -> None:
    if not good:
        raise CompactError(f"cannot take an input of shape {shape}", field=node.name)
