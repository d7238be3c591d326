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

    In float32 nothing is rounded, and they are the goldens' own. None where nobody knows what the artifact
    computes with: Core ML at float16 rounds between operations too.
    """
    if precision == "float32":
        return goldens.logits
    from converters.rounded import rounded_graph
    from edgedf.compact.module import GraphModule

    rounded = rounded_graph(graph, target, precision)
    return None if rounded is None else dense_logits(GraphModule(rounded))(goldens.crops_nhwc)
