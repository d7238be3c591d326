"""Convolutions whose padding reaches beyond their kernel: rows of sums are then longer than rows of input."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from engine_checks import VARIANTS
from model_graphs import GraphBuilder

from converters.native_format.file import model_file
from edgedf.compact.graph import INPUT, Add, Affine, Conv2d, Graph, LeakyRelu, MaxPool2d, Relu
from edgedf.compact.module import GraphModule
from edgedf.contract import Contract
from edgedf.native.engine import NativeModel

SIZE = 16
KERNELS_AND_PADDINGS = [
    (1, 0), (1, 1), (1, 2), (1, 4), (2, 1), (2, 2), (2, 3), (3, 2), (3, 3), (3, 4), (5, 5), (5, 9)
]  # fmt: skip


def _conv(builder: GraphBuilder, value: str, kernel: int, padding: int, out: int = 2) -> str:
    channels = builder.shapes[value][0]
    weight = builder.rng.normal(size=(out, channels, kernel, kernel)).astype(np.float32)
    op = Conv2d(
        weight_oihw=weight,
        # A bias below zero: what an activation makes of a wrong position then shows.
        bias_o=-1 - np.abs(builder.vector(out)),
        stride=(1, 1),
        padding=(padding, padding),
        groups=1,
    )
    return builder.append(op, value)


def _graph(kernel: int, padding: int, after: str, dense: bool) -> Graph:
    builder = GraphBuilder(np.random.default_rng(kernel * 100 + padding), SIZE)
    scale = np.full(3, 1 / 64, np.float32)
    crop = builder.append(Affine(scale_c=scale, shift_c=np.full(3, -2, np.float32)), INPUT)
    out = 8 if dense else 2
    value = _conv(builder, crop, kernel, padding, out)
    match after:
        case "relu":
            value = builder.append(Relu(), value)
        case "leaky":
            value = builder.append(LeakyRelu(slope=0.1), value)
        case "pool":
            value = builder.append(MaxPool2d(kernel=(3, 3), stride=(2, 2), padding=(1, 1)), value)
        case "add":
            value = builder.append(Add(), value, _conv(builder, crop, kernel, padding, out))
        case "chain":
            value = _conv(builder, builder.append(LeakyRelu(slope=0.1), value), kernel, padding, out)
    builder.head(value)
    return Graph(input_chw=(3, SIZE, SIZE), nodes=tuple(builder.nodes))


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("after", ["relu", "leaky", "pool", "add", "chain"])
@pytest.mark.parametrize(("kernel", "padding"), KERNELS_AND_PADDINGS)
def test_run_wide_padding_equals_pytorch(kernel: int, padding: int, after: str, dense: bool) -> None:
    graph = _graph(kernel, padding, after, dense)
    crops = np.random.default_rng(9).integers(0, 256, (2, SIZE, SIZE, 3), dtype=np.uint8)
    with torch.no_grad():
        planes = torch.from_numpy(crops).permute(0, 3, 1, 2).double()
        expected = GraphModule(graph).double()(planes)[:, 0].numpy()
    data = model_file(graph, Contract(size=SIZE), "float32", {})
    for variant in VARIANTS:
        model = NativeModel(data, variant=variant)
        assert np.abs(model.run(crops) - expected).max() <= 1e-4 * max(1, np.abs(expected).max()), variant
        model.close()
