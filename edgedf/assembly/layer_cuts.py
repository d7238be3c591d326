"""Networks cut off after one of their steps, so that the native engine can be timed step by step.

A cut ends in a head of one multiply for every value that the rest of the network would still need.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from edgedf.compact.graph import F32, INPUT, Add, Flatten, Graph, Linear, Node
from edgedf.native.engine import NativeModel, Step

_HEAD = "cut"


def useful_cuts(
    graph: Graph, steps: Sequence[Step], opened: Callable[[Graph], NativeModel]
) -> list[tuple[int, NativeModel]]:
    """(steps done, model) of each cut that runs just the first steps of the whole; the whole comes last."""
    found: dict[int, NativeModel] = {}
    wanted = [_signature(step) for step in steps]
    for index in range(len(graph.nodes) - 1):
        model = opened(cut(graph, index))
        done = [_signature(step) for step in model.steps() if not step.layer.startswith(_HEAD)]
        if done == wanted[: len(done)] and 0 < len(done) < len(steps):
            found[len(done)] = model
    return [*sorted(found.items()), (len(steps), opened(graph))]


def _signature(step: Step) -> tuple[object, ...]:
    return step.layer, step.fused, step.kernel, step.in_chw, step.out_chw


def cut(graph: Graph, index: int) -> Graph:
    """The network up to node `index`, and a head that reads one number of every value needed later."""
    shapes = graph.shapes()
    kept, later = graph.nodes[: index + 1], graph.nodes[index + 1 :]
    needed = {name for node in later for name in node.inputs}
    values = [node.name for node in kept if node.name in needed] or [INPUT]
    head: list[Node] = []

    def append(op: Flatten | Linear | Add, *inputs: str) -> str:
        name = f"{_HEAD}{len(head)}"
        head.append(Node(name=name, op=op, inputs=inputs, source=name))
        return name

    logit = ""
    for value in values:
        flat = append(Flatten(), value) if len(shapes[value]) == 3 else value
        weight: F32 = np.zeros((1, int(np.prod(shapes[value]))), np.float32)
        weight[0, 0] = 1e-3
        one = append(Linear(weight_oi=weight), flat)
        logit = append(Add(), logit, one) if logit else one
    return Graph(input_chw=graph.input_chw, nodes=(*kept, *head))
