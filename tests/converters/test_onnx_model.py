"""The ONNX model that stands between the graph and LiteRT computes what the graph says."""

from __future__ import annotations

import numpy as np

from converters.onnx_model import onnx_model
from edgedf.compact.graph import INPUT, Affine, Flatten, Graph, Linear, Node
from edgedf.contract import Contract


def test_affine_after_flatten_scales_each_number_by_its_own() -> None:
    """(1, C, 1, 1) against (1, C) would broadcast to a square of outputs."""
    from onnx.reference import ReferenceEvaluator

    generator = np.random.default_rng(0)
    contract = Contract(size=32)
    first, last = (generator.normal(size=shape).astype(np.float32) for shape in ((5, 3072), (1, 5)))
    scale, shift = generator.normal(size=(2, 5)).astype(np.float32)
    graph = Graph(
        input_chw=(3, 32, 32),
        nodes=(
            Node(name="flat", op=Flatten(), inputs=(INPUT,)),
            Node(name="first", op=Linear(weight_oi=first), inputs=("flat",)),
            Node(name="affine", op=Affine(scale_c=scale, shift_c=shift), inputs=("first",)),
            Node(name="last", op=Linear(weight_oi=last), inputs=("affine",)),
        ),
    )
    x_nchw = generator.uniform(0, 1, (1, 3, 32, 32)).astype(np.float32)
    model = ReferenceEvaluator(onnx_model(graph, contract))
    (logit,) = model.run(None, {contract.input_name: x_nchw})
    expected = last @ (first @ x_nchw.reshape(-1) * scale + shift)
    assert logit.shape == (1, 1)
    np.testing.assert_allclose(logit[0], expected, rtol=1e-4)
