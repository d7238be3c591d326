"""What an artifact must answer if it computes what its own, perhaps rounded, weights say."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgedf.bundle.golden import GoldenSet
from edgedf.compact.graph import Graph
from edgedf.parity.reference import dense_logits

F32 = npt.NDArray[np.float32]


def stored_logits(graph: Graph, target: str, precision: str, goldens: GoldenSet) -> F32 | None:
    """Golden logits (N,) of `graph` with the weights as `target` stores them, computed in double precision.

    In float32 nothing is rounded, and they are the goldens' own. None where the rounded weights are not
    known: TFLite rounds after onnx2tf merged layers, Core ML also computes in float16.
    """
    if precision == "float32":
        return goldens.logits
    if target != "native":
        return None
    from converters.native_format.rounded import rounded_graph
    from edgedf.compact.module import GraphModule

    return dense_logits(GraphModule(rounded_graph(graph, precision)))(goldens.crops_nhwc)
