"""Size of model files beside the entropy floor, and memory beside the largest pair of activations."""

from __future__ import annotations

import math

from native_ways import native_file

from edgedf.assembly.sweep import Work, sparse_network
from edgedf.native.engine import NativeModel

SPARSITY = 0.9
BITS = {"float32": 32, "float16": 16, "int8": 8}


def entropy_floor(weights: int, nonzero: int, bits: int) -> float:
    """Bytes no coder of independent zeros and plain values gets below: nnz * bits / 8 + N * H(p) / 8."""
    share = nonzero / weights
    entropy = 0.0 if share in (0.0, 1.0) else -share * math.log2(share) - (1 - share) * math.log2(1 - share)
    return (nonzero * bits + weights * entropy) / 8


def size_line(work: Work, precision: str) -> dict[str, object]:
    """Bytes of the whole file (graph, names and contract included) over the floor of its weights."""
    module = sparse_network(work, SPARSITY)
    exact = NativeModel(native_file(module, work))
    data = native_file(module, work, precision)
    floor = entropy_floor(exact.needs.weights, exact.needs.nonzero, BITS[precision])
    exact.close()
    text = (
        f"file {work.name} 90% {precision}: {len(data):,} bytes, floor {floor:,.0f}, {len(data) / floor:.2f}x"
    )
    return {
        "work": work.name,
        "precision": precision,
        "bytes": len(data),
        "floor": round(floor),
        "text": text,
    }


def memory_line(work: Work) -> dict[str, object]:
    """Workspace over the largest sum of one layer's input and output in the network as the graph lists it.

    Beside it the same of one fused step, which never stores most of that.
    """
    model = NativeModel(native_file(sparse_network(work, SPARSITY), work))
    needs = model.needs
    of_steps = max(step.read_bytes + step.write_bytes for step in model.steps())
    record: dict[str, object] = {
        "work": work.name,
        "workspace": needs.workspace_bytes,
        "largest_pair": needs.largest_pair_bytes,
        "largest_pair_of_steps": of_steps,
        "model": needs.model_bytes,
        "text": f"memory {work.name}: workspace {needs.workspace_bytes:,} bytes, largest pair "
        f"{needs.largest_pair_bytes:,}, {needs.workspace_bytes / needs.largest_pair_bytes:.2f}x; "
        f"of fused steps {of_steps:,}; model {needs.model_bytes:,}",
    }
    model.close()
    return record
