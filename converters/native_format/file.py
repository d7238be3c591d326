"""A whole model file: header, graph, raw numbers, coded weights, metadata."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping

from converters.native_format.nodes import Sections, varint, write_node
from edgedf.compact.graph import INPUT, Graph, Node
from edgedf.contract import Contract
from edgedf.errors import ConvertError

MAGIC = b"EDFM\r\n\x1a\n"
VERSION = 2
CROP_RULES = {"edgedf-crop-1": 1}
MAX_NODES = 256
MAX_WEIGHTS = 1 << 26


def model_file(graph: Graph, contract: Contract, precision: str, metadata: Mapping[str, str]) -> bytes:
    """The bytes of a model file; equal arguments give equal bytes.

    Args:
        graph: the compacted network, input (3, contract.size, contract.size).
        precision: "float32", "float16" or "int8", of the weights and vectors.
        metadata: short texts for the META section.
    Raises ConvertError if there are too many nodes or weights, or a weight that the precision cannot hold.
    """
    from edgedf.native.engine import encode_weights

    nodes = _live_nodes(graph)
    if len(nodes) > MAX_NODES:
        raise ConvertError(f"has {len(nodes)} nodes, the native format holds {MAX_NODES}", field="graph")
    sections = Sections(nodes=bytearray(varint(len(nodes))))
    values = {INPUT: 0} | {node.name: index + 1 for index, node in enumerate(nodes)}
    for node in nodes:
        write_node(sections, node, values, precision)
    if sum(present.size for present, _ in sections.tensors) > MAX_WEIGHTS:
        raise ConvertError(f"has more than {MAX_WEIGHTS:,} weights", field="graph")
    meta = json.dumps(dict(metadata), sort_keys=True, separators=(",", ":")).encode() if metadata else b""
    parts = (bytes(sections.nodes), bytes(sections.raw), encode_weights(sections.tensors), meta)
    body = struct.pack("<4I", *map(len, parts)) + contract_bytes(contract) + b"".join(parts)
    return MAGIC + struct.pack("<II", VERSION, zlib.crc32(body)) + body


def _live_nodes(graph: Graph) -> list[Node]:
    """The nodes that the logit depends on, in order: the format refuses any other."""
    live: list[Node] = []
    wanted = {graph.nodes[-1].name}
    for node in reversed(graph.nodes):
        if node.name in wanted:
            live.append(node)
            wanted.update(node.inputs)
    return live[::-1]


def contract_bytes(contract: Contract) -> bytes:
    """40 bytes: size, crop rule, reserved zeros, box scale, threshold, temperature, logit threshold."""
    numbers = (contract.box_scale, contract.threshold, contract.temperature, contract.logit_threshold)
    return struct.pack("<HB5x4d", contract.size, CROP_RULES[contract.crop], *numbers)
