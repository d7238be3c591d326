"""Networks with a single fault each: what a wrong converter could do to one place."""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True)
class _Place:
    """One number of the network: node and field, and its position in the flat array."""

    node: int
    field: str
    position: int


def _scaled(fields: tuple[str, ...], factor: float) -> Callable[[Graph, int], Iterator[Fault]]:
    """Faults that multiply one number of `fields`, drawn at random over the whole network."""

    def make(graph: Graph, count: int) -> Iterator[Fault]:
        places = [
            _Place(number, field, int(position))
            for number, field, values in _arrays(graph, fields)
            for position in np.flatnonzero(values)
        ]
        for index in _drawn(len(places), count):
            place = places[index]
            values = getattr(graph.nodes[place.node].op, place.field).copy()
            values.flat[place.position] *= np.float32(factor)
            yield _changed(graph, place.node, place.field, values)

    return make


def _exchanged(graph: Graph, count: int) -> Iterator[Fault]:
    """Faults that exchange the weights of two output channels of one layer; biases stay where they are."""
    pairs = [
        (number, field, first, second)
        for number, field, values in _arrays(graph, _WEIGHTS)
        for first in range(len(values))
        for second in range(first)
    ]
    for index in _drawn(len(pairs), count):
        number, field, first, second = pairs[index]
        values = getattr(graph.nodes[number].op, field).copy()
        values[[first, second]] = values[[second, first]]
        yield _changed(graph, number, field, values)


# Kind in words -> (graph, most faults) -> the faulty networks.
FAULTS: Mapping[str, Callable[[Graph, int], Iterator[Fault]]] = MappingProxyType(
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


def _drawn(places: int, count: int) -> list[int]:
    """At most `count` different places, the same for every kind that has as many."""
    drawn = np.random.default_rng(FAULT_SEED).permutation(places)[:count]
    return [int(index) for index in drawn]


def _changed(graph: Graph, number: int, field: str, values: F32) -> Fault:
    node = graph.nodes[number]
    change: dict[str, Any] = {field: values}
    nodes = (*graph.nodes[:number], replace(node, op=replace(node.op, **change)), *graph.nodes[number + 1 :])
    return Fault(replace(graph, nodes=nodes), node.name)
