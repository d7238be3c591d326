"""8-bit convolutions: the same bits in numpy and on every instruction set, and near float32."""

from __future__ import annotations

import numpy as np
import pytest
from engine_checks import VARIANTS, check_threads
from hypothesis import given, settings
from hypothesis import strategies as st
from int8_oracle import conv_int8, quantise, run_int8
from model_graphs import GraphBuilder, random_graph
from test_model_engine import _largest_activation

from converters.native_format.file import model_file
from edgedf.compact.graph import INPUT, Add, Affine, Conv2d, Flatten, Graph, LeakyRelu, MaxPool2d, Relu
from edgedf.contract import Contract
from edgedf.errors import BundleError
from edgedf.native.engine import NativeModel


def _file(graph: Graph) -> bytes:
    return model_file(graph, Contract(size=graph.input_chw[1]), "int8", {})


def _crops(size: int, count: int = 2) -> np.ndarray:
    return np.random.default_rng(size).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


class Int8Builder(GraphBuilder):
    """Graphs of which every float32 step has one result: no sum of floats, no rounding in the crop."""

    def exact(self, count: int) -> np.ndarray:
        """Numbers that an int8 file stores without rounding."""
        return (self.rng.integers(-32, 33, count) / 16).astype(np.float32)

    def weight(self, shape: tuple[int, ...]) -> np.ndarray:
        """Enough weights left for integers to pay."""
        values = self.rng.normal(size=shape) / np.sqrt(np.prod(shape[1:]))
        keep = self.rng.random(shape) < self.rng.choice([1.0, 0.8])
        keep.reshape(len(keep), -1)[:, 0] = True
        return (values * keep).astype(np.float32)

    def conv8(self, value: str, channels: int) -> str:
        in_channels, height, width = self.shapes[value]
        kernel = (min(self.pick(3, 5), height), min(self.pick(3, 4, 5), width))
        # Few output channels need all positions, or making bytes costs more than it saves.
        stride = (self.pick(1, 1, 2), self.pick(1, 1, 2, 3)) if channels >= 16 else (1, 1)
        return self.append(
            Conv2d(
                weight_oihw=self.weight((channels, in_channels, *kernel)),
                bias_o=self.exact(channels) if self.pick(0, 1) else None,
                stride=stride,
                padding=(kernel[0] - 1, self.pick(2, kernel[1] - 1)),
            ),
            value,
        )

    def between(self, value: str) -> str:
        channels, height, width = self.shapes[value]
        choice = self.pick(0, 1, 2, 3, 4)
        if choice == 0:
            return self.add(value)
        if choice == 1 and min(height, width) > 8:
            side = self.pick(2, 3)
            return self.append(MaxPool2d(kernel=(side, side), stride=(2, 2), padding=(1, 1)), value)
        if choice == 2:
            return self.append(Affine(scale_c=self.exact(channels), shift_c=self.exact(channels)), value)
        return self.append(Relu() if choice == 3 else LeakyRelu(slope=0.125), value)


def int8_graph(seed: int) -> Graph:
    """A random graph whose convolutions all pay in integers, and whose logit has one possible bit pattern."""
    rng = np.random.default_rng(seed)
    builder = Int8Builder(rng, int(rng.integers(16, 36)))
    scale, shift = np.full(3, 1 / 64, np.float32), np.full(3, builder.pick(-2, 0, 1), np.float32)
    value = builder.append(Affine(scale_c=scale, shift_c=shift), INPUT)
    for _ in range(builder.pick(1, 2, 3, 4)):
        value = builder.conv8(value, builder.pick(4, 5, 8, 9, 16, 19))
        for _ in range(builder.pick(0, 1, 2, 3)):
            value = builder.between(value)
    channels, height, width = builder.shapes[value]
    last = Conv2d(weight_oihw=builder.weight((1, channels, 5, 5)), padding=(4, 4))
    value = builder.append(last, value)
    _, height, width = builder.shapes[value]
    value = builder.append(MaxPool2d(kernel=(height, width), stride=(height, width)), value)
    builder.append(Flatten(), value)
    return Graph(input_chw=(3, builder.size, builder.size), nodes=tuple(builder.nodes))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), threads=st.integers(1, 4))
def test_run_int8_gives_the_bits_of_numpy_on_every_instruction_set(seed: int, threads: int) -> None:
    graph = int8_graph(seed)
    crops, data = _crops(graph.input_chw[1]), _file(graph)
    expected = np.array([run_int8(graph, crop) for crop in crops], np.float32)
    for variant in VARIANTS:
        model = NativeModel(data, variant=variant, threads=threads)
        convs = [step.kernel for step in model.steps() if step.layer]
        assert convs, variant
        assert all(kernel.startswith("int8 ") for kernel in convs), convs
        # Adding 0 makes both zeros one.
        assert (model.run(crops) + 0).tobytes() == (expected + 0).tobytes(), variant
        model.close()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), threads=st.integers(2, 5))
def test_run_int8_threads_give_the_same_bits(seed: int, threads: int) -> None:
    graph = random_graph(seed)
    check_threads(_file(graph), _crops(graph.input_chw[1], 1), threads)


def _one_conv(channels: int, first: int = 8) -> tuple[Graph, np.ndarray]:
    """1x1 convolution to `channels` ones of everything, then 8x8 ones to one output; and a white crop."""
    builder = Int8Builder(np.random.default_rng(1), 16)
    ones = np.ones((channels, 3, 1, 1), np.float32)
    value = builder.append(Conv2d(weight_oihw=ones), INPUT)
    value = builder.append(Conv2d(weight_oihw=np.ones((1, channels, first, first), np.float32)), value)
    _, height, width = builder.shapes[value]
    value = builder.append(MaxPool2d(kernel=(height, width), stride=(height, width)), value)
    builder.append(Flatten(), value)
    graph = Graph(input_chw=(3, 16, 16), nodes=tuple(builder.nodes))
    return graph, np.full((1, 16, 16, 3), 255, np.uint8)


@pytest.mark.parametrize("variant", VARIANTS)
def test_run_int8_largest_sum_does_not_overflow(variant: str) -> None:
    """65536 weights of 127 times inputs of 255 are 2^31 - 25 million; more are computed in floats."""
    graph, crop = _one_conv(1024)
    model = NativeModel(_file(graph), variant=variant)
    assert sum(step.kernel.startswith("int8") for step in model.steps()) == 2
    logit = float(model.run(crop)[0])
    assert logit == run_int8(graph, crop[0])
    assert logit == pytest.approx(765 * 65536, rel=1e-3)
    larger, crop = _one_conv(1025)
    model = NativeModel(_file(larger), variant=variant)
    assert not any(step.kernel.startswith("int8") for step in model.steps() if step.weights > 65536)
    assert float(model.run(crop)[0]) == pytest.approx(765 * 65600, rel=1e-3)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_run_int8_stays_near_float32(seed: int) -> None:
    """Any graph, float layers among integer ones: off by little beside its largest activation."""
    graph = random_graph(seed)
    crops, data = _crops(graph.input_chw[1]), _file(graph)
    floats = NativeModel(data, int8=False)
    assert not any("int8" in step.kernel for step in floats.steps())
    exact = floats.run(crops)
    for variant in VARIANTS:
        got = NativeModel(data, variant=variant).run(crops)
        assert np.isfinite(got).all()
        assert np.abs(got - exact).max() <= 0.01 * max(1.0, _largest_activation(graph, crops)), variant


def test_float32_variant_computes_an_int8_file_in_floats() -> None:
    graph = int8_graph(3)
    data, crops = _file(graph), _crops(graph.input_chw[1])
    off = NativeModel(data, variant="portable", int8=False)
    assert off.variant == "portable+float32"
    assert {step.kernel for step in off.steps()} <= {"crop", "dense", "sparse", "copy"}
    named = NativeModel(data, variant="portable+float32")
    assert off.run(crops).tobytes() == named.run(crops).tobytes()
    assert NativeModel(data, variant="portable").run(crops).tobytes() != off.run(crops).tobytes()


@pytest.mark.parametrize(("density", "kernel"), [(1.0, "int8"), (0.3, "int8"), (0.2, "sparse")])
def test_steps_say_where_integers_pay(density: float, kernel: str) -> None:
    rng = np.random.default_rng(5)
    builder = Int8Builder(rng, 16)
    value = builder.append(Conv2d(weight_oihw=builder.weight((8, 3, 3, 3)), padding=(1, 1)), INPUT)
    weight = rng.normal(size=(8, 8, 3, 3)).astype(np.float32) * (
        rng.permutation(576) < density * 576
    ).reshape(8, 8, 3, 3)
    value = builder.append(Conv2d(weight_oihw=weight, padding=(1, 1)), value)
    builder.head(value)
    model = NativeModel(_file(Graph(input_chw=(3, 16, 16), nodes=tuple(builder.nodes))))
    step = next(step for step in model.steps() if step.layer == "n1")
    assert step.kernel.startswith(kernel)
    assert ("25%" in step.reason) == (kernel == "int8")


def test_two_layers_that_read_one_tensor_share_its_bytes() -> None:
    builder = Int8Builder(np.random.default_rng(7), 16)
    value = builder.conv8(INPUT, 8)
    left, right = (
        builder.append(Conv2d(weight_oihw=builder.weight((8, 8, 3, 3)), padding=(1, 1)), value)
        for _ in range(2)
    )
    builder.head(builder.append(Add(), left, right))
    model = NativeModel(_file(Graph(input_chw=(3, 16, 16), nodes=tuple(builder.nodes))))
    kernels = [step.kernel for step in model.steps()]
    assert sum(kernel.startswith("int8") for kernel in kernels) == 3
    assert kernels.count("quantise") == 2


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("size", [1e-38, 1e-32, 1e30, 1e36])
def test_run_int8_extreme_ranges(variant: str, size: float) -> None:
    """Ranges too small to divide by are zeros, sums too large are an error."""
    graph, crop = _one_conv(16)
    huge = np.full(16, size, np.float32)
    nodes = list(graph.nodes)
    builder = Int8Builder(np.random.default_rng(1), 16)
    value = builder.append(nodes[0].op, INPUT)
    value = builder.append(Affine(scale_c=huge, shift_c=np.zeros(16, np.float32)), value)
    value = builder.append(nodes[1].op, value)
    value = builder.append(nodes[2].op, value)
    builder.append(Flatten(), value)
    model = NativeModel(_file(Graph(input_chw=(3, 16, 16), nodes=tuple(builder.nodes))), variant=variant)
    if size >= 1e36:
        with pytest.raises(BundleError, match="not a finite number"):
            model.run(crop)
    else:
        expected = 765 * 1024 * size if size > 1e-34 else 0
        assert float(model.run(crop)[0]) == pytest.approx(expected, rel=1e-2, abs=0)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("size", [2e38 / 765, 1e36])
@pytest.mark.parametrize("threads", [1, 3])
def test_run_int8_refuses_a_range_without_end(variant: str, size: float, threads: int) -> None:
    """Also where a clamp follows, which would make zeros of what is no number, and of them a verdict."""
    graph, crop = _one_conv(16)
    nodes = list(graph.nodes)
    scale = np.full(16, size, np.float32)
    scale[::2] *= -1
    builder = Int8Builder(np.random.default_rng(1), 16)
    value = builder.append(nodes[0].op, INPUT)
    value = builder.append(Affine(scale_c=scale, shift_c=np.zeros(16, np.float32)), value)
    value = builder.append(nodes[1].op, value)
    value = builder.append(Relu(), value)
    value = builder.append(nodes[2].op, value)
    builder.append(Flatten(), value)
    data = _file(Graph(input_chw=(3, 16, 16), nodes=tuple(builder.nodes)))
    model = NativeModel(data, variant=variant, threads=threads)
    assert any("int8" in step.kernel for step in model.steps())
    with pytest.raises(BundleError, match="not a finite number"):
        model.run(crop)


def test_oracle_agrees_with_a_float_convolution() -> None:
    """The oracle itself: off by rounding to levels, not by a shifted kernel or a lost bias."""
    rng = np.random.default_rng(2)
    op = Conv2d(
        weight_oihw=rng.normal(size=(4, 3, 3, 2)).astype(np.float32),
        bias_o=rng.normal(size=4).astype(np.float32),
        stride=(2, 1),
        padding=(1, 2),
    )
    x = rng.normal(size=(3, 9, 8)).astype(np.float32)
    import torch

    exact = torch.nn.functional.conv2d(
        torch.from_numpy(x)[None],
        torch.from_numpy(op.weight_oihw),
        torch.from_numpy(op.bias_o),
        (2, 1),
        (1, 2),
    )[0].numpy()
    assert np.abs(conv_int8(x, op) - exact).max() <= 0.02 * np.abs(exact).max()
    q = quantise(x)
    assert q.bytes_chw.min() == 0
    assert q.bytes_chw.max() == 255
    assert np.abs((q.bytes_chw - q.zero) * q.step - x).max() <= 0.51 * q.step
