"""Small edits on a graph: who reads whom, take steps out, put other ops in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace

import numpy as np
import numpy.typing as npt

from edgedf.compact.graph import F32, Graph, Node, Op

F64 = npt.NDArray[np.float64]


def readers(graph: Graph) -> dict[str, list[Node]]:
    """Name of every value -> the nodes that read it. The logit and unread values have an empty list."""
    result: dict[str, list[Node]] = {node.name: [] for node in graph.nodes}
    for node in graph.nodes:
        for name in node.inputs:
            result.setdefault(name, []).append(node)
    return result


def with_ops(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """The graph with some nodes' ops replaced."""
    nodes = tuple(replace(n, op=ops[n.name]) if n.name in ops else n for n in graph.nodes)
    return replace(graph, nodes=nodes)


def without(graph: Graph, name: str) -> Graph:
    """The graph without the one-input node `name`: whoever read it reads its input."""
    (removed,) = [node for node in graph.nodes if node.name == name]
    rest = (node for node in graph.nodes if node.name != name)
    return replace(
        graph,
        nodes=tuple(
            replace(node, inputs=tuple(removed.inputs[0] if i == name else i for i in node.inputs))
            for node in rest
        ),
    )


def reachable(graph: Graph) -> Graph:
    """The graph without the nodes that the logit does not depend on."""
    needed = {graph.output}
    for node in reversed(graph.nodes):
        if node.name in needed:
            needed.update(node.inputs)
    return replace(graph, nodes=tuple(node for node in graph.nodes if node.name in needed))


def same_graph(first: Graph, second: Graph) -> bool:
    """Whether two graphs are equal in structure and to the last bit of every number."""
    if first.input_chw != second.input_chw or len(first.nodes) != len(second.nodes):
        return False
    return all(
        (a.name, a.inputs, type(a.op)) == (b.name, b.inputs, type(b.op)) and _same_op(a.op, b.op)
        for a, b in zip(first.nodes, second.nodes, strict=True)
    )


def _same_op(first: Op, second: Op) -> bool:
    for field in fields(first):
        a, b = getattr(first, field.name), getattr(second, field.name)
        if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
            if a.shape != b.shape or a.tobytes() != b.tobytes():
                return False
        elif a is not b and a != b:
            return False
    return True


def f32(value: npt.NDArray[np.float64]) -> F32:
    """Rounded once to float32, in C order; what does not fit becomes infinite, and callers look for that."""
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(value, dtype=np.float32)


def f64(value: F32) -> F64:
    """Widened to float64; exact."""
    return value.astype(np.float64)


def bias64(bias: F32 | None, outputs: int) -> F64:
    """A bias in float64, zeros where there is none."""
    return np.zeros(outputs) if bias is None else bias.astype(np.float64)
