"""Which channels anything behind them still reads, and removal of the ones that nothing reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from edgedf.compact.facts import Bools
from edgedf.compact.graph import INPUT, Affine, Conv2d, Flatten, Graph, Linear, Node, Op


def live_channels(graph: Graph) -> dict[str, Bools]:
    """Per value (C,) whether a channel reaches the logit through nonzero weights."""
    shapes = graph.shapes()
    live: dict[str, Bools] = {name: np.zeros(shape[0], np.bool_) for name, shape in shapes.items()}
    live[graph.output][:] = True
    for node in reversed(graph.nodes):
        wanted = _wanted(node, live[node.name], shapes[node.inputs[0]][0])
        for name in node.inputs:
            live[name] |= wanted
    return live


def _wanted(node: Node, live: Bools, inputs: int) -> Bools:
    """(C,) which channels of its input a node reads for its live outputs."""
    match node.op:
        case Conv2d(weight_oihw=weight, groups=1):
            return np.asarray((weight[live] != 0).any((0, 2, 3)))
        case Conv2d():
            return np.full(inputs, bool(live.any()))
        case Linear(weight_oi=weight):
            return np.asarray((weight[live] != 0).any(0))
        case Flatten():
            return np.asarray(live.reshape(inputs, -1).any(1), np.bool_)
        case Affine(scale_c=scale):
            return np.asarray(live & (scale != 0), np.bool_)
    return live


def kept_channels(graph: Graph) -> dict[str, Bools]:
    """Per value (C,) which channels stay: live in it or in any value that must have the same channels.

    Steps that work channel by channel tie their input to their output, and a sum ties its two inputs:
    along a residual chain a channel leaves from everywhere or stays everywhere.
    """
    live = live_channels(graph)
    ties = _Ties(live)
    flattened: dict[str, str] = {}
    pinned = {INPUT}
    for node in graph.nodes:
        match node.op:
            case Linear() | Conv2d(groups=1):
                pass
            case Conv2d():
                pinned.update((node.name, node.inputs[0]))
            case Flatten() if live[node.name].size != live[node.inputs[0]].size:
                flattened[node.name] = node.inputs[0]
            case _:
                for name in node.inputs:
                    ties.join(name, node.name)
    return _settle(live, ties, flattened, pinned)


def _settle(
    live: dict[str, Bools], ties: _Ties, flattened: Mapping[str, str], pinned: set[str]
) -> dict[str, Bools]:
    """One set per group of tied values; features of a flattened plane follow the plane's channel."""
    sources: dict[str, set[str]] = {}
    for flat, plane in flattened.items():
        sources.setdefault(ties.find(flat), set()).add(ties.find(plane))
    pinned_groups = {ties.find(name) for name in pinned}
    # Two different planes in one flat sum would have to lose the same features: leave both whole.
    pinned_groups.update(group for groups in sources.values() if len(groups) > 1 for group in groups)
    kept: dict[str, Bools] = {}
    for name, channels in live.items():
        group = ties.find(name)
        kept[group] = kept.get(group, np.zeros_like(channels)) | channels
    for group, channels in kept.items():
        if group in pinned_groups:
            channels[:] = True
        elif not channels.any():
            channels[0] = True  # no runtime takes a layer without channels
    for flat, groups in sources.items():
        plane_kept = kept[min(groups)]
        kept[flat] = np.repeat(plane_kept, kept[flat].size // plane_kept.size)
    return {name: kept[ties.find(name)] for name in live}


class _Ties:
    """Disjoint sets of value names (union-find)."""

    def __init__(self, names: Mapping[str, object]) -> None:
        self.parent = {name: name for name in names}

    def find(self, name: str) -> str:
        while self.parent[name] != name:
            self.parent[name] = self.parent[self.parent[name]]
            name = self.parent[name]
        return name

    def join(self, first: str, second: str) -> None:
        self.parent[self.find(first)] = self.find(second)


def remove_dead(graph: Graph, kept: Mapping[str, Bools]) -> Graph:
    """The equal graph with only the kept channels, and zero weights for dead ones that had to stay."""
    live = live_channels(graph)
    nodes = []
    for node in graph.nodes:
        op = _severed(node.op, live[node.name])
        nodes.append(replace(node, op=_selected(op, kept[node.inputs[0]], kept[node.name])))
    return replace(graph, nodes=tuple(nodes))


def _severed(op: Op, live: Bools) -> Op:
    """The layer with zeros for every output that nothing reads."""
    if live.all():
        return op
    match op:
        case Conv2d(weight_oihw=weight, bias_o=bias):
            weight = np.where(live[:, None, None, None], weight, np.float32(0))
            return replace(op, weight_oihw=weight, bias_o=None if bias is None else np.where(live, bias, 0))
        case Linear(weight_oi=weight, bias_o=bias):
            weight = np.where(live[:, None], weight, np.float32(0))
            return replace(op, weight_oi=weight, bias_o=None if bias is None else np.where(live, bias, 0))
    return op


def _selected(op: Op, inputs: Bools, outputs: Bools) -> Op:
    """The layer with only the selected input and output channels."""
    match op:
        case Conv2d(weight_oihw=weight, bias_o=bias, groups=groups):
            chosen = weight[outputs][:, inputs] if groups == 1 else weight
            return replace(
                op, weight_oihw=np.ascontiguousarray(chosen), bias_o=None if bias is None else bias[outputs]
            )
        case Linear(weight_oi=weight, bias_o=bias):
            chosen = weight[outputs][:, inputs]
            return replace(
                op, weight_oi=np.ascontiguousarray(chosen), bias_o=None if bias is None else bias[outputs]
            )
        case Affine(scale_c=scale, shift_c=shift):
            return Affine(scale_c=scale[outputs], shift_c=shift[outputs])
    return op
