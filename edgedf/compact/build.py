"""From a ticket to the small network that every converter takes, with the proof that it is the same one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgedf.compact.graph import Graph
from edgedf.compact.report import CompactReport
from edgedf.ticket import Ticket

if TYPE_CHECKING:
    from edgedf.compact.module import GraphModule


@dataclass(frozen=True, slots=True, kw_only=True)
class Compacted:
    """A compacted network.

    Attributes:
        module: runs `graph` in PyTorch; converters take it.
        graph: the network as data.
        report: what left, why, and how well the result agrees with the masked dense network.
    """

    module: GraphModule
    graph: Graph
    report: CompactReport


def compact_ticket(ticket: Ticket) -> Compacted:
    """Remove what the ticket's mask made dead or constant, and prove that the logit is still the same.

    Raises CompactError if the network holds something a graph cannot express, or if any logit differs
    from the masked dense network's by more than 1e-5 of the logit peak (see `prove_equal`).
    """
    from edgedf.compact.module import GraphModule
    from edgedf.compact.proof import prove_equal
    from edgedf.compact.rewrite import compact_graph
    from edgedf.compact.trace import trace_graph

    dense = ticket.module()
    size = ticket.contract.size
    graph, report = compact_graph(trace_graph(dense, (3, size, size)))
    module = GraphModule(graph)
    proof = prove_equal(dense, module, size)
    return Compacted(module=module, graph=graph, report=report.with_proof(proof))
