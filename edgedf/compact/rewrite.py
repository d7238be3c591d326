"""The rewrite: fold, learn what is constant, absorb it, remove what is dead; again until nothing changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgedf.compact.absorb import absorb_constants, without_constants
from edgedf.compact.edit import f32, reachable, same_graph
from edgedf.compact.facts import Bools, Facts, analyse
from edgedf.compact.fold import fold_affines
from edgedf.compact.graph import INPUT, AvgPool2d, Conv2d, Flatten, Graph, Linear, Node
from edgedf.compact.liveness import kept_channels, remove_dead
from edgedf.compact.report import CompactReport, LayerReport
from edgedf.errors import CompactError

# Each round shrinks the graph or is the last one; real networks take two to four.
_MAX_ROUNDS = 100


def compact_graph(graph: Graph) -> tuple[Graph, CompactReport]:
    """The equal graph without dead and constant channels, and what left.

    Equal means: the same function in real numbers; float32 rounding differs in the last bits. The graph
    keeps its input, its one logit and at least one channel per layer, and compacting it again changes
    nothing. Raises CompactError if the graph's shapes do not fit together.
    """
    ledger = _Ledger(graph)
    small = graph
    for rounds in range(1, _MAX_ROUNDS + 1):
        before, small = small, _one_round(small, ledger)
        if same_graph(before, small):
            return small, ledger.report(small, rounds)
    raise CompactError("the rewrite does not come to rest")


def _one_round(graph: Graph, ledger: _Ledger) -> Graph:
    graph = fold_affines(reachable(graph))
    facts = analyse(graph)
    if bool(facts[graph.output].uniform[0]):
        ledger.constant_logit = float(facts[graph.output].value[0])
        return _constant_graph(graph, ledger.constant_logit)
    anyway = kept_channels(without_constants(graph, facts))
    graph = absorb_constants(graph, facts, anyway)
    kept = kept_channels(graph)
    ledger.note(graph, facts, kept)
    return remove_dead(graph, kept)


def _constant_graph(graph: Graph, logit: float) -> Graph:
    """The smallest graph that takes the input and gives `logit` for every picture."""
    channels, height, width = graph.input_chw
    weight = np.zeros((1, channels), np.float32)
    pool = AvgPool2d(kernel=(height, width), stride=(height, width))
    linear = Linear(weight_oi=weight, bias_o=f32(np.array([logit])))
    return replace(
        graph,
        nodes=(
            Node(name="pool", op=pool, inputs=(INPUT,)),
            Node(name="flatten", op=Flatten(), inputs=("pool",)),
            Node(name="logit", op=linear, inputs=("flatten",)),
        ),
    )


class _Ledger:
    """Counts what leaves each layer, and why, over all rounds."""

    def __init__(self, graph: Graph) -> None:
        self.first = graph
        self.constant_logit: float | None = None
        self.dead: dict[str, int] = {}
        self.constant: dict[str, int] = {}

    def note(self, graph: Graph, facts: dict[str, Facts], kept: dict[str, Bools]) -> None:
        for node in graph.nodes:
            if isinstance(node.op, Conv2d | Linear):
                left, known = ~kept[node.name], facts[node.name].static
                self.constant[node.name] = self.constant.get(node.name, 0) + int((left & known).sum())
                self.dead[node.name] = self.dead.get(node.name, 0) + int((left & ~known).sum())

    def report(self, last: Graph, rounds: int) -> CompactReport:
        after = {node.name: node.op for node in last.nodes}
        layers = []
        for node in self.first.nodes:
            if isinstance(node.op, Conv2d | Linear):
                small = after.get(node.name)
                assert small is None or isinstance(small, Conv2d | Linear)
                layers.append(self._layer(node, node.op, small))
        return CompactReport(
            layers=tuple(layers),
            nodes=(len(self.first.nodes), len(last.nodes)),
            rounds=rounds,
            constant_logit=self.constant_logit,
        )

    def _layer(self, node: Node, before: Conv2d | Linear, after: Conv2d | Linear | None) -> LayerReport:
        first, second = _counts(before), (0, 0, 0, 0) if after is None else _counts(after)
        inputs, outputs, weights, nonzero = zip(first, second, strict=True)
        constant = self.constant.get(node.name, 0)
        return LayerReport(
            name=node.source or node.name,
            kind="conv" if isinstance(before, Conv2d) else "linear",
            inputs=inputs,
            outputs=outputs,
            weights=weights,
            nonzero=nonzero,
            # A layer that left whole had nothing to say to the logit: what was not constant was dead.
            dead=outputs[0] - outputs[1] - constant,
            constant=constant,
        )


def _counts(op: Conv2d | Linear) -> tuple[int, int, int, int]:
    """(inputs, outputs, stored weights, nonzero weights) of a layer."""
    if isinstance(op, Conv2d):
        weight = op.weight_oihw
        return weight.shape[1] * op.groups, weight.shape[0], weight.size, int(np.count_nonzero(weight))
    return (
        op.weight_oi.shape[1],
        op.weight_oi.shape[0],
        op.weight_oi.size,
        int(np.count_nonzero(op.weight_oi)),
    )
