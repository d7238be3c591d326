"""Native: the compacted network as one small file for edgedf's own sparse engine.

The bytes are described in docs/formats.md; `converters/native_format/` writes them.
"""

from __future__ import annotations

import numpy as np

from converters.base import Artifact, Options
from converters.native_format.file import model_file
from edgedf import __version__
from edgedf.bundle.manifest import TensorSpec
from edgedf.compact.graph import Conv2d, Linear
from edgedf.compact.module import GraphModule
from edgedf.contract import Contract
from edgedf.errors import ConvertError
from edgedf.native.engine import why_refused

CONTRACT_HASH = "edgedf.contract_sha256"
LIMITS = "the limits are listed in docs/formats.md, Native model"


def convert(module: GraphModule, contract: Contract, options: Options) -> Artifact:
    """One `.edgedfm` file with the graph, the weights and the contract.

    float32 keeps every weight exactly. float16 and int8 (per output channel) round weights, biases and affine
    vectors; the engine computes in float32, but for the convolutions of an int8 file for which 8-bit integers
    pay (docs/native.md). Zero weights stay zero and are not stored.
    Raises ConvertError if the network is beyond the format's or the engine's limits, or if a weight is not
    finite or too large for float16.
    """
    # The contract itself is in the file, so its hash would be bytes that say nothing new.
    metadata = {key: text for key, text in options.metadata.items() if key != CONTRACT_HASH}
    data = model_file(module.graph, contract, options.precision, metadata)
    refusal = why_refused(data)
    if refusal is not None:
        raise ConvertError(f"makes a model that the engine refuses: {refusal}", field="graph", hint=LIMITS)
    path = f"{options.name}.edgedfm"
    kept, total = weight_counts(module)
    return Artifact(
        target="native",
        precision=options.precision,
        path=path,
        files={path: data},
        # The engine takes the crop's bytes; no float picture is ever made outside it.
        input=TensorSpec(
            name=contract.input_name,
            shape=(1, contract.size, contract.size, 3),
            dtype="uint8",
            layout="NHWC",
        ),
        output=TensorSpec(name=contract.output_name, shape=(1, 1), dtype="float32", layout="N1"),
        tools={"edgedf": __version__},
        notes=(f"{kept:,} of {total:,} weights are not zero and stored",),
    )


def weight_counts(module: GraphModule) -> tuple[int, int]:
    """(weights that are not zero, all weights) of the convolutions and linear layers."""
    kept = total = 0
    for node in module.graph.nodes:
        if isinstance(node.op, Conv2d):
            kept, total = kept + np.count_nonzero(node.op.weight_oihw), total + node.op.weight_oihw.size
        elif isinstance(node.op, Linear):
            kept, total = kept + np.count_nonzero(node.op.weight_oi), total + node.op.weight_oi.size
    return kept, total
