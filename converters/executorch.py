"""ExecuTorch: torch.export, then lowering with XNNPACK, which runs on every phone's CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from converters.base import Artifact, Options
from converters.quiet import quiet, tool_versions
from edgedf.bundle.manifest import TensorSpec
from edgedf.contract import Contract
from edgedf.files import canonical_json

if TYPE_CHECKING:
    from edgedf.compact.module import GraphModule

# A constant method of the program: `module.execute("edgedf_metadata")` gives this text on a phone.
METADATA_METHOD = "edgedf_metadata"


def convert(module: GraphModule, contract: Contract, options: Options) -> Artifact:
    """The .pte of a compacted network, float32.

    Input (1, 3, S, S) float32 0..255 RGB, output (1, 1) float32. The format has no tensor names: the first
    input and the first output of the method "forward" are the contract's. Operators that XNNPACK does not
    take are listed in the notes.
    """
    size = contract.size
    metadata = canonical_json(
        {"contract": contract.to_json(), "contract_sha256": contract.sha256} | dict(options.metadata)
    ).decode()
    with quiet("ExecuTorch conversion"):
        program, left_over, delegates = _lower(module, size, metadata)
    if left_over:
        note = f"not delegated to XNNPACK: {', '.join(left_over)}"
    else:
        note = f"every operator is delegated to XNNPACK, in {delegates} subgraph{'s' * (delegates != 1)}"
    path = f"{options.name}.pte"
    return Artifact(
        target="executorch",
        precision=options.precision,
        path=path,
        files={path: program},
        input=TensorSpec(name=contract.input_name, shape=(1, 3, size, size), dtype="float32", layout="NCHW"),
        output=TensorSpec(name=contract.output_name, shape=(1, 1), dtype="float32", layout="N1"),
        tools=tool_versions("executorch", "torch"),
        notes=(note,),
    )


def _lower(module: GraphModule, size: int, metadata: str) -> tuple[bytes, tuple[str, ...], int]:
    """The program's bytes, the operators outside XNNPACK (with counts), the number of XNNPACK subgraphs."""
    import torch
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    with torch.no_grad():
        # The values do not matter: the network has no branches, and tracing records only shapes.
        exported = torch.export.export(module, (torch.zeros(1, 3, size, size),))
        edge = to_edge_transform_and_lower(
            exported, partitioner=[XnnpackPartitioner()], constant_methods={METADATA_METHOD: metadata}
        )
        delegates, left_over = _delegation(edge.exported_program().graph_module.graph)
        return bytes(edge.to_executorch().buffer), left_over, delegates


def _delegation(graph: Any) -> tuple[int, tuple[str, ...]]:
    """Number of delegate calls, and "operator xN" for each operator that stayed outside them."""
    delegates, counts = 0, dict[str, int]()
    for node in graph.nodes:
        name = str(getattr(node.target, "__name__", node.target))
        if node.op != "call_function" or name == "getitem":  # getitem only unpacks a delegate's results
            continue
        if name == "executorch_call_delegate":
            delegates += 1
        else:
            counts[name] = counts.get(name, 0) + 1
    return delegates, tuple(f"{name} x{count}" for name, count in sorted(counts.items()))
