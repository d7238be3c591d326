"""Compaction: what a mask made dead or constant leaves the network, exactly."""

from edgedf.compact.build import Compacted, compact_ticket
from edgedf.compact.graph import Graph, Node
from edgedf.compact.report import CompactReport, LayerReport

__all__ = ["CompactReport", "Compacted", "Graph", "LayerReport", "Node", "compact_ticket"]
