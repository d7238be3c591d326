"""Fold per-channel affine steps into their neighbours: fewer passes over the pixels, the same function.

Each rule is exact in real numbers, computed in float64 and rounded once. None of them ever moves a
shift through a zero-padded convolution: at the border the padding would have to move too.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgedf.compact import graph as ops
from edgedf.compact.edit import F64, bias64, f32, f64, readers, with_ops, without
from edgedf.compact.graph import F32, Graph, Node, Op


def fold_affines(graph: Graph) -> Graph:
    """Apply the rules until none applies. Each use removes an Affine, moves it behind a pool or empties
    its scale, so this ends."""
    while (step := _one_step(graph)) is not None:
        graph = step
    return graph


def _one_step(graph: Graph) -> Graph | None:
    by_name = {node.name: node for node in graph.nodes}
    read_by = readers(graph)
    for node in graph.nodes:
        if not isinstance(node.op, ops.Affine):
            continue
        if bool((node.op.scale_c == 1).all() and (node.op.shift_c == 0).all()) and node.name != graph.output:
            return without(graph, node.name)
        before = by_name.get(node.inputs[0])
        alone = before is not None and len(read_by[before.name]) == 1
        after = read_by[node.name][0] if len(read_by[node.name]) == 1 else None
        step = None
        if before is not None and alone:
            step = _into_producer(graph, before, node, node.op)
        if step is None and after is not None:
            step = _forward(graph, node, node.op, after, read_by)
        if step is None and before is not None and alone:
            step = _scale_back(graph, node, node.op, by_name, read_by)
        if step is not None:
            return step
    return None


def _into_producer(graph: Graph, before: Node, node: Node, affine: ops.Affine) -> Graph | None:
    """conv, linear or affine -> affine: one layer with both."""
    scale, shift = f64(affine.scale_c), f64(affine.shift_c)
    match before.op:
        case ops.Conv2d() | ops.Linear():
            return _replaced(graph, before.name, scaled_outputs(before.op, scale, shift), drop=node.name)
        case ops.Affine(scale_c=first, shift_c=first_shift):
            merged = ops.Affine(scale_c=f32(first * scale), shift_c=f32(first_shift * scale + shift))
            return _replaced(graph, before.name, merged, drop=node.name)
    return None


def scaled_outputs(op: ops.Conv2d | ops.Linear, scale: F64, shift: F64) -> ops.Conv2d | ops.Linear:
    """The layer whose output is `scale * output + shift`, per output channel."""
    bias = f32(bias64(op.bias_o, scale.size) * scale + shift)
    if isinstance(op, ops.Conv2d):
        return replace(op, weight_oihw=f32(f64(op.weight_oihw) * scale[:, None, None, None]), bias_o=bias)
    return replace(op, weight_oi=f32(f64(op.weight_oi) * scale[:, None]), bias_o=bias)


def _forward(
    graph: Graph, node: Node, affine: ops.Affine, after: Node, read_by: dict[str, list[Node]]
) -> Graph | None:
    """Affine -> pool: pool first, it leaves fewer pixels. Affine -> (flatten ->) linear: into the linear."""
    match after.op:
        # A maximum commutes with rising functions.
        case ops.MaxPool2d() if bool((affine.scale_c >= 0).all()):
            return _swapped(graph, node, after)
        case ops.AvgPool2d():
            return _swapped(graph, node, after)
        case ops.Linear():
            return _into_linear(graph, node, affine, after)
        case ops.Flatten() if len(read_by[after.name]) == 1:
            linear = read_by[after.name][0]
            if isinstance(linear.op, ops.Linear):
                return _into_linear(graph, node, affine, linear)
    return None


def _into_linear(graph: Graph, node: Node, affine: ops.Affine, linear: Node) -> Graph | None:
    assert isinstance(linear.op, ops.Linear)
    weight = f64(linear.op.weight_oi)
    each = (
        weight.shape[1] // affine.scale_c.size
    )  # features per channel: 1, or the pixels of a flattened plane
    scale, shift = np.repeat(f64(affine.scale_c), each), np.repeat(f64(affine.shift_c), each)
    bias = bias64(linear.op.bias_o, weight.shape[0]) + weight @ shift
    folded = replace(linear.op, weight_oi=f32(weight * scale), bias_o=f32(bias))
    return _replaced(graph, linear.name, folded, drop=node.name)


def _scale_back(
    graph: Graph, node: Node, affine: ops.Affine, by_name: dict[str, Node], read_by: dict[str, list[Node]]
) -> Graph | None:
    """conv or linear -> relu or pool ... -> affine: positive scales move into the convolution.

    relu(x) * s = relu(s * x) for s > 0, and pools commute with it as well. The shift stays where it is.
    """
    movable = (affine.scale_c > 0) & (affine.scale_c != 1)
    if not bool(movable.any()):
        return None
    producer = by_name[node.inputs[0]]
    while isinstance(producer.op, ops.Relu | ops.LeakyRelu | ops.MaxPool2d | ops.AvgPool2d):
        following = by_name.get(producer.inputs[0])
        if following is None or len(read_by[following.name]) != 1:
            return None
        producer = following
    if not isinstance(producer.op, ops.Conv2d | ops.Linear):
        return None
    scale = np.where(movable, f64(affine.scale_c), 1.0)
    rest = ops.Affine(scale_c=np.where(movable, np.float32(1), affine.scale_c), shift_c=affine.shift_c)
    moved = scaled_outputs(producer.op, scale, np.zeros_like(scale))
    if not _finite(moved):
        return None
    return with_ops(graph, {producer.name: moved, node.name: rest})


def _swapped(graph: Graph, node: Node, pool: Node) -> Graph:
    """Exchange an affine and the pool behind it; names and readers of the pair's end stay right."""
    nodes: list[Node] = []
    for other in graph.nodes:
        if other.name == node.name:
            continue
        if other.name == pool.name:
            nodes += [replace(pool, inputs=node.inputs), replace(node, inputs=(pool.name,))]
        else:
            names = tuple(node.name if i == pool.name else i for i in other.inputs)
            nodes.append(replace(other, inputs=names))
    return replace(graph, nodes=tuple(nodes))


def _replaced(graph: Graph, name: str, op: Op, *, drop: str) -> Graph | None:
    """`op` at `name` and no node `drop`; None where a folded number would leave float32's range."""
    return without(with_ops(graph, {name: op}), drop) if _finite(op) else None


def _finite(op: Op) -> bool:
    match op:
        case ops.Conv2d(weight_oihw=first, bias_o=second) | ops.Linear(weight_oi=first, bias_o=second):
            return _all_finite(first) and (second is None or _all_finite(second))
        case ops.Affine(scale_c=scale, shift_c=shift):
            return _all_finite(scale) and _all_finite(shift)
    return True


def _all_finite(values: F32) -> bool:
    return bool(np.isfinite(values).all())
