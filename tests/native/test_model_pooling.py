"""Pools in registers, additions in the kernel, rows split between threads: against PyTorch."""

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


def _start(seed: int, size: int) -> tuple[GraphBuilder, str]:
    builder = GraphBuilder(np.random.default_rng(seed), size)
    scale = np.full(3, 1 / 64, np.float32)
    return builder, builder.append(Affine(scale_c=scale, shift_c=np.full(3, -2, np.float32)), INPUT)


def _conv(
    builder: GraphBuilder, value: str, kernel: int, out: int, stride: int = 1, keep: float = 0.2
) -> str:
    """By default so few weights that no variant takes its dense kernel."""
    channels = builder.shapes[value][0]
    weight = builder.rng.normal(size=(out, channels, kernel, kernel)) / kernel
    weight *= builder.rng.random(weight.shape) < keep
    return builder.append(
        Conv2d(
            weight_oihw=weight.astype(np.float32),
            bias_o=builder.vector(out),
            stride=(stride, stride),
            padding=(kernel // 2, kernel // 2),
            groups=1,
        ),
        value,
    )


def _check(builder: GraphBuilder, value: str, kernel: str = "sparse") -> None:
    builder.head(value)
    graph = Graph(input_chw=(3, builder.size, builder.size), nodes=tuple(builder.nodes))
    crops = np.random.default_rng(9).integers(0, 256, (2, builder.size, builder.size, 3), dtype=np.uint8)
    with torch.no_grad():
        planes = torch.from_numpy(crops).permute(0, 3, 1, 2).double()
        expected = GraphModule(graph).double()(planes)[:, 0].numpy()
    data = model_file(graph, Contract(size=builder.size), "float32", {})
    for variant in VARIANTS:
        one, three = NativeModel(data, variant=variant), NativeModel(data, variant=variant, threads=3)
        assert next(step.kernel for step in one.steps() if "conv" in step.fused) == kernel
        got = one.run(crops)
        assert np.abs(got - expected).max() <= 1e-4 * max(1, np.abs(expected).max()), variant
        assert got.tobytes() == three.run(crops).tobytes(), variant
        one.close()
        three.close()


@pytest.mark.parametrize("window", [2, 4])
@pytest.mark.parametrize("size", [16, 17, 19, 31, 32, 33, 47, 64, 65, 70, 97, 130])
def test_run_pooled_in_registers_equals_pytorch(size: int, window: int) -> None:
    """Every row length: whole registers, parts of one, columns and rows that no window takes."""
    builder, value = _start(size * 10 + window, size)
    value = builder.append(Relu(), _conv(builder, value, 3, 5))
    value = builder.append(MaxPool2d(kernel=(window, window), stride=(window, window)), value)
    vectors = {"scale_c": builder.vector(5), "shift_c": builder.vector(5)}
    value = builder.append(Affine(**vectors), value)
    value = _conv(builder, value, 5, 3)
    _check(builder, builder.append(MaxPool2d(kernel=(2, 2), stride=(2, 2)), value))


@pytest.mark.parametrize("chain", ["none", "affine", "leaky", "relu after"])
def test_run_chain_around_a_pool_equals_pytorch(chain: str) -> None:
    """A negative scale before the pool turns maxima into minima: it must not move behind it."""
    builder, value = _start(7, 40)
    value = _conv(builder, value, 3, 4)
    if chain == "affine":
        scale = np.array([-2, 1, -0.5, 3], np.float32)
        value = builder.append(Affine(scale_c=scale, shift_c=builder.vector(4)), value)
    if chain == "leaky":
        value = builder.append(LeakyRelu(slope=-0.3), value)
    value = builder.append(MaxPool2d(kernel=(2, 2), stride=(2, 2)), value)
    _check(builder, builder.append(Relu(), value) if chain == "relu after" else value)


@pytest.mark.parametrize("size", [16, 23, 48, 61])
@pytest.mark.parametrize("after", ["relu", "affine", "leaky"])
def test_run_residual_addition_equals_pytorch(size: int, after: str) -> None:
    builder, value = _start(size, size)
    first = builder.append(Relu(), _conv(builder, value, 3, 6))
    inner = builder.append(Relu(), _conv(builder, first, 3, 6))
    value = builder.append(Add(), first, _conv(builder, inner, 3, 6))
    if after == "relu":
        value = builder.append(Relu(), value)
    elif after == "affine":
        value = builder.append(Affine(scale_c=builder.vector(6), shift_c=builder.vector(6)), value)
    else:
        value = builder.append(LeakyRelu(slope=0.1), value)
    _check(builder, _conv(builder, value, 3, 2))


@pytest.mark.parametrize("size", [16, 33, 64, 101])
@pytest.mark.parametrize(("kernel", "stride", "keep"), [(7, 2, 0.1), (3, 2, 1.0), (5, 3, 0.2), (1, 2, 1.0)])
def test_run_first_layer_with_stride_equals_pytorch(size: int, kernel: int, stride: int, keep: float) -> None:
    """The crop is then made strip by strip, in phase planes."""
    builder, value = _start(size + kernel, size)
    value = _conv(builder, value, kernel, 8, stride, keep)
    value = builder.append(
        MaxPool2d(kernel=(3, 3), stride=(2, 2), padding=(1, 1)), builder.append(Relu(), value)
    )
    _check(builder, value, "sparse" if keep < 0.5 else "dense")
