"""Networks with a single fault each: what a wrong converter could do to one place."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from edgedf.compact.graph import F32, Graph

FAULT_SEED = 20_261_123
_WEIGHTS = ("weight_oihw", "weight_oi")
_VECTORS = ("bias_o", "scale_c", "shift_c")


@dataclass(frozen=True, slots=True)
class Fault:
    """A network with one fault, and the name of the node that has it."""

    graph: Graph
    node: str


# How many networks, and the networks, each made as it is asked for: a large one is not kept twice.
Faults = tuple[int, Iterator[Fault]]


def _scaled(fields: tuple[str, ...], factor: float) -> Callable[[Graph, int], Faults]:
    """Faults that multiply one number of `fields`, drawn at random over the whole network."""

    def change(values: F32, position: int) -> None:
        values.flat[position] *= np.float32(factor)

    def make(graph: Graph, count: int) -> Faults:
        arrays = list(_arrays(graph, fields))
        nonzero = [np.flatnonzero(values) for _, _, values in arrays]
        chosen = [
            (*arrays[array][:2], int(nonzero[array][index]))
            for array, index in _drawn([len(positions) for positions in nonzero], count)
        ]
        return len(chosen), (_changed(graph, node, field, change, at) for node, field, at in chosen)

    return make


def _exchanged(graph: Graph, count: int) -> Faults:
    """Faults that exchange the weights of two output channels of one layer; biases stay where they are."""

    def change(values: F32, pair: int) -> None:
        # Pairs in the order (1, 0), (2, 0), (2, 1), (3, 0)...
        first = (1 + math.isqrt(1 + 8 * pair)) // 2
        second = pair - first * (first - 1) // 2
        values[[first, second]] = values[[second, first]]

    arrays = list(_arrays(graph, _WEIGHTS))
    pairs = [math.comb(len(values), 2) for _, _, values in arrays]
    chosen = [(*arrays[array][:2], pair) for array, pair in _drawn(pairs, count)]
    return len(chosen), (_changed(graph, node, field, change, pair) for node, field, pair in chosen)


# Kind in words -> (graph, most faults) -> the faulty networks.
FAULTS: Mapping[str, Callable[[Graph, int], Faults]] = MappingProxyType(
    {
        "one weight x 1.1": _scaled(_WEIGHTS, 1.1),
        "one weight's sign": _scaled(_WEIGHTS, -1.0),
        "one weight lost": _scaled(_WEIGHTS, 0.0),
        "one bias or scale x 1.1": _scaled(_VECTORS, 1.1),
        "two channels exchanged": _exchanged,
    }
)


def _arrays(graph: Graph, fields: tuple[str, ...]) -> Iterator[tuple[int, str, F32]]:
    for number, node in enumerate(graph.nodes):
        for field in fields:
            values = getattr(node.op, field, None)
            if values is not None:
                yield number, field, values


def _drawn(sizes: list[int], count: int) -> list[tuple[int, int]]:
    """At most `count` different places, the same for every kind that has as many: (array, place in it)."""
    ends = np.cumsum(sizes, dtype=np.int64)
    places = int(ends[-1]) if sizes else 0
    drawn = np.random.default_rng(FAULT_SEED).permutation(places)[:count]
    arrays = np.searchsorted(ends, drawn, side="right")
    return [
        (int(array), int(place - ends[array]) + sizes[array])
        for array, place in zip(arrays, drawn, strict=True)
    ]


def _changed(graph: Graph, number: int, field: str, change: Callable[[F32, int], None], at: int) -> Fault:
    """`graph` with `change` done at place `at` of a copy of one array."""
    node = graph.nodes[number]
    values = getattr(node.op, field).copy()
    change(values, at)
    fields: dict[str, Any] = {field: values}
    nodes = (*graph.nodes[:number], replace(node, op=replace(node.op, **fields)), *graph.nodes[number + 1 :])
    return Fault(replace(graph, nodes=nodes), node.name)
