"""Networks near the engine's limits: what a converter writes is opened, and work is what is really done."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from model_bytes import FLATTEN, linear, model_bytes, node
from test_model_engine import _largest_activation
from test_model_int8 import VARIANTS, Int8Builder, _crops, _file

from converters import Options, convert
from converters.native_format.nodes import varint
from edgedf.compact.graph import INPUT, Affine, Conv2d, Flatten, Graph, MaxPool2d, Relu
from edgedf.compact.module import GraphModule
from edgedf.contract import Contract
from edgedf.errors import BundleError, ConvertError
from edgedf.native.engine import NativeModel
from edgedf.native.engine_types import Needs, bind

MAX_STEPS = 256
CONV, MAX_POOL = 1, 6


def _deep(convs: int) -> Graph:
    """`convs` convolutions that pay in integers, ReLUs behind the first ten, then one that does not."""
    builder = Int8Builder(np.random.default_rng(convs), 16)
    value = builder.append(
        Affine(scale_c=np.full(3, 1 / 64, np.float32), shift_c=np.zeros(3, np.float32)), INPUT
    )
    for index in range(convs):
        channels = builder.shapes[value][0]
        weight = np.abs(builder.rng.normal(size=(4, channels, 3, 3))).astype(np.float32)
        weight /= weight.sum(axis=(1, 2, 3), keepdims=True)
        value = builder.append(Conv2d(weight_oihw=weight, padding=(1, 1)), value)
        if index < 10:
            value = builder.append(Relu(), value)
    value = builder.append(Conv2d(weight_oihw=np.ones((1, 4, 3, 3), np.float32) / 36), value)
    value = builder.append(MaxPool2d(kernel=(14, 14), stride=(14, 14)), value)
    builder.append(Flatten(), value)
    return Graph(input_chw=(3, 16, 16), nodes=tuple(builder.nodes))


@pytest.mark.parametrize("convs", [126, 127, 128, 242])
def test_open_deep_int8_file_keeps_the_last_layers_in_float32(convs: int) -> None:
    """Each integer layer takes two of the engine's 256 steps. Where they end depends on the file alone."""
    graph = _deep(convs)
    data, crops = _file(graph), _crops(16)
    floats = NativeModel(data, int8=False)
    exact, room = floats.run(crops), _largest_activation(graph, crops)
    # One step for the crop, one per convolution, one more for each that is computed in integers.
    integers = min(convs, MAX_STEPS - 1 - (convs + 1))
    for variant in VARIANTS:
        model = NativeModel(data, variant=variant)
        kernels = [step.kernel.split()[0] for step in model.steps() if step.layer]
        assert kernels[:integers] == ["int8"] * integers, variant
        assert "int8" not in kernels[integers:], variant
        assert model.needs.steps == 1 + len(kernels) + integers
        assert np.abs(model.run(crops) - exact).max() <= 0.05 * max(1.0, room)


@pytest.mark.parametrize("variant", VARIANTS)
def test_work_counts_what_integer_kernels_fill_up(variant: str) -> None:
    """One output channel takes as long as a whole block of them, one input channel as long as four."""
    builder = Int8Builder(np.random.default_rng(1), 64)
    value = INPUT
    for _ in range(2):
        channels = builder.shapes[value][0]
        value = builder.append(
            Conv2d(weight_oihw=np.ones((1, channels, 9, 9), np.float32), padding=(4, 4)), value
        )
    value = builder.append(MaxPool2d(kernel=(64, 64), stride=(64, 64)), value)
    builder.append(Flatten(), value)
    model = NativeModel(_file(Graph(input_chw=(3, 64, 64), nodes=tuple(builder.nodes))), variant=variant)
    kernels = [step.kernel for step in model.steps() if step.layer]
    assert [kernel.split()[0] for kernel in kernels] == ["int8", "int8"]
    block = 8 if kernels[0] in ("int8 vnni", "int8 dot") else 4
    assert model.needs.work >= 2 * 64 * 64 * 81 * 4 * block


def test_workspace_is_0_where_it_does_not_fit() -> None:
    """On 32 bits that may happen on 64 threads to a model within all limits; here the sizes are made up."""
    workspace, most = bind().edgedf_model_workspace, 2 ** (8 * ctypes.sizeof(ctypes.c_size_t)) - 1
    for first, further, threads, wanted in (
        (100, 7, 1, 100),
        (100, 7, 64, 541),
        (100, 7, 0, 0),
        (100, 7, 65, 0),
        (most, most, 1, most),
        (most, 0, 64, most),
        (most, 1, 2, 0),
        (most - 63, 1, 64, most),
        (most - 62, 1, 64, 0),
        (0, most // 63, 64, most // 63 * 63),
        (0, most // 63 + 1, 64, 0),
        (128, most // 2 + 1, 3, 0),
    ):
        needs = Needs(workspace_bytes=first, bytes_per_thread=further)
        assert workspace(ctypes.byref(needs), threads) == wanted, (first, further, threads)
    assert workspace(None, 1) == 0


def test_work_is_the_same_with_every_kind_of_kernels() -> None:
    """Blocks of 4 and 8 channels, dense above a half and above nine tenths of the weights.

    A file at the limit that is written on one processor should open on another.
    """
    builder = Int8Builder(np.random.default_rng(1), 32)
    keep = np.random.default_rng(2).random((9, 3, 5, 5)) < 0.7
    value = builder.append(Conv2d(weight_oihw=keep.astype(np.float32), padding=(2, 2)), INPUT)
    value = builder.append(Conv2d(weight_oihw=np.ones((1, 9, 5, 5), np.float32), padding=(2, 2)), value)
    value = builder.append(MaxPool2d(kernel=(32, 32), stride=(32, 32)), value)
    builder.append(Flatten(), value)
    data = _file(Graph(input_chw=(3, 32, 32), nodes=tuple(builder.nodes)))
    for tail in ("", "+float32"):
        models = [NativeModel(data, variant=name + tail) for name in VARIANTS]
        assert len({model.needs.work for model in models}) == 1, [model.needs.work for model in models]


@pytest.mark.parametrize(("side", "opens"), [(30, True), (255, False)])
def test_scratch_has_the_limit_of_activations(side: int, opens: bool) -> None:
    """A few hundred bytes that ask for 1.4 GB per thread: a pool of 255 rows over a stride of 255."""
    weight = np.ones((1, 3, 1, 1), np.float32)
    last = np.ones((1, 1), np.float32)
    nodes = [
        node(CONV, 0, 1, 1, 1, 1, 255, 255, 255, 255, tail=b"\0\1\0" + varint(3)),
        node(MAX_POOL, 1, side, side, side, side, side // 2, side // 2),
        node(FLATTEN, 2),
        linear(3, last),
    ]
    data = model_bytes(nodes, [weight, last], contract=Contract(size=1024))
    if not opens:
        with pytest.raises(BundleError, match="larger than this engine's limits"):
            NativeModel(data)
        return
    model = NativeModel(data)
    assert model.needs.bytes_per_thread <= 4 * 2**28
    assert model.run(np.ones((1, 1024, 1024, 3), np.uint8))[0] == 3


@pytest.mark.parametrize(("kernel", "padding", "stride"), [(3, 300, 8), (300, 0, 1), (9, 4, 256)])
def test_convert_network_beyond_the_limits_is_one_error(kernel: int, padding: int, stride: int) -> None:
    """Else the converter would write a file that the engine refuses."""
    builder = Int8Builder(np.random.default_rng(1), 512)
    weight = np.zeros((1, 3, kernel, kernel), np.float32)
    weight[0, 0, 0, 0] = 1
    op = Conv2d(weight_oihw=weight, padding=(padding, padding), stride=(stride, stride))
    value = builder.append(op, INPUT)
    _, height, width = builder.shapes[value]
    value = builder.append(MaxPool2d(kernel=(height, width), stride=(height, width)), value)
    builder.append(Flatten(), value)
    module = GraphModule(Graph(input_chw=(3, 512, 512), nodes=tuple(builder.nodes)))
    with pytest.raises(ConvertError, match="the engine refuses: holds a node, shape or number"):
        convert("native", module, Contract(size=512), Options())
